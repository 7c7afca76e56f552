"""Market data: files in, a store, and series out.

Names are imported on first use, so that ``import tradewright`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradewright.core.book_events import BookEvents
    from tradewright.core.series import Bars, Quotes, Trades
    from tradewright.core.stream import Stream
    from tradewright.data.dataset import Dataset
    from tradewright.data.files import read_bars, read_quotes, read_trades
    from tradewright.data.frames import bars_from_frame, quotes_from_frame, trades_from_frame
    from tradewright.data.importing import IMPORTERS, ImportSummary
    from tradewright.data.options import ReadOptions
    from tradewright.data.sources import nasdaq, sp500
    from tradewright.data.store import Store

__all__ = [
    "IMPORTERS",
    "Bars",
    "BookEvents",
    "Dataset",
    "ImportSummary",
    "Quotes",
    "ReadOptions",
    "Store",
    "Stream",
    "Trades",
    "bars_from_frame",
    "nasdaq",
    "quotes_from_frame",
    "read_bars",
    "read_quotes",
    "read_trades",
    "sp500",
    "trades_from_frame",
]

_HOMES = {
    "Bars": "tradewright.core.series",
    "BookEvents": "tradewright.core.book_events",
    "Quotes": "tradewright.core.series",
    "Trades": "tradewright.core.series",
    "Dataset": "tradewright.data.dataset",
    "read_bars": "tradewright.data.files",
    "read_quotes": "tradewright.data.files",
    "read_trades": "tradewright.data.files",
    "bars_from_frame": "tradewright.data.frames",
    "quotes_from_frame": "tradewright.data.frames",
    "trades_from_frame": "tradewright.data.frames",
    "IMPORTERS": "tradewright.data.importing",
    "ImportSummary": "tradewright.data.importing",
    "ReadOptions": "tradewright.data.options",
    "nasdaq": "tradewright.data.sources",
    "sp500": "tradewright.data.sources",
    "Store": "tradewright.data.store",
    "Stream": "tradewright.core.stream",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
