"""Rules about the code itself: what may import what, who reads the clock, how long a file may be."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from tradewright import features
from tradewright.core.features import Node

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tradewright"
CRATES = ROOT / "src" / "tradewright-rs"

LINES_MAX = 500

# What each room may import from other rooms. Everything may import `errors` and the compiled core.
EVERYWHERE = {"errors", "_native"}
MATERIALS = {"core", "sim", "strategies", "data"}
TOP = {
    "arguments",
    "outcome",
    "simulation",
    "stepping",
    "config",
    "fingerprint",
    "fill_models",
    "loading",
    "decoding",
    "research",
    "live",
    "venues",
    *MATERIALS,
}
ROOT_ROOM = ""  # tradewright/__init__.py, which gathers the public names
BELOW: dict[str, set[str]] = {
    "errors": set(),
    "_native": set(),
    "core": set(),
    "decoding": set(),
    "sim": {"core"},
    "data": {"core"},
    "telemetry": {"core"},
    "strategies": {"core", ROOT_ROOM},  # as users write them: on the public names of the package
    "research": MATERIALS,
    "live": MATERIALS,
    "venues": MATERIALS,
    "arguments": TOP,
    "outcome": TOP,
    "simulation": TOP,
    "stepping": TOP,
    "config": TOP,
    "fingerprint": TOP,
    "fill_models": TOP,
    "loading": TOP | {ROOT_ROOM},
    "cli": TOP | {ROOT_ROOM},
    ROOT_ROOM: TOP,
}


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    """The folder right below the package, or the module that stands there itself."""
    first = path.relative_to(PACKAGE).parts[0]
    return ROOT_ROOM if first == "__init__.py" else first.removesuffix(".py")


def rooms_imported(path: Path) -> dict[str, int]:
    """Rooms that a module imports anywhere, inside functions too, and the line of each one's first import."""
    rooms: dict[str, int] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(PACKAGE.parent).parts[: -node.level] if node.level else ()
            module = ".".join([*package, *([node.module] if node.module else [])])
            # `from tradewright import core` imports the room, `from tradewright import Policy` the root.
            names = [f"{module}.{alias.name}" if module == "tradewright" else module for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "tradewright":
                room = parts[1] if len(parts) > 1 and parts[1] in ROOMS else ROOT_ROOM
                rooms.setdefault(room, node.lineno)
    return rooms


ROOMS = {room_of(path) for path in sources()} | set(BELOW)


def test_dependencies_point_one_way() -> None:
    wrong: list[str] = []
    for path in sources():
        room = room_of(path)
        assert room in BELOW, (
            f"{path.relative_to(ROOT)}: no rule says what {room!r} may import; add it to BELOW"
        )
        allowed = BELOW[room] | EVERYWHERE | {room}
        wrong += [
            f"{path.relative_to(ROOT)}:{line}: {room or 'the root'} must not import {other or 'the root'}"
            for other, line in rooms_imported(path).items()
            if other not in allowed
        ]
    assert not wrong, "\n".join(wrong)


def test_the_rule_sees_imports_inside_functions(tmp_path: Path) -> None:
    inside = PACKAGE / "core" / "imagined.py"
    text = "def late():\n    from tradewright.cli import main\n    import tradewright.data.store\n"
    original = Path.read_text

    def read_text(path: Path, encoding: str | None = None) -> str:
        return text if path == inside else original(path, encoding=encoding)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_text", read_text)
        assert rooms_imported(inside) == {"cli": 2, "data": 3}


CLOCK = re.compile(
    r"\btime\.(?:time|time_ns|localtime|gmtime|strftime)\(|\b(?:datetime|dt|date)\.(?:now|utcnow|today)\("
    r"|\bdatetime\.datetime\.(?:now|utcnow|today)\(|from time import .*\btime\b"
)
RUST_CLOCK = re.compile(r"SystemTime|Instant::now|chrono::|rand::thread_rng|HashMap<|HashSet<")


def test_one_module_at_most_reads_the_wall_clock() -> None:
    readers = [
        str(path.relative_to(ROOT)) for path in sources() if CLOCK.search(path.read_text(encoding="utf-8"))
    ]
    assert len(readers) <= 1, f"the wall clock is read in {readers}; pass the time in instead"


@pytest.mark.parametrize(
    ("line", "reads"),
    [
        ("now = time.time_ns()", True),
        ("dt.datetime.now(dt.UTC)", True),
        ("datetime.now()", True),
        ("started = time.perf_counter()", False),
        ("dt.datetime.fromtimestamp(0, dt.UTC)", False),
        ("market.now_ns", False),
    ],
)
def test_the_clock_rule_knows_a_clock(line: str, reads: bool) -> None:
    assert bool(CLOCK.search(line)) is reads


def test_the_kernel_has_no_clock_and_no_hash_order() -> None:
    for path in sorted((CRATES / "kernel" / "src").rglob("*.rs")):
        if "tests" in path.stem or "tests" in path.parent.name:
            continue
        tested = path.read_text(encoding="utf-8").split("#[cfg(test)]")[0]
        found = RUST_CLOCK.search(tested)
        assert found is None, f"{path.relative_to(ROOT)}: {found and found.group()} makes runs differ"


def test_no_type_error_is_silenced_wholesale() -> None:
    silenced = re.compile(
        r"#\s*type:\s*ignore|#\s*pyright:\s*ignore(?!\[)|#\s*pyright:\s*basic|#\s*noqa(?!:)"
    )
    for folder in ("src/tradewright", "examples", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                if path != Path(__file__):
                    assert not silenced.search(line), (
                        f"{path.relative_to(ROOT)}:{number}: say which rule, and why"
                    )


def test_no_file_grows_past_what_one_can_hold_in_the_head() -> None:
    for path in [*sources(), *sorted(CRATES.rglob("src/**/*.rs"))]:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines < LINES_MAX, f"{path.relative_to(ROOT)} has {lines} lines; split it by its nouns"


def test_the_kernel_does_not_know_python() -> None:
    manifest = (CRATES / "kernel" / "Cargo.toml").read_text(encoding="utf-8")
    assert "pyo3" not in manifest


def test_links_in_the_documents_lead_somewhere() -> None:
    link = re.compile(r"\[[^\]]+\]\(([^)#\s]+)(?:#[^)]*)?\)")
    documents = [
        *ROOT.glob("*.md"),
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "examples").glob("*.md")),
    ]
    for document in documents:
        for target in link.findall(document.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:"):
                assert (document.parent / target).exists(), f"{document.relative_to(ROOT)}: no {target}"


def test_each_feature_says_when_it_is_ready_and_what_it_samples() -> None:
    """`semantics.md` §2: NaN until ready is no use to who does not know when that is."""
    functions = inspect.getmembers(features, inspect.isfunction)
    nodes = [(name, one) for name, one in functions if one.__annotations__.get("return") in ("Node", Node)]
    assert len(nodes) > 50
    for name, one in nodes:
        words = (inspect.getdoc(one) or "").lower()
        assert "ready" in words or name == "constant", name
        assert "source" in words or name == "constant", name
