"""Events of a book into a store: a recording is a run of events whose order counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.data.importing import ImportSummary
from tradewright.errors import DataError

if TYPE_CHECKING:
    import polars as pl

    from tradewright.data.layout import SeriesKey


def merged_events(
    new: pl.DataFrame, stored: pl.DataFrame, key: SeriesKey, source: str, *, replace: bool
) -> tuple[pl.DataFrame | None, ImportSummary]:
    """Stored and new events of one day together, or ``None`` if the new ones change nothing.

    Where both have events of one stretch of time, those of one have to begin with, end with or contain those
    of the other, event by event. Anything else is another recording of the same hours, and no series.

    Args:
        new: Columns ``row`` and those of the store, in the order of ``ts_recv``.
        stored: What the store has of that day.
        key: The series; for messages.
        source: For messages.
        replace: Let the new events replace those stored between their first and last times.

    Raises:
        DataError: events that contradict stored ones.
    """
    import polars as pl

    rows = new.drop("row")
    at = pl.col("ts_recv")
    first, last = rows["ts_recv"][0], rows["ts_recv"][-1]
    before, after = stored.filter(at < first), stored.filter(at > last)
    there = stored.filter((at >= first) & (at <= last))
    if replace:
        merged = pl.concat([before, rows, after])
        if merged.equals(stored):
            return None, ImportSummary(rows_known=rows.height)
        return merged, ImportSummary(
            rows_new=max(rows.height - there.height, 0), rows_replaced=min(there.height, rows.height)
        )
    if not there.height:
        return pl.concat([before, rows, after]), ImportSummary(rows_new=rows.height)
    # Where the stored events would begin among the new ones, and the new ones among the stored.
    skip_new = rows.filter(at < there["ts_recv"][0]).height
    common = min(rows.height - skip_new, there.height)
    mine, theirs = rows.slice(skip_new, common), there.head(common)
    if not mine.equals(theirs):
        differs = pl.any_horizontal(
            ~pl.col(name).eq_missing(pl.col(name + "_stored")) for name in rows.columns
        )
        both = mine.hstack(theirs.rename({name: name + "_stored" for name in rows.columns}))
        index = both.select(differs.arg_max()).item()
        raise DataError(
            f"the events from {mine['ts_recv'][index]} on are not those that the store's {key} has there.",
            source=source,
            row=int(new["row"][skip_new + index]),
            remedy="Two recordings of the same hours make no series: use another venue= or another store, "
            "or replace=True to keep the new one.",
        )
    fresh = rows.height - common
    if not fresh:
        return None, ImportSummary(rows_known=common)
    kept = rows if rows.height - skip_new >= there.height else pl.concat([rows.head(skip_new), there])
    return pl.concat([before, kept, after]), ImportSummary(rows_new=fresh, rows_known=common)
