"""Series as the core reads them: whole columns of what is in memory, parts of what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tradewright.core.native_series import plain_series, source_name
from tradewright.core.stream import Stream
from tradewright.sim.findings import Sizes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewright.core.stream import AnySeries, Part

Columns: TypeAlias = "tuple[Any, ...]"
"""A series as `plain_series` makes it."""

STREAMED: Final = 3
"""Length of the tuple of a stream."""

NamedPart: TypeAlias = "tuple[str, int, Columns]"
"""What a part is of, how many rows of that stand before it, and its columns."""


def plain(series: AnySeries, symbol: int, lot: float) -> Columns:
    """A series as the core's tuple of columns; ``(kind, symbol, parts)`` of a stream."""
    if isinstance(series, Stream):
        return (series.kind, symbol, Passes(series, symbol, Sizes(lot)))
    return plain_series(series, symbol)


def rows_of(columns: Columns) -> int:
    """How many rows, or events, one tuple has."""
    return len(columns[1] if columns[0] == "events" else columns[min(3, len(columns) - 1)])


class Passes:
    """A stream for the core: each iteration is one pass over its parts, anew.

    Args:
        stream: The series.
        symbol: The core's number of its symbol.
        sizes: Told of each part as it goes by; at the end it knows the sizes of the last pass.
    """

    def __init__(self, stream: Stream, symbol: int, sizes: Sizes) -> None:
        self.stream, self.symbol, self.sizes = stream, symbol, sizes

    def __len__(self) -> int:
        return self.stream.rows

    def __iter__(self) -> Iterator[NamedPart]:
        self.sizes.start()
        return map(self._seen, self.stream.parts())  # A generator would hold on to what it gave.

    def _seen(self, part: Part) -> NamedPart:
        self.sizes.see(part.series)
        return self.plain(part)

    def plain(self, part: Part) -> NamedPart:
        """A part as the core takes it."""
        return source_name(part.series), part.rows_before, plain_series(part.series, self.symbol)


class VenuePasses:
    """The same in order of the venue's time: equal to a stable sort of all rows by it.

    Rows wait in memory until no row of a later part can come before them. Arrival and venue agree about all
    but a few rows, so that few wait.
    """

    def __init__(self, passes: Passes) -> None:
        self._passes = passes

    def __len__(self) -> int:
        return len(self._passes)

    def __iter__(self) -> Iterator[NamedPart]:
        waiting: Columns | None = None
        for part in self._passes.stream.parts(knows_later=True):
            later_ns = part.later_ns
            name, before, columns = self._passes.plain(part)
            del part
            found, waiting = _due(in_order(columns), waiting, later_ns)
            del columns
            while found:
                yield name, before, found.pop()  # Nothing here keeps it.


def _due(came: Columns, waiting: Columns | None, later_ns: int) -> tuple[list[Columns], Columns | None]:
    """What is due of the rows that waited and of those that came, the last first; and what waits on."""
    pieces = [came]
    if waiting is not None:
        # Only the rows that those which waited stand among are put together with them.
        among = int(came[3].searchsorted(waiting[3][-1], side="left"))
        pieces = [in_order(_joined(waiting, _cut(came, 0, among))), _cut(came, among, None)]
    found: list[Columns] = []
    waits: list[Columns] = []
    for piece in pieces:
        due = int(piece[3].searchsorted(later_ns, side="right"))
        if due:
            found.append(_cut(piece, 0, due))
        if due < len(piece[3]):
            waits.append(_cut(piece, due, None))
    return found[::-1], _joined(*waits) if waits else None


def in_order(columns: Columns) -> Columns:
    """A series without receive times, sorted by the venue's."""
    kind, symbol, _, event, *values = columns
    if (event[1:] < event[:-1]).any():
        return _rows((kind, symbol, None, event, *values), event.argsort(kind="stable"))
    return (kind, symbol, None, event, *values)


def _cut(columns: Columns, start: int, end: int | None) -> Columns:
    kind, symbol, _, *values = columns
    return _rows((kind, symbol, None, *values), slice(start, end))


def _rows(columns: Columns, rows: Any) -> Columns:
    # What is no array is the same for all rows: absent, or the length of each bar.
    kind, symbol, *values = columns
    return (kind, symbol, *(one if one is None or isinstance(one, int) else one[rows] for one in values))


def _joined(first: Columns, *others: Columns) -> Columns:
    """Rows one after the other, copied: a view would keep whole parts in memory."""
    import numpy as np

    kind, symbol, *_ = first
    columns = zip(*(one[3:] for one in (first, *others)), strict=True)
    return (
        kind,
        symbol,
        None,
        *(np.concatenate(column) if isinstance(column[0], np.ndarray) else column[0] for column in columns),
    )
