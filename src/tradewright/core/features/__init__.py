"""Features: numbers that the kernel keeps up to date, and the conditions that wake a policy.

A feature is a node of a graph. Building one computes nothing: it says what is wanted, and equal nodes of
several policies are one node. The native core evaluates the graph incrementally, once a step for bars and
quotes and once a record for trades, and `compute` runs the very same graph over recorded data.

Rules that hold for every node:

- A node is NaN until it is ready; each function says from which sample on. No condition on a NaN fires.
- A NaN input is no sample: the node is NaN at that moment and its window stays as it was. A division by zero
  and a logarithm of zero are NaN, never infinite.
- A window is a count of samples (``20``) or a length of time (``"5m"``), which holds (t - d, t] and is ready
  once its span has passed since the first sample.
- Window sums over prices are sums of integers, divided once: equal averages are equal numbers.
- Where a node is asked for, a number stands for a constant and a symbol for `price` of that symbol.
"""

from __future__ import annotations

from tradewright.core.features.arithmetic import (
    absolute,
    cumulative,
    diff,
    exp,
    lag,
    log,
    log_returns,
    maximum,
    minimum,
    returns,
    sqrt,
    where,
)
from tradewright.core.features.frame import compute
from tradewright.core.features.graph import Compiled, NodeSpec, compile  # noqa: A004 - as re.compile
from tradewright.core.features.microprice import MicropriceFit, fit_microprice, microprice
from tradewright.core.features.microstructure import (
    arrival_rate,
    kyle_lambda,
    momentum,
    ofi,
    ofi_event,
    realised_vol,
    relative_spread,
    trade_imbalance,
    traded_volume,
    vpin,
)
from tradewright.core.features.node import Condition, Node, NodeLike, constant, price
from tradewright.core.features.parameters import Window
from tradewright.core.features.python_nodes import apply, expr
from tradewright.core.features.smoothing import atr, ema, ewma_vol, rsi, true_range, wilder
from tradewright.core.features.sources import (
    ask,
    ask_depth,
    ask_size,
    bid,
    bid_depth,
    bid_size,
    close,
    high,
    imbalance,
    last,
    low,
    mid,
    open,  # noqa: A004 - the field's own name
    quoted_spread,
    signed_size,
    trade_side,
    trade_size,
    volume,
    weighted_mid,
)
from tradewright.core.features.wakes import (
    Every,
    OnBar,
    OnReport,
    OnSource,
    Wake,
    any_of,
    changes,
    crosses,
    crosses_above,
    crosses_below,
    every,
    on_bar,
    on_book,
    on_quote,
    on_report,
    on_trade,
)
from tradewright.core.features.watched import Watched
from tradewright.core.features.windows import (
    correlation,
    ols_hedge,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_quantile,
    rolling_std,
    rolling_sum,
    rolling_var,
    sma,
    spread,
    zscore,
)
from tradewright.core.times import Duration, duration_ns

__all__ = [
    "Compiled",
    "Condition",
    "Duration",
    "Every",
    "MicropriceFit",
    "Node",
    "NodeLike",
    "NodeSpec",
    "OnBar",
    "OnReport",
    "OnSource",
    "Wake",
    "Watched",
    "Window",
    "absolute",
    "any_of",
    "apply",
    "arrival_rate",
    "ask",
    "ask_depth",
    "ask_size",
    "atr",
    "bid",
    "bid_depth",
    "bid_size",
    "changes",
    "close",
    "compile",
    "compute",
    "constant",
    "correlation",
    "crosses",
    "crosses_above",
    "crosses_below",
    "cumulative",
    "diff",
    "duration_ns",
    "ema",
    "every",
    "ewma_vol",
    "exp",
    "expr",
    "fit_microprice",
    "high",
    "imbalance",
    "kyle_lambda",
    "lag",
    "last",
    "log",
    "log_returns",
    "low",
    "maximum",
    "microprice",
    "mid",
    "minimum",
    "momentum",
    "ofi",
    "ofi_event",
    "ols_hedge",
    "on_bar",
    "on_book",
    "on_quote",
    "on_report",
    "on_trade",
    "open",
    "price",
    "quoted_spread",
    "realised_vol",
    "relative_spread",
    "returns",
    "rolling_max",
    "rolling_mean",
    "rolling_min",
    "rolling_quantile",
    "rolling_std",
    "rolling_sum",
    "rolling_var",
    "rsi",
    "signed_size",
    "sma",
    "spread",
    "sqrt",
    "trade_imbalance",
    "trade_side",
    "trade_size",
    "traded_volume",
    "true_range",
    "volume",
    "vpin",
    "weighted_mid",
    "where",
    "wilder",
    "zscore",
]
