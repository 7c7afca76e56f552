"""Published numbers: each within its tolerance, and the page in the documents is what the command makes."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.linalg import spsolve

from tradewright.research.published import avellaneda_stoikov, flow, gueant_lehalle
from tradewright.research.published.page import SEED, page, sections

if TYPE_CHECKING:
    from tradewright.research.published.anchor import Anchor

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "published-numbers.md"
# A tenth of the page's paths: errors are 3.2 times as large, 0.1 on the means of about 68.
PATHS = 20_000


def rows(text: str) -> dict[tuple[str, str], list[str]]:
    """Cells of each row by section and quantity."""
    found: dict[tuple[str, str], list[str]] = {}
    title = ""
    for line in text.splitlines():
        if line.startswith("## "):
            title = line
        elif line.startswith("| ") and not line.startswith(("| quantity", "| ---")):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            found[title, cells[0].strip()] = cells
    return found


@pytest.fixture(scope="module")
def regenerated() -> list[tuple[str, Anchor]]:
    return [(section.title, anchor) for section in sections(PATHS, SEED) for anchor in section.anchors]


def test_each_number_is_met(regenerated: list[tuple[str, Anchor]]) -> None:
    assert len(regenerated) > 50
    for title, anchor in regenerated:
        allowance = 4 * (anchor.standard_error or 0.0)
        assert abs(anchor.ours - anchor.expected) <= anchor.tolerance + allowance, (title, anchor)


def test_the_page_is_what_the_command_makes(regenerated: list[tuple[str, Anchor]]) -> None:
    committed, again = rows(PAGE.read_text(encoding="utf-8")), rows(page(sections(200, SEED)))
    assert list(committed) == list(again)
    assert "missed" not in PAGE.read_text(encoding="utf-8")
    for title, anchor in regenerated:
        written = committed[f"## {title}", anchor.quantity]
        if anchor.standard_error is None:
            assert written == again[f"## {title}", anchor.quantity]
        else:
            # The page's own error is a third of this one's.
            assert abs(float(written[3]) - anchor.ours) <= 5 * anchor.standard_error + 10**-anchor.digits
            assert float(written[4]) < anchor.standard_error
            assert written[:3] == again[f"## {title}", anchor.quantity][:3]


def test_the_prose_of_the_page_is_what_the_command_makes() -> None:
    def prose(text: str) -> list[str]:
        return [line for line in text.replace("200,000", "N").splitlines() if not line.startswith("|")]

    made = page(sections(200, SEED)).replace(" 200 paths", " N paths").replace("200 simulated", "N simulated")
    assert prose(PAGE.read_text(encoding="utf-8")) == prose(made)


def test_the_command_writes_the_page_and_says_what_is_missed(tmp_path: Path) -> None:
    out = tmp_path / "page.md"
    command = [sys.executable, "-m", "tradewright.research.published", "--paths", "100", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # A hundred paths are too few for the tolerances, and that is not hidden.
    assert done.returncode == 1
    assert "missed: gamma 0.1" in done.stderr
    assert "**missed**" in out.read_text(encoding="utf-8")


def test_a_slow_maker_agrees_with_the_vectorised_one() -> None:
    """The paper's rules one path at a time, with quotes and fills spelt out."""
    gamma, paths = 0.1, 400
    rng = np.random.Generator(np.random.PCG64(99))
    profits: list[float] = []
    for _ in range(paths):
        mid, cash, held = 100.0, 0.0, 0
        for step in range(200):
            left = 1.0 - step * 0.005
            reservation = mid - held * gamma * 4.0 * left
            spread = gamma * 4.0 * left + 20.0 * math.log(1 + gamma / 1.5)
            for side, price in ((-1, reservation + spread / 2), (1, reservation - spread / 2)):
                distance = side * (mid - price)  # below zero for a quote beyond the mid
                if rng.random() < 140 * math.exp(-1.5 * distance) * 0.005:
                    cash -= side * price
                    held += side
            mid += 2.0 * math.sqrt(0.005) * (1 if rng.random() < 0.5 else -1)
        profits.append(cash + held * mid)
    fast = avellaneda_stoikov.simulate(gamma, paths=PATHS, seed=3)
    error = math.hypot(np.std(profits) / math.sqrt(paths), float(fast.profit.std()) / math.sqrt(PATHS))
    assert abs(np.mean(profits) - fast.profit.mean()) < 4 * error
    assert np.std(profits) == pytest.approx(float(fast.profit.std()), rel=0.15)


