"""``tradewright import SOURCE FILES… --store DIR``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewright.cli import console
from tradewright.errors import ConfigError, DataError

if TYPE_CHECKING:
    import argparse

    from tradewright.data import ImportSummary

HELP = "bring recorded files into a Parquet store"
DESCRIPTION = """\
Reads recorded files, checks every row, and keeps them in a Parquet store, by venue, instrument and kind.
Importing the same file again changes nothing; a file with more rows adds them. A bad row refuses the
whole import and says which file, row and field, and why."""
EPILOG = """\
sources:
  csv       text files with a header, compressed or not; columns are recognised by their usual names
  parquet   Parquet files
  yahoo     Yahoo Finance downloads
  histdata  HistData.com ticks and minutes
  binance, bybit, hyperliquid   recorded streams: books, quotes, trades
  databento                     DBN files: mbo, mbp-1, mbp-10, trades
  lobster                       message files, with the order-book file beside them
  polymarket, kalshi            recorded books or best prices, trades

examples:
  tradewright import csv AAPL.csv MSFT.csv --store data --calendar XNYS
  tradewright import csv spy_1min.csv.gz --store data --symbol SPY --label open --tz America/New_York
  tradewright import csv odd.csv --store data --column close="Last Price" --column volume=Units
  tradewright import binance btcusdt_20240808.gz --store data --clock-offset estimate
  tradewright import lobster AAPL_2012-06-21_34200000_57600000_message_10.csv --store data"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("source", metavar="SOURCE", help="kind of files; see below")
    parser.add_argument("files", metavar="FILE", nargs="+", help="files, one instrument each")
    parser.add_argument("--store", metavar="DIR", required=True, help="folder of the store; made if missing")
    parser.add_argument(
        "--symbol",
        metavar="NAME",
        action="append",
        help="symbol of the file; repeat it for several files, in their order (default: each file's name up "
        "to its first dot)",
    )
    parser.add_argument("--venue", metavar="NAME", help="where the instruments trade")
    parser.add_argument(
        "--kind",
        choices=console.KINDS,
        help="what to take; else all of a recording, and bars of other files",
    )
    parser.add_argument("--tz", metavar="ZONE", help="time zone of date-times that carry none")
    parser.add_argument("--label", choices=("open", "close"), help="which end of an intraday bar its time is")
    parser.add_argument("--timeframe", metavar="LENGTH", help="of a bar, such as 1m; else inferred")
    parser.add_argument("--calendar", metavar="NAME", help="whose sessions plain dates are, such as XNYS")
    parser.add_argument(
        "--adjusted",
        choices=("none", "splits", "all"),
        default="none",
        help="what the prices are adjusted for",
    )
    parser.add_argument("--time-format", metavar="FORM", help="of times, such as '%%d.%%m.%%Y %%H:%%M'")
    parser.add_argument("--time-unit", choices=("s", "ms", "us", "ns"), help="of times that are numbers")
    parser.add_argument(
        "--column", metavar="FIELD=NAME", action="append", default=[], help="the file's own name of a field"
    )
    parser.add_argument(
        "--drop-empty", action="store_true", help="leave out empty rows, counted, instead of refusing"
    )
    parser.add_argument(
        "--drop-non-sessions",
        action="store_true",
        help="leave out dates that are no session of the calendar, counted, instead of refusing",
    )
    parser.add_argument("--allow-negative", action="store_true", help="take zero and negative prices")
    parser.add_argument("--separator", metavar="MARK", help="what stands between fields; else found")
    parser.add_argument(
        "--sort", action="store_true", help="put rows in the order of time instead of refusing"
    )
    parser.add_argument("--allow-crossed", action="store_true", help="take quotes whose bid is above the ask")
    parser.add_argument(
        "--clock-offset",
        choices=("estimate",),
        help="shift receive times that are before the venue's, so that the smallest latency is zero",
    )
    parser.add_argument(
        "--opening-book", metavar="FILE", help="LOBSTER's order-book file; else the one beside the messages"
    )
    parser.add_argument("--deduplicate", action="store_true", help="leave out repeated equal rows")
    parser.add_argument("--replace", action="store_true", help="let new values replace those the store has")
    parser.add_argument("--json", action="store_true", help="print what was imported as JSON")


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    import msgspec

    from tradewright.data import IMPORTERS, Store
    from tradewright.data.options import read_options as check_options
    from tradewright.decoding import nearest

    if args.source not in IMPORTERS:
        raise ConfigError(
            f"no source {args.source!r}.", source="import", remedy=nearest(args.source, IMPORTERS)
        )
    files = [Path(file) for file in args.files]
    for file in files:
        if not file.is_file():
            raise ConfigError("no such file.", source="import", path=str(file))
    symbols: list[str] | None = args.symbol
    if symbols is not None and len(symbols) != len(files):
        raise ConfigError(
            f"{len(symbols)} names for {len(files)} files.",
            source="--symbol",
            remedy="Give --symbol once for each file, in their order, or leave it out: then a file's name up "
            "to its first dot is its symbol.",
        )
    options = read_options(args)
    try:
        check_options(options)
    except ValueError as error:
        raise ConfigError(str(error), source="import") from None
    # Told at the end: while one file may still be refused, none is in the store.
    done: list[tuple[Path, ImportSummary]] = []
    with console.progress("import", quiet=args.json) as progress:

        def on_file(file: Path, summary: ImportSummary) -> None:
            done.append((file, summary))
            if progress is not None:
                progress(len(done) / len(files))

        try:
            total = Store(args.store).import_files(
                args.source,
                files,
                symbol=symbols,
                kind=args.kind,
                venue=args.venue,
                replace=args.replace,
                on_file=on_file,
                **options,
            )
        except DataError as error:
            raise in_own_words(error) from error
    if not args.json:
        for file, summary in done:
            console.say(f"{file}: {described(summary)}")
    if args.json:
        console.say(msgspec.json.encode(total).decode())
    elif len(files) > 1:
        console.say(f"{len(files)} files: {described(total)}")
    return 0


