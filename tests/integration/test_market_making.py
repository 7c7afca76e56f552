"""The market makers: their formulas against definitions, and what must hold of every quote they show."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tradewright as tw
from markets import event_market
from tradewright.config import Use
from tradewright.core import presets
from tradewright.errors import ConfigError, PolicyError
from tradewright.loading import construct
from tradewright.research import lookahead
from tradewright.sim import InformedFlow, generate
from tradewright.strategies import (
    AdaptiveSpreadMaker,
    AvellanedaStoikovMaker,
    BinaryEventMaker,
    GueantLehalleMaker,
    InventorySkewMaker,
    QueueAwareMaker,
    RegimeMaker,
    Stance,
    SymmetricMaker,
)
from tradewright.strategies.market_making import quoting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SYMBOL = "EVENT"
ACCOUNT = tw.Account(cash={"USD": 100_000}, kind="margin")
MAKERS: dict[str, tuple[Callable[[], tw.Policy], float]] = {
    # How to make one, and the least spread that it may ever show.
    "symmetric": (lambda: SymmetricMaker(SYMBOL), 0.04),
    "inventory skew": (lambda: InventorySkewMaker(SYMBOL), 0.04),
    "adaptive": (lambda: AdaptiveSpreadMaker(SYMBOL, half_life=20), 0.02),
    "regime": (lambda: RegimeMaker(SYMBOL, half_life=20), 0.03),
    "queue-aware": (lambda: QueueAwareMaker(SYMBOL, penalty=0.00005, order_size=50), 0.01),
    "avellaneda-stoikov": (lambda: AvellanedaStoikovMaker(SYMBOL), 0.039),
    "gueant-lehalle": (lambda: GueantLehalleMaker(SYMBOL), 0.039),
    "binary event": (lambda: BinaryEventMaker(SYMBOL, imbalance_doubling=200), 0.05),
}


@dataclass
class Traced(tw.Policy):
    """A maker, and what it showed at each wake: mid, position, quotes."""

    inner: tw.Policy
    trace: list[tuple[float, float, tw.TargetQuotes]] = field(default_factory=list[Any])

    def setup(self, ctx: tw.Setup) -> None:
        self.inner.setup(ctx)

    def on_report(self, report: tw.ExecutionReport) -> None:
        self.inner.on_report(report)

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        intents = self.inner.decide(market, portfolio)
        assert isinstance(intents, tw.TargetQuotes)
        self.trace.append((market.mid(SYMBOL), portfolio.position(SYMBOL), intents))
        return intents


def traced(maker: tw.Policy, data: list[Any]) -> tuple[Traced, tw.Result]:
    policy = Traced(maker)
    return policy, tw.backtest(policy, data, account=ACCOUNT)


@pytest.mark.parametrize("name", list(MAKERS))
@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    start=st.sampled_from([0.03, 0.2, 0.5, 0.97]),
    volatility=st.sampled_from([0.005, 0.05, 0.3]),
    informed=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_every_quote_is_one_that_may_be_shown(
    name: str, seed: int, start: float, volatility: float, informed: float
) -> None:
    make, spread_min = MAKERS[name]
    data = event_market(seed, rows=300, start=start, volatility=volatility, informed=informed)
    policy, result = traced(make(), data)
    assert policy.trace
    assert result.orders.filter(result.orders["status"] == "rejected").is_empty()
    for _, held, quotes in policy.trace:
        for side in (quotes.bid, quotes.ask):
            if side is not None:
                price, size = side
                assert 0 < price < 1
                assert size >= 1
                assert size == round(size)
                assert math.isclose(price * 100, round(price * 100), abs_tol=1e-9)
        if quotes.bid is not None and quotes.ask is not None:
            assert quotes.bid[0] < quotes.ask[0]
            assert quotes.ask[0] - quotes.bid[0] >= spread_min - 1e-9
        assert abs(held) <= 200


@pytest.mark.parametrize("name", list(MAKERS))
def test_no_maker_decides_by_what_comes_later(name: str) -> None:
    """The data are cut at decisions and elsewhere; up to the cut every order must be the same."""
    make, _ = MAKERS[name]
    data = event_market(11, rows=400, volatility=0.05, informed=0.4)
    found = lookahead.check(partial(tw.backtest, account=ACCOUNT), lambda _: make(), data, cuts=10)
    assert found.passed, str(found)
    assert found.orders > 40


@pytest.mark.parametrize("name", ["symmetric", "queue-aware"])
def test_no_maker_on_a_book_decides_by_what_comes_later(name: str) -> None:
    """A book of single orders, where the places in the queues are known."""
    make, _ = MAKERS[name]
    instrument = tw.instruments.binary(SYMBOL, fees=())
    book = generate(
        InformedFlow(value=0.5, informed=0.3), instrument=instrument, duration="4m", seed=3
    ).events
    found = lookahead.check(partial(tw.backtest, account=ACCOUNT), lambda _: make(), book, cuts=10)
    assert found.passed, str(found)
    assert found.orders > 40


@pytest.mark.parametrize("name", list(MAKERS))
def test_the_same_seed_gives_the_same_trace(name: str) -> None:
    make, _ = MAKERS[name]
    first, second = (traced(make(), event_market(5, rows=500, informed=0.3)) for _ in range(2))
    assert msgspec.json.encode([quotes for *_, quotes in first[0].trace]) == msgspec.json.encode(
        [quotes for *_, quotes in second[0].trace]
    )
    assert first[1].fills.equals(second[1].fills)
    assert first[1].fills.height > 10  # It did trade.


@pytest.mark.parametrize(
    "maker",
    [
        InventorySkewMaker(SYMBOL, penalty=0.0002, position_max=300),
        AdaptiveSpreadMaker(SYMBOL, half_life=2, penalty=0.0002, position_max=300),
        RegimeMaker(
            SYMBOL,
            calm=Stance(0.02, 10, 0.0002),
            storm=Stance(0.05, 5, 0.0005),
            half_life=2,
            position_max=300,
        ),
        AvellanedaStoikovMaker(SYMBOL, sigma=0.005, position_max=300),
        GueantLehalleMaker(SYMBOL, sigma=0.05, position_max=300),
        BinaryEventMaker(SYMBOL),
    ],
    ids=lambda maker: type(maker).__name__,
)
def test_long_a_hundred_the_centre_is_below_the_mid(maker: tw.Policy) -> None:
    @dataclass
    class StartsLong(Traced):
        """Buys a hundred first, then lets the maker quote."""

        def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
            if portfolio.position(SYMBOL) < 100 and not portfolio.open_orders(SYMBOL) and not self.trace:
                return tw.Submit(symbol=SYMBOL, side="buy", size=100)
            return super().decide(market, portfolio) if portfolio.position(SYMBOL) >= 100 else None

    data = event_market(3, rows=60, volatility=0.01, spread=0.06)[:1]  # Quotes alone: nothing fills later.
    policy = StartsLong(maker)
    tw.backtest(policy, data, account=ACCOUNT)
    shown = [(mid, quotes) for mid, held, quotes in policy.trace if held == 100 and quotes.bid and quotes.ask]
    assert len(shown) > 5
    for mid, quotes in shown:
        assert quotes.bid is not None
        assert quotes.ask is not None
        assert (quotes.bid[0] + quotes.ask[0]) / 2 < mid


def test_a_quadratic_penalty_is_paid_for_by_each_quote() -> None:
    """By its definition: what a fill adds to penalty * q**2 is what it pays beyond the half spread."""
    for held in (-70.0, 0.0, 100.0):
        bid, ask = quoting.skewed(0.5, held, half_spread=0.02, penalty=0.0001, size=10)
        for price, bought in ((bid, 10), (ask, -10)):
            gained = bought * (0.5 - price) - 10 * 0.02
            assert gained == pytest.approx(0.0001 * ((held + bought) ** 2 - held**2), abs=1e-12)


def test_the_reservation_price_is_one_of_indifference() -> None:
    """Utility by quadrature: selling one unit at the reservation price of q - 1/2 neither helps nor hurts.

    From q units to q - 1 the mean of the two one-sided prices, at q - 1/2, is the exact one.
    """
    gamma, sigma, time_left, held, mid = 0.1, 2.0, 0.7, 3.0, 100.0
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)

    def utility(cash: float, units: float) -> float:
        ends = mid + sigma * math.sqrt(time_left) * nodes
        return -float((weights * np.exp(-gamma * (cash + units * (ends - mid)))).sum())

    indifferent = quoting.reservation_price(mid, held - 0.5, gamma=gamma, sigma=sigma, time_left=time_left)
    assert utility(indifferent - mid, held - 1) == pytest.approx(utility(0.0, held), rel=1e-12)


@given(
    imbalance=st.floats(-200, 200),
    held=st.floats(-200, 200),
    fair=st.floats(0, 1),
    base=st.floats(0.001, 0.5),
    limit=st.floats(1, 200),
)
def test_event_quotes_keep_their_rules(
    imbalance: float, held: float, fair: float, base: float, limit: float
) -> None:
    spread = quoting.event_spread(imbalance, held, base=base, skew=0.001, least=0.01, most=0.5)
    assert 0.01 <= spread <= 0.5
    wider = quoting.event_spread(imbalance * 2, held * 2, base=base, skew=0.001, least=0.01, most=0.5)
    assert wider >= spread
    bid, ask = quoting.event_quotes(fair, held, spread=spread, shade=0.0005, limit=limit, defence=1.0)
    assert ask - bid == pytest.approx(spread)
    calm_bid, _ = quoting.event_quotes(fair, held, spread=spread, shade=0.0005, limit=limit, defence=0.0)
    assert (bid - calm_bid) * held <= 0  # Defence moves against the inventory,
    if abs(held) <= 0.8 * limit:
        assert bid == calm_bid  # and only beyond 80 % of the limit.
    assert 0 < quoting.event_size(10, held, halved_at=100) <= 10


def test_the_event_maker_follows_its_rules_by_hand() -> None:
    """Recomputed from the data and the fills alone, with a slow replay of each rule."""
    maker = BinaryEventMaker(SYMBOL, imbalance_doubling=200)
    quotes, trades = event_market(11, rows=400, informed=0.2)
    assert isinstance(quotes, tw.Quotes)
    assert isinstance(trades, tw.Trades)
    policy, result = traced(maker, [quotes, trades])
    assert result.fills.height > 20

    # Every print stands at the market's touch, so each one's side is the aggressor's.
    signed = trades.aggressor * trades.size
    imbalance = float(signed[-20:].sum())
    assert maker.imbalance == pytest.approx(imbalance)
    held = sum(
        size if side == "buy" else -size for side, size in result.fills.select("side", "size").iter_rows()
    )
    spread = min(max(0.05 * (1 + abs(imbalance) / 200 + abs(held) * 0.001), 0.01), 0.5)
    assert maker.spread == pytest.approx(spread)

    # A fill meets a fair value that has followed the mid of the quote before it.
    mids = (quotes.bid + quotes.ask) / 2
    moments = [(int(time), 0, float(mid)) for time, mid in zip(quotes.ts_recv_ns, mids, strict=True)]
    fills = result.fills.with_columns(at=pl.col("ts_recv").dt.epoch("ns")).select("at", "price")
    moments += [(time, 1, price) for time, price in fills.iter_rows()]
    fair = before = float(mids[0])
    for _, is_fill, price in sorted(moments, key=lambda moment: moment[:2]):
        if is_fill:
            fair += 0.05 * (price - fair)
        else:
            fair, before = fair + price - before, price
    assert maker.fair == pytest.approx(fair, abs=1e-9)

    centre = fair - 0.0005 * held - (math.copysign(spread / 2, held) if abs(held) > 160 else 0)
    _, _, last = policy.trace[-1]
    assert last.bid is not None
    assert last.ask is not None
    assert last.bid[0] == pytest.approx(math.floor((centre - spread / 2) * 100 + 1e-9) / 100)
    assert last.ask[0] == pytest.approx(math.ceil((centre + spread / 2) * 100 - 1e-9) / 100)
    assert last.bid[1] == last.ask[1] == math.floor(10 / (1 + abs(held) / 100) + 1e-9)


def test_the_regime_changes_only_beyond_the_far_level() -> None:
    data = [
        *event_market(1, rows=200, volatility=0.002),
        *event_market(2, rows=200, volatility=0.03),
        *event_market(3, rows=400, volatility=0.012),
        *event_market(4, rows=300, volatility=0.002),
    ]
    quotes = [series for series in data if isinstance(series, tw.Quotes)]
    bids, asks = (np.concatenate([getattr(one, side) for one in quotes]) for side in ("bid", "ask"))
    times = quotes[0].ts_event_ns[0] + 10**9 * np.arange(len(bids), dtype=np.int64)
    sizes = np.full(len(bids), 50.0)
    feed = tw.Quotes.from_arrays(
        SYMBOL,
        ts=times,
        bid=bids,
        ask=asks,
        bid_size=sizes,
        ask_size=sizes,
        instrument=presets.binary(SYMBOL),
    )
    maker = RegimeMaker(SYMBOL, storm_above=0.012, calm_below=0.006, half_life=20)
    policy, _ = traced(maker, [feed])

    volatility = tw.features.compute({"v": tw.features.ewma_vol(tw.features.mid(SYMBOL), 20)}, feed)["v"]
    is_storm, states, between = True, list[bool](), 0
    for value, (_, _, shown) in zip(
        volatility.fill_null(math.nan).to_list()[: len(policy.trace)], policy.trace, strict=True
    ):
        if value > 0.012:
            is_storm = True
        elif value < 0.006:
            is_storm = False
        elif not math.isnan(value):
            between += 1
        states.append(is_storm)
        assert shown.bid is not None
        assert shown.bid[1] == (2 if is_storm else 10)
    changes = sum(before != after for before, after in pairwise(states))
    assert changes >= 3
    assert between > 100  # Most of the third stretch lies between the levels and changes nothing.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SymmetricMaker(SYMBOL, half_spread=0), "half_spread = 0 is not a number above zero"),
        (lambda: SymmetricMaker(SYMBOL, size=math.nan), "size = nan is not a number above zero"),
        (lambda: InventorySkewMaker(SYMBOL, penalty=-1), "penalty = -1 is negative"),
        (lambda: AdaptiveSpreadMaker(SYMBOL, half_spread_min=0.2), "give the smaller first"),
        (lambda: RegimeMaker(SYMBOL, calm_below=0.5), "give calm_below < storm_above"),
        (lambda: Stance(half_spread=-0.1, size=1), r"half_spread = -0\.1 is not a number above zero"),
        (lambda: AvellanedaStoikovMaker(SYMBOL, horizon="soon"), "horizon 'soon' is not a length of time"),
        (lambda: GueantLehalleMaker(SYMBOL, arrival=0), "arrival = 0 is not a number above zero"),
        (lambda: BinaryEventMaker(SYMBOL, spread_min=0.6), "give spread_min <= spread_max <= 1"),
        (lambda: BinaryEventMaker(SYMBOL, flow_weight=2), "flow_weight = 2 is not a share from 0 to 1"),
    ],
)
def test_impossible_parameters_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_makers_are_built_from_configurations_with_their_bounds(tmp_path: Path) -> None:
    stance = {"half_spread": 0.03, "size": 4, "penalty": 0.001}
    use = Use(use="tradewright.strategies:RegimeMaker", parameters={"symbol": SYMBOL, "storm": stance})
    maker = construct(use, hooks=("decide",), folder=tmp_path)
    assert maker.storm == Stance(0.03, 4, 0.001)
    wrong = Use(use="tradewright.strategies:SymmetricMaker", parameters={"symbol": SYMBOL, "size": -1})
    with pytest.raises(ConfigError, match=r"size.*-1|> 0"):
        construct(wrong, hooks=("decide",), folder=tmp_path)


def test_the_event_maker_refuses_what_is_no_binary() -> None:
    share = tw.Quotes.from_arrays("SPY", ts=[1, 2], bid=[1.0, 1.0], ask=[2.0, 2.0])
    with pytest.raises(PolicyError, match="SPY is not a binary contract"):
        tw.backtest(BinaryEventMaker("SPY"), share, cash=1000)


def test_informed_flow_takes_what_uninformed_flow_brings() -> None:
    """Over many seeds, beyond three standard errors: a naive quoter loses to those who know the next move."""
    profits: dict[float, list[float]] = {0.0: [], 0.9: []}
    for informed, found in profits.items():
        for seed in range(30):
            data = event_market(seed, rows=400, volatility=0.3, informed=informed)
            _, result = traced(SymmetricMaker(SYMBOL), data)
            found.append(float(result.equity["equity"][-1]) - 100_000)
    means = {informed: np.mean(found) for informed, found in profits.items()}
    errors = {informed: np.std(found, ddof=1) / math.sqrt(30) for informed, found in profits.items()}
    assert means[0.9] < -3 * errors[0.9]
    assert means[0.0] - means[0.9] > 3 * math.hypot(errors[0.0], errors[0.9])
