"""Cards of the report about market making: profit in parts, markouts, quotes and fills, and the book."""

from __future__ import annotations

from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tradewright.errors import DataError
from tradewright.research import figures, picture
from tradewright.research.charts import chart_of
from tradewright.research.figures import packed
from tradewright.research.labels import NONE
from tradewright.research.making import MarketMaking
from tradewright.research.result import HORIZON, HORIZONS
from tradewright.research.sections import card, documented, note, table

if TYPE_CHECKING:
    import polars as pl

    from tradewright.research.result import Result

    Figure = dict[str, Any]

SYMBOLS_MAX: Final = 6
_PARTS: Final = {
    "spread_capture": "Spread capture",
    "adverse_selection": "Adverse selection",
    "inventory": "Inventory",
    "fees": "Fees",
    "rebates": "Rebates",
    "cash_flows": "Cash flows",
    "total": "Total",
}
_GROUPS: Final[dict[str, list[tuple[str, str, str]]]] = {
    "Fills": [
        ("fill_rate", "Orders filled, at least in part", "percent"),
        ("filled_share", "Size filled", "percent"),
        ("fill_imbalance", "Imbalance, bought less sold", "percent"),
        ("maker_share", "Filled while resting", "percent"),
        ("queue_ahead_mean", "Ahead of us at a fill, mean", "size"),
        ("queue_ahead_median", "Ahead of us at a fill, median", "size"),
        ("spread_capture_bps", "Spread capture", "bps"),
    ],
    "Quotes and inventory": [
        ("quote_lifetime_mean_s", "Life of a quote, mean", "seconds"),
        ("quote_lifetime_median_s", "Life of a quote, median", "seconds"),
        ("two_sided_share", "Time with both sides shown", "percent"),
        ("own_spread_mean", "Our spread, in price", "size"),
        ("own_spread_mean_bps", "Our spread, of the mid", "bps"),
        ("market_spread_mean", "The market's spread, in price", "size"),
        ("market_spread_mean_bps", "The market's spread, of the mid", "bps"),
    ],
    "Position and round trips": [
        ("inventory_mean", "Position, mean over time", "size"),
        ("inventory_abs_mean", "Absolute position, mean over time", "size"),
        ("inventory_abs_max", "Largest position", "size"),
        ("realised_pnl_mean", "P&L of a round trip, mean", "money"),
        ("realised_pnl_median", "Median", "money"),
        ("realised_pnl_std", "Standard deviation", "money"),
        ("realised_pnl_p05", "5 % are below", "money"),
        ("realised_pnl_p95", "95 % are below", "money"),
    ],
}


def _shown(value: float | None, kind: str) -> str:
    if value is None:
        return NONE
    match kind:
        case "percent":
            return f"{value * 100:,.1f} %"
        case "bps":
            return f"{value:,.3f} bps"
        case "seconds":
            return f"{value:,.3g} s" if value < 1_000 else f"{value:,.0f} s"
        case "money":
            return f"{value:,.2f}" if abs(value) >= 1 or not value else f"{value:,.3g}"
        case _:
            return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def made_markets(result: Result) -> bool:
    """Whether orders of ours rested and filled where a mid is known, so that there is something to say."""
    import polars as pl

    makers = result.fills.filter(liquidity="maker")
    if not makers.height or not result.meta.instruments or result.ledger.is_empty():
        return False
    if "mid" in makers.columns and makers["mid"].is_not_null().any():
        return True
    symbols: list[str] = makers["symbol"].unique().to_list()
    return (
        any("bid" in result.prices[s].columns for s in symbols if s in result.prices)
        and not makers.filter(pl.col("symbol").is_in(list(result.prices))).is_empty()
    )


def cards(result: Result) -> str:
    """All of them; nothing for a run that made no market."""
    if not made_markets(result):
        return ""
    symbols = _symbols(result)
    whole = result.market_making()
    parts = [_parts_card(result, whole)]
    curve = result.markout_curve()
    _, curve_chart = chart_of(markout_figure(curve), "markouts")
    text = (
        "What the mid later makes of a fill price, the mean weighted by value; bars are two standard errors. "
        "What begins above zero and falls below it was paid a spread and lost more to those who knew more."
    )
    left = card("Markouts", curve_chart, aside=note("bps of the value traded"), note=text)
    right = _trips_card(result, whole)
    parts.append(f'<div class="columns two pair">{left}{right}</div>')
    parts.append(_statistics(result, whole, symbols))
    parts += [_book_card(result, symbol, number) for number, symbol in enumerate(symbols[:1])]
    return "".join(parts)


