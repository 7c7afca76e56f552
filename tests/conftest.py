"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tradewright.research.result import Result

# The same examples in every run; `--hypothesis-profile search` looks for new ones.
settings.register_profile("fixed", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile("fixed")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real market data that stands beside a developer's checkout; skips where it is missing."""
    named = os.environ.get("TRADEWRIGHT_SHARED_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not (folder / "MANIFEST.md").is_file():
        pytest.skip(f"real market data not found at {folder} (set TRADEWRIGHT_SHARED_DATA to its folder)")
    return folder


@pytest.fixture(autouse=True)
def every_order_was_reviewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test runs in its own process: reviews by the gate are the orders sent and those refused."""
    from tradewright import simulation

    to_result = simulation.to_result

    def checked(*args: Any, **options: Any) -> Result:
        result = to_result(*args, **options)
        counters = result.meta.counters
        assert counters.reviews == counters.sent + counters.refused
        return result

    monkeypatch.setattr(simulation, "to_result", checked)
