"""``tradewright check-data STORE``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.cli import console

if TYPE_CHECKING:
    import argparse

    from tradewright.data.quality import SeriesQuality

HELP = "what is wrong with the data of a store?"
DESCRIPTION = """\
Reads every series of a store and reports gaps, repeated rows, silence, outliers, receive times before the
venue's, crossed quotes and books, and events that contradict the book they change."""
EPILOG = """\
examples:
  tradewright check-data data
  tradewright check-data data --symbol BTCUSDT --stale-after 5s
  tradewright check-data data --json

exit codes: 0 nothing makes the data doubtful, 1 something does. Repeated quotes, trades and messages are
told, and pass: venues send them."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("store", metavar="STORE", help="folder of the store")
    parser.add_argument("--symbol", metavar="NAME", help="only this instrument")
    parser.add_argument(
        "--stale-after",
        metavar="LENGTH",
        default="60s",
        help="silence of quotes, trades and books that counts as stale (default 60s)",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from pathlib import Path

    import msgspec

    from tradewright.core.times import duration_ns
    from tradewright.data import Store
    from tradewright.data.quality import check_store
    from tradewright.errors import ConfigError

    if not Path(args.store).is_dir():
        raise ConfigError("is no folder.", source="check-data", path=args.store, remedy="Name a store.")
    try:
        duration_ns(args.stale_after, name="--stale-after")
    except ValueError as error:
        raise ConfigError(str(error), source="--stale-after") from None
    with console.progress("check", quiet=args.json) as progress:
        found = check_store(
            Store(args.store), symbol=args.symbol, stale_after=args.stale_after, progress=progress
        )
    passed = all(quality.passed for quality in found)
    if args.json:
        console.say(msgspec.json.encode({"passed": passed, "series": found}).decode())
    elif not found:
        console.say(f"{args.store}: no series")
    else:
        for line in table(found):
            console.say(line)
        faults = sum(finding.is_fault for quality in found for finding in quality.findings)
        console.say(
            f"{len(found)} series, {faults} kinds of faults" if faults else f"{len(found)} series, no fault"
        )
    return 0 if passed else 1


def table(found: list[SeriesQuality]) -> list[str]:
    """The findings as aligned lines: one a series, one a finding below it."""
    from tradewright.core.times import time_text

    lines: list[str] = []
    for quality in found:
        name = " ".join(word for word in (quality.symbol, quality.timeframe, quality.kind) if word)
        of = f" of {quality.venue}" if quality.venue else ""
        lines.append(
            f"{name}{of}: {quality.rows:,} rows, {time_text(quality.start_ns)} to {time_text(quality.end_ns)}"
        )
        if quality.latency_ms_min or quality.latency_ms_median or quality.clock_shift_ms:
            shifted = f", clock shifted by {quality.clock_shift_ms:,.3f} ms" if quality.clock_shift_ms else ""
            lines.append(
                f"  latency    at least {quality.latency_ms_min:,.3f} ms, "
                f"median {quality.latency_ms_median:,.3f} ms{shifted}"
            )
        for finding in quality.findings:
            mark = "" if finding.is_fault else " (no fault)"
            lines.append(
                f"  {finding.check:<14}{finding.count:>9,}  first {time_text(finding.first_ns)}; "
                f"worst: {finding.worst}{mark}"
            )
    return lines
