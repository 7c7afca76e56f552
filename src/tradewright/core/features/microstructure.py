"""Microstructure: order flow, its toxicity and its price, from quotes and public trades.

Sizes are in the instrument's units of size, prices in its currency. Quotes are sampled once a step, trades
one by one. A trade whose aggressor is unknown is no sample of what needs its side.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from tradewright.core.features.arithmetic import cumulative, log_returns, maximum, sqrt, where
from tradewright.core.features.node import Node, as_node, constant
from tradewright.core.features.parameters import checked_symbol, sample_count, window_ints
from tradewright.core.features.sources import (
    ask,
    ask_size,
    bid,
    bid_size,
    last,
    mid,
    quoted_spread,
    signed_size,
    trade_side,
    trade_size,
)
from tradewright.core.features.windows import rolling_sum

if TYPE_CHECKING:
    from tradewright.core.features.node import NodeLike
    from tradewright.core.features.parameters import Window

_KINDS = ("bar", "quote", "trade", "book")
_SECOND_NS = 1_000_000_000


def ofi_event(symbol: str) -> Node:
    """Order-flow imbalance of the latest quote against the one before it, in units of size.

    ``[B >= B'] * b - [B <= B'] * b' - [A <= A'] * a + [A >= A'] * a'`` of the best bid ``B`` and ask ``A``,
    their sizes ``b`` and ``a``, and what they were at the quote before (primed). Positive where demand grew
    or supply shrank. Source: quotes. Ready from the second quote with both sides; quotes with an empty side
    are passed over.

    Source:
        Cont, Kukanov and Stoikov (2014), "The price impact of order book events", Journal of Financial
        Econometrics 12(1), equation for e_n in section 2.1.
    """
    return Node("ofi_event", (bid(symbol), bid_size(symbol), ask(symbol), ask_size(symbol)))


def ofi(symbol: str, window: Window) -> Node:
    """Order-flow imbalance: the sum of `ofi_event` over a window of quotes or of time, in units of size.

    Source: quotes. Ready from the n-th event, which is quote ``n + 1``.

    Raises:
        ValueError: a bad window.

    Source:
        Cont, Kukanov and Stoikov (2014), OFI_k in section 2.1.
    """
    return rolling_sum(ofi_event(symbol), window)


def trade_imbalance(symbol: str, window: Window) -> Node:
    """``(bought - sold) / (bought + sold)`` of the size that aggressors bought and sold, in [-1, 1].

    Source: trades; those whose aggressor is unknown are left out. Ready from the n-th trade with a side; NaN
    where the window has no size.

    Args:
        symbol: The instrument.
        window: A count of trades, or a time.

    Raises:
        ValueError: a bad window.

    Source:
        Chordia, Roll and Subrahmanyam (2002), "Order imbalance, liquidity, and market returns", scaled by
        volume.
    """
    signed = signed_size(symbol)
    return rolling_sum(signed, window) / rolling_sum(abs(signed), window)


def traded_volume(symbol: str, window: Window, side: Literal["buy", "sell"] | None = None) -> Node:
    """Size traded in a window, in units of size. Source: trades. Ready from the n-th trade.

    Args:
        symbol: The instrument.
        window: A count of trades, or a time.
        side: Only what aggressors bought or sold; a window by count still counts trades of either side, and
            those of an unknown one are left out. All trades by default.

    Raises:
        ValueError: a bad window or side.

    Source:
        Its definition, the sum of the sizes in the window.
    """
    if side is None:
        return rolling_sum(trade_size(symbol), window)
    if side not in ("buy", "sell"):
        raise ValueError(f"side {side!r} is not 'buy' or 'sell'. Leave it out for all trades.")
    taken = trade_side(symbol)
    return rolling_sum(where(taken > 0 if side == "buy" else taken < 0, trade_size(symbol), 0.0), window)


def vpin(
    symbol: str, volume: float, buckets: int = 50, *, bar: str | None = "1m", changes: int = 100
) -> Node:
    """Volume-synchronised probability of informed trading: ``sum |bought - sold| / (n * volume)``, in [0, 1].

    Over the last ``n`` full buckets of equal volume. Which part of a bar's size was bought is told in bulk,
    by its price change: ``Phi(change / deviation)``, with ``Phi`` the normal distribution and the deviation
    of the last price changes (``ddof=1``), this one included; half where the price stands still. A bar that
    does not fit into a bucket is split over the next ones. Critics (Andersen and Bondarenko 2014) show that
    the result depends on this classification.

    Source: trades, with or without aggressor. A bar is classified when the first trade of a later one comes,
    and bars without trades are none. Ready with the n-th full bucket, whose filling begins once ``changes``
    price changes are known; between buckets it keeps its value.

    Args:
        symbol: The instrument.
        volume: Size of a bucket; the authors take 1/50 of an average day's.
        buckets: How many, ``n``.
        bar: Length of the time bars (aligned to the epoch, by receive time) whose sizes are classified;
            ``None`` classifies each trade.
        changes: How many price changes the deviation is taken of; at least 2.

    Raises:
        ValueError: a volume that is not above zero, or another bad parameter.

    Source:
        Easley, López de Prado and O'Hara (2012), "Flow toxicity and liquidity in a high-frequency world",
        Review of Financial Studies 25(5), equations 1 and 5; their appendix has the algorithm.
    """
    if not 0.0 < volume < math.inf:
        raise ValueError(f"volume = {volume!r} of a bucket is not above zero.")
    bar_ns = 0 if bar is None else _time(bar, "bar")
    counts = (sample_count(buckets, "buckets"), sample_count(changes, "changes", 2), bar_ns)
    return Node("vpin", (last(symbol), trade_size(symbol)), (float(volume),), counts)


def realised_vol(x: NodeLike, window: Window) -> Node:
    """Realised volatility: the root of the sum of squared log returns in the window. Not annualised.

    Ready from the n-th return, which is sample ``n + 1``. A move between two samples is one return, however
    long it took; `ewma_vol` is the weighted kind.

    Args:
        x: A price; not its returns.
        window: A count of returns, or a time.

    Raises:
        ValueError: a bad window.

    Source:
        Andersen, Bollerslev, Diebold and Labys (2003), "Modeling and forecasting realized volatility",
        Econometrica 71(2).
    """
    change = log_returns(x)
    # A running sum of squares may end a rounding error below zero.
    return sqrt(maximum(rolling_sum(change * change, window), 0.0))


def relative_spread(symbol: str) -> Node:
    """``(ask - bid) / mid``: the quoted spread as a share of the mid; times 10,000, in basis points.

    Source: quotes. NaN while a side is empty. `quoted_spread` is the absolute one, in price; averages and
    extremes are windows over either.

    Ready from the first quote that has it.
    """
    return quoted_spread(symbol) / mid(symbol)


def momentum(x: NodeLike, span: str) -> Node:
    """The return of ``x`` over a length of time: ``x / (x at or before now - span) - 1``.

    ``momentum(mid(s), "1s")``. The earlier value is the latest sample that is at least ``span`` old; of two
    samples of one time, the later. Ready from the first sample that has one; NaN where the earlier value is
    zero. It moves when ``x`` has a sample, not between samples.

    Raises:
        ValueError: a span that is no length of time; for a count of samples there is `returns`.

    Source:
        Its definition, the simple return over the span.
    """
    return Node("momentum", (as_node(x),), ints=(0, _time(span, "span")))


def arrival_rate(symbol: str, window: str, kind: Literal["bar", "quote", "trade", "book"] = "trade") -> Node:
    """Samples of a source in the last ``window``, per second: the count in (t - window, t], over its seconds.

    Trades count one by one; quotes, bars and changes of a book once a step. Ready once the window has passed
    since the first record. It moves when a record comes, so it never falls to zero by itself.

    Args:
        symbol: The instrument.
        window: A time, such as ``"10s"``.
        kind: Which records.

    Raises:
        ValueError: a window that is no length of time, or another kind.

    Source:
        Its definition, records a second over the window.
    """
    if kind not in _KINDS:
        raise ValueError(f"kind {kind!r} is not one of {', '.join(map(repr, _KINDS))}.")
    span_ns = _time(window, "window")
    record = Node(f"{kind}_record", symbol=checked_symbol(symbol))
    return Node("rolling_sum", (record,), ints=(0, span_ns)) / constant(span_ns / _SECOND_NS)


def kyle_lambda(symbol: str, n: int, interval: str | None = "1s") -> Node:
    """Kyle's lambda: how far the mid moves for each unit of net buying, in price per unit of size.

    The slope of the least-squares line, with intercept, of the change of the mid on the size bought less
    sold by aggressors, over the last ``n`` intervals. An interval's change and size are those from its
    beginning to its end, and it counts when the first record of a later one comes. Source: quotes and trades;
    moments at which the mid or the latest trade's side is unknown are passed over. Ready with the n-th
    whole interval; NaN where all have the same net size; between their ends it keeps its value.

    Args:
        symbol: The instrument.
        n: How many intervals; at least 2.
        interval: Their length, aligned to the epoch by receive time; those without any record are none.
            ``None``: from each step with trades to just before the next one.

    Raises:
        ValueError: a bad count or interval.

    Source:
        Kyle (1985), "Continuous auctions and insider trading", Econometrica 53(6); the regression is that of
        Hasbrouck (2009), "Trading costs and returns for U.S. equities", section 2, on plain net size.
    """
    interval_ns = 0 if interval is None else _time(interval, "interval")
    flow = cumulative(signed_size(symbol))
    return Node("kyle_lambda", (mid(symbol), flow), ints=(sample_count(n, "n", 2), interval_ns))


def _time(text: str, name: str) -> int:
    """A length of time in nanoseconds; a bare number could be meant as samples."""
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # users may not type
        raise ValueError(f"{name} = {text!r} is not a length of time. Use text such as '1s'.")
    return window_ints(text, name)[1]
