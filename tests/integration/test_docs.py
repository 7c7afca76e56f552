"""Every snippet of the README and the guides runs, in order, as it stands there.

A ``python`` snippet goes on where the one before it in the same file ended. A ``toml`` or ``python`` snippet
whose first line is a comment with a file's name is written to that file. A ``console`` snippet runs each of
its ``$ tradewright`` lines and must end with 0, unless ``[exit N]`` stands at the line's end.
``not-run`` after the language leaves a snippet out.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "IMPLEMENTATION_GUIDE.md",
    *sorted((ROOT / "docs" / "guides").glob("*.md")),
    *sorted(
        page for page in (ROOT / "docs" / "concepts").glob("*.md") if "```python" in page.read_text("utf-8")
    ),
    ROOT / "docs" / "reference" / "configuration.md",
]
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"^# ([\w./-]+\.(?:py|toml))$")
EXIT = re.compile(r"\s*\[exit (\d+)\]\s*$")


@dataclass
class Snippet:
    language: str
    info: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        found = FILE_NAME.match(self.text.split("\n", 1)[0].strip())
        return found.group(1) if found else None


def snippets(document: Path) -> list[Snippet]:
    text = document.read_text(encoding="utf-8")
    return [
        Snippet(match[1], match[2], match[3], text.count("\n", 0, match.start()) + 2)
        for match in FENCE.finditer(text)
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_snippets_run(document: Path, tmp_path: Path) -> None:
    ran = 0
    with Interpreter(document, tmp_path) as interpreter:
        for snippet in snippets(document):
            if "not-run" in snippet.info:
                continue
            if snippet.file is not None:
                (tmp_path / snippet.file).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / snippet.file).write_text(snippet.text, encoding="utf-8")
                ran += 1
            elif snippet.language == "python":
                interpreter.run(snippet)
                ran += 1
            elif snippet.language == "console":
                for line in snippet.text.splitlines():
                    if line.startswith("$ tradewright"):
                        command(line.removeprefix("$ "), tmp_path)
                        ran += 1
    assert ran, f"{document.name} has no snippet that runs"


@pytest.mark.parametrize("text", ["x = 1 / 0", "import warnings; warnings.warn('no')", "raise SystemExit(0)"])
def test_a_snippet_that_fails_is_found(text: str, tmp_path: Path) -> None:
    with Interpreter(ROOT / "README.md", tmp_path) as interpreter:
        interpreter.run(Snippet("python", "", "x = 1", 3))
        with pytest.raises(AssertionError, match=r"README\.md:7"):
            interpreter.run(Snippet("python", "", text, 7))


# Runs the snippets that come as lines of JSON, and answers each with a line: "" or what went wrong.
SERVE = """
import json, sys, traceback
answers, sys.stdout = sys.stdout, open("_printed.txt", "w", encoding="utf-8")
names = {"__name__": "__main__"}
for line in sys.stdin:
    text, file = json.loads(line)
    try:
        exec(compile(text, file, "exec"), names)
        wrong = ""
    except BaseException:
        wrong = traceback.format_exc()
    print(json.dumps(wrong), file=answers, flush=True)
"""


class Interpreter:
    """A fresh Python in a folder, which keeps its names from one snippet to the next."""

    def __init__(self, document: Path, folder: Path) -> None:
        self._document = document
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", SERVE],
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=60)

    def run(self, snippet: Snippet) -> None:
        """Runs one snippet, or fails with its traceback."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Blank lines before it give an error the line number that it has in the document.
        text = "\n" * (snippet.line - 1) + snippet.text
        self._process.stdin.write(json.dumps([text, str(self._document)]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        where = f"{self._document.name}:{snippet.line}"
        assert answer, f"{where}: the interpreter ended"
        wrong: str = json.loads(answer)
        assert not wrong, f"{where}\n{wrong}"


def command(line: str, folder: Path) -> None:
    expected = EXIT.search(line)
    words = shlex.split(EXIT.sub("", line))
    code = "import sys; from tradewright.cli import main; sys.exit(main())"
    run([sys.executable, "-c", code, *words[1:]], folder, expected=int(expected.group(1)) if expected else 0)


def run(arguments: list[str], folder: Path, expected: int) -> None:
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    shown = shlex.join(arguments[-3:])
    assert done.returncode == expected, (
        f"{shown}\nexit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    )


def environment(folder: Path) -> dict[str, str]:
    """The environment of a user who works in the folder."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