def _symbols(result: Result) -> list[str]:
    """Those with fills, the most first."""
    counted = (
        result.fills.group_by("symbol", maintain_order=True)
        .len()
        .sort("len", descending=True, maintain_order=True)
    )
    return counted["symbol"].to_list()


def _parts_card(result: Result, whole: MarketMaking) -> str:
    if whole.parts is None:
        reason = escape(whole.undefined.get("parts", ""))
        return card("Where the profit came from", f'<p class="note">Undefined: {reason}.</p>')
    by_horizon = [whole.parts] + [
        made.parts
        for made in (result.market_making(horizon=one) for one in HORIZONS if one != HORIZON)
        if made.parts
    ]
    by_horizon.sort(key=lambda one: HORIZONS.index(one.horizon))
    names = [name for name in _PARTS if name in ("fees", "total") or getattr(whole.parts, name)]
    values = [float(getattr(whole.parts, name)) for name in names]
    _, bars = chart_of(parts_figure([_PARTS[name] for name in names], values, whole.currency), "parts")
    rows = [
        [
            f"after {one.horizon}",
            *(_coloured(getattr(one, name)) for name in names),
            f"{one.fills_without_markout:,}",
        ]
        for one in by_horizon
    ]
    head = ["Adverse selection", *(_PARTS[name] for name in names), "Too near the end"]
    body = table(head, rows, numbers=range(1, len(head)))
    text = (
        f"Each row sums to the total, to the last unit; the bars are those after {HORIZON}. Spread capture "
        "is the fill price against the mid just before; adverse selection is what the mid did in the time "
        "after the fill, inventory what it did from then on. Where the data ends sooner, all that followed "
        "the fill is in inventory. The total counts positions at the data's last mark."
    )
    net_pnl = result.summary.net_pnl
    if net_pnl is None or round(whole.parts.total, 2) != round(Decimal(net_pnl), 2):
        text += " Net P&L above is that of the equity curve's last point."
    if whole.parts.fills_without_mid:
        count = f"{whole.parts.fills_without_mid:,}"
        text += f" {count} fills came before the first quote and are in inventory whole."
    return card(
        "Where the profit came from",
        f'{bars}<div class="scroll" style="margin-top:8px">{body}</div>',
        aside=note(f"in {escape(whole.currency)}"),
        note=text,
    )


def _coloured(amount: Decimal) -> str:
    tone = "up" if amount > 0 else "down" if amount < 0 else ""
    return f'<span class="{tone}">{amount:,.2f}</span>'


def _trips_card(result: Result, whole: MarketMaking) -> str:
    trips = result.round_trips.filter(~result.round_trips["is_open"])
    title = "P&L of round trips"
    if not trips.height:
        return card(title, '<p class="note">No round trip was closed.</p>')
    _, bars = chart_of(trips_figure(trips["pnl"].to_numpy(), whole.currency), "trips")
    text = f"{trips.height:,} from flat to flat, net of fees; the line is the median."
    return card(title, bars, aside=note(f"in {escape(whole.currency)}"), note=text)


def _statistics(result: Result, whole: MarketMaking, symbols: list[str]) -> str:
    title = "Quotes and fills"
    if len(symbols) == 1:
        groups = "".join(
            f'<table class="metrics"><caption>{escape(name)}</caption>'
            + "".join(_row(whole, *metric) for metric in metrics)
            + "</table>"
            for name, metrics in _GROUPS.items()
        )
        return card(title, f'<div class="columns">{groups}</div>')
    each = [result.market_making(symbol=symbol) for symbol in symbols[:SYMBOLS_MAX]]
    rows = [
        [escape(text), *(_shown(getattr(one, field), kind) for one in each)]
        for metrics in _GROUPS.values()
        for field, text, kind in metrics
    ]
    body = table(["", *symbols[:SYMBOLS_MAX]], rows, numbers=range(1, len(each) + 1))
    text = f"The {SYMBOLS_MAX} with most fills, of {len(symbols):,}." if len(symbols) > SYMBOLS_MAX else ""
    return card(title, f'<div class="scroll">{body}</div>', note=text)


def _row(made: MarketMaking, field: str, text: str, kind: str) -> str:
    reason = made.undefined.get(field)
    hint = f"Undefined: {reason}." if reason else documented(MarketMaking, field)
    value = _shown(getattr(made, field), kind)
    return f'<tr title="{escape(hint)}"><td>{escape(text)}</td><td class="n">{value}</td></tr>'


def _book_card(result: Result, symbol: str, number: int) -> str:
    events = result.books.get(symbol)
    if events is None:
        return ""
    try:
        figure = picture.book_figure(result, events)
    except DataError:  # A window without a book has no picture; the run stands.
        return ""
    return book_card(figure, symbol, f"book-{number}")


