"""One self-contained HTML page for a run, or for several beside each other.

The page needs no network: style, script and plotly.js stand in it, and its content policy forbids it to
fetch anything. Equal results give equal bytes: ids come from content, and nothing is stamped with the time
of writing.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from tradewright.core.times import time_ns
from tradewright.research import making_page, picture, sections
from tradewright.research.benchmark import benchmark_of
from tradewright.research.charts import chart_of, document, write_page
from tradewright.research.figures import Line, comparison_figure, equity_figure, price_figure
from tradewright.research.labels import period_of, show
from tradewright.research.sections import card, note
from tradewright.research.summary import curve_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from os import PathLike

    import polars as pl

    from tradewright.core.stream import AnySeries
    from tradewright.research.result import Result
    from tradewright.research.summary import Curve

PRICE_CHARTS_MAX: Final = 6
RISK_NOTICE: Final = (
    "A simulation is not a forecast. Results of a backtest are hypothetical, depend on the assumptions above "
    "and leave out what the data does not show: your own effect on the market, outages, changed rules, "
    "delisted names. Parameters chosen after seeing the data flatter the past. Trading can lose more than "
    "you put in. This is not investment advice."
)


def _unique(html: str, anchor: str) -> str:
    """Ids of one section made unique among sections that hold the same content."""
    return html.replace('id="', f'id="{anchor}-').replace('data-log-for="', f'data-log-for="{anchor}-')


def _equity_card(curve: Curve, benchmark: Line | None, result: Result) -> str:
    if not len(curve.equity):
        return card("Equity and drawdown", '<p class="note">The equity curve has no points.</p>')
    id_, chart = chart_of(equity_figure(curve, benchmark, curve_currency(result)), "equity")
    button = f'<button type="button" data-log-for="{id_}" aria-pressed="false">Log scale</button>'
    text = (
        f"{escape(benchmark.name)} holds the initial equity from its first price, without costs."
        if benchmark
        else ""
    )
    return card("Equity and drawdown", chart, aside=button, note=text)


def curve_currency(result: Result) -> str:
    """Currency of a result's equity, as text that plotly shows as it is."""
    return escape(result.meta.currency)


def _price_card(result: Result, anchor: str) -> str:
    symbols = sections.symbols_traded(result)
    if not symbols:
        return ""
    panels, options = "", ""
    for number, symbol in enumerate(symbols[:PRICE_CHARTS_MAX]):
        _, chart = chart_of(price_figure(result, symbol), f"price-{number}")
        panel = f"panel-{number}"
        panels += f'<div id="{panel}"{" hidden" if number else ""}>{chart}</div>'
        options += f'<option value="{anchor}-{panel}">{escape(symbol)}</option>'
    aside = (
        f'<select data-panels aria-label="Symbol">{options}</select>'
        if len(symbols) > 1
        else note(escape(symbols[0]))
    )
    text = "Triangles are fills; dotted lines join entry and exit of closed round trips."
    if len(symbols) > PRICE_CHARTS_MAX:
        text += f" The {PRICE_CHARTS_MAX} symbols with most fills, of {len(symbols):,}."
    return card("Trades on the price", panels, aside=aside, note=text)


def _section(result: Result, anchor: str, benchmark: str | pl.DataFrame | None) -> str:
    curve = curve_of(result)
    line = benchmark_of(result, curve, benchmark)
    gained = None
    if line is not None:
        gained = (line.name, float(line.values[-1] / line.values[0]) - 1.0)
    pair = sections.drawdown_table(curve) + sections.policies(result)
    parts = [
        sections.warnings(result.meta.warnings),
        sections.tiles(result.summary, gained),
        _equity_card(curve, line, result),
        sections.monthly(curve),
        _price_card(result, anchor),
        making_page.cards(result),
        sections.metrics(result.summary),
        f'<div class="columns two pair">{pair}</div>',
        sections.reasons(result),
        sections.orders(result),
        sections.evidence(result),
    ]
    return _unique("".join(parts), anchor)


def _head(title: str, subtitle: str, nav: str = "") -> str:
    return f'<header class="top"><h1>{escape(title)}</h1><p class="sub">{subtitle}</p>{nav}</header>'


def _subtitle(result: Result) -> str:
    symbols = ", ".join(result.meta.symbols[:5])
    if len(result.meta.symbols) > 5:
        symbols += f" and {len(result.meta.symbols) - 5:,} more"
    parts = [f"<b>{escape(symbols)}</b>", escape(period_of(result.summary)), escape(result.summary.currency)]
    if result.meta.grade:
        parts.append(f"evidence: {escape(result.meta.grade)}")
    return " · ".join(part for part in parts if part)


