"""Generated markets: seeded order flow into the matching engine, as book events that a backtest runs on.

::

    flow = InformedFlow(value=0.4, informed=0.3)
    market = generate(flow, instrument=tw.instruments.binary("EVENT"), duration="1h", seed=7)
    result = tw.backtest(policy, market.events, events=[market.settlement])

``docs/concepts/generated-markets.md`` has the models, their sources, and what is unrealistic about them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct, convert

from tradewright import _native
from tradewright.core.book_events import BookEvents, BookModel
from tradewright.core.exact import exact_fraction, plain
from tradewright.core.times import duration_ns, time_ns
from tradewright.errors import ConfigError

if TYPE_CHECKING:
    import datetime as dt

    import polars as pl

    from tradewright.core.instrument import Instrument
    from tradewright.core.market import Settlement
    from tradewright.core.times import Duration

__all__ = ["Flow", "FlowCounts", "GeneratedMarket", "HawkesFlow", "InformedFlow", "PoissonFlow", "generate"]

Rate = Annotated[float, Meta(ge=0, description="per second")]
Positive = Annotated[float, Meta(gt=0)]

START = "2026-01-01T00:00:00Z"

_TICKS_MAX = 2**40
"""Where an instrument has no upper bound, no order goes beyond so many ticks."""


def _require(name: str, value: object, rule: str, is_met: bool) -> None:
    """Refuses a value that was given in Python, where msgspec does not look, or that is not finite."""
    if not is_met:
        raise ValueError(f"{name}: {value!r} is not {rule}.")


def _require_rates(name: str, rates: tuple[float, ...]) -> None:
    are_rates = bool(rates) and all(math.isfinite(rate) and rate >= 0 for rate in rates)
    _require(name, rates, "a tuple of finite rates of at least 0", are_rates)


class _Orders(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who sends limit orders, market orders and cancellations, whatever the flow.

    Rates are per second and side; distances count in ticks from the best price of the other side, from 1. The
    defaults are the paper's estimates for Sky Perfect Communications.

    Attributes:
        limit_rates: Arrival rate of limit orders at each distance.
        market_rate: Arrival rate of market orders.
        cancel_rates: Rate at which each resting order is cancelled, by distance; the last one holds beyond.
        size: Of each order; a multiple of the instrument's lot.
        size_law: All orders have that size, or it is the mean of a geometric distribution over lots.

    Source:
        Cont, Stoikov and Talreja (2010), "A stochastic model for order book dynamics".
    """

    limit_rates: Annotated[tuple[Rate, ...], Meta(min_length=1)] = (1.85, 1.51, 1.09, 0.88, 0.77)
    market_rate: Rate = 0.94
    cancel_rates: Annotated[tuple[Positive, ...], Meta(min_length=1)] = (0.71, 0.81, 0.68, 0.56, 0.47)
    size: Positive = 1.0
    size_law: Literal["fixed", "geometric"] = "fixed"

    def __post_init__(self) -> None:
        _require_rates("limit_rates", self.limit_rates)
        _require("limit_rates", self.limit_rates, "above 0 anywhere", any(self.limit_rates))
        _require_rates("cancel_rates", self.cancel_rates)
        _require("cancel_rates", self.cancel_rates, "above 0 throughout", all(self.cancel_rates))
        _require_rates("market_rate", (self.market_rate,))
        _require("size", self.size, "a finite size above 0", 0 < self.size < math.inf)
        _require("size_law", self.size_law, "'fixed' or 'geometric'", self.size_law in ("fixed", "geometric"))


class PoissonFlow(_Orders, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="poisson"):
    """Zero intelligence: everybody comes at random and knows nothing.

    Limit orders, market orders and cancellations are independent Poisson processes.

    Attributes:
        price: Where the opening book stands: its best bid is the tick at or below, its best ask a tick above.

    Source:
        Cont, Stoikov and Talreja (2010), "A stochastic model for order book dynamics".
    """

    price: Positive

    def __post_init__(self) -> None:
        super().__post_init__()
        _require("price", self.price, "a finite price above 0", 0 < self.price < math.inf)


