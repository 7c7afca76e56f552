"""Columns that grow as a recording is read, and the series that they become."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from tradewright.core.book_events import BookAction, BookEvents, BookFlag, BookModel
from tradewright.core.series import Quotes, Trades
from tradewright.data.grid import round_to_grid
from tradewright.data.options import StoredInstruments
from tradewright.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from tradewright.core.instrument import Instrument
    from tradewright.core.series import Series
    from tradewright.data.options import ReadOptions

    MakeInstrument = Callable[["Units"], Instrument | None]

NO_PRICE = float("nan")
_LAST, _SNAPSHOT = int(BookFlag.LAST), int(BookFlag.SNAPSHOT)


class Units:
    """The steps of which recorded prices and sizes are whole multiples."""

    def __init__(self, price_step: float, size_step: float) -> None:
        self.price_step, self.size_step = price_step, size_step


class _Columns:
    """One kind of series as it grows: times, row in the source, values."""

    def __init__(self, **types: str) -> None:
        self.event_ns, self.recv_ns, self.row = array("q"), array("q"), array("q")
        self.values: dict[str, array[Any]] = {name: array(code) for name, code in types.items()}

    def __len__(self) -> int:
        return len(self.row)

    def add(self, row: int, event_ns: int | None, recv_ns: int, *values: Any) -> None:
        # What the venue gave no time happened when it was received, as far as anybody knows.
        self.event_ns.append(recv_ns if event_ns is None else event_ns)
        self.recv_ns.append(recv_ns)
        self.row.append(row)
        for column, value in zip(self.values.values(), values, strict=True):
            column.append(value)

    def array(self, name: str) -> NDArray[Any]:
        import numpy as np

        column = self.values[name]
        dtype = np.dtype(column.typecode)
        return np.frombuffer(column, dtype=dtype) if len(column) else np.empty(0, dtype)


class Recording:
    """What one file says about one instrument.

    Args:
        source: The file's name; for messages.
        symbol: The instrument's symbol.
        model: What its book events are about.
    """

    def __init__(self, source: str, symbol: str, model: BookModel = "l2") -> None:
        self.source, self.symbol = source, symbol
        self.model: BookModel = model
        self.rows_dropped = 0
        self._book = _Columns(
            action="B", side="b", flags="B", price="d", size="d", order_id="Q", sequence="q"
        )
        self._quotes = _Columns(bid="d", ask="d", bid_size="d", ask_size="d")
        self._trades = _Columns(price="d", size="d", aggressor="b")
        self._earliest_ns = 0
        self._earliest_row = 0

    def event(
        self,
        row: int,
        event_ns: int | None,
        recv_ns: int,
        action: BookAction,
        side: int,
        price: float,
        size: float,
        *,
        flags: int = 0,
        order_id: int = 0,
        sequence: int = 0,
    ) -> None:
        """Adds an event of the book; the last one of a message is marked by `end_message`."""
        self._clock(row, event_ns, recv_ns)
        self._book.add(row, event_ns, recv_ns, int(action), side, flags, price, size, order_id, sequence)

    @property
    def last_row(self) -> int:
        """Row of the event added last."""
        return self._book.row[-1]

    @property
    def last_recv_ns(self) -> int:
        """Receive time of the event added last."""
        return self._book.recv_ns[-1]

    def end_message(self) -> None:
        """The message is complete with the event added last."""
        if len(self._book):
            self._book.values["flags"][-1] |= _LAST

    def snapshot(
        self,
        row: int,
        event_ns: int | None,
        recv_ns: int,
        levels: list[tuple[int, float, float]],
        *,
        flags: int = 0,
        sequence: int = 0,
    ) -> None:
        """Adds a whole book of levels (side, price, size) as one message; ``flags`` go to its first event."""
        for action, rows in (
            (BookAction.SNAPSHOT_START, [(0, NO_PRICE, 0.0)]),
            (BookAction.SET, levels),
            (BookAction.SNAPSHOT_END, [(0, NO_PRICE, 0.0)]),
        ):
            for side, price, size in rows:
                self.event(
                    row,
                    event_ns,
                    recv_ns,
                    action,
                    side,
                    price,
                    size,
                    flags=flags | _SNAPSHOT,
                    sequence=sequence,
                )
                flags = 0
        self.end_message()

    def quote(
        self,
        row: int,
        event_ns: int | None,
        recv_ns: int,
        bid: float,
        ask: float,
        bid_size: float = NO_PRICE,
        ask_size: float = NO_PRICE,
    ) -> None:
        """Adds a best bid and ask; NaN prices are empty sides."""
        self._clock(row, event_ns, recv_ns)
        self._quotes.add(row, event_ns, recv_ns, bid, ask, bid_size, ask_size)

    def trade(
        self, row: int, event_ns: int | None, recv_ns: int, price: float, size: float, aggressor: int
    ) -> None:
        """Adds a public print."""
        self._clock(row, event_ns, recv_ns)
        self._trades.add(row, event_ns, recv_ns, price, size, aggressor)

    def series(
        self, kind: str | None, options: ReadOptions, default_instrument: MakeInstrument
    ) -> list[Series]:
        """The series of one kind, or of every kind that has rows.

        Args:
            kind: A kind of the store; ``None`` for all.
            options: ``instrument``, ``clock_offset``, ``allow_crossed``.
            default_instrument: Makes the instrument of these units where none is given.

        Raises:
            DataError: nothing of that kind, receive times before the venue's, impossible values.
        """
        made = {
            "book_" + self.model: self._book_series,
            "quotes": self._quote_series,
            "trades": self._trade_series,
        }
        columns = {"book_" + self.model: self._book, "quotes": self._quotes, "trades": self._trades}
        kinds = [name for name, rows in columns.items() if len(rows) and kind in (None, name)]
        if not kinds:
            there = ", ".join(name for name, rows in columns.items() if len(rows)) or "nothing"
            raise DataError(
                f"holds no {kind or 'messages of this source'}.",
                source=self.source,
                remedy=f"It has {there} of {self.symbol}.",
            )
        shift_ns = self._shift(options)
        instrument = options.instrument_of(self.symbol) or default_instrument(self._units())
        if isinstance(options.instrument, StoredInstruments):
            instrument = options.instrument.like(instrument)
        common = {
            "symbol": self.symbol,
            "instrument": instrument,
            "adjusted": options.adjusted,
            "source": self.source,
            "clock_shift_ns": shift_ns,
            "rows_dropped": self.rows_dropped,
        }
        return [made[name](common, options) for name in kinds]

    def _book_series(self, common: dict[str, Any], options: ReadOptions) -> Series:
        import numpy as np

        columns, instrument = self._book, common["instrument"]
        names = ("action", "side", "flags", "price", "size", "order_id", "sequence")
        values: dict[str, Any] = {name: columns.array(name) for name in names}
        shift = 0.0
        if instrument is not None:
            # A book's level stands where it stands: only a float's own noise is rounded away.
            own = instrument.price_unit
            prints = values["action"] == BookAction.TRADE
            values["price"], shift = _counted(values["price"], own, columns.row, "price", self.source, prints)
            values["size"], _ = _counted(
                values["size"], instrument.lot_size, columns.row, "size", self.source
            )
        self._refuse(~np.isfinite(values["size"]), columns, "size", "is no finite number.")
        return BookEvents(
            **common, **self._times(columns, common), **values, model=self.model, price_shift_max=shift
        )

    def _quote_series(self, common: dict[str, Any], options: ReadOptions) -> Series:
        columns, shift = self._quotes, 0.0
        values: dict[str, Any] = {
            name: columns.array(name) for name in ("bid", "ask", "bid_size", "ask_size")
        }
        if common["instrument"] is not None:
            for name in ("bid", "ask"):
                values[name], moved = round_to_grid(values[name], common["instrument"])
                shift = max(shift, moved)
                self._check_rounded(values[name], columns, name, options)
        if not options.allow_crossed:
            crossed = values["bid"] > values["ask"]
            self._refuse(
                crossed, columns, "bid", "is above the ask.", "Take crossed quotes with allow_crossed=True."
            )
        return Quotes(**common, **self._times(columns, common), **values, price_shift_max=shift)

    def _trade_series(self, common: dict[str, Any], options: ReadOptions) -> Series:
        columns, shift = self._trades, 0.0
        values: dict[str, Any] = {name: columns.array(name) for name in ("price", "size", "aggressor")}
        if common["instrument"] is not None:
            values["price"], shift = round_to_grid(values["price"], common["instrument"])
            self._check_rounded(values["price"], columns, "price", options)
        return Trades(**common, **self._times(columns, common), **values, price_shift_max=shift)

    def _times(self, columns: _Columns, common: dict[str, Any]) -> dict[str, Any]:
        import numpy as np

        event_ns = np.frombuffer(columns.event_ns, np.int64)
        recv_ns = np.frombuffer(columns.recv_ns, np.int64)
        shift_ns = common["clock_shift_ns"]
        if np.array_equal(event_ns, recv_ns):
            event_ns = recv_ns = recv_ns + shift_ns
        elif shift_ns:
            untimed = event_ns == recv_ns
            recv_ns = recv_ns + shift_ns
            event_ns = np.where(untimed, recv_ns, event_ns)
        return {"ts_event_ns": event_ns, "ts_recv_ns": recv_ns}

    def _clock(self, row: int, event_ns: int | None, recv_ns: int) -> None:
        if event_ns is not None and recv_ns - event_ns < self._earliest_ns:
            self._earliest_ns, self._earliest_row = recv_ns - event_ns, row

    def _shift(self, options: ReadOptions) -> int:
        """What to add to the receive times: one shift for all series of a file, which one clock stamped."""
        if self._earliest_ns < 0 and options.clock_offset != "estimate":
            raise DataError(
                f"received before it happened, by {-self._earliest_ns / 1e6:,.3f} ms.",
                source=self.source,
                row=self._earliest_row,
                field="receive time",
                remedy="Shift the receive times with clock_offset='estimate' (--clock-offset estimate).",
            )
        return -self._earliest_ns

    def _units(self) -> Units:
        import numpy as np

        own = self._book.array("action") != BookAction.TRADE
        prices = [self._book.array("price")[own], self._trades.array("price"), self._quotes.array("bid")]
        sizes = [self._book.array("size"), self._trades.array("size")]
        return Units(_step(np.concatenate(prices)), _step(np.concatenate(sizes)))

    def _check_rounded(
        self, rounded: NDArray[np.float64], columns: _Columns, field: str, options: ReadOptions
    ) -> None:
        """Refuses prices that had to be rounded to an instrument which the user did not choose."""
        import numpy as np

        if options.instrument is None or isinstance(options.instrument, StoredInstruments):
            moved = np.abs(rounded - columns.array(field)) > 1e-9
            remedy = "Give the instrument with a finer grid (instrument=…) and replace=True."
            self._refuse(moved, columns, field, "is off the grid of the stored instrument.", remedy)

    def _refuse(
        self, bad: NDArray[Any], columns: _Columns, field: str, problem: str, remedy: str = ""
    ) -> None:
        import numpy as np

        if bad.any():
            at = int(np.argmax(bad))
            raise DataError(
                f"{field} {problem}",
                source=self.source,
                row=columns.row[at],
                field=field,
                value=columns.values[field][at],
                remedy=remedy or "Correct or remove the row.",
            )


def _counted(
    values: NDArray[np.float64],
    unit: float,
    rows: array[int],
    field: str,
    source: str,
    exempt: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float64], float]:
    """Values as whole multiples of a unit, and the furthest that one was moved; NaN stays.

    Raises:
        DataError: a value that is no multiple.
    """
    import numpy as np

    from tradewright.core.exact import plain, step_of

    step = step_of(unit)
    counts = np.rint(values * 10**step.scale / step.mantissa)
    rounded = counts * step.mantissa / 10**step.scale
    shift = np.abs(rounded - values)
    off = shift > unit * 1e-3
    if exempt is not None:
        off &= ~exempt
        rounded = np.where(exempt, values, rounded)
        shift = np.where(exempt, 0.0, shift)
    if off.any():
        at = int(np.argmax(off))
        raise DataError(
            f"{field} {plain(float(values[at]))} is no multiple of {plain(unit)}, "
            f"the instrument's {'price unit' if field == 'price' else 'lot size'}.",
            source=source,
            row=rows[at],
            field=field,
            value=values[at],
            remedy="Give an instrument with finer units (instrument=…).",
        )
    known = shift[~np.isnan(shift)]
    return rounded, float(known.max()) if len(known) else 0.0


def _step(values: NDArray[np.float64]) -> float:
    """The largest of 10**-k, k from 0 to 8, of which all values are whole multiples."""
    import numpy as np

    known = np.unique(values[np.isfinite(values)])
    for places in range(9):
        if np.array_equal(np.rint(known * 10**places) / 10**places, known):
            return float(f"1e-{places}")
    return 1e-8
