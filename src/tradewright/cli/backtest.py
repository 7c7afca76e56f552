"""``tradewright backtest CONFIG.toml``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.cli import console

if TYPE_CHECKING:
    import argparse

HELP = "run the policies of a configuration over recorded data"
DESCRIPTION = """\
Runs the policies of a configuration over recorded data and prints the summary.
Orders meet the simulated venue of its [venue] section: spread, impact, fees and latency."""
EPILOG = """\
examples:
  tradewright backtest my_idea.toml
  tradewright backtest my_idea.toml --out runs/my_idea        keeps everything, and report.html
  tradewright backtest my_idea.toml --set policies[0].window=50 --set risk.drawdown_max=0.1
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
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from tradewright import config, loading

    loaded = config.load(args.config, overrides=args.set)
    folder = console.run_folder(args.out) if args.out else None
    with console.progress("backtest", quiet=args.json) as progress:
        result = loading.backtest(loaded, progress=progress, out=folder)
    if folder is not None:
        result.report(folder / "report.html")
    console.say(result.to_json() if args.json else str(result))
    if folder is not None:
        console.note(f"wrote {folder}; open {folder / 'report.html'}")
    return 0