class HawkesFlow(_Orders, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="hawkes"):
    """The orders of `PoissonFlow` at the same mean rates, in clusters.

    Limit and market orders together are a Hawkes process: the intensity is ``m (1 - branching)`` plus
    ``branching * decay * exp(-decay * t)`` for each earlier order, ``t`` seconds ago, with ``m`` the sum of
    the rates. What an order is does not depend on what set it off. Cancellations are Poisson.

    Attributes:
        price: Where the opening book stands: its best bid is the tick at or below, its best ask a tick above.
        branching: Orders that each order sets off by itself, on average, in [0, 1).
        decay: How fast that wears off, per second.

    Source:
        Hawkes (1971), "Spectra of some self-exciting and mutually exciting point processes"; simulated
        exactly as in Dassios and Zhao (2013), "Exact simulation of Hawkes process with exponentially decaying
        intensity", algorithm 3.1.
    """

    price: Positive
    branching: Annotated[float, Meta(ge=0, lt=1)] = 0.6
    decay: Positive = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _require("price", self.price, "a finite price above 0", 0 < self.price < math.inf)
        _require("branching", self.branching, "in [0, 1)", 0 <= self.branching < 1)
        _require("decay", self.decay, "a finite rate above 0", 0 < self.decay < math.inf)


class InformedFlow(_Orders, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="informed"):
    """`PoissonFlow`, in which some of those who take know what the asset is worth.

    Who comes to take (``market_rate`` on each side) is informed with probability ``informed``: he buys up to
    the value if the best ask is below it, sells down to it if the best bid is above it, and passes otherwise.
    The others send market orders and toss a coin for the side.

    The value of a binary is the probability that a Brownian motion ends above a level: a martingale in (0, 1)
    that is 0 or 1 at the horizon. Of any other instrument it is a Brownian motion in price. The book opens
    around it.

    Attributes:
        value: At the start; of a binary the probability, in (0, 1).
        informed: Share of the takers who know the value, in [0, 1].
        volatility: Of the value of an instrument that is no binary, in price per square root of a second.
        horizon: When a binary's value is decided, counted from the start; ``None`` is the market's end.

    Source:
        Glosten and Milgrom (1985), "Bid, ask and transaction prices in a specialist market with
        heterogeneously informed traders"; there a specialist quotes, here a book of limit orders does.
    """

    value: Positive
    informed: Annotated[float, Meta(ge=0, le=1)] = 0.3
    volatility: Annotated[float, Meta(ge=0)] | None = None
    horizon: str | int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _require("value", self.value, "a finite value above 0", 0 < self.value < math.inf)
        _require("informed", self.informed, "in [0, 1]", 0 <= self.informed <= 1)
        if self.volatility is not None:
            is_met = math.isfinite(self.volatility) and self.volatility >= 0
            _require("volatility", self.volatility, "a finite number of at least 0", is_met)
        if self.horizon is not None:
            duration_ns(self.horizon, name="horizon")


Flow: TypeAlias = PoissonFlow | HawkesFlow | InformedFlow
"""Any order flow; in TOML ``{ type = "poisson", price = 0.5 }``."""


