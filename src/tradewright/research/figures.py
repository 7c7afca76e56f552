"""Charts as plain plotly figures, drawn in the reader's browser by the plotly.js that the page carries.

A colour written as ``@name`` is a colour of the page's style sheet, so a chart follows the reader's light or
dark scheme. Arrays travel as base64, exact and half the size of text.
"""

from __future__ import annotations

import base64
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from tradewright.core.times import DAY_NS
from tradewright.research.analytics import Floats, Ints
from tradewright.research.summary import ns_of

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from tradewright.research.result import Result
    from tradewright.research.summary import Curve

    Figure = dict[str, Any]

POINTS_MAX: Final = 5_000
MARKERS_MAX: Final = 4_000


class Line(msgspec.Struct, frozen=True):
    """A named series.

    Attributes:
        name: For the legend.
        at_ns: Shape ``(n,)``, ascending.
        values: Shape ``(n,)``.
    """

    name: str
    at_ns: Ints
    values: Floats


def downsample(values: Floats, points_max: int = POINTS_MAX) -> Ints:
    """Indices of at most `points_max` values: the first, the last, and every bin's lowest and highest."""
    count = len(values)
    if count <= points_max:
        return np.arange(count, dtype=np.int64)
    edges = np.linspace(0, count, (points_max - 2) // 2 + 1).astype(np.int64)
    kept = {0, count - 1}
    for start, end in pairwise(edges.tolist()):
        part = values[start:end]
        kept.add(int(start + np.argmin(part)))
        kept.add(int(start + np.argmax(part)))
    return np.array(sorted(kept), dtype=np.int64)


def packed(values: Floats) -> dict[str, str]:
    """An array in plotly's base64 form."""
    return {
        "dtype": "f8",
        "bdata": base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode(),
    }


def packed_cells(cells: NDArray[np.float32]) -> dict[str, str]:
    """A table of small floats in plotly's base64 form; NaN is an empty cell."""
    data = base64.b64encode(np.ascontiguousarray(cells, dtype="<f4").tobytes()).decode()
    return {"dtype": "f4", "bdata": data, "shape": f"{cells.shape[0]}, {cells.shape[1]}"}


def _milliseconds(at_ns: Ints) -> dict[str, str]:
    return packed(at_ns / 1e6)


def _line(line: Line, colour: str, **extra: Any) -> Figure:  # plotly's own vocabulary
    kept = downsample(line.values)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": escape(line.name, quote=False),  # plotly reads some HTML in names
        "x": _milliseconds(line.at_ns[kept]),
        "y": packed(line.values[kept]),
        "line": {"color": colour, "width": 1.6},
        **extra,
    }


def _hover_of(at_ns: Ints) -> str:
    """Dates alone when every point has the same time of day."""
    is_daily = len(np.unique(at_ns % DAY_NS)) <= 2  # Two: summer and winter time.
    return "%Y-%m-%d" if is_daily else "%Y-%m-%d %H:%M:%S"


def layout_of(at_ns: Ints, height: int, **extra: Any) -> Figure:  # plotly's own vocabulary
    """What all charts look like."""
    axis = {"gridcolor": "@grid", "linecolor": "@grid", "zerolinecolor": "@grid", "tickcolor": "@grid"}
    layout: Figure = {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "@font", "size": 12, "color": "@muted"},
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": "@card", "bordercolor": "@grid", "font": {"color": "@ink"}},
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left"},
        "xaxis": {
            **axis,
            "type": "date",
            "hoverformat": _hover_of(at_ns),
            "automargin": True,
            "showgrid": False,
        },
        "yaxis": {**axis, "automargin": True, "tickformat": ",~r", "side": "right"},
        "dragmode": "zoom",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "@faint", "activecolor": "@accent"},
    }
    return layout | extra


