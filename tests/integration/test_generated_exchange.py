"""Generated exchanges as users meet them: what orders do to the book, and what is refused."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import tradewright as tw
from tradewright import features as f
from tradewright.core.book_events import BookAction, BookFlag
from tradewright.core.market import Deposit, Settlement
from tradewright.errors import ConfigError, DataError
from tradewright.sim import GeneratedExchange, InformedFlow, PoissonFlow, generate
from tradewright.sim.config import Costs, ProbabilisticQueue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EVENT = tw.instruments.binary("EVENT")
FLOW = PoissonFlow(price=0.37)
START_NS = 1_767_225_600_000_000_000
SECOND_NS = 1_000_000_000


def exchange(flow: PoissonFlow | InformedFlow = FLOW, seed: int = 1, **more: Any) -> GeneratedExchange:
    given: dict[str, Any] = {"instrument": EVENT, "duration": "1m", **more}
    return GeneratedExchange(flow, seed=seed, **given)


class Script(tw.Policy):
    """Does at each second what the script says for it, and notes the touch just after."""

    def __init__(self, *acts: Callable[[tw.MarketSnapshot], tw.Intents]) -> None:
        self.acts = list(acts)
        self.touch: list[tuple[float, float, float, float]] = []
        self.reports: list[tw.ExecutionReport] = []

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.every("1s"), f.on_report())

    def on_report(self, report: tw.ExecutionReport) -> None:
        self.reports.append(report)

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        self.touch.append(
            (market.bid("EVENT"), market.bid_size("EVENT"), market.ask("EVENT"), market.ask_size("EVENT"))
        )
        at = (market.now_ns - START_NS) / SECOND_NS
        if at == int(at) and 1 <= at <= len(self.acts) and market.woken_by[0].startswith("every"):
            return self.acts[int(at) - 1](market)
        return None


def order(side: str, size: float, **more: Any) -> tw.Submit:
    return tw.Submit(symbol="EVENT", side=side, size=size, **more)  # pyright: ignore[reportArgumentType] - literals


def walked_places(events: tw.BookEvents) -> list[tuple[int, float, float]]:
    """Of each execution of an order of ours: its number, what stood before it, and the mid before it."""
    queues: dict[tuple[int, float], dict[int, float]] = {}
    found: list[tuple[int, float, float]] = []
    before: dict[tuple[int, float], dict[int, float]] = {}
    is_new = True
    for row in range(len(events)):
        if is_new:
            before = {level: dict(queue) for level, queue in queues.items()}
        action, level = int(events.action[row]), (int(events.side[row]), round(float(events.price[row]), 6))
        number, size = int(events.order_id[row]), float(events.size[row])
        if action == BookAction.ADD:
            queues.setdefault(level, {})[number] = size
        elif action in (BookAction.CANCEL, BookAction.EXECUTE):
            if action == BookAction.EXECUTE and number % 2:
                ahead = 0.0
                for other, lots in before[level].items():
                    if other == number:
                        break
                    ahead += lots
                best = [[price for side, price in before if side == which] for which in (1, -1)]
                found.append((number // 2 + 1, ahead, (max(best[0]) + min(best[1])) / 2))
            queues[level][number] -= size
            if not queues[level][number]:
                del queues[level][number]
            if not queues[level]:
                del queues[level]
        is_new = bool(events.flags[row] & BookFlag.LAST)
    return found


def test_fills_know_their_place_in_the_queue_and_the_mid_before_them() -> None:
    maker = tw.strategies.SymmetricMaker("EVENT", half_spread=0.01, size=3, position_max=12, refresh="1s")
    flow = PoissonFlow(price=0.37, size=4, size_law="geometric")  # so that one order may go through several
    result = tw.backtest(maker, exchange(flow, duration="4m", orders=True))
    events = result.markets["EVENT"].orders
    assert events is not None
    fills = result.fills.with_columns(pl.col("order_id").str.split("-").list.last().cast(int).alias("number"))
    makers = fills.filter(pl.col("liquidity") == "maker")
    assert len(makers) > 30
    assert makers["queue_ahead"].n_unique() > 3
    assert fills.filter(pl.col("liquidity") == "taker")["queue_ahead"].drop_nulls().is_empty()
    noted = makers.select("number", "queue_ahead", pl.col("mid").round(6)).rows()
    assert noted == [(number, ahead, round(mid, 6)) for number, ahead, mid in walked_places(events)]
    assert result.market_making().queue_ahead_mean == pytest.approx(makers["queue_ahead"].mean())


def test_a_market_order_consumes_the_level_that_is_shown() -> None:
    shown: list[float] = []

    def take(market: tw.MarketSnapshot) -> tw.Intents:
        shown.extend((market.ask("EVENT"), market.ask_size("EVENT")))
        return order("buy", shown[1] + 1)

    policy = Script(take)
    result = tw.backtest(policy, exchange())
    price, size = shown
    fills = result.fills
    assert fills["size"].sum() == size + 1
    assert fills.filter(pl.col("price") == price)["size"].sum() == size
    assert fills["price"].max() > price  # pyright: ignore[reportOptionalOperand, reportOperatorIssue] - a float
    assert set(fills["liquidity"]) == {"taker"}
    # The book shows our prints at that time, and the level gone; the market's people go on from there.
    events = result.markets["EVENT"].events
    ours = events.ts_event_ns == START_NS + SECOND_NS
    assert events.price[ours & (events.action == 0)].min() == price
    gone = ours & (events.action == 1) & (events.price == price)
    assert events.size[gone].tolist() == [0.0]
    alone = generate(FLOW, instrument=EVENT, duration="1m", seed=1).events
    assert alone.ts_event_ns[-1] != events.ts_event_ns[-1] or len(alone) != len(events)


def test_a_resting_order_stands_in_the_book_that_everybody_sees() -> None:
    shown: list[float] = []

    def join(market: tw.MarketSnapshot) -> tw.Intents:
        shown.extend((market.bid("EVENT"), market.bid_size("EVENT")))
        return order("buy", 50, type="limit", limit=shown[0], post_only=True)

    policy = Script(join)
    tw.backtest(policy, exchange())
    after = next(
        touch for touch, before in zip(policy.touch[2:], policy.touch[1:], strict=False) if touch != before
    )
    assert (after[0], after[1]) == (shown[0], shown[1] + 50)


def test_orders_that_reduce_are_cut_to_what_there_is_and_others_are_not_known() -> None:
    policy = Script(
        lambda _: order("buy", 2),
        lambda _: order("sell", 5, reduce_only=True),
        lambda _: order("sell", 1, reduce_only=True),
        lambda _: order("sell", 1, reduce_only=True, type="limit", limit=0.9),
        lambda _: order("buy", 1, type="trailing_stop", stop=0.02),
        lambda _: order("buy", 1, type="limit", limit=0.2, tif="day"),
        lambda _: order("buy", 1, type="limit", limit=0.2, tif="gtc"),
    )
    result = tw.backtest(policy, exchange())
    found = result.orders.select("status", "reason", "filled_size").rows()
    assert found == [
        ("filled", "", 2.0),
        ("cancelled", "nothing_to_reduce", 2.0),
        ("rejected", "nothing_to_reduce", 0.0),
        ("rejected", "venue", 0.0),
        ("rejected", "venue", 0.0),
        ("rejected", "venue", 0.0),
        ("cancelled", "instrument_ended", 0.0),
    ]
    assert any("3 orders were rejected (venue)" in warning for warning in result.meta.warnings)


def test_an_account_below_its_margin_is_liquidated_in_the_book() -> None:
    share = tw.Instrument(symbol="SHARE", price_unit=0.01)
    flow = InformedFlow(value=10.0, volatility=0.3, informed=0.8, market_rate=4.0)
    account = tw.Account(cash={"USD": 100}, kind="margin", leverage_max=50)

    class Long(tw.Policy):
        def setup(self, ctx: tw.Setup) -> None:
            ctx.wake(f.every("1s"))

        def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
            return tw.TargetPosition("SHARE", 150)

    result = tw.backtest(
        Long(),
        GeneratedExchange(flow, instrument=share, duration="2m", seed=2),
        account=account,
        risk=tw.Risk(order_value_max="10000%", gross_max="10000%"),
    )
    assert result.orders.filter(pl.col("intent") == "liquidation")["filled_size"].sum() > 0
    assert any("liquidated" in warning for warning in result.meta.warnings)


def test_several_exchanges_are_one_account_and_one_time() -> None:
    names = ("A", "B", "C")
    markets = [
        GeneratedExchange(
            InformedFlow(value=0.3, informed=0.0),
            instrument=tw.instruments.binary(name),
            duration=length,
            seed=n,
        )
        for n, (name, length) in enumerate(zip(names, ("1m", "2m", "3m"), strict=True))
    ]

    class Buyer(tw.Policy):
        def setup(self, ctx: tw.Setup) -> None:
            ctx.wake(f.every("10s"))

        def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
            return [tw.TargetPosition(name, portfolio.position(name) + 1) for name in names]

    result = tw.backtest(Buyer(), markets, cash=1_000)
    assert result.meta.grade == "simulated flow"
    assert result.meta.symbols == list(names)
    assert result.fills["fill_id"].to_list() == list(range(1, len(result.fills) + 1))
    assert result.fills["ts_recv"].is_sorted()
    bought = result.fills.group_by("symbol").agg(
        pl.col("size").sum(), (pl.col("size") * pl.col("price")).sum().alias("paid")
    )
    final = 1_000.0
    for symbol, size, paid in bought.rows():
        settlement = result.markets[symbol].settlement
        assert settlement is not None
        final += size * settlement.price - paid
    assert result.equity["equity"][-1] == pytest.approx(final, abs=1e-9)
    ended = result.orders.filter(pl.col("reason") == "instrument_ended")["symbol"]
    assert set(ended) == {"A", "B", "C"} - ({"C"} - set(ended))  # A and B ended while the run went on
    assert [type(one).__name__ for one in result.markets.values()] == ["GeneratedMarket"] * 3


def test_deposits_arrive_and_why_tells_the_story(tmp_path: Path) -> None:
    deposit = Deposit(
        ts_event_ns=START_NS + SECOND_NS, ts_recv_ns=START_NS + SECOND_NS, currency="USD", amount=50.0
    )
    flow = InformedFlow(value=0.4, informed=0.0)
    policy = Script(lambda _: order("buy", 2), lambda _: order("sell", 1))
    result = tw.backtest(policy, exchange(flow), cash=100, events=[deposit], out=tmp_path / "run")
    settlement = result.markets["EVENT"].settlement
    assert settlement is not None
    assert settlement.price is not None
    spent = sum(
        size * price * (1 if side == "buy" else -1)
        for side, size, price in result.fills.select("side", "size", "price").iter_rows()
    )
    assert result.equity["equity"][-1] == pytest.approx(150 - spent + settlement.price, abs=1e-9)
    main = "import sys; from tradewright.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", main, "why", str(tmp_path / "run"), result.orders["order_id"][0]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "buy 2" in done.stdout
    assert tw.Result.load(tmp_path / "run", verify=True).digest() == result.digest()


def test_a_policy_that_answers_itself_without_end_is_told_so() -> None:
    class Echo(tw.Policy):
        def setup(self, ctx: tw.Setup) -> None:
            ctx.wake(f.on_book("EVENT"))

        def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
            if orders := portfolio.open_orders():
                return [tw.Cancel(one.order_id) for one in orders]
            return order("buy", 1, type="limit", limit=0.01)

    with pytest.raises(ConfigError, match=r"venue\.latency.*answers"):
        tw.backtest(Echo(), exchange(duration="1s"))
    late = tw.Venue(latency=tw.ConstantLatency(entry_ns=1_000_000))
    assert len(tw.backtest(Echo(), exchange(duration="1s"), venue=late).orders) > 10


RECORDING = generate(FLOW, instrument=EVENT, duration="10s", seed=1)
PAID = Settlement(symbol="EVENT", ts_event_ns=START_NS, ts_recv_ns=START_NS, price=1.0)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"venue": tw.Venue(clock="venue")}, ConfigError, "venue.clock"),
        ({"venue": tw.Venue(fills=tw.Fills(queue=ProbabilisticQueue()))}, ConfigError, "venue.fills.queue"),
        ({"venue": tw.Venue(fills=tw.Fills(partial=False))}, ConfigError, "venue.fills.partial"),
        ({"venue": tw.Venue(costs=Costs(impact_base_bps=1))}, ConfigError, "venue.costs.impact_base_bps"),
        ({"events": [PAID]}, ConfigError, "Settlement"),
        ({"symbol": "EVENT"}, ConfigError, "symbol"),
        ({"label": "close"}, ConfigError, "label"),
        ({"data": [exchange(), RECORDING.events]}, DataError, "recorded"),
        ({"data": [exchange(), exchange()]}, DataError, "one symbol"),
    ],
)
def test_what_makes_no_sense_there_is_refused(
    options: dict[str, Any], error: type[Exception], says: str
) -> None:
    data = options.pop("data", exchange())
    with pytest.raises(error, match=says):
        tw.backtest(Script(), data, **options)


def test_an_engine_of_ones_own_has_no_place_there() -> None:
    class Engine:
        pass

    with pytest.raises(ConfigError, match="engine"):
        tw.drive(Script(), exchange(), Engine())  # pyright: ignore[reportArgumentType] - refused before it is used


def test_impossible_exchanges_are_refused_when_they_are_made() -> None:
    with pytest.raises(ConfigError, match="bounds"):
        exchange(PoissonFlow(price=1.5))
    with pytest.raises(ConfigError, match="seed"):
        exchange(seed=-1)
    assert math.isclose(exchange().plan.end_ns, START_NS + 60 * SECOND_NS)
