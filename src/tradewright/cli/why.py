"""``tradewright why RUN ORDER``: the whole story of one order."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from tradewright.cli import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from tradewright.research.result import Result

HELP = "tell the whole story of one order"
DESCRIPTION = """\
Tells the story of one order from a run folder: who decided it and when, what was intended, what the risk gate
said and why, and every report of the venue."""
EPILOG = """\
examples:
  tradewright backtest my_idea.toml --out runs/my_idea
  tradewright why runs/my_idea                 lists the last orders
  tradewright why runs/my_idea 4c1f-17         tells one; the beginning of its id is enough"""

LISTED = 20


class Line(Struct, frozen=True):
    """One step of an order's story.

    Attributes:
        at: When; ``None`` where it belongs to the line above.
        label: ``decide``, ``intent``, a verdict, a report, or ``remedy``.
        text: What happened.
    """

    at: dt.datetime | None
    label: str
    text: str


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("folder", metavar="RUN", help="run folder, written by `tradewright backtest --out`")
    parser.add_argument("order", metavar="ORDER", nargs="?", help="order id, or its beginning")
    parser.add_argument("--json", action="store_true", help="print the lines as JSON")


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    import msgspec

    from tradewright.research.result import Result

    result = Result.load(args.folder)
    if args.order is None:
        console.say(listing(result))
        return 0
    lines = story(result, args.order)
    console.say(msgspec.json.encode(lines).decode() if args.json else text(lines))
    return 0


def story(result: Result, order_id: str) -> list[Line]:
    """The steps of one order, in the order they happened.

    Args:
        result: The run.
        order_id: The order's id, or a beginning that only it has.

    Raises:
        ConfigError: no such order, or several; the nearest are named.
    """
    import polars as pl

    from tradewright.research.reasons import remedy

    orders = result.orders
    order = orders.row(by_predicate=pl.col("order_id") == _find(orders["order_id"], order_id), named=True)
    decided, updated = cast("dt.datetime", order["decided_at"]), cast("dt.datetime", order["updated_at"])
    lines = [Line(decided, "decide", order["policy"])]
    if order["intent"]:
        lines.append(Line(decided, "intent", order["intent"]))
    lines.append(Line(decided, "order", _order(order)))
    fills = result.fills.filter(pl.col("order_id") == order["order_id"])
    lines.extend(Line(fill["ts_recv"], "fill", _fill(fill)) for fill in fills.iter_rows(named=True))
    why = ": ".join(part for part in (order["reason"], order["detail"]) if part)
    if order["status"] != "filled":
        lines.append(
            Line(updated, order["status"], why or f"{order['filled_size']:,} of {order['size']:,} traded")
        )
    if hint := remedy(order["reason"]):
        lines.append(Line(None, "remedy", hint))
    return lines


def text(lines: Iterable[Line]) -> str:
    """The story as aligned lines; the date stands where it changes."""
    rows: list[str] = []
    day: dt.date | None = None
    for line in lines:
        clock = ""
        if line.at is not None:
            if line.at.date() != day:
                day = line.at.date()
                rows.append(f"{day:%Y-%m-%d}")
            clock = f"{line.at:%H:%M:%S}.{line.at.microsecond // 1000:03d}"
        rows.append(f"  {clock:12}  {line.label:9} {line.text}")
    return "\n".join(rows)


def listing(result: Result) -> str:
    """The last orders of a run, one a line."""
    last = result.orders.tail(LISTED)
    rows = [
        f"{row['order_id']}  {row['decided_at']:%Y-%m-%d %H:%M:%S}  {row['policy']}: {_order(row)}; "
        + ": ".join(part for part in (row["status"], row["reason"]) if part)
        for row in last.iter_rows(named=True)
    ]
    head = f"{len(result.orders):,} orders" + (
        f", the last {LISTED}:" if len(result.orders) > LISTED else ":"
    )
    return "\n".join([head, *rows]) if rows else "no orders"


def _find(ids: Iterable[str], wanted: str) -> str:
    import difflib

    from tradewright.errors import ConfigError

    known = list(ids)
    found = [one for one in known if one.startswith(wanted)]
    if wanted in found or len(found) == 1:
        return wanted if wanted in found else found[0]
    if found:
        shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
        raise ConfigError(
            f"{len(found)} orders begin with {wanted!r}.", source="why", remedy=f"One of: {shown}"
        )
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0)
    remedy = f"Nearest: {', '.join(near)}." if near else "The run sent no order."
    raise ConfigError(f"no order {wanted!r}.", source="why", remedy=remedy)


def _order(order: dict[str, Any]) -> str:
    prices = [
        f" {word} {order[name]:,}"
        for name, word in (("price", "@"), ("stop_price", "stop"))
        if order[name] is not None
    ]
    return (
        f"{order['side']} {order['size']:,} {order['symbol']} {order['type']}{''.join(prices)} {order['tif']}"
    )


def _fill(fill: dict[str, Any]) -> str:
    return (
        f"{fill['side']} {fill['size']:,} @ {fill['price']:,} as {fill['liquidity']}, "
        f"fee {fill['fee']:,.2f} {fill['currency']}; position {fill['position']:,}"
    )
