"""Best bids and asks of a run's instruments over time, as counts of their price unit.

They come from the result's own prices, which books and quotes fill by the venue's time, or from the data of
the run where it is given again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np

from tradewright.core.series import Series
from tradewright.core.stream import Stream
from tradewright.errors import DataError
from tradewright.research.analytics import Floats, Ints
from tradewright.research.frames import price_parts
from tradewright.research.summary import ns_of

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from tradewright.research.meta import InstrumentMeta
    from tradewright.research.result import Result

NO_MID = np.iinfo(np.int64).min
"""Stands for a mid that nobody knows."""


class Touch(msgspec.Struct, frozen=True):
    """Best prices of one instrument, a row for each message after which both sides were there.

    Attributes:
        at_ns: Shape ``(n,)``, ascending; the venue's time.
        bid_units: Shape ``(n,)``; best bid in price units.
        ask_units: Shape ``(n,)``; best ask.
    """

    at_ns: Ints
    bid_units: Ints
    ask_units: Ints

    def mid_x2_before(self, at_ns: Ints) -> Ints:
        """Twice the mid in force just before each time: messages of that very time do not count.

        Returns:
            Shape of ``at_ns``, in price units; `NO_MID` before the first message.
        """
        return self._mid_x2(np.searchsorted(self.at_ns, at_ns, side="left") - 1)

    def mid_x2_at(self, at_ns: Ints) -> Ints:
        """Twice the mid in force at each time; `NO_MID` before the first message and after the last."""
        found = self._mid_x2(np.searchsorted(self.at_ns, at_ns, side="right") - 1)
        if len(self.at_ns):
            found[at_ns > self.at_ns[-1]] = NO_MID
        return found

    def since_ns(self, at_ns: Ints) -> Ints:
        """Since when the mid in force at each time has stood; ``-2**63`` before the first message."""
        rows = np.searchsorted(self.at_ns, at_ns, side="right") - 1
        if not len(self.at_ns):
            return np.full(len(rows), np.iinfo(np.int64).min)
        return np.where(rows >= 0, self.at_ns[rows], np.iinfo(np.int64).min)

    def _mid_x2(self, rows: NDArray[np.intp]) -> Ints:
        if not len(self.at_ns):
            return np.full(len(rows), NO_MID)
        mids_x2 = self.bid_units[rows] + self.ask_units[rows]
        return np.where(rows >= 0, mids_x2, NO_MID)


def units_of(result: Result) -> dict[str, InstrumentMeta]:
    """Units by symbol.

    Raises:
        DataError: The result does not say them.
    """
    if not result.meta.instruments:
        raise DataError(
            "says no units of its instruments.",
            source="result",
            field="meta.instruments",
            remedy="Run again: versions before this one did not keep them.",
        )
    return {one.symbol: one for one in result.meta.instruments}


def counts(values: Floats, step: float) -> Ints:
    """How many steps each value is: values are whole multiples but for a float's own noise."""
    return np.rint(values / step).astype(np.int64)


def touches_of(
    result: Result, data: object = None, delays_ns: Sequence[int] | None = None
) -> dict[str, Touch]:
    """Best prices by symbol, for the symbols that have some.

    Args:
        result: The run.
        data: Books or quotes of its instruments: a series, a list of them, or a dict by symbol; by default
            the run's own prices.
        delays_ns: Only what tells the mids just before each fill and so long after it; of data that is read
            in parts nothing else is kept. By default all.

    Raises:
        DataError: The data holds neither books nor quotes, or the result does not know its units.
    """
    units = units_of(result)
    frames = _own_frames(result, delays_ns) if data is None else _frames_of(data)
    touches: dict[str, Touch] = {}
    for symbol, parts in frames.items():
        if symbol not in units:
            continue
        fills_ns = None
        if delays_ns is not None:
            fills_ns = np.unique(ns_of(result.fills.filter(symbol=symbol)["ts_event"]))
        step = float(units[symbol].price_unit)
        kept = [
            _wanted(_touch_of(frame, step), fills_ns, delays_ns or ())
            for frame in parts
            if {"bid", "ask"} <= set(frame.columns)
        ]
        kept = [one for one in kept if len(one.at_ns)] or (kept if data is not None else [])
        if kept:  # None of bars, beside quotes of another symbol.
            touches[symbol] = _joined(kept)
    return touches


def _touch_of(frame: pl.DataFrame, step: float) -> Touch:
    rows = frame.drop_nulls(["bid", "ask"])
    at_ns = ns_of(rows["at"])
    order = np.argsort(at_ns, kind="stable")  # Rows come as they were received.
    bid, ask = (counts(rows[name].to_numpy(), step)[order] for name in ("bid", "ask"))
    return Touch(at_ns[order], bid, ask)


def _wanted(touch: Touch, fills_ns: Ints | None, delays_ns: Sequence[int]) -> Touch:
    """The rows in force just before each fill and so long after it, and the last; all of them without fills.

    In force at a time is the last row of all parts, so that the last of each part is enough.
    """
    if fills_ns is None or not len(touch.at_ns):
        return touch
    found = [np.searchsorted(touch.at_ns, fills_ns, side="left") - 1]
    found += [np.searchsorted(touch.at_ns, fills_ns + delay, side="right") - 1 for delay in delays_ns]
    rows = np.unique(np.concatenate([*found, [len(touch.at_ns) - 1]]))
    rows = rows[rows >= 0]
    return Touch(touch.at_ns[rows], touch.bid_units[rows], touch.ask_units[rows])


def _joined(parts: Sequence[Touch]) -> Touch:
    if len(parts) == 1:
        return parts[0]
    at_ns, bid, ask = (
        np.concatenate([getattr(one, name) for one in parts]) for name in ("at_ns", "bid_units", "ask_units")
    )
    order = np.argsort(at_ns, kind="stable")
    return Touch(at_ns[order], bid[order], ask[order])


def _own_frames(result: Result, delays_ns: Sequence[int] | None) -> dict[str, Iterable[pl.DataFrame]]:
    prices = result.prices
    if delays_ns is None:
        return {symbol: (prices[symbol],) for symbol in prices}
    return {symbol: prices.parts(symbol) for symbol in prices}


def _frames_of(data: object) -> dict[str, Iterable[pl.DataFrame]]:
    if isinstance(data, Mapping):
        given = list(cast("Mapping[Any, object]", data).values())
    elif isinstance(data, Sequence) and not isinstance(data, str):
        given = list(cast("Sequence[object]", data))
    else:
        given = [data]
    series = [one for one in given if isinstance(one, Series | Stream) and one.kind in _QUOTED]
    if not series:
        raise DataError(
            "holds neither books nor quotes.",
            source="data",
            remedy="Give the book or the quotes that the run was on.",
        )
    return {one.symbol: price_parts(one) for one in series}


_QUOTED = ("quotes", "book_l2", "book_l3")
