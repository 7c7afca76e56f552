"""Documents point at what is there: files by their links, functions by their names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "IMPLEMENTATION_GUIDE.md",
    ROOT / "examples" / "README.md",
    *sorted(DOCS.rglob("*.md")),
]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
KERNEL = ROOT / "src" / "tradewright-rs" / "kernel" / "src"


def targets(page: Path) -> list[Path]:
    """Files that a page links to; code does not count."""
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = [link.partition("#")[0] for link in LINK.findall(text) if "://" not in link]
    return [(page.parent / link).resolve() for link in links if link]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    missing = [str(target) for target in targets(page) if not target.exists()]
    assert not missing


def test_the_index_leads_to_every_page() -> None:
    known = set(targets(DOCS / "index.md"))
    lost = [
        str(page.relative_to(ROOT)) for page in DOCS.rglob("*.md") if page not in known | {DOCS / "index.md"}
    ]
    assert not lost


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(page.name.split("-")[0]) for page in sorted((DOCS / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_an_event_travels_through_six_files_whose_functions_are_there() -> None:
    text = (DOCS / "concepts" / "steps.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|[ \d]*\| `([\w/]+\.rs)` \| `(\w+)` \|", text, re.MULTILINE)
    assert len(rows) == 14
    assert len({file for file, _ in rows}) == 6
    for file, function in rows:
        assert re.search(rf"fn {function}\b", (KERNEL / file).read_text(encoding="utf-8")), (file, function)


def test_the_loop_calls_what_the_page_says_in_its_order() -> None:
    page = (DOCS / "concepts" / "steps.md").read_text(encoding="utf-8")
    quoted = page.split("```rust")[1].split("```")[0]
    calls = re.findall(r"\b(?:(?:feed|venue|kernel)\.\w+|send)\(", quoted)
    loop = (KERNEL / "backtest.rs").read_text(encoding="utf-8").split("let has_records")[1]
    at = 0
    for call in calls:
        at = loop.index(call, at) + 1  # raises where the order is another
