"""``python -m tradewright.research.published``: writes the page of published numbers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tradewright.research.published.page import PATHS, SEED, page, sections


def main() -> int:
    """Writes the page to a file or the terminal; ends with 1 if a number is missed."""
    parser = argparse.ArgumentParser(prog="python -m tradewright.research.published", description=__doc__)
    parser.add_argument("--paths", type=int, default=PATHS, help="simulated paths (default %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of all randomness (default %(default)s)")
    parser.add_argument("--out", type=Path, help="file to write; the terminal if left out")
    given = parser.parse_args()
    found = sections(given.paths, given.seed)
    text = page(found)
    if given.out is None:
        sys.stdout.write(text)
    else:
        given.out.write_text(text, encoding="utf-8")
    missed = [anchor for section in found for anchor in section.anchors if not anchor.is_met]
    for anchor in missed:
        sys.stderr.write(f"missed: {anchor.quantity}: {anchor.ours} is not {anchor.expected}\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
