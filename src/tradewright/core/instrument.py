"""What is traded: units, tick grids, fees and dates, exact behind the floats that users write.

Prices are counts of `Instrument.price_unit` (ticks) and sizes counts of `Instrument.lot_size` (lots) inside;
the methods here convert and refuse what does not fit. Ready-made kinds stand in `tradewright.core.presets`.

Options are out of scope: they need a model of volatility and exercise that this framework does not have.
"""

from __future__ import annotations

import itertools
import math
from datetime import datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from tradewright.core.exact import COUNT_MAX, Step, exact_float, exact_fraction, plain, scaled, step_of
from tradewright.core.fees import Fees
from tradewright.core.grid import NO_END_TICKS, TickBand, TickGrid, grid_ceil, grid_floor
from tradewright.core.times import time_ns
from tradewright.errors import InstrumentError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Fees", "Instrument", "TickBand", "TickGrid", "native_fields"]

AssetClass = Literal["equity", "future", "commodity", "crypto", "fx", "index", "binary"]

# The core scales products of price unit, lot size and multiplier inside 128 bits.
_SCALE_MAX, _SCALE_SUM_MAX = 18, 30


class Instrument(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True, cache_hash=True
):
    """What is traded.

    A number given as float stands for the shortest decimal that reads back as it, so ``0.01`` is exactly a
    hundredth; an int, text or `decimal.Decimal` is taken too.

    Attributes:
        symbol: The name users write.
        venue: Where it trades; for display and storage.
        asset_class: What kind of thing it is; for display and grouping.
        contract: ``linear`` (size * multiplier * price), ``inverse`` (size * multiplier / price, paid in the
            base coin) or ``binary`` (pays 1 * multiplier or nothing).
        payment: ``full`` where a trade's whole value is paid (shares, coins, binaries), ``margin`` where only
            profit and loss change hands (futures, perpetuals).
        currency: Currency of price, profit and fees; the base coin for inverse contracts.
        price_unit: The finest price step that the instrument may ever have; fixed for its life.
        lot_size: The smallest size, of which every size is a multiple.
        multiplier: Units of the underlying for a size of one.
        grid: Which prices an order may have now; one `price_unit` everywhere if left out.
        bounds: Lowest and highest price, both allowed; ``None`` allows every price above zero, and means
            (0, 1) for a binary.
        fees: Fee schedules in rising order of date; none charges nothing.
        calendar: A calendar of the exchange_calendars library (``"XNYS"``), or ``None`` for round the clock.
        expiry: When it stops trading, with a time zone; ``None`` for never.
        settlement: How it ends, for display: positions are settled in cash at the `Settlement` event's price.
        event_group: Name of the group of mutually exclusive outcomes that a binary belongs to: at most one of
            them pays.
        event_outcomes: How many outcomes the group has, where it is certain that one of them pays; ``None``
            where it may be that none does. A run that knows fewer of them reckons with the missing ones.
        margin_initial: Share of value needed to open on a margin account; 0 leaves it to the account.
        margin_maintenance: Share of value needed to keep it; 0 leaves it to the account.

    Raises:
        InstrumentError: a field that is impossible, or two that contradict each other.
    """

    symbol: str
    venue: str = ""
    asset_class: AssetClass = "equity"
    contract: Literal["linear", "inverse", "binary"] = "linear"
    payment: Literal["full", "margin"] = "full"
    currency: str = "USD"
    price_unit: float
    lot_size: float = 1.0
    multiplier: float = 1.0
    grid: TickGrid | None = None
    bounds: tuple[float, float] | None = None
    fees: tuple[Fees, ...] = ()
    calendar: str | None = None
    expiry: datetime | None = None
    settlement: Literal["cash", "physical"] = "cash"
    event_group: str | None = None
    event_outcomes: int | None = None
    margin_initial: float = 0.0
    margin_maintenance: float = 0.0

    def __post_init__(self) -> None:
        if not self.symbol or self.symbol != self.symbol.strip():
            raise InstrumentError(
                "a symbol is text without spaces around it.",
                symbol=repr(self.symbol),
                field="symbol",
                value=self.symbol,
            )
        self._check_units()
        self._check_grid_and_bounds()
        self._check_contract()
        self._check_fees()

    # Prices.

    @property
    def tick_grid(self) -> TickGrid:
        """The grid in force, spelt out where `grid` was left out."""
        return self.grid if self.grid is not None else TickGrid.constant(self.price_unit)

    def tick_size_at(self, price: float) -> float:
        """The step between allowed prices at a price."""
        return self.tick_grid.step_at(self._checked_price(price))

    def price_ticks(self, price: float) -> int:
        """A price that an order may have, as a count of price units.

        Raises:
            InstrumentError: NaN or infinite, outside of the bounds, or off the tick grid; the text names the
                nearest allowed prices.
        """
        price = self._checked_price(price)
        ticks = self._price_step.exact(price)
        if ticks is None or grid_floor(self._bands, ticks) != ticks:
            raise self._off_grid(price)
        return ticks

    def round_price(self, price: float, side: str) -> float:
        """The nearest allowed price that is no worse for the sender: buys round down, sells up.

        Args:
            price: Any price within the bounds.
            side: ``"buy"`` or ``"sell"``.

        Raises:
            InstrumentError: NaN or infinite, outside of the bounds, or below the lowest allowed price.
        """
        price = self._checked_price(price)
        if side == "buy":
            ticks = grid_floor(self._bands, self._price_step.floor(price))
        elif side == "sell":
            ticks = grid_ceil(self._bands, self._price_step.ceil(price))
        else:
            raise self._error("side", side, f"side {side!r} is not 'buy' or 'sell'.")
        if self.bounds is None and ticks <= 0:
            lowest = self.price(grid_ceil(self._bands, 1))
            text = f"no price at or below {plain(price)} is allowed; the lowest is {plain(lowest)}."
            raise self._error("price", price, text)
        return self.price(ticks)

    def settlement_ticks(self, price: float) -> int:
        """A price at which the instrument may settle, on the tick grid or not, as a count of price units.

        Raises:
            InstrumentError: NaN, infinite, outside of the bounds, or no multiple of the price unit.
        """
        price = self._checked_price(price)
        ticks = self._price_step.exact(price)
        if ticks is None:
            text = f"price {plain(price)} is not a multiple of the price unit {plain(self.price_unit)}."
            raise self._error("price", price, text)
        return ticks

    def price(self, ticks: int) -> float:
        """A count of price units as a price."""
        return self._price_step.times(ticks)

    def is_within_bounds(self, price: float) -> bool:
        """Whether a price lies within the bounds (above zero, if there are none); false for NaN."""
        if self.bounds is None:
            return 0 < price < math.inf
        return self.bounds[0] <= price <= self.bounds[1]

    # Sizes.

    def size_lots(self, size: float) -> int:
        """An order's size as a count of lots.

        Raises:
            InstrumentError: NaN, infinite, not positive, or no multiple of the lot size.
        """
        size = self._finite("size", size)
        if size <= 0:
            text = f"size {plain(size)} is not positive. The side says the direction; a size is above zero."
            raise self._error("size", size, text)
        lots = self._lot_step.exact(size)
        if lots is None:
            near = [
                self.size(count) for count in (self._lot_step.floor(size), self._lot_step.ceil(size)) if count
            ]
            raise self._error(
                "size",
                size,
                f"size {plain(size)} is not a multiple of the lot size {plain(self.lot_size)}. "
                f"Use {' or '.join(map(plain, near))}, or round with Instrument.round_size(size).",
            )
        return self._countable("size", size, lots)

    def round_size(self, size: float) -> float:
        """A size or a signed position rounded towards zero to the lot.

        Raises:
            InstrumentError: NaN or infinite.
        """
        size = self._finite("size", size)
        return self.size(self._countable("size", size, self._lot_step.towards_zero(size)))

    def size(self, lots: int) -> float:
        """A count of lots as a size."""
        return self._lot_step.times(lots)

    # Inside.

    @cached_property
    def _price_step(self) -> Step:
        return step_of(self.price_unit)

    @cached_property
    def _lot_step(self) -> Step:
        return step_of(self.lot_size)

    @cached_property
    def _bands(self) -> list[tuple[int, int]]:
        try:
            return self.tick_grid.in_ticks(self._price_step)
        except InstrumentError as error:
            text = str(error).removeprefix("TickGrid: ")
            raise self._error(f"grid.{error.field}", error.value, f"grid: {text}") from None

    def _checked_price(self, price: float) -> float:
        price = self._finite("price", price)
        if not self.is_within_bounds(price):
            if self.bounds is None:
                text = "is not positive. Prices are above zero unless the instrument has bounds."
            else:
                text = f"is outside of the bounds {plain(self.bounds[0])} to {plain(self.bounds[1])}."
            raise self._error("price", price, f"price {plain(price)} {text}")
        self._countable("price", price, self._price_step.nearest(price))
        return price

    def _off_grid(self, price: float) -> InstrumentError:
        near = (
            grid_floor(self._bands, self._price_step.floor(price)),
            grid_ceil(self._bands, self._price_step.ceil(price)),
        )
        # A float within noise of an allowed price has that one price on both sides.
        allowed = sorted({self.price(ticks) for ticks in near if self.is_within_bounds(self.price(ticks))})
        return self._error(
            "price",
            price,
            f"price {plain(price)} is not a multiple of the tick size {plain(self.tick_size_at(price))}. "
            f"Use {' or '.join(map(plain, allowed))}, or round with Instrument.round_price(price, side).",
        )

    def _finite(self, field: str, value: float) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise self._error(field, value, f"{field} {value!r} is not a number.") from None
        if not math.isfinite(number):
            raise self._error(field, value, f"{field} {number} is not a finite number.")
        return number

    def _countable(self, field: str, value: float, count: int) -> int:
        if abs(count) <= COUNT_MAX:
            return count
        unit = "price_unit" if field == "price" else "lot_size"
        text = f"{field} {plain(value)} is more than 2^53 steps of {unit}, which a float cannot tell apart."
        raise self._error(field, value, f"{text} Give the instrument a coarser {unit}.")

    def _error(self, field: str, value: object, message: str) -> InstrumentError:
        return InstrumentError(message, symbol=self.symbol, field=field, value=value)

    def _number(self, field: str, value: object) -> float:
        try:
            return exact_float(value)
        except ValueError as error:
            raise self._error(field, value, f"{field} {error}.") from None

    def _check_units(self) -> None:
        total = 0
        for field in ("price_unit", "lot_size", "multiplier"):
            value = self._number(field, getattr(self, field))
            if value <= 0:
                raise self._error(field, value, f"{field} {plain(value)} is not positive.")
            step = step_of(value)
            if step.scale > _SCALE_MAX or step.mantissa >= 2**63:
                text = f"{field} {value!r} needs more than 18 digits. Choose a coarser one."
                raise self._error(field, value, text)
            total += step.scale
            msgspec.structs.force_setattr(self, field, value)
        if total > _SCALE_SUM_MAX:
            raise self._error(
                "price_unit",
                self.price_unit,
                f"price_unit, lot_size and multiplier have {total} decimal places together, more than "
                f"{_SCALE_SUM_MAX}. Choose coarser ones.",
            )

    def _check_grid_and_bounds(self) -> None:
        if self.bounds is None and self.contract == "binary":
            msgspec.structs.force_setattr(self, "bounds", (0.0, 1.0))
        bands = self._bands
        if self.bounds is None:
            return
        low, high = (self._number("bounds", bound) for bound in self.bounds)
        msgspec.structs.force_setattr(self, "bounds", (low, high))
        if low >= high:
            text = f"bounds {plain(low)} to {plain(high)} are empty. Give the lowest price first."
            raise self._error("bounds", self.bounds, text)
        for bound in (low, high):
            ticks = self._price_step.exact(bound)
            if ticks is None or grid_floor(bands, ticks) != ticks:
                text = f"the bound {plain(bound)} is not on the tick grid. Use a multiple of the tick size."
                raise self._error("bounds", bound, text)

    def _check_contract(self) -> None:
        choices = (
            ("asset_class", AssetClass),
            ("contract", Literal["linear", "inverse", "binary"]),
            ("payment", Literal["full", "margin"]),
            ("settlement", Literal["cash", "physical"]),
        )
        for field, known in choices:
            if (value := getattr(self, field)) not in get_args(known):
                text = f"{field} {value!r} is unknown. Use one of {', '.join(get_args(known))}."
                raise self._error(field, value, text)
        if (self.contract == "binary") != (self.asset_class == "binary"):
            raise self._error(
                "contract",
                self.contract,
                f"contract {self.contract!r} contradicts asset_class {self.asset_class!r}. "
                "Both are 'binary' or neither is.",
            )
        if self.contract == "inverse" and self.payment == "full":
            raise self._error(
                "payment", "full", "payment 'full' contradicts an inverse contract. Use 'margin'."
            )
        if self.contract == "inverse" and self.bounds is not None and self.bounds[0] <= 0:
            text = f"the bound {plain(self.bounds[0])} contradicts an inverse contract: its price is above 0."
            raise self._error("bounds", self.bounds, text)
        if self.event_group is not None and self.contract != "binary":
            text = f"event_group {self.event_group!r} needs contract 'binary', not {self.contract!r}."
            raise self._error("event_group", self.event_group, text)
        self._check_outcomes()
        if not self.currency or self.calendar == "":
            field = "calendar" if self.currency else "currency"
            remedy = "Use None for round the clock." if self.currency else "Name one, such as 'USD'."
            raise self._error(field, "", f"{field} is empty. {remedy}")
        for field in ("margin_initial", "margin_maintenance"):
            rate = self._number(field, getattr(self, field))
            msgspec.structs.force_setattr(self, field, rate)
            if not 0 <= rate <= 1:
                text = f"{field} {plain(rate)} is not a share of value from 0 to 1 (0.05 is 5 %)."
                raise self._error(field, rate, text)
        if self.margin_initial and self.margin_maintenance > self.margin_initial:
            raise self._error(
                "margin_maintenance",
                self.margin_maintenance,
                f"margin_maintenance {plain(self.margin_maintenance)} is above margin_initial "
                f"{plain(self.margin_initial)}: a position would be liquidated as it opens.",
            )
        if self.expiry is not None and self.expiry.tzinfo is None:
            text = f"expiry {self.expiry.isoformat()} has no time zone. Add one, such as tzinfo=datetime.UTC."
            raise self._error("expiry", self.expiry, text)

    def _check_outcomes(self) -> None:
        if self.contract == "binary" and self.bounds is not None and self.bounds[0] != 0:
            text = (
                f"a binary pays nothing or its upper bound: the lower one is 0, not {plain(self.bounds[0])}."
            )
            raise self._error("bounds", self.bounds, text)
        count = self.event_outcomes
        if count is None:
            return
        if self.event_group is None:
            text = f"event_outcomes {count} needs the event_group that has as many."
            raise self._error("event_outcomes", count, text)
        if count < 2:
            text = f"event_outcomes {count}: an event has at least 2 outcomes. Leave it out if none may pay."
            raise self._error("event_outcomes", count, text)

    def _check_fees(self) -> None:
        given: Fees | Iterable[Fees] = self.fees
        fees = (given,) if isinstance(given, Fees) else tuple(given)
        msgspec.structs.force_setattr(self, "fees", fees)
        for before, after in itertools.pairwise(fees):
            if after.since is None or (before.since is not None and after.since <= before.since):
                text = (
                    f"fees since {after.since} follow fees since {before.since}. Give them in rising order."
                )
                raise self._error("fees", after.since, text)
        if any(schedule.has_curve for schedule in fees):
            self._check_curves()

    def _check_curves(self) -> None:
        if self.contract != "binary" or self.bounds != (0.0, 1.0):
            text = f"a fee curve needs a binary priced from 0 to 1, not contract {self.contract!r}."
            raise self._error("fees", self.contract, text)
        digits = step_of(self.lot_size).scale + step_of(self.multiplier).scale
        if self._price_step.scale > 4 or digits > 6:  # What 128 bits hold without rounding.
            raise self._error(
                "fees",
                self.price_unit,
                f"a fee curve needs a price_unit of at most 4 decimals (not {plain(self.price_unit)}), and a "
                f"lot_size and multiplier of at most 6 together (not {digits}).",
            )


