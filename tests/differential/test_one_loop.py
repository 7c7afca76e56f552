"""One loop: steps given one at a time from Python yield what the native loop yields, byte for byte."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from polars.testing import assert_frame_equal

import tradewright as tw
from runs import DAY_NS, b2_quotes, bars, check_sound
from tradewright import features as f
from tradewright.errors import DataError
from tradewright.research.journal import FRAMES as JOURNAL
from tradewright.sim.config import LogNormal, SampledLatency
from tradewright.simulation import prepare
from tradewright.stepping import step_through
from tradewright.strategies import Momentum, Pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tradewright.research.result import Result


@dataclass
class Cross(tw.Policy):
    """Woken by the graph."""

    symbol: str
    fast: int = 10
    slow: int = 30
    size: float = 1.0

    def setup(self, ctx: tw.Setup) -> None:
        price = f.price(self.symbol)
        self.edge = ctx.watch(f.ema(price, self.fast) - f.ema(price, self.slow))
        ctx.wake(f.crosses(self.edge, 0))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.TargetPosition(self.symbol, self.size if market[self.edge] > 0 else -self.size)


@dataclass
class Quoter(tw.Policy):
    """Woken by a timer; shows both sides, leaning against what it holds."""

    symbol: str
    period: str
    half: float
    size: float = 1.0
    replace: Any = "overlap"

    def setup(self, ctx: tw.Setup) -> None:
        self.fair = ctx.watch(f.ema(f.price(self.symbol), 5))
        ctx.wake(f.every(self.period))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        centre = market[self.fair]
        if math.isnan(centre):
            return None
        held = portfolio.position(self.symbol)
        centre -= held * self.half / 4
        return tw.TargetQuotes.around(
            market.instrument(self.symbol),
            bid=centre - self.half,
            bid_size=self.size if held < 3 * self.size else 0,
            ask=centre + self.half,
            ask_size=self.size if held > -3 * self.size else 0,
            replace=self.replace,
        )


@dataclass
class Metal(tw.Policy):
    """Sends stops, limits and trailing stops of its own, amends and cancels them; reads its reports."""

    symbol: str
    every_nth: int = 7
    size: float = 2.0
    reports: list[str] = field(default_factory=list[str], init=False)

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.on_bar(self.symbol) if "Q" not in self.symbol else f.every("20s"), f.on_report())
        self.count = 0

    def on_report(self, report: tw.ExecutionReport) -> None:
        self.reports.append(
            f"{report.order_id} {report.kind} {report.reason} {report.fill} {report.ts_recv_ns}"
        )

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        price = market.mark(self.symbol)
        if math.isnan(price):
            return None
        self.count += 1
        instrument = market.instrument(self.symbol)
        up, down = instrument.round_price(price * 1.004, "sell"), instrument.round_price(price * 0.996, "buy")
        near = instrument.round_price(price * 0.0008, "buy")
        turn = self.count % self.every_nth
        orders = portfolio.open_orders(self.symbol)
        if len(orders) > 6:
            return [tw.Cancel(orders[0].order_id), tw.Cancel(orders[1].order_id)]
        if turn == 0:
            return tw.Submit(symbol=self.symbol, side="buy", size=self.size, type="limit", limit=down)
        if turn == 1:
            return tw.Submit(symbol=self.symbol, side="buy", size=self.size, type="stop", stop=up, tif="day")
        if turn == 2 and near > 0:
            return tw.Submit(symbol=self.symbol, side="sell", size=self.size, type="trailing_stop", stop=near)
        if turn == 3:
            limits = [order for order in orders if order.type == "limit"]
            return [tw.Amend(order.order_id, size=1, limit=down) for order in limits[:1]]
        if turn == 4 and portfolio.position(self.symbol):
            side = "sell" if portfolio.position(self.symbol) > 0 else "buy"
            return tw.Submit(symbol=self.symbol, side=side, size=1, reduce_only=True, tif="ioc")
        if turn == 5 and self.count % 3 == 0:
            return tw.CancelAll(self.symbol)
        return None


@dataclass
class PythonNode(tw.Policy):
    """Reads a Python function as a node, and one that wakes it."""

    symbol: str

    def setup(self, ctx: tw.Setup) -> None:
        price = f.price(self.symbol)
        self.curve = ctx.watch(f.apply(curve, price, f.ema(price, 12)))
        ctx.wake(f.crosses(self.curve, 0), f.changes(f.apply(math.floor, price / 50)))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.TargetPosition(self.symbol, 1 if market[self.curve] > 0 else 0, passive=True)


def curve(price: float, average: float) -> float:
    return math.tanh((price - average) / average * 500)


class Warden(tw.RiskManager):
    """Refuses and shrinks by rules of its own; counts the marks that it was shown."""

    def __init__(self) -> None:
        self.marks = 0

    def review(self, order: tw.Order, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Verdict:
        number = int(order.order_id.split("-")[1])
        if number % 11 == 0:
            return tw.Refused("an eleventh order")
        if number % 7 == 0 and order.size > 1:
            return tw.Shrink(order.size - 1)
        return tw.Allow()

    def on_mark(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Halt | None:
        self.marks += 1
        return None


def compare(
    tmp_path: Path, make: Callable[[], Sequence[tw.Policy]], data: Any, **options: Any
) -> tuple[Result, list[tw.Policy]]:
    """Runs both ways and compares everything there is."""
    results: list[Result] = []
    kernels: list[Any] = []
    policies: list[list[tw.Policy]] = []
    wardens: list[Warden] = []
    for way in ("native", "stepped"):
        chosen, warden = list(make()), Warden()
        prepared = prepare(chosen, data, managers=[warden], out=tmp_path / way, **options)
        run = prepared.run
        if way == "native":
            assert run.kernel.run(run.series, run.sources, run.venue)
        else:
            step_through(run, run.kernel.venue(run.venue, run.series))
        results.append(prepared.finish(finished=True))
        kernels.append(run.kernel)
        policies.append(chosen)
        wardens.append(warden)
    native, stepped = results
    journals = [(tmp_path / way / JOURNAL).read_bytes() for way in ("native", "stepped")]
    assert len(journals[0]) > 1000
    assert journals[0] == journals[1]
    assert kernels[0].cash == kernels[1].cash
    assert kernels[0].counters == kernels[1].counters
    assert kernels[0].faults == kernels[1].faults == []
    for name in ("orders", "fills", "equity", "round_trips", "positions"):
        assert_frame_equal(getattr(native, name), getattr(stepped, name), check_exact=True)
    assert native.digest() == stepped.digest()
    assert native.meta == stepped.meta
    assert wardens[0].marks == wardens[1].marks
    for one, other in zip(*policies, strict=True):
        assert getattr(one, "reports", None) == getattr(other, "reports", None)
    counters = native.meta.counters
    assert counters.reviews == counters.sent + counters.refused
    check_cash(native, kernels[0].cash)
    return native, policies[0]


def check_cash(result: Result, cash: dict[str, int]) -> None:
    """Cash to the last unit, from the fills: every instrument here is paid in full, in one currency."""
    (currency,) = cash
    expected = Fraction(repr(result.meta.cash[currency]))
    for fill in result.fills.iter_rows(named=True):
        sign = 1 if fill["side"] == "buy" else -1
        expected -= sign * Fraction(repr(fill["size"])) * Fraction(repr(fill["price"])) + Fraction(
            repr(fill["fee"])
        )
    assert expected * 10**12 == cash[currency]


def test_daily_bars_of_two_indices(tmp_path: Path) -> None:
    def policies() -> list[tw.Policy]:
        return [
            Momentum("SPX", lookback=60),
            Pairs("IXIC", "SPX", formation=120, trading=60, alpha=0.3),
            Cross("IXIC"),
            PythonNode("SPX"),
            Metal("SPX"),
        ]

    result, ran = compare(tmp_path, policies, [tw.data.sp500(), tw.data.nasdaq()], cash=1_000_000)
    traded = set(result.fills["policy"])
    assert {"Momentum", "Cross", "PythonNode", "Metal"} <= traded
    assert {"filled", "cancelled", "refused", "expired"} <= set(result.orders["status"])
    assert isinstance(ran[4], Metal)
    assert ran[4].reports


@pytest.mark.parametrize("entry_ns", [0, 90_000_000_000], ids=["at once", "latency of 90 s"])
def test_minute_bars(tmp_path: Path, shared_data: Path, entry_ns: int) -> None:
    folder = shared_data / "minute_bars"
    series = [
        tw.data.read_bars(
            folder / "btc_perp_m1_202201.csv.gz", "BTC", tz="UTC", label="open", timeframe="1m"
        ),
        tw.data.read_bars(
            folder / "cme_6eh4_m1_202401.csv.gz", "6EH4", tz="UTC", label="open", timeframe="1m"
        ),
    ]
    first = series[0]
    assert isinstance(first, tw.Bars)

    def policies() -> list[tw.Policy]:
        return [
            Cross("BTC"),
            Quoter("BTC", "5m", 20.0, replace="amend"),
            Metal("BTC"),
            PythonNode("BTC"),
            Cross("6EH4", 20, 60, size=1000),
        ]

    latency = tw.ConstantLatency(entry_ns=entry_ns, response_ns=entry_ns // 3)
    result, _ = compare(
        tmp_path,
        policies,
        [first.before("2022-01-09"), series[1]],
        cash=10_000_000,
        venue=tw.Venue(latency=latency, fills=tw.Fills(timing="path")),
    )
    assert set(result.fills["policy"]) >= {"Cross", "Quoter", "Metal"}


LATENCIES = {
    "none": tw.ConstantLatency(),
    "constant": tw.ConstantLatency(entry_ns=35_000_000, response_ns=20_000_000),
    "sampled": SampledLatency(
        entry=LogNormal(median_ns=30_000_000, sigma=0.6), response=LogNormal(median_ns=9_000_000, sigma=0.3)
    ),
}


@pytest.mark.parametrize("latency", LATENCIES)
def test_first_quotes_of_b2(tmp_path: Path, latency: str) -> None:
    instrument = tw.Instrument(
        symbol="XQ", price_unit=0.01, lot_size=0.001, fees=(tw.Fees(maker_bps=-0.37, taker_bps=4.13),)
    )
    kept = b2_quotes(1_000_000, keep=50_000)
    series = tw.Quotes.from_arrays(
        "XQ",
        ts=kept.ts_event_ns,
        bid=kept.bid,
        ask=kept.ask,
        bid_size=kept.bid_size,
        ask_size=kept.ask_size,
        instrument=instrument,
    )

    def policies() -> list[tw.Policy]:
        return [
            Cross("XQ", 100, 400),
            Quoter("XQ", "500ms", 0.03, 0.5),
            Quoter("XQ", "700ms", 0.05, 0.25, replace="wait"),
            Quoter("XQ", "1100ms", 0.04, 0.125, replace="amend"),
            Metal("XQ"),
            PythonNode("XQ"),
        ]

    venue = tw.Venue(latency=LATENCIES[latency], decision_ns=1_000)
    result, _ = compare(tmp_path, policies, series, cash=1_000_000, venue=venue, seed=5)
    assert result.meta.counters.fills > 1_000
    assert {"maker", "taker"} == set(result.fills["liquidity"])


def test_events_of_every_kind(tmp_path: Path) -> None:
    """Dividends, splits, funding, deposits, status and settlement pass through both loops alike."""
    closes = [100 + 5 * math.sin(day / 5) for day in range(120)]
    one = bars([round(close, 2) for close in closes], symbol="A", step_ns=DAY_NS, volume=1e6)
    other = bars([round(close / 2, 2) for close in closes], symbol="B", step_ns=DAY_NS, volume=1e6)

    def at(day: int) -> dict[str, int]:
        return {"ts_event_ns": one.ts_event_ns[day].item(), "ts_recv_ns": one.ts_event_ns[day].item()}

    events = [
        tw.market.Dividend(symbol="A", amount=0.31, **at(20)),
        tw.market.Deposit(currency="USD", amount=1234.5, **at(25)),
        tw.market.Funding(symbol="B", rate=0.0003, **at(30)),
        tw.market.Split(symbol="A", numerator=2, denominator=1, **at(50)),
        tw.market.MarketStatus(symbol="B", status="paused", **at(60)),
        tw.market.MarketStatus(symbol="B", status="open", **at(64)),
        tw.market.Settlement(symbol="B", price=50, void=False, **at(110)),
    ]

    def policies() -> list[tw.Policy]:
        return [
            Cross("A", 3, 8, size=10),
            Cross("B", 2, 6, size=5),
            Quoter("B", "24h", 0.2),
            Metal("A", size=3),
        ]

    results: list[Result] = []
    cash: list[dict[str, int]] = []
    for way in ("native", "stepped"):
        prepared = prepare(policies(), [one, other], events=events, out=tmp_path / way)
        run = prepared.run
        if way == "native":
            run.kernel.run(run.series, run.sources, run.venue)
        else:
            step_through(run, run.kernel.venue(run.venue, run.series))
        results.append(prepared.finish(finished=True))
        cash.append(run.kernel.cash)
    assert (tmp_path / "native" / JOURNAL).read_bytes() == (tmp_path / "stepped" / JOURNAL).read_bytes()
    assert cash[0] == cash[1]
    assert results[0].digest() == results[1].digest()
    assert {"A", "B"} == set(results[0].fills["symbol"])


def test_a_bad_row_is_refused_before_anything_runs() -> None:
    series = bars([1.0, 2.0, 3.0, 4.0], highs=[1.0, 2.0, 0.5, 4.0], lows=[1.0, 1.0, 1.0, 1.0])
    prepared = prepare(Cross("X", 1, 2), series)
    run = prepared.run
    with pytest.raises(DataError, match=r"bars of X, row 3, high: 0\.5 is below the low"):
        step_through(run, run.kernel.venue(run.venue, run.series))
    assert run.kernel.counters["steps"] == 0


def test_time_does_not_go_back() -> None:
    run = prepare(Cross("X", 1, 2), bars([1.0, 2.0])).run
    run.kernel.step(10, [], [])
    with pytest.raises(ValueError, match="step at 9 is before the step at 10"):
        run.kernel.step(9, [], [])


def test_check_sound_on_a_native_run() -> None:
    series = bars([round(100 + math.sin(row / 3), 4) for row in range(400)], volume=1e6)
    check_sound(tw.backtest(Cross("X", 2, 5), series))
