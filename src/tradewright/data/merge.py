"""New rows into a store: equal rows once, differing rows refused, all of an import or nothing of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from typing import TYPE_CHECKING, Any

from tradewright.data.event_order import merged_events
from tradewright.data.importing import ImportSummary
from tradewright.data.layout import DESCRIPTION, Description, SeriesKey
from tradewright.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    import polars as pl

    from tradewright.core.series import Series

_STAGING, _LOCK = ".staging", ".lock"


class Merge:
    """One import under way: what it will change waits in a staging folder until `commit`."""

    def __init__(self, root: Path, *, replace: bool) -> None:
        self._root = root
        self._replace = replace
        self._folder = root / _STAGING / uuid.uuid4().hex
        self._staged: dict[Path, Path] = {}

    def stage(self, series: Series, venue: str | None) -> ImportSummary:
        """Merges a series with what the store, and this import so far, have of it.

        Raises:
            DataError: rows that contradict stored ones; the text names the first.
        """
        import polars as pl

        key = SeriesKey.of(series, venue)
        source = series.source or str(key)
        summary = ImportSummary(
            symbols=(series.symbol,),
            rows_dropped=series.rows_dropped + series.rows_repeated,
            price_shift_max=series.price_shift_max,
        )
        if not len(series):
            return summary
        self._describe(key, Description.of(series), source)
        frame = series.to_frame().drop("symbol").with_row_index("row", offset=1)
        times = (int(series.ts_event_ns.min()), int(series.ts_event_ns.max()))
        for name, part in _by_file(frame, key):
            target = key.folder / name
            stored_at = self._current(target)
            stored = pl.read_parquet(stored_at) if stored_at is not None else None
            merged, counts = _merged(part, stored, key, source, replace=self._replace)
            summary = summary.plus(counts)
            if merged is not None:
                merged.write_parquet(self._staging_path(target), compression="zstd", compression_level=3)
        return summary.plus(ImportSummary(start_ns=times[0], end_ns=times[1]))

    def commit(self) -> None:
        """Puts what was staged in its place, each file by a rename."""
        for staged in self._staged.values():
            with staged.open("rb") as file:
                os.fsync(file.fileno())
        # Descriptions last: rows without one are invisible, a description without its rows would not be.
        for target in sorted(self._staged, key=lambda path: path.name == DESCRIPTION):
            (self._root / target).parent.mkdir(parents=True, exist_ok=True)
            self._staged[target].replace(self._root / target)
        self.discard()

    def remove(self, key: SeriesKey) -> None:
        """Takes a series out of the store, at once and whole."""
        self._folder.mkdir(parents=True, exist_ok=True)
        folder = self._root / key.folder
        folder.replace(self._folder / "removed")
        for parent in list(folder.parents)[: len(key.folder.parts) - 1]:
            if any(parent.iterdir()):
                break
            parent.rmdir()

    def discard(self) -> None:
        """Forgets what was staged."""
        shutil.rmtree(self._root / _STAGING, ignore_errors=True)

    def _describe(self, key: SeriesKey, new: Description, source: str) -> None:
        target = key.folder / DESCRIPTION
        at = self._current(target)
        stored = None if at is None else Description.load(at)
        merged = new if stored is None else stored.merged(new, key, source=source, replace=self._replace)
        if merged != stored:
            self._staging_path(target).write_bytes(merged.encoded())

    def _current(self, target: Path) -> Path | None:
        """Where the newest version of a file of the store lies."""
        if target in self._staged:
            return self._staged[target]
        return self._root / target if (self._root / target).is_file() else None

    def _staging_path(self, target: Path) -> Path:
        if target not in self._staged:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._staged[target] = self._folder / f"{len(self._staged)}.tmp"
        return self._staged[target]


@contextlib.contextmanager
def writing(root: Path, *, replace: bool) -> Generator[Merge]:
    """A merge that is committed at the end, or leaves the store as it was; one at a time a store."""
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = "is a file." if root.is_file() else f"cannot be made: {error.strerror}."
        raise DataError(problem, source=str(root), remedy="Name a folder for the store.") from None
    with (root / _LOCK).open("w") as lock:
        _lock(lock)
        merge = Merge(root, replace=replace)
        merge.discard()  # What a killed import left behind.
        try:
            yield merge
            merge.commit()
        finally:
            merge.discard()


def _lock(file: Any) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has none; a store there is for one process at a time.
        return
    fcntl.flock(file, fcntl.LOCK_EX)


def _by_file(frame: pl.DataFrame, key: SeriesKey) -> Iterator[tuple[str, pl.DataFrame]]:
    named = frame.with_columns(key.file_name().alias("file_name"))
    for part in named.partition_by("file_name", maintain_order=True):
        yield part["file_name"][0], part.drop("file_name")


def _merged(
    new: pl.DataFrame, stored: pl.DataFrame | None, key: SeriesKey, source: str, *, replace: bool
) -> tuple[pl.DataFrame | None, ImportSummary]:
    """Stored and new rows together, or ``None`` if the new ones change nothing."""
    import polars as pl

    rows = new.drop("row")
    if stored is None:
        return rows, ImportSummary(rows_new=rows.height)
    if key.is_book:
        return merged_events(new, stored, key, source, replace=replace)
    if key.kind == "bars":
        return _merged_bars(new, stored, key, source, replace=replace)
    if replace:
        kept = stored.join(rows, on="ts_event", how="anti")
        merged = _in_order(pl.concat([kept, rows]))
        if merged.equals(stored):
            return None, ImportSummary(rows_known=rows.height)
        gone = stored.height - kept.height
        return merged, ImportSummary(rows_new=max(rows.height - gone, 0), rows_replaced=gone)
    # The n-th of equal rows at one time is known if the store has n of them.
    fresh = _numbered(rows).join(_numbered(stored), on=[*rows.columns, "_nth"], how="anti", nulls_equal=True)
    known = rows.height - fresh.height
    if not fresh.height:
        return None, ImportSummary(rows_known=known)
    return _in_order(pl.concat([stored, fresh.drop("_nth")])), ImportSummary(
        rows_new=fresh.height, rows_known=known
    )


def _merged_bars(
    new: pl.DataFrame, stored: pl.DataFrame, key: SeriesKey, source: str, *, replace: bool
) -> tuple[pl.DataFrame | None, ImportSummary]:
    import polars as pl

    names = [name for name in stored.columns if name != "ts_event"]
    both = new.join(stored, on="ts_event", how="inner", suffix="_stored", maintain_order="left")
    differs = [~pl.col(name).eq_missing(pl.col(name + "_stored")) for name in names]
    conflicts = both.filter(pl.any_horizontal(differs))
    if conflicts.height and not replace:
        first = conflicts.row(0, named=True)
        field = next(name for name in names if _differ(first[name], first[name + "_stored"]))
        raise DataError(
            f"{first['ts_event']} has {first[field]}, and the store's {key} has {first[field + '_stored']}.",
            source=source,
            row=first["row"],
            field=field,
            value=first[field],
            remedy="If the new values are right, import with replace=True.",
        )
    counts = ImportSummary(
        rows_new=new.height - both.height,
        rows_known=both.height - conflicts.height,
        rows_replaced=conflicts.height,
    )
    if not counts.rows_new and not counts.rows_replaced:
        return None, counts
    kept = stored.join(new, on="ts_event", how="anti")
    return pl.concat([kept, new.drop("row")]).sort("ts_event"), counts


def _differ(new: Any, stored: Any) -> bool:
    return new != stored and not (new != new and stored != stored)


def _numbered(rows: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return rows.with_columns(pl.int_range(pl.len()).over(rows.columns).alias("_nth"))


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort("ts_recv", "ts_event", maintain_order=True)
