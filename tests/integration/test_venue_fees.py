"""Venue fee formulas: the published cents, and what a run charges on both sides of a change date."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tradewright as tw
from tradewright.core import presets
from tradewright.core.fees import FeeCurve, Fees
from tradewright.core.venue_fees import kalshi_fees, polymarket_fees
from tradewright.errors import InstrumentError

DAY_NS = 86_400_000_000_000


def on(schedules: tuple[Fees, ...], day: date) -> Fees:
    """The schedule in force on a day, read as a person would."""
    return [fees for fees in schedules if fees.since is None or fees.since <= day][-1]


@pytest.mark.parametrize(
    ("size", "price", "dollars"), [(1, 0.5, 0.02), (100, 0.5, 1.75), (100, 0.25, 1.32), (100, 0.1, 0.63)]
)
def test_kalshi_charges_what_it_publishes_to_the_cent(size: int, price: float, dollars: float) -> None:
    assert on(kalshi_fees(), date(2025, 1, 1)).charge(price, size) == Fraction(str(dollars))


@pytest.mark.parametrize(("price", "dollars"), [(0.52, "0.0175"), (0.99, "0.0007")])
def test_kalshi_charges_what_was_recorded_in_june_2026(price: float, dollars: str) -> None:
    assert on(kalshi_fees(), date(2026, 6, 11)).charge(price, 1) == Fraction(dollars)
    # An account whose balance is in whole cents pays whole cents.
    cents = on(kalshi_fees(direct_member=False), date(2026, 6, 11)).charge(price, 1)
    assert cents == Fraction(math.ceil(Fraction(dollars) * 100), 100)


def test_kalshi_charges_makers_only_where_the_series_does() -> None:
    for day in (date(2025, 6, 30), date(2025, 7, 1), date(2026, 6, 1)):
        assert on(kalshi_fees(), day).charge(0.5, 100, "maker") == 0
    paid = [
        on(kalshi_fees(makers_pay=True), day).charge(0.5, 100, "maker")
        for day in (date(2025, 6, 30), date(2025, 7, 1), date(2026, 6, 1))
    ]
    # 0.25 cents a contract; then 0.0175 on the curve: 0.4375, up to the cent and up to 0.0001.
    assert paid == [Fraction("0.25"), Fraction("0.44"), Fraction("0.4375")]
    assert on(kalshi_fees(multiplier=0.5), date(2025, 1, 1)).charge(0.5, 100) == Fraction("0.88")


@pytest.mark.parametrize(
    ("category", "day", "price", "dollars"),
    [
        ("politics", date(2026, 4, 1), 0.5, "1.00"),
        ("politics", date(2026, 4, 1), 0.25, "0.75"),
        ("politics", date(2026, 4, 1), 0.1, "0.36"),
        ("crypto", date(2026, 4, 1), 0.5, "1.80"),
        ("crypto", date(2026, 6, 10), 0.5, "1.75"),
        ("politics", date(2026, 3, 29), 0.5, "0"),
        # The table of the documentation of February 2026, 4 decimals: 1.56, 0.02 and 0.0024 of 100 shares.
        ("crypto_short", date(2026, 2, 1), 0.5, "1.5625"),
        ("crypto_short", date(2026, 2, 1), 0.1, "0.2025"),
        ("crypto_short", date(2026, 2, 1), 0.99, "0.0024"),
        ("crypto_short", date(2026, 1, 5), 0.5, "0"),
    ],
)
def test_polymarket_charges_what_it_publishes(category: Any, day: date, price: float, dollars: str) -> None:
    fees = on(polymarket_fees(category), day)
    assert fees.charge(price, 100) == Fraction(dollars)
    assert fees.charge(price, 100, "maker") == 0


def test_a_cross_venue_package_is_priced_net_of_both_fees() -> None:
    day = date(2025, 6, 1), date(2026, 4, 1)
    kalshi, polymarket = on(kalshi_fees(), day[0]), on(polymarket_fees("politics"), day[1])
    for yes, net in ((0.46, "1.26"), (0.48, "-0.75")):
        gross = 100 * (1 - Fraction(str(yes)) - Fraction(1, 2))
        assert gross - kalshi.charge(yes, 100) - polymarket.charge(0.5, 100) == Fraction(net)


@dataclass
class TakesEachQuote(tw.Policy):
    """Buys at each quote and sells at the next, a given number of contracts."""

    symbol: str
    size: float

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(tw.features.on_quote(self.symbol))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        side = "sell" if portfolio.position(self.symbol) > 0 else "buy"
        return tw.Submit(symbol=self.symbol, side=side, size=self.size)


def ns(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 10**9


def run_across(instrument: tw.Instrument, days: list[date], prices: list[float], size: float) -> tw.Result:
    """One quote a day, without a spread, at noon and one nanosecond before midnight."""
    times = np.array([ns(day) + at for day in days for at in (0, DAY_NS - 1)], dtype=np.int64)
    levels = np.array([price for price in prices for _ in range(2)])
    sizes = np.full(len(times), 1e6)
    quotes = tw.Quotes.from_arrays(
        instrument.symbol,
        ts=times,
        bid=levels,
        ask=levels,
        bid_size=sizes,
        ask_size=sizes,
        instrument=instrument,
    )
    return tw.backtest(TakesEachQuote(instrument.symbol, size), quotes, cash=1_000_000)


def slow_kalshi(day: date, price: float, size: float) -> Fraction:
    """The rule as the venue writes it."""
    raw = Fraction(7, 100) * Fraction(str(size)) * Fraction(str(price)) * (1 - Fraction(str(price)))
    units = 100 if day < date(2026, 3, 9) else 10_000
    return Fraction(math.ceil(raw * units), units)


def slow_polymarket(day: date, price: float, size: float) -> Fraction:
    odds = Fraction(str(price)) * (1 - Fraction(str(price)))
    if day < date(2026, 1, 6):
        return Fraction(0)
    if day < date(2026, 3, 30):
        return Fraction(math.floor(Fraction(1, 4) * Fraction(str(size)) * odds**2 * 10**4), 10**4)
    rate = Fraction("0.072") if day < date(2026, 5, 17) else Fraction("0.07")
    return Fraction(math.floor(rate * Fraction(str(size)) * odds * 10**5), 10**5)


@settings(max_examples=40, deadline=None)
@given(
    start=st.dates(date(2025, 12, 20), date(2026, 5, 20)),
    cents=st.lists(st.integers(1, 99), min_size=4, max_size=4),
    hundredths=st.integers(1, 100_000),
    venue=st.sampled_from(["kalshi", "polymarket"]),
)
def test_a_run_across_a_change_charges_both(
    start: date, cents: list[int], hundredths: int, venue: str
) -> None:
    days = [start + timedelta(days=count) for count in range(4)]
    size = hundredths / 100
    if venue == "kalshi":
        instrument, slow = presets.kalshi_binary("X", lot_size=0.01), slow_kalshi
    else:
        instrument, slow = presets.polymarket_binary("X", category="crypto_short"), slow_polymarket
    prices = [cent / 100 for cent in cents]
    result = run_across(instrument, days, prices, size)
    expected = [float(slow(day, price, size)) for day, price in zip(days, prices, strict=True) for _ in "ab"]
    assert result.fills["fee"].to_list() == expected
    assert result.fills["price"].to_list() == [price for price in prices for _ in "ab"]


def test_a_run_over_the_changes_of_2026_charges_them_all() -> None:
    days = [date(2026, 3, 8), date(2026, 3, 9)]
    kalshi = run_across(presets.kalshi_binary("K"), days, [0.52, 0.52], 1)
    assert kalshi.fills["fee"].to_list() == [0.02, 0.02, 0.0175, 0.0175]
    days = [date(2026, 3, 29), date(2026, 3, 30)]
    polymarket = run_across(presets.polymarket_binary("P", category="politics"), days, [0.5, 0.5], 100)
    assert polymarket.fills["fee"].to_list() == [0.0, 0.0, 1.0, 1.0]


@settings(max_examples=60, deadline=None)
@given(
    ticks=st.integers(0, 10_000),
    lots=st.integers(1, 10_000_000),
    millionths=st.integers(0, 10**6),
    exponent=st.sampled_from([0, 1, 2]),
    rounding=st.sampled_from(["half_even", "up", "down"]),
    step=st.sampled_from([0.0, 0.01, 0.0001, 0.00001]),
)
def test_the_core_and_charge_agree_on_every_curve(
    ticks: int, lots: int, millionths: int, exponent: Any, rounding: Any, step: float
) -> None:
    curve = FeeCurve(rate=millionths / 10**6, exponent=exponent)
    fees = Fees(taker_curve=curve, step=step, rounding=rounding)
    instrument = presets.binary("X", fees=fees, lot_size=0.01, grid=tw.TickGrid.constant(0.0001))
    if 0 < ticks < 10_000:
        result = run_across(instrument, [date(2026, 1, 1)], [ticks / 10_000], lots / 100)
        expected = fees.charge(ticks / 10_000, lots / 100)
        fee = Fraction(repr(cast("float", result.fills["fee"][0])))
        assert abs(fee - expected) <= Fraction(1, 10**12) + abs(expected) * Fraction(1, 2**52)
        if step:
            assert (fee / Fraction(repr(step))).denominator == 1
    odds = Fraction(ticks, 10_000) * (1 - Fraction(ticks, 10_000))
    raw = Fraction(millionths, 10**6) * Fraction(lots, 100) * odds**exponent
    charged = fees.charge(ticks / 10_000, lots / 100)
    assert charged <= raw if rounding == "down" else True
    assert charged >= raw if rounding == "up" else True
    assert abs(charged - raw) <= Fraction(repr(step))


def test_impossible_curves_are_refused() -> None:
    with pytest.raises(InstrumentError, match=r"rate 1\.5 is not from 0 to 1"):
        FeeCurve(rate=1.5)
    with pytest.raises(InstrumentError, match=r"in steps of 0\.000001"):
        FeeCurve(rate=0.0000001)
    with pytest.raises(InstrumentError, match="Give one kind of charge"):
        Fees(taker_curve=FeeCurve(rate=0.07), maker_bps=1)
    with pytest.raises(InstrumentError, match="needs a binary"):
        presets.equity("X", fees=Fees(taker_curve=FeeCurve(rate=0.07)))
    with pytest.raises(InstrumentError, match="at most 4 decimals"):
        presets.binary("X", price_unit=0.00001, fees=Fees(taker_curve=FeeCurve(rate=0.07)))
    with pytest.raises(InstrumentError, match="'sport' is no category"):
        polymarket_fees(cast("Any", "sport"))


def test_charge_knows_the_older_kinds_too() -> None:
    fees = Fees(taker_bps=5, maker_bps=-1, minimum=0.1)
    assert fees.charge(100, 10) == Fraction(1, 2)
    assert fees.charge(100, 1) == Fraction(1, 10)
    assert fees.charge(100, 10, "maker") == Fraction(-1, 10)
    assert Fees(per_share=0.005, minimum=1).charge(50, 300) == Fraction(3, 2)
