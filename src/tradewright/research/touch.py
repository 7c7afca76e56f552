"""Best bids and asks of a run's instruments over time, as counts of their price unit.

They come from the result's own prices, which books and quotes fill by the venue's time, or from the data of
the run where it is given again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from tradewright.core.series import Series
from tradewright.errors import DataError
from tradewright.research.analytics import Floats, Ints
from tradewright.research.frames import prices_of
from tradewright.research.summary import ns_of

if TYPE_CHECKING:
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


def touches_of(result: Result, data: object = None) -> dict[str, Touch]:
    """Best prices by symbol, for the symbols that have some.

    Args:
        result: The run.
        data: Books or quotes of its instruments: a series, a list of them, or a dict by symbol; by default
            the run's own prices.

    Raises:
        DataError: The data holds neither books nor quotes, or the result does not know its units.
    """
    units = units_of(result)
    frames = dict(result.prices) if data is None else _frames_of(data)
    touches: dict[str, Touch] = {}
    for symbol, frame in frames.items():
        if symbol not in units or not {"bid", "ask"} <= set(frame.columns):
            continue
        rows = frame.drop_nulls(["bid", "ask"])
        if not rows.height and data is None:
            continue  # bars, beside quotes of another symbol
        at_ns, step = ns_of(rows["at"]), float(units[symbol].price_unit)
        order = np.argsort(at_ns, kind="stable")  # Rows come as they were received.
        bid, ask = (counts(rows[name].to_numpy(), step)[order] for name in ("bid", "ask"))
        touches[symbol] = Touch(at_ns[order], bid, ask)
    return touches


def _frames_of(data: object) -> dict[str, Any]:
    if isinstance(data, Mapping):
        given = list(data.values())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    elif isinstance(data, Sequence) and not isinstance(data, str):
        given = list(data)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    else:
        given = [data]
    series = [one for one in given if isinstance(one, Series) and one.kind in _QUOTED]  # pyright: ignore[reportUnknownVariableType]
    if not series:
        raise DataError(
            "holds neither books nor quotes.",
            source="data",
            remedy="Give the book or the quotes that the run was on.",
        )
    return {one.symbol: prices_of(one)() for one in series}


_QUOTED = ("quotes", "book_l2", "book_l3")
