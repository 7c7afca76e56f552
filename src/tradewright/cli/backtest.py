"""``tradewright backtest CONFIG.toml``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.cli import console

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from tradewright.config import Loaded

HELP = "run the policies of a configuration over recorded data"
DESCRIPTION = """\
Runs the policies of a configuration over recorded data and prints the summary.
Orders meet the simulated venue of its [venue] section: spread, impact, fees and latency.

--compare-fills runs it once under each fill model that the data can tell apart (queue models on a book;
touch and displayed size on quotes; touch and path on bars) and prints one table. Where the rows differ
much, the result is mostly a guess about fills."""
EPILOG = """\
examples:
  tradewright backtest my_idea.toml
  tradewright backtest my_idea.toml --out runs/my_idea        keeps everything, and report.html
  tradewright backtest my_idea.toml --set policies[0].window=50 --set risk.drawdown_max=0.1
  tradewright backtest my_idea.toml --compare-fills           how much of it is the fill model?
  tradewright backtest my_idea.toml --json | jq .summary.sharpe

A run folder is what `tradewright why` reads."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "config", metavar="CONFIG.toml", help="the configuration; `tradewright new` writes a first one"
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="change one value by its path, such as risk.drawdown_max=0.1; may be repeated",
    )
    parser.add_argument("--out", metavar="DIR", help="write the run folder and report.html there")
    parser.add_argument(
        "--compare-fills", action="store_true", help="run it under several fill models, in one table"
    )
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from tradewright import config, loading

    loaded = config.load(args.config, overrides=args.set)
    folder = console.run_folder(args.out) if args.out else None
    if args.compare_fills:
        return compare_fills(loaded, folder, as_json=args.json)
    with console.progress("backtest", quiet=args.json) as progress:
        result = loading.backtest(loaded, progress=progress, out=folder)
    if folder is not None:
        result.report(folder / "report.html")
    console.say(result.to_json() if args.json else str(result))
    if folder is not None:
        console.note(f"wrote {folder}; open {folder / 'report.html'}")
    return 0


def compare_fills(loaded: Loaded, folder: Path | None, *, as_json: bool) -> int:
    """Runs the configuration under several fill models; a run folder each, and one report of all."""
    import msgspec

    from tradewright import fill_models
    from tradewright.research.compare import Comparison

    with console.progress("backtest", quiet=as_json) as progress:
        rows, results = fill_models.compare(loaded, progress=progress, out=folder)
    console.say(msgspec.json.encode(rows).decode() if as_json else fill_models.table(rows))
    if folder is not None:
        Comparison(results).report(folder / "report.html")
        console.note(f"wrote {folder}; open {folder / 'report.html'}")
    return 0
