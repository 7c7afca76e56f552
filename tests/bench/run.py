"""The benchmarks: our tasks and the peers' scripts in one run on one machine, one after another.

usage: run.py [--only b1 b2 …] [--runs N] [--rounds N] [--peers DIR] [--scripts DIR] [--data DIR]
              [--recording FILE] [--json OUT] [--markdown]

Each measurement is a fresh process. It does its work once cold, which is reported apart, then ``--runs``
times; ``--rounds`` repeats the whole sequence, so that ours and a peer's runs alternate. (The peers: vectorbt
is warmed up once, the floor once, backtesting.py and nautilus_trader have nothing to warm.) Figures are
medians of wall time and of CPU time, which leaves out the moments when another process held the core: the
verdicts go by it. Every run's fills and profit are compared with the reference; a measurement that differs
has failed: it is left out of the tables, and the exit code is 1.

The peers are found in virtual environments under ``--peers`` (``vectorbt``, ``backtesting``, ``nautilus``,
``lob``, ``hft``; or TRADEWRIGHT_BENCH_PEERS), their scripts under ``--scripts`` (or
TRADEWRIGHT_BENCH_SCRIPTS). What is missing is left out, and said. B3 needs hftbacktest's array of the
recorded feed, ``l2_raw.npy``, in ``--data``; where it is missing, hftbacktest makes it of ``--recording``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

Row = dict[str, Any]


class BenchError(Exception):
    """A measurement that failed or came to another result than the reference."""


@dataclass(frozen=True)
class Peer:
    """A peer's script: which virtual environment runs it, and what must come out.

    Attributes:
        environment: Folder under ``--peers``; empty for our own interpreter.
        script: File under ``--scripts``.
        options: Its arguments after the data's folder.
        name: The ``peer`` field of the line that it prints.
        fills: Fills that the reference has; a script that counts trades is compared by profit alone.
        pnl: Profit that the reference has.
        tolerance: How far it may be off: some peers sum floats, and miss the trade at one exact tie.
        book: Trades, volume and live orders that the reference has, where the task is an order book.
    """

    environment: str
    script: str
    options: tuple[str, ...]
    name: str
    fills: int | None
    pnl: float | None
    tolerance: float = 0.0
    book: tuple[int, int, int] | None = None


def _hft(depth: str, mode: str, fills: int, pnl: float) -> Peer:
    options = ("--depth", depth, "--mode", mode, "--runs", "7")
    return Peer("hft", "b3_hft.py", options, f"hftbacktest {depth} {mode}", fills, pnl, 5e-7)


PEERS = {
    "vectorbt": Peer("vectorbt", "b1_vectorbt.py", ("--runs", "7"), "vectorbt", None, -160_948.6086, 100.0),
    "backtesting": Peer(
        "backtesting", "b1_backtesting.py", ("--runs", "2"), "backtesting.py", None, -160_948.6086, 100.0
    ),
    "floor": Peer("", "b2_floor.py", ("--runs", "5"), "floor ema", 45_848, -462.45, 0.005),
    "nautilus": Peer(
        "nautilus",
        "b2_nautilus.py",
        ("--runs", "1", "--mode", "orders", "--no-analysis"),
        "nautilus_trader orders no-analysis",
        45_848,
        -462.45,
        0.005,
    ),
    "hft_roi": _hft("roivector", "mm", 388, -68.483073),
    "hft_hash": _hft("hashmap", "mm", 388, -68.483073),
    "hft_roi_elapse100": _hft("roivector", "elapse100", 0, 0.0),
    "hft_roi_elapse": _hft("roivector", "elapse_all", 0, 0.0),
    "hft_hash_elapse": _hft("hashmap", "elapse_all", 0, 0.0),
    "bourse": Peer(
        "lob",
        "b4_matching.py",
        ("--peer", "bourse", "--runs", "5"),
        "bourse",
        None,
        None,
        book=(393_172, 10_032_999, 2_567),
    ),
    "loop": Peer(
        "lob", "b4_matching.py", ("--peer", "nocall", "--runs", "5"), "nocall", None, None, book=(0, 0, 0)
    ),
}


@dataclass(frozen=True)
class Goal:
    """A line of the table: one of our measurements against a peer's, or against another of ours.

    Attributes:
        label: What the line is called.
        ours: Our task.
        against: A peer or another task, compared by rate per event.
        factor: Ours must be at least this many times as fast; below one, it may be slower.
    """

    label: str
    ours: str
    against: str
    factor: float


GROUPS: dict[str, tuple[str, ...]] = {
    "b1": ("b1_features", "vectorbt", "b1_trend", "b1_breakout", "b1_python", "backtesting"),
    "b2": ("b2_features", "b2_python", "floor", "nautilus"),
    "b3": (
        "b3_venue",
        "hft_roi",
        "b3_causal",
        "hft_hash",
        "b3_woken",
        "hft_roi_elapse100",
        "b3_books",
        "hft_roi_elapse",
        "hft_hash_elapse",
    ),
    "b4": ("b4_calls", "b4_batch", "bourse", "loop"),
    "growth": ("b1_features", "panel_aligned", "panel_shifted"),
    "policies": ("b1_features", "panel_aligned_each", "panel_shifted_each"),
    "start": (),
}
DEFAULT = ["b1", "b2", "b3", "b4", "growth", "start"]
"""What runs without ``--only``; ``policies`` runs the panel with a policy for each symbol."""

GOALS = (
    Goal("B1, features and crosses, to vectorbt warm", "b1_features", "vectorbt", 4),
    Goal("B1, features and crosses, to backtesting.py", "b1_features", "backtesting", 100),
    Goal("B1's bars, another strategy of like cost, to B1", "b1_trend", "b1_features", 0.75),
    Goal("B1, woken at every bar, averages in Python, to backtesting.py", "b1_python", "backtesting", 8),
    Goal("B2, features and crosses, to nautilus_trader with orders", "b2_features", "nautilus", 300),
    Goal("B2, woken at every quote, averages in Python, to the floor", "b2_python", "floor", 0.8),
    Goal("B3, maker, venue's clock, to hftbacktest's ROI vector", "b3_venue", "hft_roi", 1.5),
    Goal("B3, maker, causal clock, to hftbacktest's ROI vector", "b3_causal", "hft_roi", 1.5),
    Goal("B3, books without a policy, to hftbacktest's elapse", "b3_books", "hft_roi_elapse", 1.5),
    Goal("B4, a call an operation, to bourse", "b4_calls", "bourse", 3),
    Goal("B4, arrays in and fills out, to bourse", "b4_batch", "bourse", 12.5),
    Goal("500 symbols, aligned times, to one symbol", "panel_aligned", "b1_features", 1 / 1.5),
    Goal("500 symbols, shifted times, to one symbol", "panel_shifted", "b1_features", 1 / 3),
    Goal("500 symbols, aligned, a policy each, to one symbol", "panel_aligned_each", "b1_features", 1 / 1.5),
    Goal("500 symbols, shifted, a policy each, to one symbol", "panel_shifted_each", "b1_features", 1 / 3),
)
MEMORY_MB = 250
RUNS_FOR_FASTEST = 5
"""The fastest of fewer runs says little about what a side can do."""
FEED = "l2_raw.npy"
"""B3's feed as hftbacktest reads it."""
START_S = {"import tradewright": 0.150, "tradewright --help": 0.250}


