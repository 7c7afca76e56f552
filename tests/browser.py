"""A page in a real browser, where there is one."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def drawn_charts(page: Path, profile: Path, wanted: int) -> int:
    """How many drawings a browser makes of a page's charts, without a word on its console.

    Args:
        page: The file.
        profile: Folder for what the browser writes.
        wanted: With as many it stops waiting: charts are drawn when they come into view, which needs frames,
            and a busy machine gets more time.
    """
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on this machine")
    drawn = 0
    for budget_ms in (8_000, 30_000, 120_000, 120_001, 120_002):
        out = subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", "--run-all-compositor-stages-before-draw",
                f"--user-data-dir={profile / str(budget_ms)}", "--window-size=1200,12000",
                f"--virtual-time-budget={budget_ms}", "--enable-logging=stderr", "--dump-dom", page.as_uri(),
            ],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        assert "CONSOLE" not in out.stderr
        drawn = out.stdout.count('class="main-svg"')
        if drawn >= wanted:
            break
    return drawn