def test_both_conventions_of_a_fill_agree_when_the_chance_is_small() -> None:
    linear = avellaneda_stoikov.simulate(0.1, paths=10, seed=1, fill_probability="linear")
    assert linear.profit.shape == (10,)
    small = np.array([5.0])
    assert avellaneda_stoikov.fill_chance(small, "linear") == pytest.approx(
        avellaneda_stoikov.fill_chance(small, "exponential"), rel=1e-3
    )


def lattice(size: int, starts: list[tuple[int, int]]) -> list[float]:
    """Chance that the ask queue empties first, by the linear equations on a grid cut off at ``size``."""
    bids, asks = (axis.ravel() for axis in np.mgrid[1 : size + 1, 1 : size + 1])
    at = (bids - 1) * size + asks - 1
    constant, matrix = np.zeros(size * size), sparse.identity(size * size, format="csr")
    for up_bid, up_ask in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        to_bid, to_ask = np.minimum(bids + up_bid, size), np.minimum(asks + up_ask, size)
        constant[at[to_ask == 0]] += 0.25
        stays = (to_bid > 0) & (to_ask > 0)
        targets = ((to_bid - 1) * size + to_ask - 1)[stays]
        quarter = np.full(len(targets), 0.25)
        matrix = matrix - sparse.csr_matrix((quarter, (at[stays], targets)), shape=matrix.shape)
    solved = spsolve(matrix.tocsc(), constant)
    return [float(solved[(bid - 1) * size + ask - 1]) for bid, ask in starts]


def test_the_queue_race_is_the_limit_of_longer_and_longer_grids() -> None:
    starts = [(30, 10), (20, 10), (3, 1), (1, 1)]
    coarse, fine = lattice(100, starts), lattice(200, starts)
    for (bid, ask), half, full in zip(starts, coarse, fine, strict=True):
        # The error of the cut falls with the fourth power of its distance.
        assert flow.queue_race(bid, ask) == pytest.approx(full + (full - half) / 15, abs=3e-7)
    assert [round(value, 5) for value in fine[:2]] == [0.79509, 0.70472]


def test_the_closed_form_is_near_the_exact_solution() -> None:
    for held in range(-15, 16):
        assert gueant_lehalle.closed_form(held)[0] == pytest.approx(
            gueant_lehalle.exact_bid_distance(held), abs=0.005
        )


@given(sizes=st.lists(st.integers(1, 1_000).map(float), max_size=30), volume=st.integers(1, 500).map(float))
def test_volume_buckets_lose_nothing(sizes: list[float], volume: float) -> None:
    buckets = flow.volume_buckets(sizes, volume)
    assert len(buckets) == math.floor(sum(sizes) / volume)
    parts: dict[int, float] = {}
    for bucket in buckets:
        assert sum(size for _, size in bucket) == volume
        assert all(size > 0 for _, size in bucket)
        for index, size in bucket:
            parts[index] = parts.get(index, 0.0) + size
    for index, size in parts.items():
        last = index == max(parts)
        assert size <= sizes[index] if last else size == sizes[index]


def test_a_bucket_needs_a_volume() -> None:
    with pytest.raises(ValueError, match="volume = 0 is not above zero"):
        flow.volume_buckets([1.0], 0)


@given(probability=st.floats(0.01, 0.99), informed=st.floats(0.0, 0.99))
def test_glosten_milgrom_quotes_earn_nothing_exactly(probability: float, informed: float) -> None:
    """By enumerating who comes and what the claim pays."""
    bid, ask = flow.glosten_milgrom_quotes(probability, informed)
    gains = {"buy": 0.0, "sell": 0.0}
    for value, weight in ((1.0, probability), (0.0, 1 - probability)):
        buys = informed * value + (1 - informed) / 2
        gains["buy"] += weight * buys * (ask - value)
        gains["sell"] += weight * (1 - buys) * (value - bid)
    assert gains == pytest.approx({"buy": 0.0, "sell": 0.0}, abs=1e-12)
