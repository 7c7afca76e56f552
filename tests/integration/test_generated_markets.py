"""Generated markets: what went in comes out of the events alone."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from scipy.optimize import minimize

import tradewright as tw
from tradewright.core.book_events import BookAction, BookFlag
from tradewright.errors import ConfigError, InstrumentError
from tradewright.sim import GeneratedMarket, HawkesFlow, InformedFlow, PoissonFlow, generate
from tradewright.strategies import SymmetricMaker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SHARE = tw.Instrument(symbol="SHARE", price_unit=0.01)
EVENT = tw.instruments.binary("EVENT")
TRADE, SET = int(BookAction.TRADE), int(BookAction.SET)


def messages(events: tw.BookEvents) -> Iterator[tuple[int, list[tuple[int, int, int, int]]]]:
    """Time of each message after the snapshot, and its events: action, side, price in cents, size."""
    first = int(np.flatnonzero(events.action == BookAction.SNAPSHOT_END)[0]) + 1
    cents = np.round(np.nan_to_num(events.price) * 100).astype(np.int64).tolist()
    sizes, sides = events.size.astype(np.int64).tolist(), events.side.tolist()
    actions, flags, times = events.action.tolist(), events.flags.tolist(), events.ts_event_ns.tolist()
    message: list[tuple[int, int, int, int]] = []
    for row in range(first, len(actions)):
        message.append((actions[row], sides[row], cents[row], sizes[row]))
        if flags[row] & BookFlag.LAST:
            yield times[row], message
            message = []


class PlainBook:
    """The slow, obvious book: sizes by price in two dictionaries."""

    def __init__(self, events: tw.BookEvents) -> None:
        self.sides: dict[int, dict[int, int]] = {1: {}, -1: {}}
        self.latest = {1: 0, -1: 0}
        for action, side, price, size in zip(
            events.action.tolist(), events.side.tolist(), events.price, events.size, strict=True
        ):
            if action == BookAction.SNAPSHOT_END:
                break
            if action == SET:
                self.set(side, round(price * 100), int(size))
        self.note()

    def set(self, side: int, price: int, size: int) -> None:
        if size:
            self.sides[side][price] = size
        else:
            del self.sides[side][price]

    def best(self, side: int) -> int | None:
        prices = self.sides[side]
        return (max(prices) if side > 0 else min(prices)) if prices else None

    def note(self) -> None:
        for side in (1, -1):
            best = self.best(side)
            self.latest[side] = self.latest[side] if best is None else best

    def distance(self, side: int, price: int) -> int:
        """Ticks from the other side's best price, or its latest one while it has none."""
        return side * (self.latest[-side] - price)


def orders_of(events: tw.BookEvents) -> tuple[dict[str, Counter[int]], NDArray[np.float64], Counter[int]]:
    """What was sent, read off the events of a market of single lots.

    Returns:
        Limit orders and cancellations by distance, market orders at 0; times of limit and market orders in
        seconds; and order-seconds that rested, by distance.
    """
    book = PlainBook(events)
    sent: dict[str, Counter[int]] = {"limit": Counter(), "cancel": Counter(), "market": Counter()}
    rested: Counter[int] = Counter()
    times: list[float] = []
    before_ns = int(events.ts_event_ns[0])
    for at_ns, message in messages(events):
        for side, prices in book.sides.items():
            for price, size in prices.items():
                rested[book.distance(side, price)] += size * (at_ns - before_ns)
        before_ns = at_ns
        action, side, price, size = message[-1]
        assert action == SET
        grew = size - book.sides[side].get(price, 0)
        assert abs(grew) == 1  # single lots, one order at a time
        traded = [event for event in message if event[0] == TRADE]
        if traded:
            # A print at the best price, and the level smaller by it.
            assert (len(traded), len(message)) == (1, 2)
            assert traded[0][1:] == (-side, book.best(side), 1)
            assert price == book.best(side)
            assert grew == -1
            sent["market"][0] += 1
        else:
            sent["limit" if grew > 0 else "cancel"][book.distance(side, price)] += 1
        if traded or grew > 0:
            times.append(at_ns / 1e9)
        book.set(side, price, size)
        book.note()
        bid, ask = book.best(1), book.best(-1)
        assert bid is None or ask is None or bid < ask
    return sent, np.array(times), rested