@dataclass
class Measured:
    """All runs of one measurement.

    Attributes:
        events: Events in a run.
        seconds: Wall time of each warm run.
        cpu_seconds: CPU time of each.
        cold_s: Wall time of the first run of each process, where it is measured.
        peak_rss_mb: The most memory of any process, MiB.
        loads: Load average at the end of each process.
    """

    events: int
    seconds: list[float] = field(default_factory=list[float])
    cpu_seconds: list[float] = field(default_factory=list[float])
    cold_s: list[float] = field(default_factory=list[float])
    peak_rss_mb: float = 0.0
    loads: list[float] = field(default_factory=list[float])

    def add(self, row: Row) -> None:
        """Takes in what one process printed."""
        self.seconds += row["seconds"]
        self.cpu_seconds += row["cpu_seconds"]
        cold = row.get("cold_s", row.get("cold_first_run_s"))
        if cold is not None:
            self.cold_s.append(cold)
        self.peak_rss_mb = max(self.peak_rss_mb, row["peak_rss_mb"])
        self.loads.append(row["load1"])

    def rate(self, *, cpu: bool) -> float:
        """Events a second at the median."""
        return self.events / statistics.median(self.cpu_seconds if cpu else self.seconds)

    def fastest(self) -> float:
        """Events a second in the run of least CPU time: other work on a machine only ever slows one down."""
        return self.events / min(self.cpu_seconds)


def _lines(command: Sequence[str | Path], folder: Path | None = None) -> list[Row]:
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise BenchError(f"{' '.join(map(str, command))}\n{finished.stderr.strip()}")
    return [json.loads(line) for line in finished.stdout.splitlines() if line.startswith("{")]


def run_ours(task: str, data: Path, runs: int) -> Row:
    """One of our tasks in a process of its own; the process checks its results."""
    return _lines([sys.executable, HERE / "bench_tasks.py", task, data, "--runs", str(runs)])[0]


