"""Market making taken apart in whole runs, on generated markets and on quotes made by hand."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

import tradewright as tw
from browser import drawn_charts
from runs import bars, exact, mark_of, quotes
from tradewright import features as f
from tradewright.core.book_events import BookAction, BookEvents, BookFlag
from tradewright.errors import DataError
from tradewright.research import journal
from tradewright.research.markouts import PARTS
from tradewright.sim import InformedFlow, PoissonFlow, generate
from tradewright.strategies import SymmetricMaker

if TYPE_CHECKING:
    from pathlib import Path

    from tradewright.sim import GeneratedMarket

SECOND = 1_000_000_000
HORIZONS = ("100ms", "1s", "10s", "60s")
SHARE = tw.Instrument(symbol="SHARE", price_unit=0.01, fees=(tw.Fees(maker_bps=-1, taker_bps=3),))
FLOW = PoissonFlow(price=100.0, limit_rates=(4.0, 3.0, 2.0, 1.0, 1.0), cancel_rates=(0.2,), market_rate=3.0)


@cache
def noise_run() -> tuple[GeneratedMarket, tw.Result]:
    market = generate(FLOW, instrument=SHARE, duration="4m", seed=3)
    maker = SymmetricMaker("SHARE", half_spread=0.005, size=1.0, position_max=4.0, refresh="250ms")
    return market, tw.backtest(maker, market.events, cash=100_000)


def walked_mids(events: BookEvents) -> list[tuple[int, Fraction]]:
    """Venue time and mid after each message, by two dictionaries."""
    levels: dict[int, dict[Fraction, float]] = {1: {}, -1: {}}
    mids: list[tuple[int, Fraction]] = []
    for row in range(len(events)):
        action, side, price = int(events.action[row]), int(events.side[row]), float(events.price[row])
        if action == BookAction.SNAPSHOT_START:
            levels = {1: {}, -1: {}}
        elif action == BookAction.SET:
            levels[side][exact(price)] = float(events.size[row])
            if not events.size[row]:
                del levels[side][exact(price)]
        if events.flags[row] & BookFlag.LAST and levels[1] and levels[-1]:
            mids.append((int(events.ts_event_ns[row]), (max(levels[1]) + min(levels[-1])) / 2))
    return mids


def test_markouts_are_those_of_a_walk_over_the_events() -> None:
    market, result = noise_run()
    mids = walked_mids(market.events)
    found = result.markouts()
    assert found.height == result.fills.height > 100
    ended = 0
    for row, at_ns in zip(found.iter_rows(named=True), found["ts_event"].to_physical(), strict=True):
        signed = exact(row["size"]) * (1 if row["side"] == "buy" else -1)
        before = [mid for quoted, mid in mids if quoted < at_ns][-1]
        assert row["mid"] == float(before)
        assert row["spread_capture"] == float(signed * (before - exact(row["price"])))
        for name, seconds in zip(HORIZONS, (0.1, 1, 10, 60), strict=True):
            end_ns = at_ns + int(seconds * SECOND)
            if end_ns > mids[-1][0]:
                assert row[f"mid_{name}"] is row[f"adverse_{name}"] is row[f"markout_{name}"] is None
                ended += 1
                continue
            later = [mid for quoted, mid in mids if quoted <= end_ns][-1]
            assert row[f"mid_{name}"] == float(later)
            assert row[f"adverse_{name}"] == float(signed * (later - before))
            assert row[f"markout_{name}"] == float(signed * (later - exact(row["price"])))
    assert ended > 10  # beyond the data's end: null, not 0


@pytest.mark.parametrize("horizon", ["1ms", *HORIZONS, "1h"])
def test_parts_sum_to_the_profit_of_the_fills_exactly(horizon: str) -> None:
    _, result = noise_run()
    (row,) = result.pnl_parts(horizon=horizon).iter_rows(named=True)
    total = Fraction(0)
    for fill in result.fills.iter_rows(named=True):
        signed = exact(fill["size"]) * (1 if fill["side"] == "buy" else -1)
        total += signed * (mark_of(result, "SHARE") - exact(fill["price"])) - exact(fill["fee"])
    assert sum(Fraction(row[part]) for part in PARTS) == Fraction(row["total"]) == total
    assert float(row["total"]) == pytest.approx(result.summary.net_pnl, abs=1e-9)
    assert row["fees"] == 0 < row["rebates"]
    made = result.markouts(horizons=[horizon])
    assert float(row["spread_capture"]) == pytest.approx(made["spread_capture"].sum())
    assert float(row["adverse_selection"]) == pytest.approx(made[f"adverse_{horizon}"].sum())
    assert row["fills_without_markout"] == made[f"adverse_{horizon}"].null_count()
    if horizon == "1h":
        assert (row["adverse_selection"], row["fills_without_markout"]) == (0, row["fills"])


def test_a_run_folder_and_the_data_given_again_say_the_same(tmp_path: Path) -> None:
    market, result = noise_run()
    loaded = tw.Result.load(result.write(tmp_path / "run"), verify=True)
    assert loaded.ledger.equals(result.ledger)
    assert loaded.pnl_parts().equals(result.pnl_parts())
    assert loaded.markouts().equals(result.markouts())
    assert loaded.market_making() == result.market_making()
    for data in (market.events, [market.events], {"SHARE": market.events}):
        assert loaded.markouts(data).equals(result.markouts())
    with pytest.raises(DataError, match="holds neither books nor quotes"):
        loaded.markouts(bars([1.0, 2.0], symbol="SHARE"))
    with pytest.raises(DataError, match="keeps none"):
        loaded.book_picture(tmp_path / "book.html")
    path = loaded.book_picture(tmp_path / "book.html", market.events)
    assert path.read_bytes() == result.book_picture(tmp_path / "same.html").read_bytes()


def test_statistics_are_those_of_the_frames() -> None:
    market, result = noise_run()
    made = result.market_making()
    assert made == result.market_making(policy="SymmetricMaker", symbol="SHARE").__replace__(
        policy="", symbol=""
    )
    assert made.undefined == {}
    orders = result.orders.filter(pl.col("status") != "rejected")
    assert made.fill_rate == pytest.approx((orders["filled_size"] > 0).sum() / orders.height)
    assert made.filled_share == pytest.approx(
        orders["filled_size"].to_numpy().sum() / orders["size"].to_numpy().sum()
    )
    fills = result.fills
    bought = float(fills.filter(side="buy")["value"].to_numpy().sum())
    traded = float(fills["value"].to_numpy().sum())
    assert made.fill_imbalance == pytest.approx((2 * bought - traded) / traded)
    closed = result.round_trips.filter(~pl.col("is_open"))["pnl"]
    assert made.trips == len(closed) > 5
    assert made.realised_pnl_mean == pytest.approx(closed.mean())
    assert made.realised_pnl_median == pytest.approx(closed.median())
    assert made.realised_pnl_std == pytest.approx(closed.std())
    # Position over time, a fill at a time.
    start, end = result.summary.start_ns, result.summary.end_ns
    now, held, signed, absolute, largest = start, 0.0, 0.0, 0.0, 0.0
    for at_ns, after in zip(
        fills["ts_event"].to_physical().to_list(), fills["position"].to_list(), strict=True
    ):
        signed, absolute = signed + held * (at_ns - now), absolute + abs(held) * (at_ns - now)
        now, held, largest = at_ns, after, max(largest, abs(after))
    signed, absolute = signed + held * (end - now), absolute + abs(held) * (end - now)
    assert made.inventory_mean == pytest.approx(signed / (end - start))
    assert made.inventory_abs_mean == pytest.approx(absolute / (end - start))
    assert made.inventory_abs_max == largest == 4.0
    lives = orders.filter(pl.col("reason") != "run_ended").select(pl.col("updated_at") - pl.col("decided_at"))
    assert made.quote_lifetime_median_s == pytest.approx(lives.to_series().median().total_seconds())  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    assert made.queue_ahead_mean == pytest.approx(fills["queue_ahead"].mean())
    touch = result.prices["SHARE"].with_columns(span=pl.col("at").shift(-1) - pl.col("at")).drop_nulls()
    spans = touch["span"].to_physical().to_numpy()
    wanted = float(((touch["ask"] - touch["bid"]).to_numpy() * spans).sum() / spans.sum())
    assert made.market_spread_mean == pytest.approx(wanted)
    assert made.own_spread_mean is not None
    assert made.own_spread_mean >= 0.01
    assert market.events.symbol == "SHARE"


def test_informed_flow_shows_in_the_markouts_and_noise_does_not() -> None:
    contract = tw.instruments.binary("EVENT")

    def means(informed: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        """By seed: spread capture and markout after 10 s, a unit."""
        rows: list[list[float]] = []
        for seed in range(24):
            flow = InformedFlow(value=0.5, informed=informed)
            market = generate(flow, instrument=contract, duration="5m", seed=seed)
            maker = SymmetricMaker("EVENT", half_spread=0.01, size=1.0)
            made = tw.backtest(maker, market.events, cash=100_000).markouts(horizons=["10s"]).drop_nulls()
            rows.append([made["spread_capture"].mean(), made["markout_10s"].mean()])  # pyright: ignore[reportArgumentType]
        return np.array(rows)

    noise, informed = means(0.0), means(0.5)
    error = 3 / math.sqrt(24)
    assert (noise[:, 0] > 0).all()
    assert (informed[:, 0] > 0).all()
    lowest_of_noise = noise[:, 1].mean() - error * noise[:, 1].std(ddof=1)
    highest_of_informed = informed[:, 1].mean() + error * informed[:, 1].std(ddof=1)
    assert highest_of_informed < min(0, lowest_of_noise)
    assert abs(noise[:, 1].mean()) < error * noise[:, 1].std(ddof=1)  # what noise does to a fill averages out


def test_a_settlement_is_the_last_mark_of_all() -> None:
    contract = tw.instruments.binary("EVENT")
    market = generate(InformedFlow(value=0.5), instrument=contract, duration="2m", seed=3)
    assert market.settlement is not None
    assert market.settlement.price is not None
    maker = SymmetricMaker("EVENT", half_spread=0.01, size=1.0)
    result = tw.backtest(maker, market.events, events=[market.settlement], cash=100_000)
    total = Fraction(0)
    for fill in result.fills.iter_rows(named=True):
        signed = exact(fill["size"]) * (1 if fill["side"] == "buy" else -1)
        total += signed * (exact(market.settlement.price) - exact(fill["price"]))
    (row,) = result.pnl_parts().iter_rows(named=True)
    assert Fraction(row["total"]) == total != 0
    assert result.ledger["unrealised"].to_list() == [0]
    assert result.summary.net_pnl == pytest.approx(float(total))


# Quotes, bars, several instruments --------------------------------------------------------------------------


class Once(tw.Policy):
    """Rests one order each way in the first step and looks no more."""

    def __init__(self, symbols: list[str], *, size: float = 2.0) -> None:
        self.symbols, self.size = symbols, size

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(*(f.on_quote(symbol) for symbol in self.symbols))
        self.done: set[str] = set()

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        new = [symbol for symbol in self.symbols if symbol not in self.done and market.bid(symbol) > 0]
        self.done.update(new)
        return [tw.TargetQuotes(one, bid=(99.0, self.size), ask=(101.0, self.size)) for one in new]


def test_one_fill_on_quotes_and_no_data_after_it() -> None:
    data = quotes([(99.5, 100.5), (99.5, 100.5), (98.0, 98.5)], symbol="A")
    result = tw.backtest(Once(["A"]), data, cash=10_000)
    (row,) = result.markouts().iter_rows(named=True)
    # It bought at 99 while the mid was 100; the quote that came down is the last thing known.
    assert (row["side"], row["price"], row["mid"], row["spread_capture"]) == ("buy", 99.0, 100.0, 2.0)
    assert row["adverse_100ms"] is row["adverse_60s"] is None
    made = result.market_making()
    assert made.parts is not None
    assert made.parts.spread_capture == Decimal(2)
    assert made.parts.inventory == Decimal("-3.5")
    assert made.parts.total == Decimal("-1.5")
    assert (made.parts.fills, made.parts.fills_without_markout) == (1, 1)
    assert made.markout_bps == {}
    assert made.undefined["realised_pnl_std"] == "needs at least two closed round trips; has 0"
    assert made.undefined["queue_ahead_mean"].startswith("no fill has a place in a queue")
    assert made.inventory_abs_max == 2.0


def test_sizes_of_several_instruments_do_not_add_up() -> None:
    rows = [(99.5, 100.5), (99.5, 100.5), (98.0, 98.5), (102.0, 102.5)]
    data = [quotes(rows, symbol="A"), quotes(rows, symbol="B", start_ns=1_577_836_800_000_000_007)]
    result = tw.backtest(Once(["A", "B"]), data, cash=100_000)
    made, one = result.market_making(), result.market_making(symbol="B")
    assert made.parts is not None
    assert one.parts is not None
    assert made.parts.total == 2 * one.parts.total == Decimal(8)
    assert "give a symbol" in made.undefined["inventory_mean"]
    assert one.inventory_abs_max == 2.0
    assert result.pnl_parts()["symbol"].to_list() == ["A", "B"]
    assert '<th class="n">B</th>' in _page(result)


def test_a_run_on_bars_has_no_mids_and_no_cards() -> None:
    class Buys(tw.Policy):
        def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
            return tw.TargetPosition("X", 1)

    result = tw.backtest(Buys(), bars([10.0, 11.0, 12.0, 13.0]), cash=1_000)
    assert result.markouts()["spread_capture"].to_list() == [None]
    (row,) = result.pnl_parts().iter_rows(named=True)
    assert (row["inventory"], row["fills_without_mid"]) == (row["total"], 1)
    assert result.market_making().undefined["spread_capture_bps"].startswith("no fill has a mid")
    assert "Where the profit came from" not in _page(result)


def test_amended_quotes_are_shown_at_the_price_that_they_had(tmp_path: Path) -> None:
    class Amends(tw.Policy):
        def setup(self, ctx: tw.Setup) -> None:
            ctx.wake(f.every("250ms"))

        def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
            bid, ask = market.bid("SHARE"), market.ask("SHARE")
            if not bid < ask:
                return None
            return tw.TargetQuotes("SHARE", bid=(bid, 1.0), ask=(ask, 1.0), replace="amend")

    market, _ = noise_run()
    latency = tw.ConstantLatency(entry_ns=30_000_000, response_ns=40_000_000)
    result = tw.backtest(Amends(), market.events, cash=100_000, venue=tw.Venue(latency=latency), out=tmp_path)
    assert set(result.amendments["status"]) == {"amended", "rejected"}  # some came after a fill
    made = result.market_making()
    spread, two_sided_ns = walked_spread(tmp_path)
    assert made.own_spread_mean == pytest.approx(float(spread), rel=1e-9)
    assert made.two_sided_share == pytest.approx(
        two_sided_ns / (result.meta.end_ns - result.meta.start_ns), rel=1e-9
    )
    assert made.queue_ahead_mean is not None
    assert "Our bid" in _page(result)
    assert tw.Result.load(tmp_path).market_making().own_spread_mean == made.own_spread_mean


def walked_spread(folder: Path) -> tuple[Fraction, int]:
    """Time-weighted spread of our quotes and the time that both stood, frame by frame of the journal."""
    book = journal.Journal.of(folder)
    assert book is not None
    frames = list(book)
    taken = {
        (frame.order, index)
        for index, frame in enumerate(frames)
        if isinstance(frame, journal.Amended)
        and next(
            later.kind == "amended"
            for later in frames[index:]
            if isinstance(later, journal.Reported)
            and later.order == frame.order
            and later.kind in ("amended", "amend_rejected")
        )
    }
    # What the venue did not take never stood.
    rejected = {one.order for one in frames if isinstance(one, journal.Reported) and one.kind == "rejected"}
    standing: dict[int, tuple[int, int]] = {}
    lots: dict[int, int] = {}
    total, length, last_ns = 0, 0, 0
    for index, frame in enumerate(frames):
        if isinstance(frame, journal.Decision):
            continue
        at_ns = {"Sent": "decided_ns", "Amended": "now_ns", "Reported": "ts_recv_ns"}.get(
            type(frame).__name__
        )
        if at_ns is None:
            continue
        now_ns = getattr(frame, at_ns)
        prices = [[price for side, price in standing.values() if side == which] for which in (0, 1)]
        if all(prices):
            total += (min(prices[1]) - max(prices[0])) * (now_ns - last_ns)
            length += now_ns - last_ns
        last_ns = now_ns
        match frame:
            case journal.Sent() if frame.order not in rejected:
                standing[frame.order], lots[frame.order] = (frame.side, frame.limit), frame.lots
            case journal.Amended() if (frame.order, index) in taken and frame.order in standing:
                standing[frame.order] = (standing[frame.order][0], frame.limit)
            case journal.Reported():
                if frame.amended is not None:
                    lots[frame.order] = frame.amended[1] if frame.order in standing else 0
                if frame.execution is not None:
                    lots[frame.order] -= frame.execution.lots
                if frame.kind in ("cancelled", "expired") or (
                    frame.execution is not None and lots[frame.order] <= 0
                ):
                    standing.pop(frame.order, None)
            case _:
                pass
    unit = Fraction(book.names.instruments[0].price_unit)
    return unit * total / length, length


# The page ---------------------------------------------------------------------------------------------------


def _page(result: tw.Result) -> str:
    from tradewright.research.report import page

    return page({"run": result})


def _figures(html: str) -> list[dict[str, Any]]:
    found = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)
    return [json.loads(figure) for figure in found]


def test_the_page_shows_parts_markouts_and_the_book() -> None:
    from plotly import graph_objects  # pyright: ignore[reportMissingTypeStubs]  # ships no types

    _, result = noise_run()
    html = _page(result)
    assert html == _page(result)
    for title in ("Where the profit came from", "Markouts", "Quotes and fills", "The book around our fills"):
        assert f"<h3>{title}</h3>" in html
    plain = re.sub(r'"@font"', '"Arial"', re.sub(r'"@[\w-]+"', '"#123456"', html))
    for figure in _figures(plain):
        graph_objects.Figure(figure)  # refuses what plotly does not know
    names = set(re.findall(r'"@([\w-]+)"', json.dumps(_figures(html)))) - {"font"}
    style = html.split("<style>")[1].split("</style>")[0]
    for name in names:
        assert len(re.findall(rf"--{name}:", style)) == 2, name  # light and dark
    heat = next(figure for figure in _figures(html) if figure["data"][0]["type"] == "heatmap")
    assert [trace["name"] for trace in heat["data"]] == [
        "Bids",
        "Asks",
        "Mid",
        "Our bid",
        "Our ask",
        "Buy",
        "Sell",
    ]
    assert len(json.dumps(heat)) < 500_000
    parts = next(figure for figure in _figures(html) if "Spread capture" in figure["data"][0]["x"])
    assert parts["data"][0]["x"][-1] == "Total"


def test_a_window_may_be_asked_for(tmp_path: Path) -> None:
    market, result = noise_run()
    start = market.events.start_ns + 60 * SECOND
    html = result.book_picture(
        tmp_path / "a" / "b.html", market.events, start, start + 5 * SECOND
    ).read_text()
    (figure,) = _figures(html)
    low, high = figure["layout"]["xaxis"]["range"]
    assert high - low == pytest.approx(5_000, rel=0.01)
    with pytest.raises(DataError, match="has no length"):
        result.book_picture(tmp_path / "c.html", market.events, start, start)
    for year in (2000, 2100):
        with pytest.raises(DataError, match="is outside of the data"):
            result.book_picture(tmp_path / "c.html", market.events, f"{year}-01-01", f"{year}-01-02")


@pytest.mark.slow
def test_a_browser_draws_the_book_and_all_else_without_an_error(tmp_path: Path) -> None:
    _, result = noise_run()
    path = result.report(tmp_path / "report.html")
    charts = path.read_text().count('<div class="chart"')
    assert charts == 6  # equity, price, parts, markouts, round trips, the book
    assert drawn_charts(path, tmp_path, 2 * charts) >= 2 * charts
