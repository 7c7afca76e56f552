"""Databento's binary encoding (DBN): single orders (``mbo``), levels (``mbp-1``, ``mbp-10``) and trades.

``tbbo`` has the trades alone, each with the best prices just before it.

Source:
    Databento, "Databento Binary Encoding" and its schemas; the package ``databento-dbn`` decodes the records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewright.core.book_events import BookAction, BookFlag, BookModel
from tradewright.data.recordings.builder import NO_PRICE, Recording
from tradewright.data.recordings.content import whole_zstd
from tradewright.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from tradewright.core.series import Series
    from tradewright.data.options import ReadOptions

_PRICE_SCALE = 1e9
_NO_PRICE, _NO_TIME = 2**63 - 1, 2**64 - 1
_LAST, _SNAPSHOT, _BAD_BOOK = 128, 32, 4
_SIDES = {"B": 1, "A": -1, "N": 0}
_ORDERS = {
    "A": BookAction.ADD,
    "C": BookAction.CANCEL,
    "M": BookAction.MODIFY,
    "R": BookAction.CLEAR,
    "T": BookAction.TRADE,
    "F": BookAction.FILL,
}
_SCHEMAS = ("mbo", "mbp-1", "mbp-10", "trades", "tbbo")


def read(kind: str | None, path: Path, symbol: str | None, options: ReadOptions) -> list[Series]:
    """The series of each instrument of a file.

    ``mbo`` becomes L3 events, ``mbp-*`` the L2 events that lead from one record's levels to the next one's;
    trades stand among them. Nothing is known of the instrument but its name: give one for ticks and money.
    """
    metadata, records = _decoded(path)
    schema = str(metadata.schema)
    if schema not in _SCHEMAS:
        raise DataError(
            f"holds records of {schema!r}.",
            source=path.name,
            field="schema",
            value=schema,
            remedy=f"Import one of {', '.join(_SCHEMAS)}.",
        )
    names = {
        int(interval["symbol"]): str(name)
        for name, intervals in metadata.mappings.items()
        for interval in intervals
        if str(interval["symbol"]).isdigit()
    }
    readers: dict[int, _Orders | _Levels | _Trades] = {}
    make = {"mbo": _Orders, "trades": _Trades, "tbbo": _BestBeforeTrades}.get(schema, _Levels)
    for row, record in enumerate(records, start=1):
        if not hasattr(record, "action"):
            continue  # system messages and symbol mappings
        reader = readers.get(record.instrument_id)
        if reader is None:
            name = names.get(record.instrument_id, str(record.instrument_id))
            readers[record.instrument_id] = reader = make(Recording(path.name, name, make.model))
        reader.record(row, record)
    if symbol is not None and len(readers) > 1:
        listed = ", ".join(reader.recording.symbol for reader in readers.values())
        raise DataError(
            f"holds several instruments ({listed}), and one symbol was given.",
            source=path.name,
            remedy="Leave the symbol out: the file names them.",
        )
    if not readers:
        raise DataError("holds no records.", source=path.name, remedy="Check that the download is complete.")
    series: list[Series] = []
    for reader in readers.values():
        reader.recording.symbol = symbol or reader.recording.symbol
        series += reader.end().series(kind, options, lambda _: None)
    return series


def _decoded(path: Path) -> tuple[Any, list[Any]]:
    """Metadata and records.

    Raises:
        DataError: the package is missing, or the file is no whole DBN file.
    """
    try:
        import databento_dbn
    except ImportError:
        raise DataError(
            "needs the package databento-dbn.",
            source=path.name,
            remedy="Install it: pip install 'tradewright[databento]'.",
        ) from None
    content = whole_zstd(path)
    is_zstd = content[:4] == b"\x28\xb5\x2f\xfd"
    compression = databento_dbn.Compression("zstd" if is_zstd else "none")
    decoder = databento_dbn.DBNDecoder(compression=compression)
    try:
        decoder.write(content)
        records: list[Any] = list(decoder.decode())
    except Exception as error:  # whatever the decoder calls it
        raise DataError(
            f"is no DBN file, or damaged: {error}.",
            source=path.name,
            remedy="Fetch it again: nothing was read.",
        ) from None
    if not records or decoder.buffer():
        raise DataError(
            "is cut short: its last record is not whole.",
            source=path.name,
            row=len(records) or None,
            remedy="Fetch it again: nothing was read.",
        )
    return records[0], records[1:]


class _Orders:
    model: BookModel = "l3"

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.in_snapshot = False

    def record(self, row: int, record: Any) -> None:
        event_ns, recv_ns = _times(record)
        flags = int(record.flags)
        is_snapshot = bool(flags & _SNAPSHOT)
        if is_snapshot != self.in_snapshot:
            action = BookAction.SNAPSHOT_START if is_snapshot else BookAction.SNAPSHOT_END
            self.recording.event(row, None, recv_ns, action, 0, NO_PRICE, 0.0, flags=int(BookFlag.SNAPSHOT))
            if not is_snapshot:
                self.recording.end_message()
            self.in_snapshot = is_snapshot
        action = _ORDERS.get(str(record.action))
        if action is None:  # none: the flags alone
            self.recording.rows_dropped += 1
            return
        if is_snapshot and action is BookAction.CLEAR:
            return  # the snapshot's start says so
        self.recording.event(
            row,
            event_ns,
            recv_ns,
            action,
            _SIDES[str(record.side)],
            _price(record.price),
            0.0 if action is BookAction.CLEAR else float(record.size),
            flags=_flags(flags, is_snapshot),
            order_id=int(record.order_id),
            sequence=int(record.sequence),
        )

    def end(self) -> Recording:
        if self.in_snapshot:
            columns_end = self.recording.last_recv_ns
            self.recording.event(
                self.recording.last_row,
                None,
                columns_end,
                BookAction.SNAPSHOT_END,
                0,
                NO_PRICE,
                0.0,
                flags=int(BookFlag.SNAPSHOT),
            )
            self.recording.end_message()
        return self.recording


class _Levels:
    model: BookModel = "l2"

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.shown: dict[tuple[int, float], float] = {}

    def record(self, row: int, record: Any) -> None:
        flags = _flags(int(record.flags), is_snapshot=False)
        if str(record.action) == "T":
            self._trade(row, record, flags & ~int(BookFlag.LAST))
        self._show(row, record, flags & int(BookFlag.GAP))
        if flags & int(BookFlag.LAST):
            self.recording.end_message()

    def end(self) -> Recording:
        return self.recording

    def _trade(self, row: int, record: Any, flags: int) -> None:
        self.recording.event(
            row,
            *_times(record),
            BookAction.TRADE,
            _SIDES[str(record.side)],
            _price(record.price),
            float(record.size),
            flags=flags,
            sequence=int(record.sequence),
        )

    def _show(self, row: int, record: Any, flags: int) -> bool:
        """What leads to the levels of a record, the flags with its first event; whether anything does."""
        levels: dict[tuple[int, float], float] = {}
        for level in record.levels:
            for side, price, size in ((1, level.bid_px, level.bid_sz), (-1, level.ask_px, level.ask_sz)):
                if price != _NO_PRICE:
                    levels[side, _price(price)] = float(size)
        # What left the shown levels is not known any more, whether or not it still rests.
        changes = [(key, 0.0) for key in self.shown if key not in levels]
        changes += [(key, size) for key, size in levels.items() if self.shown.get(key) != size]
        self.shown = levels
        for (side, price), size in changes:
            self.recording.event(
                row,
                *_times(record),
                BookAction.SET,
                side,
                price,
                size,
                flags=flags,
                sequence=int(record.sequence),
            )
            flags = 0
        return bool(changes)


class _BestBeforeTrades(_Levels):
    """``tbbo``: each record is a message, though no flag says so, and shows the book that its trade met."""

    def record(self, row: int, record: Any) -> None:
        gap = _flags(int(record.flags), is_snapshot=False) & int(BookFlag.GAP)
        is_told = self._show(row, record, gap)
        self._trade(row, record, 0 if is_told else gap)
        self.recording.end_message()


class _Trades:
    model: BookModel = "l2"

    def __init__(self, recording: Recording) -> None:
        self.recording = recording

    def record(self, row: int, record: Any) -> None:
        event_ns, recv_ns = _times(record)
        self.recording.trade(
            row, event_ns, recv_ns, _price(record.price), float(record.size), _SIDES[str(record.side)]
        )

    def end(self) -> Recording:
        return self.recording


def _flags(flags: int, is_snapshot: bool) -> int:
    found = int(BookFlag.SNAPSHOT) if is_snapshot else 0
    # Inside of a snapshot the book is whole only at its end.
    found |= int(BookFlag.LAST) if flags & _LAST and not is_snapshot else 0
    return found | (int(BookFlag.GAP) if flags & _BAD_BOOK else 0)


def _times(record: Any) -> tuple[int | None, int]:
    """The venue's time, unless there is none, and Databento's, which orders the file."""
    event_ns, recv_ns = int(record.ts_event), int(record.ts_recv)
    return (None if event_ns == _NO_TIME else event_ns), (event_ns if recv_ns == _NO_TIME else recv_ns)


def _price(price: int) -> float:
    return NO_PRICE if price == _NO_PRICE else price / _PRICE_SCALE
