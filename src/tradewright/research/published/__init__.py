"""Numbers that others published, recomputed: ``python -m tradewright.research.published`` writes the page."""
