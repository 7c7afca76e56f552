"""Informed flow, queues, martingales and the toxicity of order flow: small models with known answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.integrate import quad
from scipy.stats import norm

from tradewright.research.published.anchor import Anchor, Section

if TYPE_CHECKING:
    from collections.abc import Sequence


def glosten_milgrom_quotes(probability: float, informed: float) -> tuple[float, float]:
    """Bid and ask of a binary claim at which a competitive maker breaks even.

    Each is what the claim is worth given that somebody trades at it: the ask is ``p * (1 + mu) / (p * (1 +
    mu) + (1 - p) * (1 - mu))``, and the bid the same with ``-mu``.

    Args:
        probability: Of the claim paying 1, before the trade.
        informed: Share of traders who know the outcome; the others toss a coin.

    Source: Glosten and Milgrom (1985), for two values of the asset.
    """

    def given(share: float) -> float:
        wins, loses = probability * (1 + share), (1 - probability) * (1 - share)
        return wins / (wins + loses)

    return given(-informed), given(informed)


def trade_against(
    quotes: tuple[float, float], *, probability: float, informed: float, trades: int, seed: int
) -> np.ndarray:
    """Profit of a maker in each of many trades of one unit, each about a claim of its own.

    Args:
        quotes: Bid and ask.
        probability: Of each claim paying 1.
        informed: Share of traders who know whether theirs does.
        trades: How many.
        seed: Of the randomness.

    Returns:
        Shape ``(trades,)``.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    bid, ask = quotes
    value = (rng.random(trades) < probability).astype(np.float64)
    knows, tossed = rng.random(trades) < informed, rng.random(trades) < 0.5
    buys = np.where(knows, value == 1.0, tossed)
    return np.where(buys, ask - value, value - bid)


def queue_race(bid: int, ask: int) -> float:
    """Chance that the ask queue empties before the bid queue, when both change by one at equal rates.

    The integral from 0 to pi of ``(2 - cos t - sqrt((2 - cos t)**2 - 1)) ** ask * sin(bid * t) * cos(t / 2)
    / sin(t / 2) / pi``.

    Args:
        bid: Orders at the best bid.
        ask: Orders at the best ask.

    Source: Cont and de Larrard (2013), "Price dynamics in a Markovian limit order market", proposition 3.
    """

    def integrand(t: float) -> float:
        high = 2 - math.cos(t)
        decay = (high - math.sqrt(max(high**2 - 1, 0.0))) ** ask
        ratio = 2.0 * bid if t < 1e-12 else math.sin(bid * t) * math.cos(t / 2) / math.sin(t / 2)
        return decay * ratio

    area, _ = quad(integrand, 0.0, math.pi, limit=500, epsabs=1e-12, epsrel=1e-12)
    return area / math.pi


def queue_race_limit(bid: float, ask: float) -> float:
    """The same for long queues: ``2 / pi * arctan(bid / ask)``.

    Source: Cont and de Larrard (2012), "Order book dynamics in liquid markets", at zero correlation.
    """
    return 2 / math.pi * math.atan(bid / ask)


def hitting_probability(price: float, low: float, high: float) -> float:
    """Chance that a continuous martingale at ``price`` reaches ``high`` before ``low``."""
    return (price - low) / (high - low)


def walk_to(price: int, low: int, high: int, *, paths: int, seed: int) -> float:
    """Share of symmetric walks by whole ticks that reach ``high`` before ``low``."""
    rng = np.random.Generator(np.random.PCG64(seed))
    at = np.full(paths, price)
    won = 0
    while len(at):
        at = at + np.where(rng.random(len(at)) < 0.5, 1, -1)
        won += int((at == high).sum())
        at = at[(at > low) & (at < high)]
    return won / paths


def bulk_buy_volume(volume: float, price_change: float, deviation: float) -> float:
    """Volume of a bucket classified as bought: ``V * Phi(change / deviation)``.

    Source: Easley, López de Prado and O'Hara (2012), "Flow toxicity and liquidity", equation 1, normal case.
    """
    return volume * float(norm.cdf(price_change / deviation))


def volume_buckets(sizes: Sequence[float], volume: float) -> list[list[tuple[int, float]]]:
    """Trades cut into buckets of equal volume; a trade that does not fit is split over the next ones.

    Args:
        sizes: Size of each trade, in order.
        volume: Size of a bucket.

    Returns:
        The full buckets, each a list of (index of the trade, its size in this bucket); an unfinished last
        one is left out.

    Raises:
        ValueError: a bucket's volume that is not above zero.
    """
    if not volume > 0:
        raise ValueError(f"volume = {volume:g} is not above zero")
    buckets: list[list[tuple[int, float]]] = []
    bucket, room = list[tuple[int, float]](), volume
    for index, size in enumerate(sizes):
        left = size
        while left >= room:
            buckets.append([*bucket, (index, room)])
            left -= room
            bucket, room = [], volume
        if left > 0:
            bucket.append((index, left))
            room -= left
    return buckets


def vpin(bought: Sequence[float], sold: Sequence[float]) -> float:
    """Volume-synchronised probability of informed trading: ``sum |bought - sold| / sum (bought + sold)``.

    Args:
        bought: Volume classified as bought in each of the last buckets, which are of equal volume.
        sold: Volume classified as sold.

    Source: Easley, López de Prado and O'Hara (2012), equation 5.
    """
    imbalance = math.fsum(abs(b - s) for b, s in zip(bought, sold, strict=True))
    return imbalance / (math.fsum(bought) + math.fsum(sold))


