"""The simulation does not pay for what costs: knowing less, being late, standing behind others."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

import tradewright as tw
from tradewright.sim import GeneratedExchange, InformedFlow, PoissonFlow, generate
from tradewright.sim.config import ProbabilisticQueue, RiskAverseQueue
from tradewright.strategies import SymmetricMaker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tradewright.sim import GeneratedMarket
    from tradewright.sim.config import Queue
    from tradewright.sim.flow import Flow

SEEDS = 100
CASH = 100_000.0


def profit(market: GeneratedMarket, maker: SymmetricMaker, venue: tw.Venue | None = None) -> float:
    result = tw.backtest(
        maker,
        market.events,
        events=[] if market.settlement is None else [market.settlement],
        account=tw.Account(cash={"USD": CASH}, kind="margin"),
        venue=venue,
    )
    return float(result.equity["equity"][-1]) - CASH


def bounds(sample: NDArray[np.float64]) -> tuple[float, float]:
    """The 99 % confidence interval of the mean."""
    error = 2.576 * float(sample.std(ddof=1)) / math.sqrt(len(sample))
    return float(sample.mean()) - error, float(sample.mean()) + error


@pytest.mark.slow
def test_a_naive_quoter_earns_from_noise_and_loses_to_those_who_know() -> None:
    contract = tw.instruments.binary("EVENT")

    def profits(informed: float) -> NDArray[np.float64]:
        flow = InformedFlow(value=0.5, informed=informed)
        markets = (generate(flow, instrument=contract, duration="10m", seed=seed) for seed in range(SEEDS))
        return np.array([profit(one, SymmetricMaker("EVENT", half_spread=0.01, size=1.0)) for one in markets])

    noise, some, many = profits(0.0), profits(0.2), profits(0.5)
    assert bounds(noise)[1] > 0
    assert bounds(some)[1] < 0
    assert bounds(many)[1] < 0
    # Beside the same noise: between some and many, what the last position is settled at hides the difference.
    assert bounds(some - noise)[1] < 0
    assert bounds(many - noise)[1] < 0


@pytest.mark.slow
def test_profit_on_uninformed_flow_falls_with_latency_and_with_pessimism() -> None:
    # Long queues and a price that rarely moves: what a quoter earns at the touch is a matter of being early.
    flow = PoissonFlow(
        price=100.0, limit_rates=(4.0, 3.0, 2.0, 1.0, 1.0), cancel_rates=(0.2,), market_rate=3.0
    )
    share = tw.Instrument(symbol="SHARE", price_unit=0.01)
    markets = [generate(flow, instrument=share, duration="5m", seed=seed) for seed in range(SEEDS)]

    def profits(latency_ms: int, queue: Queue) -> NDArray[np.float64]:
        delay = tw.ConstantLatency(entry_ns=latency_ms * 1_000_000, response_ns=latency_ms * 1_000_000)
        venue = tw.Venue(latency=delay, fills=tw.Fills(queue=queue))
        maker = SymmetricMaker("SHARE", half_spread=0.005, size=1.0, position_max=4.0, refresh="250ms")
        return np.array([profit(market, maker, venue) for market in markets])

    hopeful, averse = ProbabilisticQueue(exponent=3.0), RiskAverseQueue()
    by_latency = {latency_ms: profits(latency_ms, hopeful) for latency_ms in (0, 100, 500, 1000)}
    assert bounds(by_latency[0])[0] > 0
    for sooner, later in pairwise(by_latency.values()):
        assert bounds(later - sooner)[1] < 0
    for latency_ms in (0, 500):
        assert bounds(profits(latency_ms, averse) - by_latency[latency_ms])[1] < 0


def live_profits(
    flow: Flow, contract: tw.Instrument, duration: str, seeds: int, latency_ms: int = 0
) -> NDArray[np.float64]:
    """A quoter's profit in each market, where its orders are orders in the book."""
    latency_ns = latency_ms * 1_000_000
    venue = tw.Venue(latency=tw.ConstantLatency(entry_ns=latency_ns, response_ns=latency_ns))
    is_binary = contract.contract == "binary"
    more = {"half_spread": 0.01} if is_binary else {"half_spread": 0.005, "position_max": 4.0}
    maker = SymmetricMaker(contract.symbol, size=1.0, refresh="1s" if is_binary else "250ms", **more)
    results = (
        tw.backtest(
            maker,
            GeneratedExchange(flow, instrument=contract, duration=duration, seed=seed),
            account=tw.Account(cash={"USD": CASH}, kind="margin"),
            venue=venue,
        )
        for seed in range(seeds)
    )
    return np.array([float(result.equity["equity"][-1]) - CASH for result in results])


EVENT = tw.instruments.binary("EVENT")
SHARE = tw.Instrument(symbol="SHARE", price_unit=0.01)
LONG_QUEUES = PoissonFlow(
    price=100.0, limit_rates=(4.0, 3.0, 2.0, 1.0, 1.0), cancel_rates=(0.2,), market_rate=3.0
)


@pytest.mark.parametrize("seeds", [12, pytest.param(SEEDS, marks=pytest.mark.slow)])
def test_on_an_exchange_a_naive_quoter_loses_to_those_who_know(seeds: int) -> None:
    noise, some, many = (
        live_profits(InformedFlow(value=0.5, informed=informed), EVENT, "10m", seeds)
        for informed in (0.0, 0.2, 0.5)
    )
    assert bounds(noise)[1] > 0
    assert bounds(many)[1] < 0
    assert bounds(many - noise)[1] < 0
    if seeds == SEEDS:
        assert bounds(noise)[0] > 0
        assert bounds(some)[1] < 0


@pytest.mark.parametrize("seeds", [8, pytest.param(SEEDS, marks=pytest.mark.slow)])
def test_on_an_exchange_profit_falls_with_latency(seeds: int) -> None:
    latencies = (0, 100, 500, 1000) if seeds == SEEDS else (0, 1000)
    duration = "5m" if seeds == SEEDS else "2m"
    profits = [live_profits(LONG_QUEUES, SHARE, duration, seeds, latency_ms) for latency_ms in latencies]
    assert bounds(profits[0])[0] > 0
    for sooner, later in pairwise(profits):
        assert bounds(later - sooner)[1] < 0
