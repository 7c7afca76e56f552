"""Instruments: exact conversion, the tick grid, and what is refused."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.core import presets
from tradewright.core.fees import Fees
from tradewright.core.grid import TickBand, TickGrid
from tradewright.core.instrument import Instrument, native_fields
from tradewright.errors import InstrumentError

FED = presets.binary("KXFED-26DEC", event_group="KXFED")

GRIDS = [
    TickGrid.linear_cent(),
    TickGrid.deci_cent(),
    TickGrid.tapered_deci_cent(),
    TickGrid.constant(0.0005),
    TickGrid.bands([(0.2, 0.0001), (0.5, 0.02), (None, 0.0025)]),
]


def allowed_prices(grid: TickGrid, unit: str) -> list[Fraction]:
    """Every allowed price from 0 to 1, by trying each price unit against the band that holds it."""
    exact = [
        (None if band.below is None else Fraction(repr(band.below)), Fraction(repr(band.step)))
        for band in grid.steps
    ]
    found: list[Fraction] = []
    count = int(1 / Fraction(unit))
    for tick in range(count + 1):
        price = tick * Fraction(unit)
        step = next(step for below, step in exact if below is None or price < below)
        if price % step == 0:
            found.append(price)
    return found


ALLOWED = [allowed_prices(grid, "0.0001") for grid in GRIDS]


def test_a_price_off_the_grid_is_refused_with_its_neighbours() -> None:
    with pytest.raises(InstrumentError) as caught:
        FED.price_ticks(0.537)
    assert str(caught.value) == (
        "KXFED-26DEC: price 0.537 is not a multiple of the tick size 0.01. "
        "Use 0.53 or 0.54, or round with Instrument.round_price(price, side)."
    )
    assert (caught.value.symbol, caught.value.field, caught.value.value) == ("KXFED-26DEC", "price", 0.537)


@pytest.mark.parametrize(
    ("price", "message"),
    [
        (math.nan, "price nan is not a finite number."),
        (math.inf, "price inf is not a finite number."),
        (1.01, "price 1.01 is outside of the bounds 0 to 1."),
        (-0.01, "price -0.01 is outside of the bounds 0 to 1."),
        ("half", "price 'half' is not a number."),
    ],
)
def test_impossible_prices_are_refused(price: Any, message: str) -> None:
    def round_down(value: Any) -> float:
        return FED.round_price(value, "buy")

    for convert in (FED.price_ticks, FED.tick_size_at, round_down):
        with pytest.raises(InstrumentError) as caught:
            convert(price)
        assert str(caught.value) == f"KXFED-26DEC: {message}"


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (0, "size 0 is not positive."),
        (-1, "size -1 is not positive."),
        (math.nan, "size nan is not a finite number."),
        (-math.inf, "size -inf is not a finite number."),
        (1.5, "size 1.5 is not a multiple of the lot size 1. Use 1 or 2,"),
        (0.5, "size 0.5 is not a multiple of the lot size 1. Use 1, or round"),
        (1e17, "size 100000000000000000 is more than 2^53 steps of lot_size"),
    ],
)
def test_impossible_sizes_are_refused(size: float, message: str) -> None:
    with pytest.raises(InstrumentError) as caught:
        FED.size_lots(size)
    assert message in str(caught.value)


def test_without_bounds_prices_are_above_zero() -> None:
    spot = presets.crypto_spot("BTCUSDT", tick_size=0.01, lot_size="0.00001")
    for price in (0, -3.5):
        with pytest.raises(InstrumentError, match=r"is not positive\. Prices are above zero unless"):
            spot.price_ticks(price)
    with pytest.raises(InstrumentError, match=r"no price at or below 0\.004 is allowed; the lowest is 0\.01"):
        spot.round_price(0.004, "buy")
    assert spot.round_price(0.004, "sell") == 0.01
    oil = presets.commodity("CLK0", tick_size=0.01, multiplier=1000, bounds=(-1000, 1000))
    assert oil.price_ticks(-37.63) == -3763
    assert (oil.round_price(-37.635, "buy"), oil.round_price(-37.635, "sell")) == (-37.64, -37.63)


def test_float_noise_does_not_cost_a_tick() -> None:
    assert FED.round_price(0.1 + 0.2, "sell") == 0.3
    assert FED.round_price(0.57 - 1e-16, "buy") == 0.57
    with pytest.raises(InstrumentError, match=r"Use 0\.3, or round"):
        FED.price_ticks(0.1 + 0.2)
    spot = presets.crypto_spot("X", tick_size=0.01, lot_size=0.1)
    assert spot.round_size(0.1 * 3) == 0.3
    assert spot.round_size(0.29999) == 0.2
    assert spot.round_size(-0.29999) == -0.2
    assert spot.round_size(0.05) == 0


@given(st.sampled_from(range(len(GRIDS))), st.floats(0, 1), st.sampled_from(["buy", "sell"]))
def test_rounding_is_on_the_grid_and_outward(index: int, price: float, side: str) -> None:
    instrument = presets.binary("B", grid=GRIDS[index])
    rounded = instrument.round_price(price, side)
    # Oracle: search every allowed price. A price within 1e-12 of an allowed one is that one.
    exact = Fraction(price)
    slack = exact / 10**12
    if side == "buy":
        expected = max(found for found in ALLOWED[index] if found <= exact + slack)
    else:
        expected = min(found for found in ALLOWED[index] if found >= exact - slack)
    assert rounded == float(expected)
    assert instrument.price(instrument.price_ticks(rounded)) == rounded


@given(
    st.sampled_from(["1", "0.25", "0.01", "0.1", "0.00000001", "0.0005", "5", "0.03"]),
    st.integers(1, 2**50),
)
def test_ticks_and_lots_survive_the_way_through_floats(unit: str, count: int) -> None:
    instrument = Instrument(symbol="X", price_unit=float(unit), lot_size=float(unit))
    assert instrument.price_ticks(instrument.price(count)) == count
    assert instrument.size_lots(instrument.size(count)) == count
    assert instrument.price(count) == float(Fraction(unit) * count)


@given(st.floats(-1e9, 1e9, allow_nan=False), st.sampled_from(["1", "0.01", "0.25", "0.00001"]))
def test_sizes_round_towards_zero(size: float, lot: str) -> None:
    instrument = Instrument(symbol="X", price_unit=0.01, lot_size=float(lot))
    rounded = Fraction(repr(instrument.round_size(size)))
    step, exact = Fraction(lot), Fraction(size)
    assert rounded % step == 0
    # No further from zero than the size, but for float noise, and less than a lot short of it.
    assert abs(rounded) <= abs(exact) * (1 + Fraction(1, 10**12))
    assert abs(exact) - abs(rounded) < step
    assert rounded * exact >= 0


def test_kalshi_grids_are_those_of_its_documentation() -> None:
    tapered = presets.binary("K", grid=TickGrid.tapered_deci_cent())
    assert [tapered.tick_size_at(price) for price in (0.001, 0.0999, 0.1, 0.5, 0.8999, 0.9, 0.999)] == (
        [0.001, 0.001, 0.01, 0.01, 0.01, 0.001, 0.001]
    )
    assert presets.binary("K").tick_size_at(0.5) == 0.01
    assert presets.binary("K", grid=TickGrid.deci_cent()).tick_size_at(0.5) == 0.001


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        ([], "its last band needs below=None"),
        ([(0.1, 0.01)], "its last band needs below=None"),
        ([(None, 0.01), (None, 0.01)], "only the last band may have below=None"),
        ([(None, 0.0)], "the step 0 is not positive"),
        ([(None, -0.01)], "the step -0.01 is not positive"),
        ([(None, math.nan)], "nan is not finite"),
        ([(math.nan, 0.01), (None, 0.01)], "nan is not finite"),
        ([(0.5, 0.01), (0.2, 0.01), (None, 0.01)], "out of order: 0.2 follows 0.5"),
        ([(0.1, 0.03), (None, 0.01)], "the boundary 0.1 is not a multiple of the step 0.03"),
    ],
)
def test_impossible_grids_are_refused(bands: list[tuple[float | None, float]], message: str) -> None:
    with pytest.raises(InstrumentError) as caught:
        TickGrid.bands(bands)
    assert message in str(caught.value)


def test_infinity_ends_a_grid_as_none_does() -> None:
    grid = TickGrid.bands([(1, 0.0001), (math.inf, 0.01)])
    assert grid == TickGrid(steps=(TickBand(step=0.0001, below=1.0), TickBand(step=0.01)))


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"symbol": ""}, "symbol", "without spaces"),
        ({"symbol": " X"}, "symbol", "without spaces"),
        ({"price_unit": 0}, "price_unit", "price_unit 0 is not positive"),
        ({"price_unit": math.nan}, "price_unit", "nan is not finite"),
        ({"price_unit": "a cent"}, "price_unit", "'a cent' is not a number"),
        ({"price_unit": True}, "price_unit", "True is not a number"),
        ({"lot_size": -1}, "lot_size", "lot_size -1 is not positive"),
        ({"multiplier": math.inf}, "multiplier", "inf is not finite"),
        ({"multiplier": Decimal("0.12345678901234567890")}, "multiplier", "more digits than a float"),
        ({"price_unit": 1e-19}, "price_unit", "needs more than 18 digits"),
        ({"price_unit": 1e-12, "lot_size": 1e-12, "multiplier": 1e-12}, "price_unit", "36 decimal places"),
        (
            {"price_unit": 0.02, "grid": TickGrid.constant(0.01)},
            "grid.step",
            "not a multiple of the price unit 0.02",
        ),
        ({"bounds": (1, 0)}, "bounds", "bounds 1 to 0 are empty"),
        ({"bounds": (0, 0.005)}, "bounds", "the bound 0.005 is not on the tick grid"),
        ({"contract": "binary"}, "contract", "contradicts asset_class 'equity'"),
        ({"asset_class": "binary"}, "contract", "contradicts asset_class 'binary'"),
        ({"contract": "inverse"}, "payment", "Use 'margin'"),
        ({"contract": "inverse", "payment": "margin", "bounds": (0, 1)}, "bounds", "inverse"),
        ({"event_group": "G"}, "event_group", "needs contract 'binary'"),
        ({"currency": ""}, "currency", "Name one"),
        ({"calendar": ""}, "calendar", "Use None for round the clock"),
        ({"margin_initial": 5}, "margin_initial", "margin_initial 5 is not a share of value"),
        ({"margin_initial": 0.1, "margin_maintenance": 0.2}, "margin_maintenance", "liquidated as it opens"),
        ({"expiry": datetime(2026, 12, 9)}, "expiry", "has no time zone"),  # noqa: DTZ001 - the point
        ({"fees": [Fees(), Fees()]}, "fees", "Give them in rising order"),
        (
            {"fees": [Fees(since=date(2025, 1, 1)), Fees(since=date(2024, 1, 1))]},
            "fees",
            "fees since 2024-01-01 follow fees since 2025-01-01",
        ),
    ],
)
def test_impossible_instruments_are_refused(changes: dict[str, Any], field: str, message: str) -> None:
    fields: dict[str, Any] = {"symbol": "X", "price_unit": 0.01}
    with pytest.raises(InstrumentError) as caught:
        Instrument(**(fields | changes))
    assert message in str(caught.value)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"maker_bps": math.nan}, "maker_bps nan is not finite"),
        ({"per_share": -0.01}, "per_share -0.01 is negative. Give rebates as maker_bps"),
        ({"minimum": -1}, "minimum -1 is negative"),
        ({"taker_bps": 10_001}, "taker_bps 10001 is more than the whole value"),
    ],
)
def test_impossible_fees_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InstrumentError) as caught:
        Fees(**fields)
    assert message in str(caught.value)


def test_numbers_may_be_text_or_decimals() -> None:
    texts: dict[str, Any] = {"price_unit": "0.010", "lot_size": Decimal("1E-5"), "multiplier": 1}
    assert Instrument(symbol="X", **texts) == Instrument(symbol="X", price_unit=0.01, lot_size=0.00001)


def test_configuration_round_trips_and_refuses_unknown_fields() -> None:
    spelled = """
        symbol = "KXFED-26DEC"
        asset_class = "binary"
        contract = "binary"
        price_unit = 0.0001
        event_group = "KXFED"
        expiry = 2026-12-09T19:00:00Z
        fees = [{ taker_bps = 7.5 }, { taker_bps = 5, since = 2026-01-01 }]
        [grid]
        steps = [{ step = 0.001, below = 0.1 }, { step = 0.01, below = 0.9 }, { step = 0.001 }]
    """
    instrument = msgspec.toml.decode(spelled, type=Instrument)
    assert instrument.grid == TickGrid.tapered_deci_cent()
    assert instrument.bounds == (0, 1)
    assert instrument.expiry == datetime(2026, 12, 9, 19, tzinfo=UTC)
    assert msgspec.json.decode(msgspec.json.encode(instrument), type=Instrument) == instrument
    with pytest.raises(msgspec.ValidationError, match="unknown field `tick`"):
        msgspec.toml.decode('symbol = "X"\nprice_unit = 0.01\ntick = 1', type=Instrument)


def test_a_grid_may_change_while_it_trades() -> None:
    finer = msgspec.structs.replace(FED, grid=TickGrid.tapered_deci_cent())
    with pytest.raises(InstrumentError):
        FED.price_ticks(0.093)
    assert finer.price_ticks(0.093) == 930
    assert FED.price_ticks(0.09) == finer.price_ticks(0.09)


def test_bad_sides_are_refused() -> None:
    with pytest.raises(InstrumentError, match="side 'bid' is not 'buy' or 'sell'"):
        FED.round_price(0.5, "bid")


short = st.decimals(min_value=0, max_value=500, places=7, allow_nan=False).map(float)


@given(
    unit=st.sampled_from([0.01, 0.25, 1e-6, 0.0005, 5.0]),
    lot=st.sampled_from([1.0, 0.001, 100.0, 1e-8]),
    multiplier=st.sampled_from([1.0, 50.0, 0.1, 1e6]),
    maker=st.decimals(min_value=-100, max_value=100, places=7).map(float),
    taker=short,
    per_share=short,
    minimum=short,
    since=st.one_of(st.none(), st.dates(date(1970, 1, 1), date(2100, 1, 1))),
    margin=st.decimals(min_value=0, max_value=1, places=12).map(float),
)
def test_native_fields_agree_with_fractions(
    unit: float,
    lot: float,
    multiplier: float,
    maker: float,
    taker: float,
    per_share: float,
    minimum: float,
    since: date | None,
    margin: float,
) -> None:
    fees = Fees(maker_bps=maker, taker_bps=taker, per_share=per_share, minimum=minimum, since=since)
    top = float(Decimal(repr(unit)) * 10)  # Ten units as a user writes them, free of float noise.
    bands = [(top, unit), (None, 2 * unit)]
    instrument = Instrument(
        symbol="X",
        price_unit=unit,
        lot_size=lot,
        multiplier=multiplier,
        grid=TickGrid.bands(bands),
        bounds=(0, top),
        fees=(fees,),
        margin_initial=margin,
    )
    native = native_fields(instrument, 3, None, [(1, 2)])
    for field, value in (("price_unit", unit), ("lot_size", lot), ("multiplier", multiplier)):
        assert Fraction(str(native[field])) == Fraction(repr(value))
    assert native["grid"] == [(10, 1), (2**63 - 1, 2)]
    assert native["bounds_ticks"] == (0, 10)
    midnight = None if since is None else datetime(since.year, since.month, since.day, tzinfo=UTC)
    expected = {
        "from_ns": -(2**63) if midnight is None else int(midnight.timestamp()) * 10**9,
        "maker_e10": round(Fraction(repr(maker)) * 10**6),
        "taker_e10": round(Fraction(repr(taker)) * 10**6),
        "per_lot": round(Fraction(repr(per_share)) * Fraction(repr(lot)) * 10**12),
        "minimum": round(Fraction(repr(minimum)) * 10**12),
        "maker_curve": (0, 1),
        "taker_curve": (0, 1),
        "step": 0,
        "rounding": "half_even",
    }
    assert native["fees"] == [expected]
    assert native["margin_initial_e10"] == round(Fraction(repr(margin)) * 10**10)
    assert (native["currency"], native["sessions"], native["event_group"]) == (3, [(1, 2)], None)


def test_native_fields_have_the_names_of_the_core() -> None:
    moment = datetime(2026, 12, 9, 19, 0, 0, 123456, tzinfo=UTC)
    native = native_fields(msgspec.structs.replace(FED, expiry=moment), 0, 7, [])
    assert list(native) == [
        "symbol",
        "currency",
        "contract",
        "payment",
        "price_unit",
        "lot_size",
        "multiplier",
        "grid",
        "bounds_ticks",
        "fees",
        "sessions",
        "expiry_ns",
        "event_group",
        "event_outcomes",
        "margin_initial_e10",
        "margin_maintenance_e10",
    ]
    assert native["expiry_ns"] == 1796842800_123456000
    assert native["event_group"] == 7
    assert native["grid"] == [(2**63 - 1, 100)]


def test_presets() -> None:
    share = presets.equity("SPY", fees=Fees(per_share=0.005, minimum=1))
    assert (share.price_ticks(0.5001), share.price_ticks(412.37), share.calendar) == (5001, 4_123_700, "XNYS")
    with pytest.raises(InstrumentError, match=r"tick size 0\.01"):
        share.price_ticks(412.375)
    es = presets.future(
        "ESZ6", tick_size="0.25", multiplier=50, expiry=datetime(2026, 12, 18, 14, 30, tzinfo=UTC)
    )
    assert (es.payment, es.tick_size_at(6000), es.multiplier) == ("margin", 0.25, 50)
    inverse = presets.crypto_inverse("BTCUSD_PERP", currency="BTC", tick_size=0.1, contract_value=100)
    assert (inverse.contract, inverse.multiplier, inverse.currency) == ("inverse", 100, "BTC")
    perpetual = presets.crypto_perpetual("BTCUSDT", tick_size=0.1, lot_size=0.001, margin_initial=0.05)
    assert (perpetual.contract, perpetual.payment) == ("linear", "margin")
    assert presets.index("SPX").payment == "full"
    assert presets.commodity("CLF7", tick_size=0.01, multiplier=1000).asset_class == "commodity"
    with pytest.raises(InstrumentError, match="tick_size 'x' is not a number"):
        presets.future("ES", tick_size="x", multiplier=50)
