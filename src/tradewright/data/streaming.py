"""A store's series as a stream: its files, a piece of one in memory at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from tradewright.core.stream import LATEST_NS, Part, Stream
from tradewright.data.times import clamped_span
from tradewright.errors import DataError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

    from tradewright.core.series import Series

PART_ROWS = 1 << 18
"""Rows of a part, at most: about 12 MB of a book's events. Larger ones take more memory and no less time."""

_AGAIN = "Let nobody write to the store during a run, and make the stream again."


class Rows(NamedTuple):
    """Rows of one file that follow each other.

    Attributes:
        path: The file.
        state: What it was when the stream was made: time of its last change, size, number.
        first: The first of the rows.
        rows: How many.
        start_ns: Receive time of the first.
        end_ns: Receive time of the last.
    """

    path: Path
    state: tuple[int, int, int]
    first: int
    rows: int
    start_ns: int
    end_ns: int

    @classmethod
    def of(cls, path: Path) -> Rows:
        """All rows of a file."""
        import polars as pl

        state = _state(path)
        count = int(_read(path, state, lambda rows: rows.select(pl.len())).item())
        ends = [0, 0]
        if count:
            ends = [int(_times(path, state, "ts_recv", at, 1)[0]) for at in (0, count - 1)]
        return cls(path, state, 0, count, ends[0], ends[1])

    def between(self, start_ns: int | None, end_ns: int | None) -> Rows:
        """Those received from one time on and before another."""
        import numpy as np

        if (start_ns is None or start_ns <= self.start_ns) and (end_ns is None or end_ns > self.end_ns):
            return self
        times = _times(self.path, self.state, "ts_recv", self.first, self.rows)
        low = 0 if start_ns is None else int(np.searchsorted(times, start_ns, side="left"))
        high = self.rows if end_ns is None else int(np.searchsorted(times, end_ns, side="left"))
        if high <= low:
            return self._replace(rows=0)
        return self._replace(
            first=self.first + low, rows=high - low, start_ns=int(times[low]), end_ns=int(times[high - 1])
        )

    def pieces(self) -> Iterator[Rows]:
        """These rows, cut into parts. Their times are not looked up."""
        for first in range(self.first, self.first + self.rows, PART_ROWS):
            yield self._replace(first=first, rows=min(PART_ROWS, self.first + self.rows - first))


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class StoredStream(Stream):
    """A series of a `Store` that is read in parts; `Store.stream` makes it.

    Attributes:
        files: The rows that it has of each file.
        made: A series of a frame of stored rows, and of what these are of.
    """

    files: tuple[Rows, ...]
    made: Callable[[pl.DataFrame, str], Series]

    @classmethod
    def of(cls, files: Sequence[Rows], made: Callable[[pl.DataFrame, str], Series], **described: Any) -> Self:
        """A stream of the rows of some files; ``described`` are the attributes of `Stream`."""
        return cls(files=(), made=made, rows=0, **described).with_files(files)

    def with_files(self, files: Sequence[Rows]) -> Self:
        """The same series with other rows."""
        there = tuple(one for one in files if one.rows)
        return replace(
            self,
            files=there,
            rows=sum(one.rows for one in there),
            start_ns=there[0].start_ns if there else 0,
            end_ns=there[-1].end_ns if there else 0,
        )

    def between(self, start: int | str | dt.date | None, end: int | str | dt.date | None) -> Self:
        """See `Stream.between`."""
        first, last = clamped_span(start, end)
        return self.with_files([one.between(first, last) for one in self.files])

    def parts(self, *, knows_later: bool = False) -> Iterator[Part]:
        """See `Stream.parts`."""
        pieces = [piece for one in self.files for piece in one.pieces()]
        later = self._later(pieces) if knows_later else [LATEST_NS] * len(pieces)
        return map(self._part, pieces, later)  # A generator would hold on to what it gave.

    def _part(self, piece: Rows, later_ns: int) -> Part:
        frame = _read(piece.path, piece.state, lambda rows: rows.slice(piece.first, piece.rows))
        if frame.height != piece.rows:
            raise DataError("is shorter than it was.", source=str(piece.path), remedy=_AGAIN)
        return Part(self.made(frame, str(piece.path)), piece.first, later_ns)

    def _later(self, pieces: Sequence[Rows]) -> list[int]:
        """For each piece the earliest time of the venue behind it."""
        later = [LATEST_NS]
        for piece in reversed(pieces[1:]):
            times = _times(piece.path, piece.state, "ts_event", piece.first, piece.rows)
            later.append(min(later[-1], int(times.min())))
        return later[::-1]

    def column(self, name: str) -> Iterator[NDArray[Any]]:
        """One column, a part at a time; nothing else is read."""
        return (_column(piece, name) for one in self.files for piece in one.pieces())


def _times(path: Path, state: tuple[int, int, int], name: str, first: int, rows: int) -> NDArray[Any]:
    import polars as pl

    found = _read(path, state, lambda stored: stored.select(pl.col(name).cast(pl.Int64)).slice(first, rows))
    return found.to_series().to_numpy()


def _column(rows: Rows, name: str) -> NDArray[Any]:
    if name.endswith("_ns"):
        stored = "ts_open" if name == "open_ns" else name.removesuffix("_ns")
        return _times(rows.path, rows.state, stored, rows.first, rows.rows)
    found = _read(rows.path, rows.state, lambda stored: stored.select(name).slice(rows.first, rows.rows))
    return found.to_series().to_numpy()


def _state(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        raise DataError("is gone.", source=str(path), remedy=_AGAIN) from None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(
    path: Path, state: tuple[int, int, int], wanted: Callable[[pl.LazyFrame], pl.LazyFrame]
) -> pl.DataFrame:
    """What is wanted of a file that is still what it was."""
    import polars as pl

    if _state(path) != state:
        raise DataError("was changed since the stream was made.", source=str(path), remedy=_AGAIN)
    try:
        rows = pl.scan_parquet(path, hive_partitioning=False, glob=False)
        return wanted(rows).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"cannot be read: {error}.", source=str(path), remedy=_AGAIN) from error