class FlowCounts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was sent, and what came of it. The opening book is not counted.

    Attributes:
        limits: Limit orders sent, by distance from 1.
        outside: Those of them that were not placed, because their price was not within the bounds.
        markets: Market orders of those who know nothing.
        informed: Orders of informed traders.
        passed: Informed traders who found no price worth it.
        unfilled: Orders to take, of either kind, that found less than they wanted.
        cancels: Orders cancelled.
        trades: Trades: one for each resting order that was met.
    """

    limits: tuple[int, ...]
    outside: int
    markets: int
    informed: int
    passed: int
    unfilled: int
    cancels: int
    trades: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeneratedMarket:
    """A market that never was.

    Attributes:
        flow: Who made it.
        seed: Of all its randomness.
        events: Its book: a snapshot, then for each order or cancellation that shows one message of prints and
            levels.
        value: Of informed flow, what the asset was worth at the start, whenever somebody came to take, and at
            the end: ``ts_event_ns`` (Int64) and ``value`` (Float64). ``None`` of other flows.
        counts: What was sent.
        settlement: Of a binary whose value was decided, the event that pays it; give it to the backtest.
        orders: If they were asked for, the single orders behind the levels of ``events``, as a feed of orders
            would show them. On a generated exchange our order number ``n`` has the id ``2 n - 1``; the ids of
            all others are even.
    """

    flow: Flow
    seed: int
    events: BookEvents
    value: pl.DataFrame | None
    counts: FlowCounts
    settlement: Settlement | None
    orders: BookEvents | None = None


def generate(
    flow: Flow,
    *,
    instrument: Instrument,
    duration: Duration,
    seed: int,
    start: int | str | dt.date = START,
    orders: bool = False,
) -> GeneratedMarket:
    """Generates a market.

    The same arguments give the same bytes on every machine. Times of arrival, orders, cancellations and the
    value are drawn from four streams of the seed.

    Args:
        flow: Who trades.
        instrument: What is traded: its ticks, lots and bounds. The grid has one step; the lowest price is a
            tick, and no price is on a bound.
        duration: How long, such as ``"1h"``.
        seed: From 0 to 2**64 - 1.
        start: When it opens.
        orders: Whether to keep every single order as well.

    Raises:
        ConfigError: a flow that does not fit the instrument or the duration.
        InstrumentError: a size that is no multiple of the lot.
    """
    plan = Plan.of(flow, instrument, duration=duration, seed=seed, start=start, orders=orders)
    return plan.market(_native.generate_flow(plan.plain()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A market to be generated, checked: what `generate` and an exchange have in common.

    Attributes:
        flow: Who trades.
        instrument: What is traded.
        start_ns: When it opens.
        length_ns: How long it is open.
        seed: Of all its randomness.
        grid: Prices as ticks.
        lots: Of an order.
        orders: Whether every single order is kept.
    """

    flow: Flow
    instrument: Instrument
    start_ns: int
    length_ns: int
    seed: int
    grid: _Grid
    lots: float
    orders: bool

    @classmethod
    def of(
        cls,
        flow: Flow,
        instrument: Instrument,
        *,
        duration: Duration,
        seed: int,
        start: int | str | dt.date,
        orders: bool,
    ) -> Plan:
        """Checks the arguments of `generate`."""
        if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= int(seed) < 2**64:
            raise ConfigError(f"seed {seed!r} is no whole number from 0 to 2**64 - 1.", path="seed")
        if not isinstance(orders, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - users may not type
            raise ConfigError(f"{orders!r} is neither True nor False.", path="orders")
        plan = cls(
            flow=flow,
            instrument=instrument,
            start_ns=time_ns(start),
            length_ns=duration_ns(duration),
            seed=int(seed),
            grid=_Grid.of(instrument),
            lots=instrument.size_lots(flow.size),
            orders=orders,
        )
        plan.plain()
        return plan

    @property
    def end_ns(self) -> int:
        """When it ends."""
        return self.start_ns + self.length_ns

    def plain(self) -> dict[str, Any]:
        """As the core reads it."""
        flow, grid = self.flow, self.grid
        knowledge: dict[str, Any] = {"informed": None, "binary": None, "brownian": None}
        if isinstance(flow, InformedFlow):
            knowledge |= _knowledge(flow, self.instrument, grid, self.length_ns)
        return {
            "seed": self.seed,
            "start_ns": self.start_ns,
            "duration_ns": self.length_ns,
            "limit_rates": list(flow.limit_rates),
            "market_rate": flow.market_rate,
            "cancel_rates": list(flow.cancel_rates),
            "lots": self.lots,
            "orders": self.orders,
            "varies": flow.size_law == "geometric",
            "bid": grid.bid(self.instrument, flow.value if isinstance(flow, InformedFlow) else flow.price),
            "low": grid.low,
            "high": grid.high,
            "tick_units": grid.tick_units,
            "price_unit": plain(self.instrument.price_unit),
            "lot_size": plain(self.instrument.lot_size),
            "clusters": (flow.branching, flow.decay) if isinstance(flow, HawkesFlow) else None,
            **knowledge,
        }

    def market(self, generated: tuple[Any, ...], *, is_over: bool = True) -> GeneratedMarket:
        """The market that the core made of it: events, times and ticks of the value, counts.

        Args:
            generated: What `_native.generate_flow` returns.
            is_over: Whether it came to its end.
        """
        events, values_ns, values, counts, orders = generated
        instrument, value, settlement = self.instrument, None, None
        if isinstance(self.flow, InformedFlow):
            import polars as pl

            from tradewright.core.market import Settlement

            value = pl.DataFrame({"ts_event_ns": values_ns, "value": values * self.grid.step})
            if is_over and instrument.contract == "binary" and float(values[-1]) in (0.0, self.grid.payoff):
                won = 1.0 if values[-1] else 0.0
                settlement = Settlement(
                    symbol=instrument.symbol, ts_event_ns=self.end_ns, ts_recv_ns=self.end_ns, price=won
                )
        return GeneratedMarket(
            flow=self.flow,
            seed=self.seed,
            events=self._series(events, "l2"),
            value=value,
            counts=convert(counts, FlowCounts),
            settlement=settlement,
            orders=None if orders is None else self._series(orders, "l3"),
        )

    def _series(self, columns: dict[str, Any], model: BookModel) -> BookEvents:
        symbol = self.instrument.symbol
        series = BookEvents.from_arrays(symbol, **columns, instrument=self.instrument, model=model)
        return replace(series, source="generated")


def _knowledge(flow: InformedFlow, instrument: Instrument, grid: _Grid, length_ns: int) -> dict[str, Any]:
    """What informed traders know, as arguments of the core."""
    if instrument.contract != "binary":
        if flow.volatility is None or flow.horizon is not None:
            raise ConfigError(
                f"{instrument.symbol} is no binary: its value needs a volatility and has no horizon."
            )
        return {"informed": flow.informed, "brownian": (flow.value / grid.step, flow.volatility / grid.step)}
    horizon_ns = length_ns if flow.horizon is None else duration_ns(flow.horizon, name="horizon")
    if flow.volatility is not None:
        raise ConfigError(
            f"{instrument.symbol} is a binary: the horizon decides how fast its value moves. "
            "Leave out the volatility."
        )
    if not 0 < flow.value < 1 or horizon_ns < length_ns:
        raise ConfigError(
            f"{instrument.symbol}: a value of {flow.value} with a horizon of {flow.horizon} is not a "
            "probability that stays open for the whole duration."
        )
    return {"informed": flow.informed, "binary": (flow.value, grid.payoff, horizon_ns)}


@dataclass(frozen=True, slots=True)
class _Grid:
    """An instrument's prices as counts of its tick.

    Attributes:
        step: The tick, in price.
        tick_units: The tick, in price units.
        low: The lowest price of an order, in ticks.
        high: The highest.
        payoff: A price of 1, in ticks.
    """

    step: float
    tick_units: int
    low: int
    high: int
    payoff: float

    @classmethod
    def of(cls, instrument: Instrument) -> _Grid:
        steps = instrument.tick_grid.steps
        if len(steps) != 1:
            raise ConfigError(
                f"{instrument.symbol}: generated flow needs one tick size, and the grid has {len(steps)} "
                "bands. Use TickGrid.constant."
            )
        step = exact_fraction(steps[0].step)
        low, high = 1, _TICKS_MAX
        if instrument.bounds is not None:
            # Bounds lie on the grid.
            low = int(exact_fraction(instrument.bounds[0]) / step) + 1
            high = int(exact_fraction(instrument.bounds[1]) / step) - 1
        return cls(
            step=float(step),
            tick_units=int(step / exact_fraction(instrument.price_unit)),
            low=low,
            high=high,
            payoff=float(1 / step),
        )

    def bid(self, instrument: Instrument, price: float) -> int:
        """The best bid of the opening book around a price."""
        if not instrument.is_within_bounds(price):
            raise ConfigError(f"{instrument.symbol}: a price of {price} is not within the bounds.")
        ticks = math.floor(exact_fraction(price) / exact_fraction(self.step))
        return min(max(ticks, self.low), self.high - 1)
