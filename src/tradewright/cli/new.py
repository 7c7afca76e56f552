"""``tradewright new NAME``: a strategy, its configuration and its test."""

from __future__ import annotations

import keyword
from pathlib import Path
from typing import TYPE_CHECKING

from tradewright.cli import console
from tradewright.errors import ConfigError

if TYPE_CHECKING:
    import argparse

HELP = "write a commented strategy, its configuration and its test"
DESCRIPTION = """\
Writes three files that work as they are: NAME.py, a commented strategy; NAME.toml, its configuration; and
test_NAME.py, its test. Nothing that exists is overwritten."""
EPILOG = """\
examples:
  tradewright new my_idea
  tradewright check my_idea.toml
  tradewright backtest my_idea.toml --out runs/my_idea
  python -m pytest test_my_idea.py"""

FILES = {"strategy.py.txt": "{name}.py", "config.toml.txt": "{name}.toml", "test.py.txt": "test_{name}.py"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="of the strategy, such as my_idea")
    parser.add_argument("--dir", metavar="DIR", default=".", help="where to write (default: here)")


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    written = create(args.name, Path(args.dir))
    name = written[0].stem
    prefix = "" if args.dir == "." else f"{args.dir.rstrip('/')}/"
    console.say("\n".join(f"wrote {path}" for path in written))
    console.say(f"next: tradewright check {prefix}{name}.toml")
    console.say(f"      tradewright backtest {prefix}{name}.toml --out runs/{name}")
    console.say(f"      python -m pytest {prefix}test_{name}.py")
    return 0


def create(name: str, folder: Path) -> list[Path]:
    """Writes strategy, configuration and test, in this order; all or none.

    Raises:
        ConfigError: a name that no module can have or that another module has, or a file that exists.
    """
    from importlib import resources, util

    module = name.strip().replace("-", "_").replace(" ", "_").lower()
    if not module.isidentifier() or keyword.iskeyword(module):
        raise ConfigError(
            f"{name!r} cannot name a module.", source="new", remedy="Use letters, digits and _."
        )
    if util.find_spec(module) is not None and not (folder / f"{module}.py").exists():
        raise ConfigError(f"{module!r} is an installed module.", source="new", remedy=f"Try {module}_policy.")
    targets = {template: folder / target.format(name=module) for template, target in FILES.items()}
    for target in targets.values():
        if target.exists():
            raise ConfigError("exists already.", source=str(target), remedy="Choose another name or --dir.")
    class_name = "".join(part.capitalize() for part in module.split("_")) or module
    templates = resources.files("tradewright.cli") / "templates"
    texts = {
        target: (templates / template).read_text(encoding="utf-8").format(name=module, class_name=class_name)
        for template, target in targets.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    for target, text in texts.items():
        target.write_text(text, encoding="utf-8")
    return list(texts)
