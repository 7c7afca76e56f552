"""``tradewright why RUN ORDER``: the whole story of one order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.cli import console

if TYPE_CHECKING:
    import argparse
    import datetime as dt
    from collections.abc import Iterable

    from tradewright.research.result import Result
    from tradewright.research.story import Line

HELP = "tell the whole story of one order"
DESCRIPTION = """\
Tells the story of one order from a run folder: what woke the policy and what it saw, what it intended, what
the risk gate said and why, and every report of the venue."""
EPILOG = """\
examples:
  tradewright backtest my_idea.toml --out runs/my_idea
  tradewright why runs/my_idea                 lists the last orders
  tradewright why runs/my_idea 4c1f-17         tells one; its number, 17, is enough"""

LISTED = 20


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("folder", metavar="RUN", help="run folder, written by `tradewright backtest --out`")
    parser.add_argument(
        "order", metavar="ORDER", nargs="?", help="order id, its number, or the beginning of its id"
    )
    parser.add_argument(
        "--last", metavar="N", type=int, default=LISTED, help=f"orders to list (default {LISTED})"
    )
    parser.add_argument("--json", action="store_true", help="print the lines, or the orders, as JSON")


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    import msgspec

    from tradewright.errors import ConfigError
    from tradewright.research.journal import Journal
    from tradewright.research.result import Result
    from tradewright.research.story import story

    if args.last < 1:
        raise ConfigError(f"{args.last} is not possible.", source="--last", remedy="Give 1 or more.")
    result = Result.load(args.folder)
    if args.order is None:
        if args.json:
            console.say(msgspec.json.encode(result.orders.tail(args.last).to_dicts()).decode())
        else:
            console.say(listing(result, last=args.last))
        return 0
    lines = story(result, args.order, Journal.of(args.folder))
    console.say(msgspec.json.encode(lines).decode() if args.json else text(lines))
    return 0


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
        rows.append(f"  {clock:12}  {line.label:9} {line.text}".rstrip())
    return "\n".join(rows)


def listing(result: Result, *, last: int = LISTED) -> str:
    """The last orders of a run, one a line."""
    from tradewright.research.story import order_text

    rows = [
        f"{row['order_id']}  {row['decided_at']:%Y-%m-%d %H:%M:%S}  {row['policy']}: {order_text(row)}; "
        + ": ".join(part for part in (row["status"], row["reason"]) if part)
        for row in result.orders.tail(last).iter_rows(named=True)
    ]
    head = f"{len(result.orders):,} orders" + (f", the last {last}:" if len(result.orders) > last else ":")
    return "\n".join([head, *rows]) if rows else "no orders"
