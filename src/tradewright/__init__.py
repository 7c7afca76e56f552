"""Write a trading policy once; simulate it, paper trade it, run it live.

``import tradewright as tw`` gives every public name. Each is loaded when it is first used: a command that
prints its help, or a worker that only reads bars, does not wait for the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradewright import data, sim, strategies
    from tradewright._native import Approved, MarketSnapshot, PortfolioState, SessionState
    from tradewright.core import books, features, market, sizing
    from tradewright.core import presets as instruments
    from tradewright.core.book_events import BookEvents
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
    from tradewright.core.position import Position
    from tradewright.core.prediction import ModelPrediction
    from tradewright.core.risk import Allow, Halt, Refused, RiskManager, Shrink, Verdict
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
    "Position",
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
    "AccountSnapshot": ("tradewright.core.execution", "AccountSnapshot"),
    "Allow": ("tradewright.core.risk", "Allow"),
    "Amend": ("tradewright.core.intents", "Amend"),
    "Approved": ("tradewright._native", "Approved"),
    "Bars": ("tradewright.core.series", "Bars"),
    "BookEvents": ("tradewright.core.book_events", "BookEvents"),
    "Cancel": ("tradewright.core.intents", "Cancel"),
    "CancelAll": ("tradewright.core.intents", "CancelAll"),
    "ConstantLatency": ("tradewright.sim.config", "ConstantLatency"),
    "Costs": ("tradewright.sim.config", "Costs"),
    "Dataset": ("tradewright.data.dataset", "Dataset"),
    "ExactQueue": ("tradewright.sim.config", "ExactQueue"),
    "ExecutionEngine": ("tradewright.core.execution", "ExecutionEngine"),
    "ExecutionReport": ("tradewright.core.execution", "ExecutionReport"),
    "Fees": ("tradewright.core.instrument", "Fees"),
    "Fill": ("tradewright.core.execution", "Fill"),
    "Fills": ("tradewright.sim.config", "Fills"),
    "Halt": ("tradewright.core.risk", "Halt"),
    "Instrument": ("tradewright.core.instrument", "Instrument"),
    "Intent": ("tradewright.core.intents", "Intent"),
    "Intents": ("tradewright.core.intents", "Intents"),
    "Limits": ("tradewright.core.limits", "Limits"),
    "MarketSnapshot": ("tradewright._native", "MarketSnapshot"),
    "ModelPrediction": ("tradewright.core.prediction", "ModelPrediction"),
    "Order": ("tradewright.core.order", "Order"),
    "OrderId": ("tradewright.core.order", "OrderId"),
    "OrderStatus": ("tradewright.core.order", "OrderStatus"),
    "OrderType": ("tradewright.core.order", "OrderType"),
    "Policy": ("tradewright.core.policy", "Policy"),
    "PortfolioState": ("tradewright._native", "PortfolioState"),
    "Position": ("tradewright.core.position", "Position"),
    "ProbabilisticQueue": ("tradewright.sim.config", "ProbabilisticQueue"),
    "Quotes": ("tradewright.core.series", "Quotes"),
    "Refused": ("tradewright.core.risk", "Refused"),
    "Result": ("tradewright.research.result", "Result"),
    "Risk": ("tradewright.core.limits", "Risk"),
    "RiskAverseQueue": ("tradewright.sim.config", "RiskAverseQueue"),
    "RiskManager": ("tradewright.core.risk", "RiskManager"),
    "SessionState": ("tradewright._native", "SessionState"),
    "Setup": ("tradewright.core.policy", "Setup"),
    "Shrink": ("tradewright.core.risk", "Shrink"),
    "Side": ("tradewright.core.order", "Side"),
    "Submit": ("tradewright.core.intents", "Submit"),
    "TargetPosition": ("tradewright.core.intents", "TargetPosition"),
    "TargetQuotes": ("tradewright.core.intents", "TargetQuotes"),
    "TickGrid": ("tradewright.core.instrument", "TickGrid"),
    "TimeInForce": ("tradewright.core.order", "TimeInForce"),
    "Trades": ("tradewright.core.series", "Trades"),
    "Venue": ("tradewright.sim.config", "Venue"),
    "Verdict": ("tradewright.core.risk", "Verdict"),
    "backtest": ("tradewright.simulation", "backtest"),
    "books": ("tradewright.core.books", None),
    "check_lookahead": ("tradewright.research.lookahead", "check"),
    "compare": ("tradewright.research.compare", "compare"),
    "data": ("tradewright.data", None),
    "drive": ("tradewright.stepping", "drive"),
    "features": ("tradewright.core.features", None),
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
