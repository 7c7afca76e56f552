"""The page of published numbers, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.research.published import avellaneda_stoikov, fees, flow, gueant_lehalle

if TYPE_CHECKING:
    from tradewright.research.published.anchor import Anchor, Section

PATHS, SEED = 200_000, 7
HEADER = "| quantity | printed | expected | ours | standard error | tolerance | |"

_INTRODUCTION = """\
# Published numbers

What papers and venues print, and what tradewright computes. Made by
`python -m tradewright.research.published --out docs/reference/published-numbers.md`; a test makes it again
with fewer paths and compares. "Printed" is the number as the source rounds or samples it, where that is
coarser than "expected", which is the number that ours has to meet within the tolerance. A standard error says
that ours is simulated.
"""


def sections(paths: int = PATHS, seed: int = SEED) -> list[Section]:
    """Everything that is compared.

    Args:
        paths: Simulated paths; fewer are quicker and less exact.
        seed: Of all randomness.
    """
    return [
        avellaneda_stoikov.section(paths, seed),
        gueant_lehalle.section(),
        *flow.sections(paths, seed),
        fees.section(),
    ]


def page(found: list[Section]) -> str:
    """The sections as one Markdown document."""
    blocks = [_INTRODUCTION]
    for section in found:
        rows = "\n".join(_row(anchor) for anchor in section.anchors)
        rule = "| --- | --- | --- | --- | --- | --- | --- |"
        blocks.append(
            f"## {section.title}\n\n{section.source}\n\n{section.note}\n\n{HEADER}\n{rule}\n{rows}\n"
        )
    return "\n".join(blocks)


def _row(anchor: Anchor) -> str:
    digits = anchor.digits
    error = "" if anchor.standard_error is None else f"{anchor.standard_error:.2g}"
    verdict = "met" if anchor.is_met else "**missed**"
    # A negative zero is a zero to a reader.
    ours = f"{anchor.ours:.{digits}f}" if round(anchor.ours, digits) else f"{0:.{digits}f}"
    expected = f"{anchor.expected:.{digits}f}"
    cells = (anchor.quantity, anchor.printed, expected, ours, error, f"{anchor.tolerance:.2g}", verdict)
    return f"| {' | '.join(cells)} |"
