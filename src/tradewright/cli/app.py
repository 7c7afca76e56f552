"""The commands, their help, and how each error ends: 0 done, 1 failed, 2 wrong usage or configuration."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from tradewright.cli import backtest, check, check_data, demo, importing, new, store, why
from tradewright.errors import ConfigError, PolicyError, TradewrightError

if TYPE_CHECKING:
    from collections.abc import Sequence

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

DESCRIPTION = """\
Write a trading policy once: simulate it, and later paper trade and run it live.
This release backtests, on bars, quotes and order books."""

EPILOG = """\
start here:
  tradewright demo --out runs/demo           three strategies: two on twenty years of prices, a maker
  tradewright new my_idea                    a commented strategy, configuration and test
  tradewright check my_idea.toml             is it valid, and does it look ahead?
  tradewright backtest my_idea.toml --out runs/my_idea

`tradewright COMMAND --help` explains a command, with examples.
exit codes: 0 done, 1 the run or the check failed, 2 wrong usage or configuration."""


class Parser(argparse.ArgumentParser):
    """Shows the nearest command for a mistyped one."""

    def error(self, message: str) -> NoReturn:
        """Prints usage and message to stderr and exits with 2."""
        words = message.split("'")
        if message.startswith("argument COMMAND: invalid choice") and len(words) > 1:
            near = difflib.get_close_matches(words[1], COMMANDS, n=1)
            message = f"no command {words[1]!r}." + (f" Did you mean {near[0]!r}?" if near else "")
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"tradewright: {message}\n")


COMMANDS = {
    "demo": demo,
    "new": new,
    "check": check,
    "backtest": backtest,
    "why": why,
    "import": importing,
    "store": store,
    "check-data": check_data,
}


def build() -> Parser:
    """The parser of all commands."""
    common = Parser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of every error")
    parser = Parser(
        prog="tradewright",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.DESCRIPTION,
            epilog=module.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[common],
        )
        module.arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: Its words; those of the process where ``None``.

    Returns:
        The exit code.
    """
    parser = build()
    args = parser.parse_args(argv)
    if args.version:
        from importlib import metadata

        print(f"tradewright {metadata.version('tradewright')}")
        return DONE
    if args.command is None:
        parser.print_help()
        return USAGE
    try:
        return int(args.run(args))
    except TradewrightError as error:
        if args.debug:
            raise
        print(f"tradewright: {error}{_place(error)}", file=sys.stderr)
        return USAGE if isinstance(error, ConfigError) else FAILED
    except KeyboardInterrupt:
        print("tradewright: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader (head, less) left; nothing more can be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:  # such as a full disk; what is wrong with a file that we read says so itself
        if args.debug:
            raise
        place = "" if error.filename is None else f"{error.filename}: "
        print(f"tradewright: {place}{error.strerror or error}.", file=sys.stderr)
        return FAILED


def _place(error: TradewrightError) -> str:
    """Where a policy's own exception came from."""
    cause = error.__cause__
    if not isinstance(error, PolicyError) or cause is None or cause.__traceback__ is None:
        return ""
    import traceback

    frame = traceback.extract_tb(cause.__traceback__)[-1]
    return f"\n  in {frame.name}, {frame.filename}:{frame.lineno}\n  --debug shows the whole traceback"
