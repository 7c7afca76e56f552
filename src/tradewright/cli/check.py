"""``tradewright check CONFIG.toml``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.cli import console

if TYPE_CHECKING:
    import argparse

HELP = "is a configuration valid, and do its policies look ahead?"
DESCRIPTION = """\
Checks a configuration, its policies and its data; then looks for lookahead: the run is repeated on data cut
off at several times, and up to each cut both runs must have decided the same."""
EPILOG = """\
examples:
  tradewright check my_idea.toml
  tradewright check my_idea.toml --cuts 64          looks at more places
  tradewright check my_idea.toml --config-only      runs nothing

What it cannot see: a policy that reads a file of the future by itself."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("config", metavar="CONFIG.toml", help="the configuration")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="change one value by its path"
    )
    parser.add_argument(
        "--cuts", type=int, default=16, metavar="N", help="how many times to cut at (default 16)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="chooses the times (default 0)")
    parser.add_argument("--config-only", action="store_true", help="do not run, only decode and construct")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    import msgspec

    from tradewright import config, loading
    from tradewright.errors import ConfigError
    from tradewright.research import lookahead

    if args.cuts < 1:
        raise ConfigError(f"{args.cuts} is not possible.", source="--cuts", remedy="Give 1 or more.")
    loaded = config.load(args.config, overrides=args.set)
    names = loading.names(loading.policies(loaded))
    loading.managers(loaded)
    if args.config_only:
        console.say(
            msgspec.json.encode({"config": loaded.name, "policies": names}).decode()
            if args.json
            else f"{loaded.name}: valid; {', '.join(names)}"
        )
        return 0
    if made := loading.exchanges(loaded):
        symbols = ", ".join(exchange.symbol for exchange in made)
        found = {"config": loaded.name, "policies": names, "exchanges": [one.symbol for one in made]}
        text = (
            f"{loaded.name}: valid; {', '.join(names)}\n"
            f"{symbols}: made while the policies trade, so there is no future to look into."
        )
        console.say(msgspec.json.encode(found).decode() if args.json else text)
        return 0
    data = loading.data(loaded)
    report = lookahead.check(
        loading.runner(loaded), lambda _: loading.policies(loaded), data, cuts=args.cuts, seed=args.seed
    )
    if args.json:
        found = {"config": loaded.name, "policies": names, "passed": report.passed, "lookahead": report}
        console.say(msgspec.json.encode(found).decode())
    else:
        console.say(f"{loaded.name}: valid; {', '.join(names)}")
        console.say(str(report))
    return 0 if report.passed else 1