OPTIONS = (
    *("tz", "label", "timeframe", "calendar", "adjusted", "time_format", "time_unit", "drop_empty"),
    *("drop_non_sessions", "allow_negative", "separator", "sort", "deduplicate", "allow_crossed"),
    *("clock_offset", "opening_book"),
)
"""Reading options that are options of the command too, with dashes in place of underscores."""


def in_own_words(error: DataError) -> DataError:
    """The error with options as the command line has them: ``--tz UTC`` for ``tz='UTC'``."""
    texts = [error.problem, error.remedy]
    for at, text in enumerate(texts):
        # Where the option stands in brackets behind the keyword, it is enough.
        said = re.sub(r"\b\w+=\S* \((--[^)]+)\)", r"\1", text)
        said = re.sub(r"\bcolumns=\{([^}]*)\}", lambda found: _columns(found[1]), said)
        names = "|".join((*OPTIONS, "symbol", "venue", "kind", "replace"))
        texts[at] = re.sub(rf"\b({names})=('[^']*'|\"[^\"]*\"|True|…)?", _option, said)
    return DataError(
        texts[0], source=error.source, row=error.row, field=error.field, value=error.value, remedy=texts[1]
    )


def _option(found: re.Match[str]) -> str:
    value = (found[2] or "").strip("'\"")
    name = f"--{found[1].replace('_', '-')}"
    if value in ("", "True", "…"):
        return name
    return f"{name} {value!r}" if " " in value or "%" in value else f"{name} {value}"


def _columns(pairs: str) -> str:
    """A mapping of fields as the options that say it."""
    found = re.findall(r"'([^']*)': ('[^']*'|\"[^\"]*\"|…)", pairs)
    return " ".join(
        f"--column {field}={name if ' ' not in name else name.replace(chr(39), chr(34))}".replace("'", "")
        for field, name in found
    )


def described(summary: ImportSummary) -> str:
    """What an import did, in one line."""
    parts = [f"{summary.rows_new:,} new rows"]
    for count, text in (
        (summary.rows_known, "known already"),
        (summary.rows_replaced, "replaced"),
        (summary.rows_dropped, "left out as told"),
    ):
        if count:
            parts.append(f"{count:,} {text}")
    if summary.price_shift_max:
        parts.append(f"prices rounded by at most {summary.price_shift_max:g}")
    shown = ", ".join(summary.symbols[:4]) + (", …" if len(summary.symbols) > 4 else "")
    return f"{shown}: {', '.join(parts)}"


def read_options(args: argparse.Namespace) -> dict[str, Any]:
    """Options of the reader that were given, by name."""
    options: dict[str, Any] = {name: getattr(args, name) for name in OPTIONS}
    columns: dict[str, str] = {}
    for one in args.column:
        field, equals, name = one.partition("=")
        if not equals or not field or not name:
            raise ConfigError(f"{one!r} maps nothing.", source="--column", remedy='Write close="Last Price".')
        columns[field] = name
    if columns:
        options["columns"] = columns
    return {name: value for name, value in options.items() if value not in (None, False)}
