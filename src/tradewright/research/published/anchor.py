"""One number that somebody published, and what this package makes of it."""

from __future__ import annotations

import msgspec


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """A published or independently computed number beside ours.

    Attributes:
        quantity: What it is, with the parameters that fix it.
        expected: The number to agree with.
        tolerance: How far ours may be from it; sampling error included where ours is simulated.
        ours: What this package computes.
        standard_error: Of ours, where it is simulated; ``None`` where it is computed.
        printed: The number as its source prints it, where that is rounded or sampled itself; for display.
        digits: Decimals to show.
    """

    quantity: str
    expected: float
    tolerance: float
    ours: float
    standard_error: float | None = None
    printed: str = ""
    digits: int = 4

    @property
    def is_met(self) -> bool:
        """Whether ours lies within the tolerance; a NaN does not."""
        return abs(self.ours - self.expected) <= self.tolerance


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of one source.

    Attributes:
        title: What they are about.
        source: Paper, table and equation, or the page of a venue.
        note: What a reader must know to read them.
        anchors: The numbers.
    """

    title: str
    source: str
    note: str
    anchors: tuple[Anchor, ...]
