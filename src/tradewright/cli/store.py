"""``tradewright store STORE``: what it has; ``tradewright store STORE --remove SYMBOL``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.cli import console
from tradewright.errors import ConfigError, DataError, UnknownSymbolError

if TYPE_CHECKING:
    import argparse

    from tradewright.data import Store
    from tradewright.data.layout import SeriesKey

HELP = "list the series of a store, or remove one"
DESCRIPTION = """\
Lists the series of a store that `tradewright import` made: symbol, timeframe, kind and venue, rows and
period. With --remove it takes one series out, with all its rows."""
EPILOG = """\
examples:
  tradewright store data
  tradewright store data --remove AAPL
  tradewright store data --remove BTCUSDT --kind book_l2 --venue binance"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("store", metavar="STORE", help="folder of the store")
    parser.add_argument("--remove", metavar="SYMBOL", help="take this series out of the store")
    parser.add_argument(
        "--kind",
        choices=console.KINDS,
        help="which series of the symbol to remove, where it has several",
    )
    parser.add_argument("--timeframe", metavar="LENGTH", help="the same, such as 1m")
    parser.add_argument("--venue", metavar="NAME", help="the same")
    parser.add_argument("--json", action="store_true", help="print the series as JSON")


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from pathlib import Path

    import msgspec

    from tradewright.data import Store

    if not Path(args.store).is_dir():
        raise ConfigError("is no folder.", source="store", path=args.store, remedy="Name a store.")
    store = Store(args.store)
    if args.remove is not None:
        removed = _remove(store, args)
        console.say(msgspec.json.encode([removed]).decode() if args.json else f"removed {removed}")
        return 0
    if chosen := [f"--{name}" for name in ("kind", "timeframe", "venue") if getattr(args, name) is not None]:
        raise ConfigError("chooses what to remove.", source=chosen[0], remedy="Give --remove SYMBOL with it.")
    found = store.series()
    if args.json:
        console.say(msgspec.json.encode(found).decode())
        return 0
    for key in found:
        rows, first, last = _extent(store, key)
        console.say(f"{key}: {rows:,} rows, {first} to {last}")
    if not found:
        console.note(f"{args.store} has no series; `tradewright import` brings files into it.")
    return 0


def _extent(store: Store, key: SeriesKey) -> tuple[int, str, str]:
    import polars as pl

    rows = store.scan(key.symbol, key.kind, key.timeframe, key.venue)
    time = pl.col("ts_open" if key.kind == "bars" else "ts_event")
    count, first, last = (
        rows.select(pl.len(), time.min().alias("first"), time.max().alias("last")).collect().row(0)
    )
    return count, f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"


def _remove(store: Store, args: argparse.Namespace) -> SeriesKey:
    """Removes the one series that is meant."""
    known = [key for key in store.series() if key.symbol == args.remove]
    if not known:
        raise UnknownSymbolError(args.remove, store.symbols())
    meant = [
        key
        for key in known
        if all(getattr(args, name) in (None, getattr(key, name)) for name in ("kind", "timeframe", "venue"))
    ]
    if len(meant) != 1:
        raise DataError(
            f"{'several series are' if meant else 'no series is'} meant by {args.remove}.",
            source=args.store,
            remedy=f"There are: {'; '.join(map(str, known))}. Choose with --kind, --timeframe and --venue.",
        )
    (key,) = meant
    return store.remove(key.symbol, key.kind, key.timeframe, key.venue)
