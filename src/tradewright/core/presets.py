"""Instruments of the usual kinds, with the defaults that most of them share.

Every preset takes the fields of `Instrument` that its kind leaves open; for anything else write `Instrument`
itself.
Options are out of scope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.core.exact import Number, exact_float
from tradewright.core.grid import TickGrid
from tradewright.core.instrument import AssetClass, Fees, Instrument
from tradewright.core.venue_fees import kalshi_fees, polymarket_fees
from tradewright.errors import InstrumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from tradewright.core.venue_fees import PolymarketCategory


def equity(
    symbol: str,
    *,
    venue: str = "",
    currency: str = "USD",
    grid: TickGrid | None = None,
    price_unit: Number = 0.0001,
    lot_size: Number = 1,
    fees: Fees | Iterable[Fees] = (),
    calendar: str | None = "XNYS",
    margin_initial: Number = 0,
    margin_maintenance: Number = 0,
) -> Instrument:
    """A share or an exchange-traded fund, paid in full.

    The default grid is the one of US shares: 0.01 from 1.00 up, 0.0001 below (Regulation NMS, Rule 612, as
    adopted in 2005). Give ``lot_size=0.0001`` or the like where the broker takes fractions.
    """
    return Instrument(
        symbol=symbol,
        venue=venue,
        asset_class="equity",
        currency=currency,
        price_unit=_exact(symbol, "price_unit", price_unit),
        lot_size=_exact(symbol, "lot_size", lot_size),
        grid=grid if grid is not None else TickGrid.bands([(1, 0.0001), (None, 0.01)]),
        fees=_schedules(fees),
        calendar=calendar,
        margin_initial=_exact(symbol, "margin_initial", margin_initial),
        margin_maintenance=_exact(symbol, "margin_maintenance", margin_maintenance),
    )


def future(
    symbol: str,
    *,
    tick_size: Number,
    multiplier: Number,
    venue: str = "",
    currency: str = "USD",
    bounds: tuple[float, float] | None = None,
    fees: Fees | Iterable[Fees] = (),
    calendar: str | None = "CMES",
    expiry: datetime | None = None,
    margin_initial: Number = 0,
    margin_maintenance: Number = 0,
) -> Instrument:
    """A financial future: whole contracts of ``multiplier`` units, settled by profit and loss.

    ``future("ESZ6", tick_size=0.25, multiplier=50)`` moves 12.50 a tick. The default calendar is CME Globex.
    """
    return _future(
        "future",
        symbol,
        tick_size=tick_size,
        multiplier=multiplier,
        venue=venue,
        currency=currency,
        bounds=bounds,
        fees=fees,
        calendar=calendar,
        expiry=expiry,
        margin_initial=margin_initial,
        margin_maintenance=margin_maintenance,
    )


def commodity(
    symbol: str,
    *,
    tick_size: Number,
    multiplier: Number,
    venue: str = "",
    currency: str = "USD",
    bounds: tuple[float, float] | None = None,
    fees: Fees | Iterable[Fees] = (),
    calendar: str | None = "CMES",
    expiry: datetime | None = None,
    margin_initial: Number = 0,
    margin_maintenance: Number = 0,
) -> Instrument:
    """A commodity future, such as ``commodity("CLF7", tick_size=0.01, multiplier=1000)``.

    Prices must be above zero unless ``bounds`` says otherwise: crude oil settled at -37.63 on 2020-04-20, so
    such data needs bounds such as ``(-1000, 1000)``.
    """
    return _future(
        "commodity",
        symbol,
        tick_size=tick_size,
        multiplier=multiplier,
        venue=venue,
        currency=currency,
        bounds=bounds,
        fees=fees,
        calendar=calendar,
        expiry=expiry,
        margin_initial=margin_initial,
        margin_maintenance=margin_maintenance,
    )


def crypto_spot(
    symbol: str,
    *,
    tick_size: Number,
    lot_size: Number,
    currency: str = "USDT",
    venue: str = "",
    fees: Fees | Iterable[Fees] = (),
) -> Instrument:
    """A coin against ``currency``, paid in full, traded round the clock.

    ``crypto_spot("BTCUSDT", tick_size=0.01, lot_size=0.00001)``. Fees have no default: they depend on the
    account.
    """
    return Instrument(
        symbol=symbol,
        venue=venue,
        asset_class="crypto",
        currency=currency,
        price_unit=_exact(symbol, "tick_size", tick_size),
        lot_size=_exact(symbol, "lot_size", lot_size),
        fees=_schedules(fees),
    )


def crypto_perpetual(
    symbol: str,
    *,
    tick_size: Number,
    lot_size: Number,
    currency: str = "USDT",
    venue: str = "",
    multiplier: Number = 1,
    fees: Fees | Iterable[Fees] = (),
    margin_initial: Number = 0,
    margin_maintenance: Number = 0,
) -> Instrument:
    """A perpetual future quoted and settled in ``currency``; funding arrives as `Funding` events."""
    return Instrument(
        symbol=symbol,
        venue=venue,
        asset_class="crypto",
        payment="margin",
        currency=currency,
        price_unit=_exact(symbol, "tick_size", tick_size),
        lot_size=_exact(symbol, "lot_size", lot_size),
        multiplier=_exact(symbol, "multiplier", multiplier),
        fees=_schedules(fees),
        margin_initial=_exact(symbol, "margin_initial", margin_initial),
        margin_maintenance=_exact(symbol, "margin_maintenance", margin_maintenance),
    )


def crypto_inverse(
    symbol: str,
    *,
    currency: str,
    tick_size: Number,
    contract_value: Number,
    venue: str = "",
    lot_size: Number = 1,
    fees: Fees | Iterable[Fees] = (),
    expiry: datetime | None = None,
    margin_initial: Number = 0,
    margin_maintenance: Number = 0,
) -> Instrument:
    """A coin-margined contract: worth ``contract_value`` of the quote currency, settled in a coin.

    ``crypto_inverse("BTCUSD_PERP", currency="BTC", tick_size=0.1, contract_value=100)`` is 100 USD of
    bitcoin; a long gains 100/entry - 100/exit bitcoin a contract.
    """
    return Instrument(
        symbol=symbol,
        venue=venue,
        asset_class="crypto",
        contract="inverse",
        payment="margin",
        currency=currency,
        price_unit=_exact(symbol, "tick_size", tick_size),
        lot_size=_exact(symbol, "lot_size", lot_size),
        multiplier=_exact(symbol, "contract_value", contract_value),
        fees=_schedules(fees),
        expiry=expiry,
        margin_initial=_exact(symbol, "margin_initial", margin_initial),
        margin_maintenance=_exact(symbol, "margin_maintenance", margin_maintenance),
    )


def binary(
    symbol: str,
    *,
    venue: str = "",
    currency: str = "USD",
    grid: TickGrid | None = None,
    price_unit: Number = 0.0001,
    lot_size: Number = 1,
    fees: Fees | Iterable[Fees] = (),
    expiry: datetime | None = None,
    event_group: str | None = None,
    event_outcomes: int | None = None,
) -> Instrument:
    """An event contract that pays 1 or nothing, priced from 0 to 1; the price is that of YES.

    The default grid is one cent. The price unit is finer, so that the grid may become sub-penny while the
    contract trades (`TickGridChange`). Name the ``event_group`` of outcomes that exclude each other, and say
    in ``event_outcomes`` how many there are where one of them is certain to pay.
    """
    return Instrument(
        symbol=symbol,
        venue=venue,
        asset_class="binary",
        contract="binary",
        currency=currency,
        price_unit=_exact(symbol, "price_unit", price_unit),
        lot_size=_exact(symbol, "lot_size", lot_size),
        grid=grid if grid is not None else TickGrid.linear_cent(),
        bounds=(0.0, 1.0),
        fees=_schedules(fees),
        expiry=expiry,
        event_group=event_group,
        event_outcomes=event_outcomes,
    )


def kalshi_binary(
    symbol: str,
    *,
    grid: TickGrid | None = None,
    lot_size: Number = 1,
    fee_multiplier: float = 1.0,
    makers_pay: bool = False,
    direct_member: bool = True,
    expiry: datetime | None = None,
    event_group: str | None = None,
    event_outcomes: int | None = None,
) -> Instrument:
    """An event contract on Kalshi, with `kalshi_fees`. Give ``lot_size=0.01`` where fractions trade.

    The default grid is one cent; ``price_level_structure`` of the market says which it has.
    """
    return binary(
        symbol,
        venue="kalshi",
        grid=grid,
        lot_size=lot_size,
        fees=kalshi_fees(multiplier=fee_multiplier, makers_pay=makers_pay, direct_member=direct_member),
        expiry=expiry,
        event_group=event_group,
        event_outcomes=event_outcomes,
    )


def polymarket_binary(
    symbol: str,
    *,
    category: PolymarketCategory,
    currency: str = "USD",
    grid: TickGrid | None = None,
    lot_size: Number = 0.01,
    expiry: datetime | None = None,
    event_group: str | None = None,
    event_outcomes: int | None = None,
) -> Instrument:
    """An outcome on Polymarket, with `polymarket_fees` of its category.

    Its collateral counts as ``currency``: as dollars unless you say ``"USDC"`` or the like and give a rate.
    """
    return binary(
        symbol,
        venue="polymarket",
        currency=currency,
        grid=grid,
        lot_size=lot_size,
        fees=polymarket_fees(category),
        expiry=expiry,
        event_group=event_group,
        event_outcomes=event_outcomes,
    )


def index(
    symbol: str,
    *,
    tick_size: Number = 0.01,
    currency: str = "USD",
    calendar: str | None = "XNYS",
) -> Instrument:
    """An index that research trades as if it were a share: paid in full, sizes in whole units, no fees.

    Nobody trades an index itself; use a fund or a future for results that could be had.
    """
    return Instrument(
        symbol=symbol,
        asset_class="index",
        currency=currency,
        price_unit=_exact(symbol, "tick_size", tick_size),
        calendar=calendar,
    )


def _future(
    asset_class: AssetClass,
    symbol: str,
    *,
    tick_size: Number,
    multiplier: Number,
    venue: str,
    currency: str,
    bounds: tuple[float, float] | None,
    fees: Fees | Iterable[Fees],
    calendar: str | None,
    expiry: datetime | None,
    margin_initial: Number,
    margin_maintenance: Number,
) -> Instrument:
    return Instrument(
        symbol=symbol,
        venue=venue,
        asset_class=asset_class,
        payment="margin",
        currency=currency,
        price_unit=_exact(symbol, "tick_size", tick_size),
        multiplier=_exact(symbol, "multiplier", multiplier),
        bounds=bounds,
        fees=_schedules(fees),
        calendar=calendar,
        expiry=expiry,
        margin_initial=_exact(symbol, "margin_initial", margin_initial),
        margin_maintenance=_exact(symbol, "margin_maintenance", margin_maintenance),
    )


def _exact(symbol: str, field: str, value: Number) -> float:
    try:
        return exact_float(value)
    except ValueError as error:
        raise InstrumentError(f"{field} {error}.", symbol=symbol, field=field, value=value) from None


def _schedules(fees: Fees | Iterable[Fees]) -> tuple[Fees, ...]:
    return (fees,) if isinstance(fees, Fees) else tuple(fees)


PRESETS: dict[str, Callable[..., Instrument]] = {
    preset.__name__: preset
    for preset in (
        equity,
        future,
        commodity,
        crypto_spot,
        crypto_perpetual,
        crypto_inverse,
        binary,
        kalshi_binary,
        polymarket_binary,
        index,
    )
}
"""By the name that a configuration gives them."""