def run_peer(peer: Peer, peers: Path | None, scripts: Path, data: Path) -> Row | None:
    """A peer's script in a process of its own; ``None`` where it is not installed.

    Raises:
        BenchError: It failed, or came to another result.
    """
    if peer.environment:
        python = None if peers is None else peers / peer.environment / "bin" / "python"
        if python is None or not python.exists():
            return None
    else:
        python = Path(sys.executable)
    if not (scripts / peer.script).is_file():
        return None
    command: list[str | Path] = [python, "-B", scripts / peer.script, data, *peer.options]
    row = next(row for row in _lines(command, scripts) if row["peer"] == peer.name)
    result = row["result"]
    if peer.book is not None and tuple(result["trades_volume_live"]) != peer.book:
        raise BenchError(f"{peer.name}: {result['trades_volume_live']}; the reference has {peer.book}.")
    fills, pnl = result.get("fills"), result.get("pnl")
    # vectorbt and backtesting.py trade once more or less at the tie, by their running sums.
    if peer.fills is not None and fills != peer.fills:
        raise BenchError(f"{peer.name}: {fills} fills; the reference has {peer.fills}.")
    if peer.pnl is not None and (pnl is None or abs(pnl - peer.pnl) > peer.tolerance):
        raise BenchError(f"{peer.name}: profit {pnl}; the reference has {peer.pnl}.")
    return row