@lru_cache(maxsize=256)
def with_grid(instrument: Instrument, bands: tuple[tuple[int, int], ...]) -> Instrument:
    """An instrument as of now: with the tick grid that an event of the feed gave it.

    Args:
        instrument: What is traded.
        bands: ``(below_ticks, step_ticks)`` in price units, as the core has them.
    """
    steps = tuple(
        TickBand(
            step=instrument.price(step), below=None if below >= NO_END_TICKS else instrument.price(below)
        )
        for below, step in bands
    )
    return msgspec.structs.replace(instrument, grid=TickGrid(steps=steps))


def native_fields(
    instrument: Instrument,
    currency_index: int,
    event_group_index: int | None,
    sessions: list[tuple[int, int]],
) -> dict[str, object]:
    """An instrument as the core's own fields: integers, texts and lists under the core's names.

    Args:
        instrument: What is traded.
        currency_index: Index of its currency in the core.
        event_group_index: Index of its event group in the core, if it has one.
        sessions: ``(open_ns, close_ns)`` in rising order, as `tradewright.core.calendar.sessions` gives;
            empty for round the clock.

    Returns:
        Decimals as text; prices and steps as counts of the price unit; rates in 10^-10; money in 10^-12,
        rounded once, half to even; times in ns since the epoch, UTC.
    """
    unit = step_of(instrument.price_unit)
    lot = step_of(instrument.lot_size).fraction()
    bounds = instrument.bounds
    return {
        "symbol": instrument.symbol,
        "currency": currency_index,
        "contract": instrument.contract,
        "payment": instrument.payment,
        "price_unit": unit.text(),
        "lot_size": plain(instrument.lot_size),
        "multiplier": plain(instrument.multiplier),
        "grid": instrument.tick_grid.in_ticks(unit),
        "bounds_ticks": None if bounds is None else (unit.nearest(bounds[0]), unit.nearest(bounds[1])),
        "fees": [fees.native_fields(lot) for fees in instrument.fees],
        "sessions": sessions,
        "expiry_ns": None if instrument.expiry is None else time_ns(instrument.expiry),
        "event_group": event_group_index,
        "event_outcomes": instrument.event_outcomes,
        "margin_initial_e10": scaled(exact_fraction(instrument.margin_initial), 10**10),
        "margin_maintenance_e10": scaled(exact_fraction(instrument.margin_maintenance), 10**10),
    }