def test_poisson_rates_are_recovered_from_the_events() -> None:
    flow = PoissonFlow(price=100.0)
    market = generate(flow, instrument=SHARE, duration="1h", seed=1)
    sent, _, rested = orders_of(market.events)
    seconds = 3600.0

    def check(count: int, expected: float) -> None:
        assert abs(count - expected) < 4 * math.sqrt(expected), (count, expected)

    for distance, rate in enumerate(flow.limit_rates, start=1):
        check(sent["limit"][distance], 2 * rate * seconds)
        assert market.counts.limits[distance - 1] == sent["limit"][distance]
    assert set(sent["limit"]) == {1, 2, 3, 4, 5}
    check(sent["market"][0] + market.counts.unfilled, 2 * flow.market_rate * seconds)
    for distance in range(1, 12):
        rate = flow.cancel_rates[min(distance, 5) - 1]
        check(sent["cancel"][distance], rate * rested[distance] / 1e9)
    assert market.counts.cancels == sum(sent["cancel"].values())
    assert market.counts.trades == sent["market"][0]


def hawkes_fit(times: NDArray[np.float64], end: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Base rate, branching ratio and decay by maximum likelihood (Ozaki 1979), and their standard errors."""
    waits = np.diff(times, prepend=times[:1])

    def loss(parameters: NDArray[np.float64]) -> float:
        base, branching, decay = parameters
        if base <= 0 or not 0 <= branching < 1 or decay <= 0:
            return math.inf
        excited, total = 0.0, 0.0
        for fade in np.exp(-decay * waits).tolist():
            excited *= fade
            total += math.log(base + branching * decay * excited)
            excited += 1.0
        left = float(np.sum(1 - np.exp(-decay * (end - times))))
        return base * end + branching * left - total

    start = np.array([len(times) / end / 2, 0.5, 5.0])
    best = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-4}).x
    steps = np.diag(best * 0.01)
    curvature = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            curvature[i, j] = (
                loss(best + steps[i] + steps[j])
                - loss(best + steps[i] - steps[j])
                - loss(best - steps[i] + steps[j])
                + loss(best - steps[i] - steps[j])
            ) / (4 * steps[i, i] * steps[j, j])
    return best, np.sqrt(np.diag(np.linalg.inv(curvature)))


def test_the_branching_ratio_is_recovered_by_maximum_likelihood() -> None:
    flow = HawkesFlow(price=100.0, branching=0.6, decay=8.0)
    market = generate(flow, instrument=SHARE, duration="15m", seed=5)
    _, times, _ = orders_of(market.events)
    found, errors = hawkes_fit(times - market.events.ts_event_ns[0] / 1e9, 900.0)
    rate = 2 * (sum(flow.limit_rates) + flow.market_rate)
    expected = np.array([rate * (1 - flow.branching), flow.branching, flow.decay])
    assert np.all(np.abs(found - expected) < 4 * errors), (found, expected, errors)
    assert errors[1] < 0.05  # the test could have told 0.4 from 0.6


@pytest.mark.parametrize("branching", [0.0, 0.5, 0.8])
def test_clusters_multiply_the_variance_of_counts_and_keep_the_mean(branching: float) -> None:
    flow = HawkesFlow(price=100.0, branching=branching, decay=20.0, market_rate=0.5)
    market = generate(flow, instrument=SHARE, duration="2h", seed=2)
    trades_and_limits = sum(market.counts.limits) + market.counts.markets
    rate = 2 * (sum(flow.limit_rates) + flow.market_rate)
    deviation = math.sqrt(rate * 7200) / (1 - branching)
    assert abs(trades_and_limits - rate * 7200) < 4 * deviation
    # Market orders are picked from the clusters at random, so they show the same clusters, thinned by their
    # share p: variance / mean = 1 + p (1 / (1 - n)^2 - 1), in windows much longer than a cluster.
    times = (market.events.trades().ts_event_ns - market.events.ts_event_ns[0]) / 1e9
    counts = np.histogram(times, bins=720, range=(0, 7200))[0]
    share = 2 * flow.market_rate / rate
    expected = 1 + share * (1 / (1 - branching) ** 2 - 1)
    found = counts.var(ddof=1) / counts.mean()
    assert abs(found / expected - 1) < 4 * math.sqrt(2 / 720) + 0.05, (found, expected)


def values_of(market: GeneratedMarket) -> NDArray[np.float64]:
    assert market.value is not None
    return market.value["value"].to_numpy()


def test_the_value_of_a_binary_is_a_martingale_that_ends_at_0_or_1() -> None:
    start, low, high, seeds = 0.4, 0.2, 0.7, 1_500
    flow = InformedFlow(value=start, market_rate=10.0, limit_rates=(0.1,), cancel_rates=(0.1,))
    ends, halves, stopped = np.empty(seeds), np.empty(seeds), np.empty(seeds)
    for seed in range(seeds):
        market = generate(flow, instrument=EVENT, duration="60s", seed=seed)
        assert market.value is not None
        path = values_of(market)
        assert path[0] == pytest.approx(start, abs=1e-12)
        assert ((path >= 0) & (path <= 1)).all()
        times = market.value["ts_event_ns"].to_numpy()
        halves[seed] = path[np.searchsorted(times, times[0] + 30_000_000_000)]
        ends[seed] = path[-1]
        stopped[seed] = path[np.argmax((path <= low) | (path >= high))]
        assert market.settlement is not None
        assert market.settlement.price == path[-1]
    assert set(ends.tolist()) == {0.0, 1.0}

    def is_near(sample: NDArray[np.float64], expected: float) -> bool:
        return bool(abs(sample.mean() - expected) < 4 * sample.std(ddof=1) / math.sqrt(len(sample)))

    assert is_near(ends, start)
    assert is_near(halves, start)
    assert is_near(stopped, start)  # optional stopping
    # (p - a) / (b - a), where the path is where it was seen beyond a barrier: 0.005 of overshoot in the mean.
    above = stopped[stopped >= high].mean()
    below = stopped[stopped <= low].mean()
    assert is_near((stopped >= high).astype(float), (start - below) / (above - below))
    assert above - high < 0.02
    assert low - below < 0.02
    # Whoever knows the value at half time cannot improve on it: no trend, and no way back.
    assert is_near((ends - halves) * (halves - start), 0.0)


def test_a_value_that_is_not_decided_pays_nothing_yet() -> None:
    flow = InformedFlow(value=0.4, horizon="10h")
    market = generate(flow, instrument=EVENT, duration="1m", seed=3)
    assert market.settlement is None
    assert 0 < values_of(market)[-1] < 1


def test_a_share_has_a_brownian_value() -> None:
    flow = InformedFlow(value=100.0, volatility=0.05)
    ends = np.array(
        [
            values_of(generate(flow, instrument=SHARE, duration="100s", seed=seed))[-1] - 100
            for seed in range(400)
        ]
    )
    assert abs(ends.mean()) < 4 * 0.5 / 20
    assert abs(ends.var() / 0.25 - 1) < 4 * math.sqrt(2 / 400)


def gains(market: GeneratedMarket) -> NDArray[np.float64]:
    """What each taker gained at the value of his moment."""
    assert market.value is not None
    trades = market.events.trades()
    at = np.searchsorted(market.value["ts_event_ns"].to_numpy(), trades.ts_event_ns)
    return trades.aggressor * (values_of(market)[at] - trades.price)


def test_informed_traders_gain_on_every_trade_and_others_pay_the_spread() -> None:
    everyone = generate(InformedFlow(value=0.5, informed=1.0), instrument=EVENT, duration="1h", seed=4)
    assert everyone.counts.markets == 0
    assert (gains(everyone) > 0).all()
    assert len(gains(everyone)) > 100
    flow = InformedFlow(value=0.5, informed=0.3)
    some = generate(flow, instrument=EVENT, duration="1h", seed=4)
    informed = some.counts.informed + some.counts.passed
    takers = informed + some.counts.markets
    assert abs(informed - 0.3 * takers) < 4 * math.sqrt(takers * 0.3 * 0.7)
    assert abs(takers - 2 * flow.market_rate * 3600) < 4 * math.sqrt(2 * flow.market_rate * 3600)

    def strays(informed: float) -> float:
        """How far trades are from the value, on average, over ten markets."""
        flow = InformedFlow(value=0.5, informed=informed)
        markets = [generate(flow, instrument=EVENT, duration="30m", seed=seed) for seed in range(10)]
        return float(np.concatenate([np.abs(gains(market)) for market in markets]).mean())

    assert strays(0.6) < 0.5 * strays(0.0)  # prices follow the value because those who know it trade


FLOWS = {
    "poisson": PoissonFlow(price=0.37, size=4.0, size_law="geometric"),
    "hawkes": HawkesFlow(price=0.37),
    "informed": InformedFlow(value=0.37, informed=0.4),
}


@pytest.mark.parametrize("name", FLOWS)
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    def digest(seed: int) -> str:
        market = generate(FLOWS[name], instrument=EVENT, duration="20m", seed=seed)
        text = hashlib.sha256(market.events.ts_event_ns.tobytes())
        for column in market.events.columns.values():
            text.update(column.tobytes())
        if market.value is not None:
            text.update(values_of(market).tobytes())
        return text.hexdigest()[:16]

    assert digest(9) == PINNED[name]  # on every machine
    assert digest(9) == digest(9)
    assert digest(10) != digest(9)


PINNED = {"poisson": "732a4c60509e6748", "hawkes": "0986174b87e99ef3", "informed": "87b3bca33389e3f7"}


@pytest.mark.parametrize("name", FLOWS)
def test_the_replayed_book_is_never_crossed_and_within_the_bounds(name: str) -> None:
    events = generate(FLOWS[name], instrument=EVENT, duration="30m", seed=12).events
    book = tw.books.L2Book(EVENT)
    book.apply(events)
    assert book.integrity.is_trusted
    assert book.integrity.first is None
    prices = events.price[np.isfinite(events.price)]
    assert prices.min() >= 0.01
    assert prices.max() <= 0.99
    assert (np.diff(events.ts_event_ns) >= 0).all()
    ends = (events.flags & BookFlag.LAST) != 0
    assert (np.diff(events.sequence[ends]) == 1).all()


@pytest.mark.parametrize("name", FLOWS)
def test_a_backtest_runs_on_it(name: str) -> None:
    market = generate(FLOWS[name], instrument=EVENT, duration="20m", seed=6)
    settlements = [] if market.settlement is None else [market.settlement]

    def run() -> tw.Result:
        return tw.backtest(
            SymmetricMaker("EVENT", half_spread=0.02),
            market.events,
            events=settlements,
            account=tw.Account(cash={"USD": 10_000}, kind="margin"),
            venue=tw.Venue(latency=tw.ConstantLatency(entry_ns=10_000_000)),
        )

    one, two = run(), run()
    assert len(one.fills) > 10
    assert one.fills.equals(two.fills)
    if settlements:
        assert one.equity["equity"][-1] == pytest.approx(10_000, abs=500)


def test_flows_decode_from_configuration() -> None:
    text = b'{"type":"hawkes","price":0.5,"branching":0.2}'
    assert msgspec.json.decode(text, type=PoissonFlow | HawkesFlow | InformedFlow) == HawkesFlow(
        price=0.5, branching=0.2
    )
    with pytest.raises(msgspec.ValidationError, match="branching"):
        msgspec.json.decode(b'{"type":"hawkes","price":0.5,"branching":1.0}', type=HawkesFlow)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: HawkesFlow(price=0.5, branching=1.0), "branching"),
        (lambda: HawkesFlow(price=0.5, decay=0.0), "decay"),
        (lambda: PoissonFlow(price=math.nan), "price"),
        (lambda: PoissonFlow(price=0.5, limit_rates=()), "limit_rates"),
        (lambda: PoissonFlow(price=0.5, limit_rates=(0.0,)), "limit_rates"),
        (lambda: PoissonFlow(price=0.5, cancel_rates=(1.0, 0.0)), "cancel_rates"),
        (lambda: PoissonFlow(price=0.5, market_rate=-1.0), "market_rate"),
        (lambda: PoissonFlow(price=0.5, size=math.inf), "size"),
        (lambda: InformedFlow(value=0.5, informed=1.2), "informed"),
        (lambda: InformedFlow(value=0.5, horizon="soon"), "horizon"),
    ],
)
def test_impossible_flows_are_refused(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_flows_that_do_not_fit_are_refused() -> None:
    def refuse(flow: Any, instrument: tw.Instrument = EVENT, seed: int = 0) -> str:
        with pytest.raises((ConfigError, InstrumentError)) as caught:
            generate(flow, instrument=instrument, duration="1m", seed=seed)
        return str(caught.value)

    assert "seed" in refuse(PoissonFlow(price=0.5), seed=-1)
    assert "bounds" in refuse(PoissonFlow(price=1.5))
    assert "lot" in refuse(PoissonFlow(price=0.5, size=0.5))
    assert "horizon" in refuse(InformedFlow(value=0.5, horizon="1s"))
    assert "volatility" in refuse(InformedFlow(value=0.5, volatility=0.1))
    assert "volatility" in refuse(InformedFlow(value=100.0), SHARE)
    tapered = tw.instruments.binary("T", grid=tw.TickGrid.tapered_deci_cent())
    assert "bands" in refuse(PoissonFlow(price=0.5), tapered)