def prepare_feed(given: argparse.Namespace) -> None:
    """Has hftbacktest make B3's array of the recording, once.

    Raises:
        BenchError: Its converter failed.
    """
    array, script = given.data / FEED, given.scripts / "b3_convert.py"
    python = None if given.peers is None else given.peers / "hft" / "bin" / "python"
    if array.is_file() or given.recording is None or python is None:
        return
    if python.exists() and script.is_file() and given.recording.is_file():
        _say("b3: hftbacktest converts the recording")
        _lines([python, "-B", script, given.recording, given.data], given.scripts)


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_start(times: int) -> dict[str, Measured]:
    """Whole processes, start to exit: a bare interpreter, our import, our command line's help."""
    script = Path(sys.executable).with_name("tradewright")
    commands: dict[str, list[str | Path]] = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import tradewright": [sys.executable, "-c", "import tradewright"],
        "tradewright --help": [script, "--help"],
    }
    measured = {name: Measured(events=1) for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            cpu, wall = _children_cpu_s(), time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            measured[name].seconds.append(time.perf_counter() - wall)
            measured[name].cpu_seconds.append(_children_cpu_s() - cpu)
            measured[name].loads.append(os.getloadavg()[0])
    return measured


def measure(given: argparse.Namespace) -> tuple[dict[str, Measured], list[str]]:
    """Everything that was asked for, by name, and what failed: one failure leaves the rest standing."""
    failures: list[str] = []
    names = list(dict.fromkeys(name for group in given.only for name in GROUPS[group]))
    _lines([sys.executable, HERE / "bench_tasks.py", "prepare", given.data])
    if "b3" in given.only:
        try:
            prepare_feed(given)
        except BenchError as error:
            failures.append(f"b3: {error}")
        if not (given.data / FEED).is_file():
            _say(f"b3: no {FEED} in {given.data}, left out")
            names = [name for name in names if name not in GROUPS["b3"]]
    measured: dict[str, Measured] = {}
    for turn in range(given.rounds):
        for name in names:
            try:
                if name in PEERS:
                    row = run_peer(PEERS[name], given.peers, given.scripts, given.data)
                else:
                    row = run_ours(name, given.data, given.runs)
            except BenchError as error:
                failures.append(f"{name}: {error}")
                _say(f"failed: {failures[-1]}")
                continue
            if row is None:
                _say(f"{name}: not installed, left out")
                continue
            measured.setdefault(name, Measured(events=row["events"])).add(row)
            seconds, cpu = (statistics.median(row[key]) for key in ("seconds", "cpu_seconds"))
            _say(f"{turn + 1}/{given.rounds} {name}: {seconds:.4f} s, CPU {cpu:.4f} s, load {row['load1']}")
    if "start" in given.only:
        measured |= run_start(11)
    return measured, failures


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"| {' | '.join('---' for _ in head)} |",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def _verdict(met: bool) -> str:
    return "met" if met else "**missed**"


def goals(measured: dict[str, Measured]) -> list[list[str]]:
    """The lines of the table that have both of their sides."""
    lines: list[list[str]] = []
    for goal in GOALS:
        if goal.ours not in measured or goal.against not in measured:
            continue
        ours, other = measured[goal.ours], measured[goal.against]
        wall, cpu = (ours.rate(cpu=of) / other.rate(cpu=of) for of in (False, True))
        few = min(len(ours.seconds), len(other.seconds)) < RUNS_FOR_FASTEST
        fastest = "" if few else f"{ours.fastest() / other.fastest():.3g}"
        lines.append(
            [
                goal.label,
                f"{goal.factor:.3g}",
                f"{wall:.3g}",
                f"{cpu:.3g}",
                fastest,
                _verdict(cpu >= goal.factor),
            ]
        )
    for name in ("b2_features", "b2_python"):
        if name in measured:
            peak = measured[name].peak_rss_mb
            lines.append(
                [
                    f"memory, {name}",
                    f"< {MEMORY_MB} MiB",
                    f"{peak:.0f} MiB",
                    "",
                    "",
                    _verdict(peak < MEMORY_MB),
                ]
            )
    for name, most in START_S.items():
        if name in measured:
            wall, cpu = (statistics.median(of) for of in (measured[name].seconds, measured[name].cpu_seconds))
            lines.append(
                [
                    f"`{name}`",
                    f"< {most * 1e3:.0f} ms",
                    f"{wall * 1e3:.0f} ms",
                    f"{cpu * 1e3:.0f} ms",
                    "",
                    _verdict(cpu < most),
                ]
            )
    return lines


def markdown(measured: dict[str, Measured]) -> str:
    """Both tables: the goals, and what was measured for them."""
    rates: list[list[str]] = []
    for name, one in measured.items():
        wall, cpu = statistics.median(one.seconds), statistics.median(one.cpu_seconds)
        many = one.events > 1
        rates.append(
            [
                name,
                f"{one.events:,}" if many else "",
                f"{wall * 1e3:,.1f}",
                f"{cpu * 1e3:,.1f}",
                f"{one.rate(cpu=False) / 1e6:.3g}" if many else "",
                f"{one.rate(cpu=True) / 1e6:.3g}" if many else "",
                f"{statistics.median(one.cold_s) * 1e3:,.0f}" if one.cold_s else "",
                f"{one.peak_rss_mb:.0f}" if one.peak_rss_mb else "",
                str(len(one.seconds)),
            ]
        )
    loads = [load for one in measured.values() for load in one.loads]
    head = [
        "measurement",
        "events",
        "wall ms",
        "CPU ms",
        "M/s wall",
        "M/s CPU",
        "cold ms",
        "peak MiB",
        "runs",
    ]
    return "\n".join(
        [
            f"{machine()}; load average {min(loads):.1f} to {max(loads):.1f} meanwhile.",
            "",
            *_table(["task", "at least", "wall", "CPU", "fastest", ""], goals(measured)),
            "",
            *_table(head, rates),
        ]
    )


def machine() -> str:
    """Processor, cores, system and Python in words."""
    import platform

    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [
            line for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")
        ]
        cpu = models[0].partition(":")[2].strip() if models else cpu
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 1 where a measurement failed."""
    named = os.environ.get("TRADEWRIGHT_BENCH_PEERS")
    scripts = os.environ.get("TRADEWRIGHT_BENCH_SCRIPTS")
    parser = argparse.ArgumentParser(description="Benchmarks beside the peers, in one run.")
    parser.add_argument("--only", nargs="+", choices=list(GROUPS), default=DEFAULT, metavar="GROUP")
    parser.add_argument("--runs", type=int, default=7, help="warm runs in a process")
    parser.add_argument("--rounds", type=int, default=3, help="processes for each measurement")
    parser.add_argument("--peers", type=Path, default=None if named is None else Path(named))
    parser.add_argument(
        "--scripts", type=Path, default=Path(scripts) if scripts else ROOT.parent / "shared" / "bench"
    )
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "tradewright-bench")
    parser.add_argument("--recording", type=Path, help="B3's feed: the recorded USD-M BTCUSDT stream")
    parser.add_argument("--json", type=Path, help="write every run there")
    parser.add_argument("--markdown", action="store_true", help="print tables for docs/benchmarks.md")
    given = parser.parse_args(arguments)
    # The scripts run in their own folder.
    given.data, given.scripts = given.data.resolve(), given.scripts.resolve()
    given.recording = None if given.recording is None else given.recording.resolve()
    given.peers = None if given.peers is None else given.peers.absolute()
    measured, failures = measure(given)
    if given.json is not None:
        rows = {name: vars(one) for name, one in measured.items()}
        text = json.dumps(
            {"machine": machine(), "measured": rows, "goals": goals(measured), "failures": failures}, indent=1
        )
        given.json.write_text(text + "\n", encoding="utf-8")
    if given.markdown:
        print(markdown(measured))
    else:
        for label, factor, wall, cpu, verdict in goals(measured):
            print(f"{label:64} {factor:>9}  wall {wall:>8}  CPU {cpu:>8}  {verdict.strip('*')}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
