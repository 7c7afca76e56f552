"""Every snippet of the README and the guides runs, in order, as it stands there.

A ``python`` snippet goes on where the one before it in the same file ended. A ``toml`` or ``python`` snippet
whose first line is a comment with a file's name is written to that file. A ``console`` snippet runs each of
its ``$ tradewright`` lines and must end with 0, unless ``[exit N]`` stands at the line's end.
``not-run`` after the language leaves a snippet out.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "IMPLEMENTATION_GUIDE.md",
    *sorted((ROOT / "docs" / "guides").glob("*.md")),
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
    session: list[str] = []
    ran = 0
    for snippet in snippets(document):
        if "not-run" in snippet.info:
            continue
        if snippet.file is not None:
            (tmp_path / snippet.file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / snippet.file).write_text(snippet.text, encoding="utf-8")
            ran += 1
        elif snippet.language == "python":
            # Blank lines before it give an error the line number that it has in the document.
            session.append("\n" * (snippet.line - 1) + snippet.text)
            ran += 1
        elif snippet.language == "console":
            flush(session, document, tmp_path)
            for line in snippet.text.splitlines():
                if line.startswith("$ tradewright"):
                    command(line.removeprefix("$ "), tmp_path)
                    ran += 1
    flush(session, document, tmp_path)
    assert ran, f"{document.name} has no snippet that runs"


def flush(session: list[str], document: Path, folder: Path) -> None:
    """Runs what has gathered in a fresh interpreter; earlier snippets again, as later ones stand on them."""
    if not session:
        return
    script = "\n".join(f"exec(compile({text!r}, {str(document)!r}, 'exec'), globals())" for text in session)
    file = folder / "_snippets.py"
    file.write_text(script, encoding="utf-8")
    run([sys.executable, "-W", "error", str(file)], folder, expected=0)


def command(line: str, folder: Path) -> None:
    expected = EXIT.search(line)
    words = shlex.split(EXIT.sub("", line))
    code = "import sys; from tradewright.cli import main; sys.exit(main())"
    run([sys.executable, "-c", code, *words[1:]], folder, expected=int(expected.group(1)) if expected else 0)


def run(arguments: list[str], folder: Path, expected: int) -> None:
    done = subprocess.run(
        arguments,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    shown = shlex.join(arguments[-3:])
    assert done.returncode == expected, (
        f"{shown}\nexit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    )
