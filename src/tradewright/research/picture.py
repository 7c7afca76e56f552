"""A recorded order book as a picture: displayed size by time and price, with our quotes and fills on it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from tradewright.core.book_events import BookEvents, BookFlag
from tradewright.core.books import book_of
from tradewright.core.stream import columns_of, parts_of
from tradewright.core.times import SECOND_NS, time_text
from tradewright.errors import DataError
from tradewright.research import figures, quoting
from tradewright.research.analytics import Floats, Ints
from tradewright.research.figures import packed
from tradewright.research.summary import ns_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from tradewright.core.books import L2Book, L3Book
    from tradewright.core.stream import AnySeries
    from tradewright.research.result import Result

    Figure = dict[str, Any]

COLUMNS_MAX: Final = 240
ROWS_MAX: Final = 90
LEVELS_MAX: Final = 1_000
FILLS_WANTED: Final = 8
WINDOWS_NS: Final = tuple(seconds * SECOND_NS for seconds in (30, 60, 300, 1_800, 7_200, 43_200))
QUOTES_MAX: Final = 4_000


class Depth(msgspec.Struct, frozen=True):
    """A book over a window, cut into cells.

    Attributes:
        at_ns: Shape ``(columns,)``; each column shows the book as it stood at this time.
        price: Shape ``(rows,)``; the middle of each row, ascending.
        step: Height of a row, in price.
        bid_size: Shape ``(rows, columns)``; displayed to buy, summed over the row's prices.
        ask_size: Shape ``(rows, columns)``; displayed to sell.
        mid: Shape ``(columns,)``; NaN while a side is empty.
    """

    at_ns: Ints
    price: Floats
    step: float
    bid_size: Floats
    ask_size: Floats
    mid: Floats


def busiest(at_ns: Ints, start_ns: int, end_ns: int) -> tuple[int, int]:
    """The shortest of a few windows that holds a handful of fills, where it holds most of them.

    Args:
        at_ns: Shape ``(n,)``, ascending; times of fills.
        start_ns: Begin of the data.
        end_ns: End of the data.

    Returns:
        Begin and end of the window, within the data; the beginning of it if there is no fill.
    """
    times = at_ns[(at_ns >= start_ns) & (at_ns <= end_ns)]
    length = min(WINDOWS_NS[0], end_ns - start_ns)
    first = start_ns
    for length in (min(window, end_ns - start_ns) for window in WINDOWS_NS):
        if not len(times):
            break
        held = np.searchsorted(times, times + length, side="right") - np.arange(len(times))
        best = int(np.argmax(held))
        last = times[best + int(held[best]) - 1]
        # The fills stand in the middle of the window.
        first = int(times[best]) - (length - int(last - times[best])) // 2
        if held[best] >= min(FILLS_WANTED, len(times)):
            break
    first = max(start_ns, min(first, end_ns - length))
    return first, first + length


def depth_of(events: AnySeries, start_ns: int, end_ns: int, *, tick: float, prices: Floats) -> Depth:
    """Replays a book and keeps what it displayed in a window.

    Args:
        events: The book from where it began, so that it is whole when the window begins.
        start_ns: Begin of the window, by the venue's time.
        end_ns: End of the window.
        tick: The step of prices.
        prices: What the picture must hold beside the touch, such as our own prices.

    Raises:
        DataError: No book with both sides falls into the window.
    """
    columns = max(1, min(COLUMNS_MAX, end_ns - start_ns))
    at_ns = start_ns + (np.arange(1, columns + 1) * ((end_ns - start_ns) / columns)).astype(np.int64)
    found = list(_standing(events, at_ns))
    bids = np.array([bid[0] if len(bid) else math.nan for bid, *_ in found])
    asks = np.array([ask[0] if len(ask) else math.nan for *_, ask, _ in found])
    shown = np.concatenate((bids, asks, prices))
    if np.isnan(bids).all() or np.isnan(asks).all():
        raise DataError(
            "shows no book with both sides in this window.",
            source=events.source or events.symbol,
            remedy="Give a window inside of the data.",
        )
    low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
    pad = max(8 * tick, 0.2 * (high - low))
    ticks = max(1, math.ceil((high - low + 2 * pad) / tick / ROWS_MAX))
    step = ticks * tick
    first = math.floor((low - pad) / step)
    rows = math.ceil((high + pad) / step) - first
    sizes = np.zeros((2, rows, columns))
    for column, (bid, bid_size, ask, ask_size) in enumerate(found):
        for side, price, size in ((0, bid, bid_size), (1, ask, ask_size)):
            row = np.floor(price / step + 1e-6).astype(np.int64) - first
            inside = (row >= 0) & (row < rows)
            np.add.at(sizes[side, :, column], row[inside], size[inside])
    # A row holds the prices from its lower edge on; a row of one price stands at it.
    middle: Floats = (np.arange(rows, dtype=np.float64) + first) * step + (ticks - 1) * tick / 2
    return Depth(at_ns, middle, step, sizes[0], sizes[1], (bids + asks) / 2)


def _standing(events: AnySeries, at_ns: Ints) -> Iterator[tuple[Floats, Floats, Floats, Floats]]:
    """The book at each time: prices and sizes of bids, then of asks. Whole messages that happened by then."""
    book: L2Book | L3Book | None = None
    last_ns, column = np.iinfo(np.int64).min, 0
    begun: BookEvents | None = None  # A message of which the next part has the end.
    for part in parts_of(events):
        assert isinstance(part, BookEvents)  # noqa: S101 - the kind says so
        book = book or book_of(part)
        lasts = np.flatnonzero(part.flags & BookFlag.LAST) + 1
        # Received out of the venue's order, a message counts once the ones before it do.
        happened_ns = np.maximum.accumulate(np.maximum(part.ts_event_ns, last_ns))
        seen = np.searchsorted(happened_ns[lasts - 1], at_ns, side="right")
        ends, done = np.concatenate(([0], lasts))[seen], 0
        while column < len(at_ns) and seen[column] < len(lasts):
            if ends[column] > done:
                begun = _applied(book, begun)
                book.apply(_rows(part, slice(done, int(ends[column]))))
                done = int(ends[column])
            yield _depth(book)
            column += 1
        if column == len(at_ns):
            return
        whole = int(lasts[-1]) if len(lasts) else 0
        if whole > done:
            begun = _applied(book, begun)
            book.apply(_rows(part, slice(done, whole)))
        if len(part) > whole:
            _applied(book, begun)
            begun = _rows(part, slice(whole, None))
        last_ns = int(happened_ns[-1])
    while book is not None and column < len(at_ns):
        yield _depth(book)
        column += 1


def _applied(book: L2Book | L3Book, events: BookEvents | None) -> None:
    if events is not None:
        book.apply(events)


def _depth(book: L2Book | L3Book) -> tuple[Floats, Floats, Floats, Floats]:
    depth = book.depth(LEVELS_MAX)
    bid, bid_size, ask, ask_size = (
        depth[name].drop_nulls().to_numpy() for name in ("bid", "bid_size", "ask", "ask_size")
    )
    return bid, bid_size, ask, ask_size


def _rows(events: BookEvents, rows: slice) -> BookEvents:
    columns = {name: column[rows] for name, column in events.columns.items()}
    return events.with_columns(events.ts_event_ns[rows], events.ts_recv_ns[rows], columns)


def book_with_most_fills(result: Result) -> AnySeries:
    """The book that the run was on, of the symbol with most fills.

    Raises:
        DataError: The result has no book.
    """
    if not result.books:
        raise DataError(
            "has no order book.",
            source="result",
            remedy="Give the events of the book: a run folder keeps none, and only runs on books have one.",
        )
    counted = dict(result.fills.group_by("symbol").len().iter_rows())
    return max(result.books.values(), key=lambda events: counted.get(events.symbol, 0))


def book_figure(
    result: Result, events: AnySeries, start_ns: int | None = None, end_ns: int | None = None
) -> Figure:
    """The figure: depth as colour, our best prices as lines, our fills as triangles.

    Args:
        result: The run.
        events: The book that it was on.
        start_ns: Begin of the window; by default it is around the busiest fills.
        end_ns: End of the window.
    """
    fills = result.fills.filter(symbol=events.symbol)
    spans = [(int(times.min()), int(times.max())) for times in columns_of(events, "ts_event_ns")]
    data_ns = (min(first for first, _ in spans), max(last for _, last in spans))
    chosen = busiest(np.sort(ns_of(fills["ts_event"])), *data_ns)
    start_ns = chosen[0] if start_ns is None else start_ns
    end_ns = chosen[1] if end_ns is None else end_ns
    if start_ns >= end_ns:
        raise DataError(f"a window from {start_ns} to {end_ns} has no length.", source=events.symbol)
    if end_ns < data_ns[0] or start_ns > data_ns[1]:
        span = f"{time_text(data_ns[0])} to {time_text(data_ns[1])}"
        raise DataError(
            f"a window from {time_text(start_ns)} to {time_text(end_ns)} is outside of the data.",
            source=events.symbol,
            remedy=f"The book is from {span}.",
        )
    at_ns = ns_of(fills["ts_event"])
    fills = fills.filter((at_ns >= start_ns) & (at_ns <= end_ns))
    shown = _shown(result, events.symbol, start_ns, end_ns)
    ours = np.concatenate((shown.bid, shown.ask, fills["price"].to_numpy()))
    tick = _tick(events)
    depth = depth_of(events, start_ns, end_ns, tick=tick, prices=_near(ours))
    most = np.concatenate((depth.bid_size[depth.bid_size > 0], depth.ask_size[depth.ask_size > 0]))
    full = float(np.quantile(most, 0.985)) if len(most) else 1.0
    traces = [
        _heat(depth, depth.bid_size, "bid", full),
        _heat(depth, depth.ask_size, "ask", full),
        _steps("Mid", depth.at_ns, depth.mid, "@muted", 1.0),
        _steps("Our bid", shown.at_ns, shown.bid, "@positive", 2.2),
        _steps("Our ask", shown.at_ns, shown.ask, "@negative", 2.2),
        _marks(fills, "buy"),
        _marks(fills, "sell"),
    ]
    layout = figures.layout_of(depth.at_ns, 520)
    layout["hovermode"] = "closest"
    half = (end_ns - start_ns) / len(depth.at_ns) / 2e6
    layout["xaxis"] |= {"range": [start_ns / 1e6 - half, end_ns / 1e6 + half], "hoverformat": "%H:%M:%S.%L"}
    layout["yaxis"] |= {
        "range": _span(depth, ours),
        "showgrid": False,
    }
    return {"data": [trace for trace in traces if trace["x"]["bdata"]], "layout": layout}


def _span(depth: Depth, ours: Floats) -> list[float]:
    """The prices that anything is shown at, and a row more on both sides."""
    rows = np.flatnonzero((depth.bid_size + depth.ask_size).any(axis=1))
    shown = np.concatenate((depth.price[rows], ours[~np.isnan(ours)]))
    low = max(float(shown.min()), float(depth.price[0])) - 1.5 * depth.step
    return [low, min(float(shown.max()), float(depth.price[-1])) + 1.5 * depth.step]


def _near(prices: Floats) -> Floats:
    """Our prices without those far from the others: a quote far off would leave the touch no room."""
    known = prices[~np.isnan(prices)]
    if not len(known):
        return known
    low, high = np.quantile(known, [0.02, 0.98])
    return known[(known >= low) & (known <= high)]


def _tick(series: AnySeries) -> float:
    events = next(parts_of(series))
    assert isinstance(events, BookEvents)  # noqa: S101 - the kind says so
    instrument = series.instrument
    if instrument is None:
        differences = np.diff(np.unique(events.price[~np.isnan(events.price)][:10_000]))
        return float(differences.min()) if len(differences) else 1e-6
    priced = events.price[~np.isnan(events.price)]
    return instrument.tick_size_at(float(np.median(priced))) if len(priced) else instrument.price_unit


def _shown(result: Result, symbol: str, start_ns: int, end_ns: int) -> quoting.Shown:
    """Our best prices within the window; none where a result does not know what orders were amended to."""
    orders = quoting.resting_orders(result).filter(symbol=symbol)
    inside = (ns_of(orders["updated_at"]) >= start_ns) & (ns_of(orders["decided_at"]) <= end_ns)
    shown = quoting.shown_of(orders.filter(inside)[-QUOTES_MAX:], result.amendments)
    if quoting.is_price_unknown(result):
        return quoting.Shown(shown.at_ns[:0], shown.bid[:0], shown.ask[:0])
    return quoting.Shown(np.clip(shown.at_ns, start_ns, end_ns), shown.bid, shown.ask)


def _heat(depth: Depth, size: Floats, side: str, full: float) -> Figure:
    """One side's cells; rows that it never reaches are left out."""
    rows = np.flatnonzero(size.any(axis=1))
    part = slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0)
    cells = np.where(size[part] > 0, size[part], np.nan).astype("<f4")
    # Most levels are small beside the largest: the scale gives them half of the colours.
    stops = (0.0, 0.06, 0.25, 1.0)
    return {
        "type": "heatmap",
        "name": "Bids" if side == "bid" else "Asks",
        "x": packed(depth.at_ns / 1e6),
        "y": packed(depth.price[part]),
        "z": figures.packed_cells(cells),
        "zmin": 0,
        "zmax": full,
        "colorscale": [[stop, f"@{side}-{number}"] for number, stop in enumerate(stops)],
        "showscale": False,
        "hoverongaps": False,
        "hovertemplate": f"{'bid' if side == 'bid' else 'ask'} %{{z:,.4~r}} @ %{{y:,~r}}<extra></extra>",
    }


def _steps(name: str, at_ns: Ints, values: Floats, colour: str, width: float) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": packed(at_ns / 1e6),
        "y": packed(values),
        "line": {"color": colour, "width": width, "shape": "hv"},
        "hoverinfo": "skip",
    }


def _marks(fills: pl.DataFrame, side: str) -> Figure:
    trace = figures.markers_of(fills, side)
    trace["marker"] |= {"size": 11, "line": {"color": "@ink", "width": 1.2}}
    return trace