def _growth_line(name: str, result: Result) -> Line:
    curve = curve_of(result)
    times = np.concatenate((np.array([curve.start_ns], dtype=np.int64), curve.at_ns))
    return Line(name, times, np.concatenate(([1.0], curve.index)))


def _overview(results: Mapping[str, Result], benchmark: str | pl.DataFrame | None) -> str:
    first = next(iter(results.values()))
    lines = [_growth_line(name, result) for name, result in results.items()]
    # On one axis, runs of another time would be dots far away.
    start_ns, end_ns = lines[0].at_ns[[0, -1]]
    meets = [bool(line.at_ns[0] <= end_ns and line.at_ns[-1] >= start_ns) for line in lines]
    drawn = [line for line, is_drawn in zip(lines, meets, strict=True) if is_drawn]
    apart = [line.name for line, is_drawn in zip(lines, meets, strict=True) if not is_drawn]
    curve = curve_of(first)
    held = benchmark_of(first, curve, benchmark)
    if held is not None:
        held = Line(held.name, held.at_ns, held.values / curve.initial)
    id_, chart = chart_of(comparison_figure(drawn, held), "comparison")
    if apart:
        chart += f'<p class="note">Of another time, and not drawn: {escape(", ".join(apart))}.</p>'
    button = f'<button type="button" data-log-for="{id_}" aria-pressed="false">Log scale</button>'
    parts = sections.comparison(results) + card("Growth of 1", chart, aside=button)
    from tradewright.research.compare import compare

    related = compare(results).correlations
    # A run that shares no days with another has nothing to say here.
    names = [
        name
        for name in results
        if related is not None and related.filter(related["name"] != name)[name].drop_nulls().len()
    ]
    if related is not None and names:
        shown = related.filter(related["name"].is_in(names)).select("name", *names)
        rows = [
            [escape(str(row[0])), *(show("ratio", value) for value in row[1:])] for row in shown.iter_rows()
        ]
        body = sections.table(["", *names], rows, numbers=range(1, len(names) + 1))
        parts += card("Correlation of daily returns", f'<div class="scroll">{body}</div>')
    return _unique(parts, "all")


def page(
    results: Mapping[str, Result], *, benchmark: str | pl.DataFrame | None = None, title: str | None = None
) -> str:
    """The page as text; see `write_report`."""
    if not results:
        raise ValueError("a report needs at least one result; got none")
    if len(results) == 1:
        ((name, result),) = results.items()
        heading = title or name
        top = _head(heading, _subtitle(result))
        body = _section(result, "run", benchmark)
    else:
        heading = title or " and ".join(results)
        links = "".join(f'<a href="#run-{number}">{escape(name)}</a>' for number, name in enumerate(results))
        top = _head(heading, f"{len(results)} runs beside each other", f"<nav>{links}</nav>")
        body = _overview(results, benchmark)
        for number, (name, result) in enumerate(results.items()):
            own = benchmark if isinstance(benchmark, str) and benchmark in result.prices else None
            body += f'<h2 id="run-{number}">{escape(name)}</h2><p class="sub">{_subtitle(result)}</p>'
            body += _section(result, f"run-{number}", own if isinstance(benchmark, str) else benchmark)
    footer = f"<b>Risk.</b> {escape(RISK_NOTICE)}<br>Made by tradewright."
    return document(heading, f"{top}<main>{body}</main>", footer)


def write_report(
    results: Mapping[str, Result],
    path: str | PathLike[str],
    *,
    benchmark: str | pl.DataFrame | None = None,
    title: str | None = None,
) -> Path:
    """Write the page of one result, or of several: a comparison on top, then a section each.

    Args:
        results: Result by name; the names are headings.
        path: File to write; folders above it are made.
        benchmark: As in `Result.report`; of several results, each has its own first symbol by default.
        title: Heading of the page; by default the names.

    Returns:
        The file.

    Raises:
        UnknownSymbolError: The benchmark is not among the prices.
        DataError: The benchmark frame cannot be used.
    """
    return write_page(Path(path), page(results, benchmark=benchmark, title=title))


def write_picture(
    result: Result,
    path: str | PathLike[str],
    events: AnySeries,
    start: int | str | dt.date | None,
    end: int | str | dt.date | None,
) -> Path:
    """See `Result.book_picture`."""
    window = [None if moment is None else time_ns(moment) for moment in (start, end)]
    figure = picture.book_figure(result, events, *window)
    top = _head(f"{events.symbol}: the book and our orders", _subtitle(result))
    body = making_page.book_card(figure, events.symbol, "book")
    return write_page(
        Path(path), document(events.symbol, f"{top}<main>{body}</main>", "Made by tradewright.")
    )