def book_card(figure: Figure, symbol: str, kind: str) -> str:
    """The picture of a book as a card."""
    _, drawn = chart_of(figure, kind)
    text = (
        "Displayed size as colour, bids blue and asks orange, stronger where more stood; a row may hold "
        "several prices. Lines are our best quotes from decision to end, triangles our fills, all by the "
        "venue's time."
    )
    return card("The book around our fills", drawn, aside=note(escape(symbol)), note=text)


# Figures ----------------------------------------------------------------------------------------------------


def parts_figure(names: list[str], values: list[float], currency: str) -> Figure:
    """A bar a part, and the total."""
    colours = [
        "@accent" if name == "Total" else "@positive" if value >= 0 else "@negative"
        for name, value in zip(names, values, strict=True)
    ]
    trace: Figure = {
        "type": "bar",
        "x": names,
        "y": packed(np.array(values)),
        "text": [f"{value:,.2f}" for value in values],
        "textposition": "outside",
        "cliponaxis": False,
        "width": 0.55,
        "marker": {"color": colours},
        "hovertemplate": f"%{{x}}: %{{y:,.6~f}} {escape(currency)}<extra></extra>",
    }
    layout = figures.layout_of(np.zeros(1, dtype=np.int64), 300)
    layout["hovermode"] = "closest"
    layout["xaxis"] |= {"type": "category"}
    layout["margin"] |= {"t": 26, "b": 26}
    return {"data": [trace], "layout": layout | {"showlegend": False}}


def markout_figure(curve: pl.DataFrame) -> Figure:
    """Mean markout by horizon, of all fills and of each side."""
    colours = {
        "all": ("All fills", "@accent", 2.4),
        "buy": ("Buys", "@positive", 1.4),
        "sell": ("Sells", "@negative", 1.4),
    }
    traces: list[Figure] = []
    for side, (name, colour, width) in colours.items():
        rows = curve.filter(side=side).drop_nulls("mean_bps")
        trace: Figure = {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": ["at the fill" if one == "fill" else one for one in rows["horizon"].to_list()],
            "y": packed(rows["mean_bps"].to_numpy()),
            "customdata": rows["fills"].to_list(),
            "line": {"color": colour, "width": width, "dash": "solid" if side == "all" else "dot"},
            "marker": {"size": 8 if side == "all" else 6, "color": colour},
            "hovertemplate": "%{y:.3f} bps, %{customdata:,} fills",
        }
        if side == "all":
            errors = rows["error_bps"].fill_null(0.0).to_numpy() * 2
            trace["error_y"] = {
                "type": "data",
                "array": packed(errors),
                "color": colour,
                "thickness": 1.4,
                "width": 5,
            }
        traces.append(trace)
    layout = figures.layout_of(np.zeros(1, dtype=np.int64), 330)
    layout["xaxis"] |= {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": ["at the fill", *HORIZONS],
    }
    layout["yaxis"] |= {"zeroline": True, "zerolinecolor": "@faint", "tickformat": ",.3~f"}
    return {"data": traces, "layout": layout}


def trips_figure(pnl: np.ndarray[Any, np.dtype[np.float64]], currency: str) -> Figure:
    """How many round trips made how much."""
    low, high = np.quantile(pnl, [0.005, 0.995])
    bins = int(min(60, max(8, 2 * np.sqrt(len(pnl)))))
    span = (float(low), float(high)) if low < high else (float(low) - 0.5, float(high) + 0.5)
    counted, edges = np.histogram(np.clip(pnl, *span), bins=bins, range=span)
    middle = (edges[:-1] + edges[1:]) / 2
    trace: Figure = {
        "type": "bar",
        "x": packed(middle),
        "y": packed(counted.astype(np.float64)),
        "width": packed(np.full(bins, (edges[1] - edges[0]) * 0.92)),
        "marker": {"color": ["@positive" if one > 0 else "@negative" for one in middle.tolist()]},
        "hovertemplate": f"%{{y:,}} trips around %{{x:,.4~r}} {escape(currency)}<extra></extra>",
    }
    median = float(np.median(pnl))
    layout = figures.layout_of(np.zeros(1, dtype=np.int64), 330)
    layout["hovermode"] = "closest"
    layout["xaxis"] |= {"type": "linear", "tickformat": ",~r", "hoverformat": ",.4~r"}
    layout["shapes"] = [
        {
            "type": "line", "x0": median, "x1": median, "yref": "paper", "y0": 0, "y1": 1,
            "line": {"color": "@ink", "width": 1.4, "dash": "dash"},
        }
    ]  # fmt: skip
    return {"data": [trace], "layout": layout | {"showlegend": False}}