def equity_figure(curve: Curve, benchmark: Line | None, currency: str) -> Figure:
    """Equity with its benchmark above, drawdown below, on one time axis."""
    times = np.concatenate((np.array([curve.start_ns], dtype=np.int64), curve.at_ns))
    equity = np.concatenate(([curve.initial], curve.equity))
    index = np.concatenate(([1.0], curve.index))
    drawdown = index / np.maximum.accumulate(index) - 1.0
    money = f"%{{y:,.2f}} {currency}"
    traces: list[Figure] = []
    if benchmark is not None:
        traces.append(_line(benchmark, "@muted", hovertemplate=money))
        traces[-1]["line"] = {"color": "@faint", "width": 1.4}
    traces.append(_line(Line("Equity", times, equity), "@accent", hovertemplate=money))
    traces.append(
        _line(
            Line("Drawdown", times, drawdown),
            "@negative",
            yaxis="y2",
            fill="tozeroy",
            fillcolor="@negative-soft",
            showlegend=False,
            hovertemplate="%{y:.2%}",
        )
    )
    traces[-1]["line"] = {"color": "@negative", "width": 1}
    layout = layout_of(times, 470)
    layout["yaxis"] |= {"domain": [0.3, 1]}
    layout["yaxis2"] = dict(layout["yaxis"]) | {
        "domain": [0, 0.24],
        "tickformat": ".0%" if drawdown.min(initial=0.0) < -0.03 else ".1%",  # Ticks closer than a percent.
        "rangemode": "tozero",
        "nticks": 4,
    }
    layout["xaxis"] |= {"anchor": "y2"}
    return {"data": traces, "layout": layout}


def _spread(count: int, most: int) -> Ints:
    """At most `most` indices of `count`, evenly spread, first and last included."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def markers_of(fills: pl.DataFrame, side: str) -> Figure:
    """Fills of one side as triangles."""
    rows = fills.filter(fills["side"] == side)
    rows = rows[_spread(rows.height, MARKERS_MAX // 2).tolist()] if rows.height else rows
    is_buy = side == "buy"
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "Buy" if is_buy else "Sell",
        "x": _milliseconds(ns_of(rows["ts_event"])),
        "y": packed(rows["price"].to_numpy()),
        "customdata": rows["size"].to_list(),
        "marker": {
            "symbol": "triangle-up" if is_buy else "triangle-down",
            "size": 8,
            "color": "@positive" if is_buy else "@negative",
            "line": {"color": "@card", "width": 1},
        },
        "hovertemplate": "%{customdata:,~r} @ %{y:,~r}",
    }


def _legs(trips: pl.DataFrame, *, won: bool) -> Figure:
    """Lines from entry to exit of closed round trips."""
    rows = trips.filter(~trips["is_open"] & ((trips["pnl"] > 0) if won else (trips["pnl"] <= 0)))
    rows = rows[_spread(rows.height, MARKERS_MAX // 4).tolist()] if rows.height else rows
    gap = np.full(rows.height, np.nan)
    entry, exit_ = ns_of(rows["entry_at"]) / 1e6, ns_of(rows["exit_at"]) / 1e6
    x = np.column_stack((entry, exit_, exit_)).ravel()
    y = np.column_stack((rows["entry_price"].to_numpy(), rows["exit_price"].to_numpy(), gap)).ravel()
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Winning trip" if won else "Losing trip",
        "x": packed(x),
        "y": packed(y),
        "line": {"color": "@positive" if won else "@negative", "width": 1.6, "dash": "dot"},
        "hoverinfo": "skip",
    }


def price_figure(result: Result, symbol: str) -> Figure:
    """Closes of one symbol with its fills as triangles and its round trips as lines from entry to exit."""
    bars = result.prices[symbol]
    times = ns_of(bars["at"])
    fills = result.fills.filter(result.fills["symbol"] == symbol)
    trips = result.round_trips.filter(result.round_trips["symbol"] == symbol)
    traces = [_line(Line(symbol, times, bars["close"].to_numpy()), "@line", hovertemplate="%{y:,~r}")]
    traces[0]["line"]["width"] = 1.2
    traces += [
        _legs(trips, won=True),
        _legs(trips, won=False),
        markers_of(fills, "buy"),
        markers_of(fills, "sell"),
    ]
    return {"data": [trace for trace in traces if trace["x"]["bdata"]], "layout": layout_of(times, 380)}


def comparison_figure(lines: list[Line], benchmark: Line | None) -> Figure:
    """Growth of 1 of several runs; the colours are the page's series colours, in order."""
    traces = [
        _line(line, f"@series-{number % 6}", hovertemplate="%{y:.4f}") for number, line in enumerate(lines)
    ]
    if benchmark is not None:
        traces.append(_line(benchmark, "@faint", hovertemplate="%{y:.4f}"))
    times = np.concatenate([line.at_ns for line in lines])
    layout = layout_of(times, 400)
    layout["yaxis"]["tickformat"] = ".2f"
    return {"data": traces, "layout": layout}
