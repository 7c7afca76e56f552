"""Write a trading policy once; simulate it, paper trade it, run it live.

``import tradewright as tw`` gives every public name; what needs a heavy library is loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from tradewright._native import Approved, MarketSnapshot, PortfolioState, SessionState
from tradewright.core import features
from tradewright.core.execution import AccountSnapshot, ExecutionEngine, ExecutionReport, Fill
from tradewright.core.instrument import Fees, Instrument, TickGrid
from tradewright.core.intents import (
    Amend,
    Cancel,
    CancelAll,
    Intent,
    Intents,
    Submit,
    TargetPosition,
    TargetQuotes,
)
from tradewright.core.limits import Limits, Risk
from tradewright.core.order import Order, OrderId, OrderStatus, OrderType, Side, TimeInForce
from tradewright.core.policy import Policy, Setup
from tradewright.core.prediction import ModelPrediction
from tradewright.core.risk import Allow, Halt, Refused, RiskManager, Shrink, Verdict

if TYPE_CHECKING:
    from tradewright import data, sim, strategies
    from tradewright.core import books, market, sizing
    from tradewright.core import presets as instruments
    from tradewright.core.book_events import BookEvents
    from tradewright.core.series import Bars, Quotes, Trades
    from tradewright.data.dataset import Dataset
    from tradewright.research.compare import compare
    from tradewright.research.lookahead import check as check_lookahead
    from tradewright.research.result import Result
    from tradewright.sim.config import (
        Account,
        ConstantLatency,
        Costs,
        ExactQueue,
        Fills,
        ProbabilisticQueue,
        RiskAverseQueue,
        Venue,
    )
    from tradewright.simulation import backtest
    from tradewright.stepping import drive

__all__ = [
    "Account",
    "AccountSnapshot",
    "Allow",
    "Amend",
    "Approved",
    "Bars",
    "BookEvents",
    "Cancel",
    "CancelAll",
    "ConstantLatency",
    "Costs",
    "Dataset",
    "ExactQueue",
    "ExecutionEngine",
    "ExecutionReport",
    "Fees",
    "Fill",
    "Fills",
    "Halt",
    "Instrument",
    "Intent",
    "Intents",
    "Limits",
    "MarketSnapshot",
    "ModelPrediction",
    "Order",
    "OrderId",
    "OrderStatus",
    "OrderType",
    "Policy",
    "PortfolioState",
    "ProbabilisticQueue",
    "Quotes",
    "Refused",
    "Result",
    "Risk",
    "RiskAverseQueue",
    "RiskManager",
    "SessionState",
    "Setup",
    "Shrink",
    "Side",
    "Submit",
    "TargetPosition",
    "TargetQuotes",
    "TickGrid",
    "TimeInForce",
    "Trades",
    "Venue",
    "Verdict",
    "backtest",
    "books",
    "check_lookahead",
    "compare",
    "data",
    "drive",
    "features",
    "instruments",
    "market",
    "sim",
    "sizing",
    "strategies",
]

_HOMES: dict[str, tuple[str, str | None]] = {
    "Account": ("tradewright.sim.config", "Account"),
    "Bars": ("tradewright.core.series", "Bars"),
    "BookEvents": ("tradewright.core.book_events", "BookEvents"),
    "ConstantLatency": ("tradewright.sim.config", "ConstantLatency"),
    "Costs": ("tradewright.sim.config", "Costs"),
    "Dataset": ("tradewright.data.dataset", "Dataset"),
    "Fills": ("tradewright.sim.config", "Fills"),
    "ExactQueue": ("tradewright.sim.config", "ExactQueue"),
    "ProbabilisticQueue": ("tradewright.sim.config", "ProbabilisticQueue"),
    "Quotes": ("tradewright.core.series", "Quotes"),
    "Result": ("tradewright.research.result", "Result"),
    "RiskAverseQueue": ("tradewright.sim.config", "RiskAverseQueue"),
    "Trades": ("tradewright.core.series", "Trades"),
    "Venue": ("tradewright.sim.config", "Venue"),
    "backtest": ("tradewright.simulation", "backtest"),
    "books": ("tradewright.core.books", None),
    "check_lookahead": ("tradewright.research.lookahead", "check"),
    "compare": ("tradewright.research.compare", "compare"),
    "data": ("tradewright.data", None),
    "drive": ("tradewright.stepping", "drive"),
    "instruments": ("tradewright.core.presets", None),
    "market": ("tradewright.core.market", None),
    "sim": ("tradewright.sim", None),
    "sizing": ("tradewright.core.sizing", None),
    "strategies": ("tradewright.strategies", None),
}


def __getattr__(name: str) -> object:
    try:
        module, attribute = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'tradewright' has no attribute {name!r}") from None
    found = import_module(module)
    value = found if attribute is None else getattr(found, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
