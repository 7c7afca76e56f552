"""Two runs, two processes, other hash seeds and time zones: the same bytes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import sys
from dataclasses import dataclass
from pathlib import Path

import tradewright as tw
from tradewright import features as f
from tradewright.sim.config import LogNormal, SampledLatency
from tradewright.strategies import Momentum, Pairs


@dataclass
class Maker(tw.Policy):
    symbol: str

    def setup(self, ctx):
        self.fair = ctx.watch(f.ema(f.close(self.symbol), 5))
        ctx.wake(f.on_bar(self.symbol), f.on_report())

    def decide(self, market, portfolio):
        fair = market[self.fair]
        if fair != fair:
            return None
        return tw.TargetQuotes.around(
            market.instrument(self.symbol), bid=fair * 0.995, bid_size=1, ask=fair * 1.005, ask_size=1
        )


second = LogNormal(median_ns=10**9, sigma=1)
latency = SampledLatency(entry=second, response=second)
venue = tw.Venue(latency=latency, costs=tw.Costs(half_spread_min_bps=1, impact_base_bps=10))
result = tw.backtest(
    [Momentum("SPX"), Pairs("IXIC", "SPX", alpha=0.3), Maker("SPX"), Maker("IXIC")],
    [tw.data.sp500(), tw.data.nasdaq()],
    cash=1_000_000,
    venue=venue,
    risk=tw.Risk(position_max=60, per_policy={"Maker": tw.Limits(order_rate_max=50)}),
    seed=int(sys.argv[2]),
    out=sys.argv[1],
)
result.report(Path(sys.argv[1]) / "report.html")
print(result.digest())
"""

COMPARED = (
    "journal.bin",
    "report.html",
    "summary.json",
    "meta.json",
    "orders.parquet",
    "fills.parquet",
    "equity.parquet",
)


def run(folder: Path, hash_seed: str, zone: str, seed: int = 5) -> dict[str, str]:
    script = folder.with_suffix(".py")
    script.parent.mkdir(parents=True, exist_ok=True)
    # The policy's source is part of the fingerprint: the same file for all.
    script = folder.parent / "policy_script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), str(folder), str(seed)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in COMPARED}
    return {**found, "digest": done.stdout.strip()}


def test_processes_agree_to_the_byte(tmp_path: Path) -> None:
    first = run(tmp_path / "one", "0", "UTC")
    assert run(tmp_path / "two", "4711", "Asia/Kathmandu") == first
    assert run(tmp_path / "three", "99", "America/New_York") == first


def test_the_seed_matters(tmp_path: Path) -> None:
    first, other = run(tmp_path / "one", "0", "UTC"), run(tmp_path / "two", "0", "UTC", seed=6)
    assert first["journal.bin"] != other["journal.bin"]
    assert first["digest"] != other["digest"]
