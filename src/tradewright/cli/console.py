"""What the commands print: text on stdout, progress and notes on stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tradewright.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

KINDS = ("bars", "quotes", "trades", "book_l2", "book_l3")
"""What ``--kind`` chooses from."""


def say(text: str = "") -> None:
    """One or more lines on stdout."""
    print(text)


def note(text: str) -> None:
    """One line on stderr: what goes on, not what came out."""
    print(text, file=sys.stderr)


@contextlib.contextmanager
def progress(label: str, *, quiet: bool = False) -> Generator[Callable[[float], None] | None]:
    """A bar on a terminal's stderr; gives a function of the fraction done, or ``None`` where nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=1.0)
        yield lambda done: bar.update(task, completed=done)


def run_folder(path: str) -> Path:
    """A folder that a run may be written to: new, empty, or that of an earlier run.

    Raises:
        ConfigError: it holds something else, or cannot be written to.
    """
    from tradewright.research.folder import STAGING

    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise ConfigError("is a file.", source="--out", path=path, remedy="Name a folder.")
    # A run that was killed leaves its unfinished part.
    holds = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    if any(name != STAGING for name in holds) and not any(folder.rglob("run.json")):
        raise ConfigError(
            "holds files, and none of a run.",
            source="--out",
            path=path,
            remedy="Name a new folder, such as runs/demo.",
        )
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot be made: {error.strerror or error}."
        raise ConfigError(problem, source="--out", path=path, remedy="Name another folder.") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError("cannot be written to.", source="--out", path=path, remedy="Name another folder.")
    if is_new:  # A run that fails leaves none behind.
        folder.rmdir()
    return folder