def sections(trades: int, seed: int) -> list[Section]:
    """All of them, with so many simulated trades and paths."""
    return [_informed(trades, seed), _queues(), _martingales(trades, seed), _toxicity()]


def _informed(trades: int, seed: int) -> Section:
    anchors: list[Anchor] = []
    for informed, bid, ask in ((0.3, 0.35, 0.65), (0.1, 0.45, 0.55)):
        quotes = glosten_milgrom_quotes(0.5, informed)
        name = f"p = 0.5, informed {informed}"
        for side, expected, ours in (("bid", bid, quotes[0]), ("ask", ask, quotes[1])):
            anchors.append(
                Anchor(quantity=f"{name}: {side}", expected=expected, tolerance=1e-12, ours=ours, digits=2)
            )
        profit = trade_against(quotes, probability=0.5, informed=informed, trades=trades, seed=seed)
        anchors.append(_simulated(f"{name}: profit a trade at these quotes", 0.0, profit))
        # A fixed half spread of 0.02 earns it from the coin tossers and loses the rest to who knows.
        naive = trade_against((0.48, 0.52), probability=0.5, informed=informed, trades=trades, seed=seed)
        anchors.append(_simulated(f"{name}: profit a trade at 0.48 / 0.52", 0.02 - informed * 0.5, naive))
    return Section(
        title="Glosten and Milgrom: a spread that only pays for informed flow",
        source=(
            "Glosten and Milgrom (1985), Bid, ask and transaction prices in a specialist market with "
            "heterogeneously informed traders, Journal of Financial Economics 14(1), 71-100, for two values."
        ),
        note=f"{trades:,} simulated trades; the tolerance is four standard errors. A tighter quoter loses.",
        anchors=tuple(anchors),
    )


def _simulated(quantity: str, expected: float, sample: np.ndarray) -> Anchor:
    error = float(sample.std(ddof=1)) / math.sqrt(len(sample))
    return Anchor(
        quantity=quantity,
        expected=expected,
        tolerance=4 * error,
        ours=float(sample.mean()),
        standard_error=error,
    )


def _queues() -> Section:
    anchors: list[Anchor] = []
    for bid, ask, limit, walk in ((30, 10, 0.79517, 0.79512), (20, 10, 0.70483, 0.70473)):
        anchors += [
            Anchor(
                quantity=f"bid {bid}, ask {ask}: next move is up, long queues",
                expected=limit,
                tolerance=5e-6,
                ours=queue_race_limit(bid, ask),
                digits=5,
            ),
            Anchor(
                quantity=f"bid {bid}, ask {ask}: next move is up, exact walk",
                expected=walk,
                tolerance=5e-6,
                ours=queue_race(bid, ask),
                digits=5,
            ),
        ]
    return Section(
        title="Cont and de Larrard: which queue empties first",
        source=(
            "Cont and de Larrard (2013), Price dynamics in a Markovian limit order market, SIAM Journal on "
            "Financial Mathematics 4(1), 1-25, proposition 3; the limit is that of their paper of 2012."
        ),
        note=(
            "Queues that grow and shrink at equal rates, without correlation. Expected for the exact walk: "
            "the linear equations on a grid of 100 and of 200 orders a side, extrapolated to any length; the "
            "grid of 200 alone gives 0.79509 and 0.70472."
        ),
        anchors=tuple(anchors),
    )


def _martingales(paths: int, seed: int) -> Section:
    anchors: list[Anchor] = []
    for price, high, expected in ((10, 16, 0.625), (12, 18, 2 / 3)):
        name = f"from {price / 20:g}: {high / 20:g} before 0"
        share = walk_to(price, 0, high, paths=paths, seed=seed)
        error = math.sqrt(share * (1 - share) / paths)
        anchors += [
            Anchor(
                quantity=name,
                expected=expected,
                tolerance=1e-12,
                ours=hitting_probability(price / 20, 0.0, high / 20),
            ),
            Anchor(
                quantity=f"{name}, walked",
                expected=expected,
                tolerance=4 * error,
                ours=share,
                standard_error=error,
            ),
        ]
    return Section(
        title="Martingale prices: how far they go before they end",
        source="Doob's optional stopping theorem, applied to a price that ends at 0 or 1.",
        note=f"Steps of 0.05, {paths:,} paths; the tolerance of a walk is four standard errors.",
        anchors=tuple(anchors),
    )


def _toxicity() -> Section:
    cases = (
        ("VPIN: all buckets balanced", 0.0, vpin([50, 50], [50, 50]), 6),
        ("VPIN: all one-sided", 1.0, vpin([100, 0], [0, 100]), 6),
        ("VPIN: (75, 25), (50, 50), (25, 75)", 1 / 3, vpin([75, 50, 25], [25, 50, 75]), 6),
        ("Bulk classification: one deviation up, of 100", 84.1345, bulk_buy_volume(100, 1.0, 1.0), 4),
        ("A trade of 250 in buckets of 100: full buckets", 2.0, len(volume_buckets([250], 100)), 0),
    )
    return Section(
        title="VPIN: volume buckets and bulk classification",
        source=(
            "Easley, López de Prado and O'Hara (2012), Flow toxicity and liquidity in a high-frequency "
            "world, Review of Financial Studies 25(5), 1457-1493."
        ),
        note="Its critics (Andersen and Bondarenko) show that the result depends on the classification.",
        anchors=tuple(
            Anchor(quantity=name, expected=expected, tolerance=5e-5, ours=ours, digits=digits)
            for name, expected, ours, digits in cases
        ),
    )
