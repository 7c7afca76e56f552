"""Order of rows: times that go back, and times that repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tradewright.data.checks import Table
    from tradewright.data.options import ReadOptions


class Arranged(NamedTuple):
    """What putting rows in order took."""

    rows_moved: int
    rows_repeated: int


def arrange(table: Table, by: str, options: ReadOptions, *, unique: bool, is_dates: bool) -> Arranged:
    """Puts the rows of a table in the order of a column of times, as far as the options allow.

    Args:
        table: Changed in place.
        by: The column.
        options: ``sort`` and ``deduplicate``.
        unique: Whether a time may stand only once.
        is_dates: The column counts days, not nanoseconds; for messages.

    Raises:
        DataError: times that go back or repeat, and no option to mend it.
    """
    import polars as pl

    at = pl.col(by)
    moved = int(table.frame.select((at < at.cum_max().shift(1)).sum()).item())
    if moved and not options.sort:
        table.refuse(
            at < at.shift(1),
            by,
            "the time goes back: " + _said(by, is_dates),
            "Put rows in order with sort=True.",
        )
    if moved:
        table.frame = table.frame.sort(by, maintain_order=True)
    rows = table.frame.height
    if not unique:
        return Arranged(moved, 0)
    if options.deduplicate is True:
        values = [name for name in table.frame.columns if name != "row"]
        table.frame = table.frame.unique(subset=values, keep="first", maintain_order=True)
    elif options.deduplicate:
        table.frame = table.frame.unique(subset=[by], keep=options.deduplicate, maintain_order=True)
    remedy = (
        "Its values differ from the row before: say which to keep with deduplicate='first' or 'last'."
        if options.deduplicate
        else "Leave repeated rows out with deduplicate=True."
    )
    table.refuse(at == at.shift(1), by, "the time repeats: " + _said(by, is_dates), remedy)
    return Arranged(moved, rows - table.frame.height)


def _said(by: str, is_dates: bool) -> str:
    return f"{{{by}:{'day' if is_dates else 'time'}}}."
