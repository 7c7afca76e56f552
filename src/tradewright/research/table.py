"""Summaries as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tradewright.research.labels import GROUPS, Label, period_of, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewright.research.result import Result


def _rows(cells: list[list[str]]) -> list[str]:
    """Lines with the first column to the left and the others to the right."""
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def summary_table(results: Mapping[str, Result]) -> str:
    """One result as three blocks side by side, or several results as columns beside each other."""
    if len(results) == 1:
        (pair,) = results.items()
        return _one(*pair)
    return _many(results)


def _one(name: str, result: Result) -> str:
    summary, meta = result.summary, result.meta
    blocks = [_rows([[label.text, shown(summary, label)] for label in labels]) for labels in GROUPS.values()]
    # The third block is the longest: its tail goes below the first two, which keeps the table short.
    height = max(len(block) for block in blocks[:2])
    overflow = blocks[2][height:]
    blocks[2] = blocks[2][:height]
    widths = [max((len(line) for line in block), default=0) for block in blocks]
    symbols = ", ".join(meta.symbols[:4]) + (" …" if len(meta.symbols) > 4 else "")
    lines = [f"{name}: {symbols}, {period_of(summary)}, {summary.currency}"]
    head = "   ".join(
        title.upper().ljust(width) for title, width in zip(GROUPS, widths, strict=True)
    ).rstrip()
    lines += ["─" * max(len(head), sum(widths) + 6), head]
    for row in range(height):
        cells = [block[row] if row < len(block) else "" for block in blocks]
        lines.append(
            "   ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        )
    if overflow:
        indent = " " * (widths[0] + widths[1] + 6)
        lines += [indent + line for line in overflow]
    lines.append("")
    lines.append(f"{summary.annualisation}." + (f" Evidence: {meta.grade}." if meta.grade else ""))
    lines += _refused(result)
    lines += [f"undefined ({metric}): {reason}" for metric, reason in _reasons(summary.undefined).items()]
    lines += [f"warning: {text}" for text in meta.warnings]
    return "\n".join(lines)


def _refused(result: Result) -> list[str]:
    """Why the gate refused orders, the most frequent reason first, and when: a line each."""
    refused = result.orders.filter(pl.col("status") == "refused")
    again = pl.col("repeats") if "repeats" in refused.columns else pl.lit(0)
    counted = (
        refused.group_by("reason")
        .agg(
            pl.len().alias("orders"),
            times=(1 + again).sum(),
            first=pl.col("decided_at").min(),
            last=pl.col("updated_at").max(),
        )
        .sort("orders", "reason", descending=[True, False])
    )
    lines: list[str] = []
    for reason, orders, times, first, last in counted.rows():
        days = sorted({f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"})
        asked = f", asked for {times:,} times" if times > orders else ""
        lines.append(f"refused {orders:,}: {reason}, {' to '.join(days)}{asked}")
    return [*lines[:-1], f"{lines[-1]}; `tradewright why` says what to do"] if lines else []


def _reasons(undefined: dict[str, str]) -> dict[str, str]:
    """Metrics grouped by the reason they are undefined for."""
    by_reason: dict[str, list[str]] = {}
    for metric, reason in undefined.items():
        by_reason.setdefault(reason, []).append(metric)
    return {", ".join(metrics): reason for reason, metrics in by_reason.items()}


def _many(results: Mapping[str, Result]) -> str:
    cells = [["", *results]]
    cells.append(["Period", *(period_of(result.summary) for result in results.values())])
    cells.append(["Currency", *(result.summary.currency for result in results.values())])
    for labels in GROUPS.values():
        cells += [_row(label, results) for label in labels]
    lines = _rows(cells)
    lines.insert(1, "─" * max(len(line) for line in lines))
    told: dict[str, list[str]] = {}
    for name, result in results.items():
        own = [f"undefined ({metric}): {why}" for metric, why in _reasons(result.summary.undefined).items()]
        own += [*_refused(result), *(f"warning: {text}" for text in result.meta.warnings)]
        for text in own:
            told.setdefault(text, []).append(name)
    for text, names in told.items():
        who = "all" if len(names) == len(results) else ", ".join(names)
        lines.append(f"{who}: {text}")
    return "\n".join(lines)


def _row(label: Label, results: Mapping[str, Result]) -> list[str]:
    return [label.text, *(shown(result.summary, label) for result in results.values())]
