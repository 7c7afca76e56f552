"""What the simulated venue and the account assume, as typed values that TOML decodes into.

The defaults cost nothing and delay nothing: fees come from the instruments. ``docs/assumptions.md`` says when
an order fills and what is unrealistic about it.
"""

from __future__ import annotations

import math
from itertools import pairwise
from numbers import Real
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

Ns = Annotated[int, Meta(ge=0, description="nanoseconds")]
Bps = Annotated[float, Meta(ge=0, description="basis points: hundredths of a percent")]


def _require(name: str, value: float, rule: str, is_met: bool) -> None:
    """Refuses a value that was given in Python, where msgspec does not look, or that is not finite."""
    if not (is_met and math.isfinite(value)):
        raise ValueError(f"{name}: {value!r} is not {rule}.")


def _require_kind(name: str, value: object, kinds: tuple[type, ...]) -> None:
    """Refuses another type, which Python would let pass; from text msgspec makes the right one."""
    if not isinstance(value, kinds):
        known = " or ".join(f"{kind.__name__}(…)" for kind in kinds)
        raise ValueError(f"{name}: {value!r} is not possible here. Give {known}.")


def _require_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name}: {value!r} is unknown. Use one of {', '.join(choices)}.")


def _require_number(name: str, value: object) -> None:
    if not isinstance(value, Real):
        raise ValueError(f"{name}: {value!r} is not a number.")


def _require_not_negative(**values: float) -> None:
    for name, value in values.items():
        _require_number(name, value)
        _require(name, value, "a finite number of at least 0", value >= 0)


def _require_positive(**values: float) -> None:
    for name, value in values.items():
        _require_number(name, value)
        _require(name, value, "a finite number above 0", value > 0)


class ConstantLatency(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="constant"):
    """The same delay for every order: to the matching engine, and back.

    Attributes:
        entry_ns: From leaving us to the matching engine.
        response_ns: From the matching engine to us.
    """

    entry_ns: Ns = 0
    response_ns: Ns = 0

    def __post_init__(self) -> None:
        _require_not_negative(entry_ns=self.entry_ns, response_ns=self.response_ns)


class LogNormal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="lognormal"):
    """Delays of ``median_ns * exp(sigma * z)`` with z standard normal.

    Attributes:
        median_ns: Half of the delays are shorter.
        sigma: Standard deviation of the delay's natural logarithm.
    """

    median_ns: Ns
    sigma: Annotated[float, Meta(ge=0)]

    def __post_init__(self) -> None:
        _require_not_negative(median_ns=self.median_ns, sigma=self.sigma)


class Quantiles(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="quantiles"):
    """Delays by their evenly spaced quantiles, linear in between.

    Attributes:
        quantiles_ns: From the least delay to the greatest; three values are minimum, median and maximum.
    """

    quantiles_ns: Annotated[tuple[Ns, ...], Meta(min_length=1)]

    def __post_init__(self) -> None:
        if not self.quantiles_ns:
            raise ValueError("quantiles_ns: empty. Give at least one delay.")
        for value in self.quantiles_ns:
            _require_not_negative(quantiles_ns=value)
        for before, after in pairwise(self.quantiles_ns):
            if after < before:
                raise ValueError(f"quantiles_ns: {after} follows {before}. Sort the delays.")


class SampledLatency(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="sampled"):
    """Delays drawn once for each order, from its id and the seed: a change elsewhere moves no draw.

    Attributes:
        entry: To the matching engine; the same for the order's amendments and its cancellation.
        response: And back; the same for all reports on the order.
        seed: Seed of the draws; ``None`` takes the run's.
    """

    entry: LogNormal | Quantiles
    response: LogNormal | Quantiles
    seed: Annotated[int, Meta(ge=0)] | None = None

    def __post_init__(self) -> None:
        for name, value in (("entry", self.entry), ("response", self.response)):
            _require_kind(name, value, (LogNormal, Quantiles))
        if self.seed is not None:
            _require_not_negative(seed=self.seed)


class RecordedLatency(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="recorded"):
    """Delays measured on a live connection: linear between measurements, constant before and after them.

    Attributes:
        at_ns: When each was measured, in ns since the epoch, UTC, rising.
        entry_ns: To the matching engine, one for each time.
        response_ns: And back, one for each time.
    """

    at_ns: Annotated[tuple[int, ...], Meta(min_length=1)]
    entry_ns: Annotated[tuple[Ns, ...], Meta(min_length=1)]
    response_ns: Annotated[tuple[Ns, ...], Meta(min_length=1)]

    def __post_init__(self) -> None:
        if not self.at_ns:
            raise ValueError("at_ns: empty. Give at least one measurement.")
        for name, values in (("entry_ns", self.entry_ns), ("response_ns", self.response_ns)):
            _require_same_length(name, values, self.at_ns)
            for value in values:
                _require_not_negative(**{name: value})
        for before, after in pairwise(self.at_ns):
            if after <= before:
                raise ValueError(f"at_ns: {after} follows {before}. Times must rise.")


def _require_same_length(name: str, values: Sequence[int], times: Sequence[int]) -> None:
    if len(values) != len(times):
        raise ValueError(f"{name}: {len(values)} values for the {len(times)} times of at_ns.")


Latency: TypeAlias = ConstantLatency | SampledLatency | RecordedLatency
"""Any model of latency; in TOML ``{ type = "constant", entry_ns = 10_000_000, response_ns = 0 }``."""


_PATHS = ("pessimistic", "open_high_low_close", "open_low_high_close")
_QUEUE_FORMS = ("power", "power_of_share", "power_of_front", "log", "log_of_share")


class RiskAverseQueue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="risk_averse"):
    """Only prints move a resting order up; a level smaller than what stood before it bounds that."""


class ProbabilisticQueue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="probabilistic"):
    """A cancelled lot stood behind ours with a probability made of ``b`` behind and ``f`` before us.

    Attributes:
        form: In lots: ``power`` is b^n / (b^n + f^n), ``power_of_share`` b^n / (b + f)^n, ``power_of_front``
            1 - (f / (b + f))^n, ``log`` ln(1 + b) / (ln(1 + b) + ln(1 + f)), ``log_of_share``
            ln(1 + b) / ln(1 + b + f).
        exponent: n of the forms that have one; larger is more hopeful.

    Source:
        hftbacktest, ``ProbQueueModel`` and its five functions.
    """

    form: Literal["power", "power_of_share", "power_of_front", "log", "log_of_share"] = "power"
    exponent: Annotated[float, Meta(gt=0)] = 3.0

    def __post_init__(self) -> None:
        if self.form not in _QUEUE_FORMS:
            raise ValueError(f"form: {self.form!r} is unknown. Use one of {', '.join(_QUEUE_FORMS)}.")
        _require_positive(exponent=self.exponent)

    @property
    def name(self) -> str:
        """The model in words: ``power 3``, ``log``."""
        words = self.form.replace("_", " ")
        return words if self.form.startswith("log") else f"{words} {self.exponent:g}"


class ExactQueue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="exact"):
    """Events of single orders say who stood before ours and who came later: nothing is guessed.

    Attributes:
        priority: When a modified order of the recorded book keeps its place at its price: if it gets no
            larger (``reduction_keeps``: CME, Nasdaq), never, or always.
    """

    priority: Literal["reduction_keeps", "always_lost", "always_kept"] = "reduction_keeps"

    def __post_init__(self) -> None:
        if self.priority not in ("reduction_keeps", "always_lost", "always_kept"):
            raise ValueError(
                f"priority: {self.priority!r} is unknown. Use reduction_keeps, always_lost or always_kept."
            )


Queue: TypeAlias = RiskAverseQueue | ProbabilisticQueue | ExactQueue
"""How a resting order moves up in a book; in TOML ``{ type = "probabilistic", form = "log" }``."""


class Fills(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When, and how much of, an order fills.

    Attributes:
        timing: Which bar an order meets first: the first that opens at or after the decision (``next_open``),
            or what is left of the bar under way when it arrives (``path``).
        path: In which order a bar visits its extremes: the one that hurts each order first, stops before
            limits (``pessimistic``), or the same for all.
        touch_fills: A resting limit fills when the price only touches it; otherwise it must trade through.
        participation_max: Share of a bar's volume, of a quote's displayed size and of a print's size that all
            our fills together may take, in (0, 1], or ``unlimited``.
        zero_volume_fills: A bar with a volume of exactly 0 fills as if it had no volume; otherwise nothing
            fills in it while participation is limited. A bar without volume is never limited.
        displayed_size_caps: A quote, or a level of a book, fills no more than it displays, once; what the
            venue shows next is new liquidity.
        queue: How a resting order moves up in a book. ``None`` is exact where the events are of single orders
            and risk averse where they are of levels. A model of levels on events of orders sees their levels
            alone, for comparison; exact on events of levels is refused.
        partial: On a book, a resting order fills as much as was traded beyond what stood before it;
            otherwise all of it as soon as anything was.
    """

    timing: Literal["next_open", "path"] = "next_open"
    path: Literal["pessimistic", "open_high_low_close", "open_low_high_close"] = "pessimistic"
    touch_fills: bool = False
    participation_max: Annotated[float, Meta(gt=0, le=1)] | Literal["unlimited"] = 1.0
    zero_volume_fills: bool = False
    displayed_size_caps: bool = True
    queue: Queue | None = None
    partial: bool = True

    def __post_init__(self) -> None:
        _require_choice("timing", self.timing, ("next_open", "path"))
        _require_choice("path", self.path, _PATHS)
        if self.queue is not None:
            _require_kind("queue", self.queue, (RiskAverseQueue, ProbabilisticQueue, ExactQueue))
        share = self.participation_max
        if share != "unlimited":
            _require_number("participation_max", share)
            _require("participation_max", share, 'in (0, 1], nor "unlimited"', 0 < share <= 1)


class Costs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a taker pays beyond the recorded price, before fees; a maker pays none of it.

    On bars the price is worse by ``max(half_spread_min_bps, volatility_coefficient * volatility) +
    impact_base_bps * (size / average_volume) ** impact_exponent`` basis points, rounded outward to the tick
    grid. Quotes have their spread inside: there it is the impact alone. Measurements end with the bar before
    the fill.

    Attributes:
        half_spread_min_bps: Least half-spread.
        volatility_coefficient: Half-spread as a multiple of the volatility of bar returns.
        volatility_half_life: Half-life, in bars, of the exponentially weighted volatility.
        impact_base_bps: Impact of an order as large as the average volume.
        impact_exponent: 0.5 is the square-root law (Almgren, Thum, Hauptmann and Li 2005 measured 0.6).
        average_volume: Volume to compare the order's size with, in units of size; ``None`` measures it on the
            bars. Give it where there are only quotes: until it is known an order pays no impact, and the run
            says so.
        average_volume_bars: How many bars the measured average spans.
    """

    half_spread_min_bps: Bps = 0.0
    volatility_coefficient: Annotated[float, Meta(ge=0)] = 0.0
    volatility_half_life: Annotated[float, Meta(gt=0)] = 20.0
    impact_base_bps: Bps = 0.0
    impact_exponent: Annotated[float, Meta(ge=0)] = 0.5
    average_volume: Annotated[float, Meta(gt=0)] | None = None
    average_volume_bars: Annotated[int, Meta(ge=1)] = 20

    def __post_init__(self) -> None:
        _require_not_negative(
            half_spread_min_bps=self.half_spread_min_bps,
            volatility_coefficient=self.volatility_coefficient,
            impact_base_bps=self.impact_base_bps,
            impact_exponent=self.impact_exponent,
        )
        _require_positive(
            volatility_half_life=self.volatility_half_life, average_volume_bars=self.average_volume_bars
        )
        if self.average_volume is not None:
            _require_positive(average_volume=self.average_volume)


class Venue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The simulated venue.

    Attributes:
        latency: Delay of orders and reports.
        decision_ns: The policy's own time, added to the way of each of its requests.
        fills: When, and how much of, an order fills.
        costs: Spread and impact.
        clock: ``causal`` matches in the order in which records arrived and sends no report before the record
            that it depends on. ``venue`` matches by the venue's own times and answers after the latency, even
            before the record that caused the answer has arrived: for research, never for paper.
        cancel_on_pause: A `MarketStatus` of ``paused`` cancels resting orders (``market_closed``); otherwise
            they wait and make when trading resumes.
        cancel_off_grid: A `TickGridChange` cancels the orders that are off the new grid (``off_grid``);
            otherwise they stay.
    """

    latency: Latency = ConstantLatency()
    decision_ns: Ns = 0
    fills: Fills = Fills()
    costs: Costs = Costs()
    clock: Literal["causal", "venue"] = "causal"
    cancel_on_pause: bool = False
    cancel_off_grid: bool = False

    def __post_init__(self) -> None:
        _require_kind("latency", self.latency, (ConstantLatency, SampledLatency, RecordedLatency))
        _require_kind("fills", self.fills, (Fills,))
        _require_kind("costs", self.costs, (Costs,))
        _require_not_negative(decision_ns=self.decision_ns)
        if self.clock not in ("causal", "venue"):
            raise ValueError(f"clock: {self.clock!r} is unknown. Use 'causal' or 'venue'.")


class Account(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money, and what may be done with it.

    Attributes:
        cash: Money at the start, by currency; empty takes the ``cash`` of `tradewright.backtest`, in the
            currency of the data.
        rates: What one unit of each other currency is worth in the account's currency at the start, such as
            ``{"EUR": 1.1}`` in a USD account. An `ExchangeRate` event changes it. Money and positions stay
            exact in their own currencies; totals, limits and the equity curve are converted.
        kind: ``cash`` (no negative cash, no shorts; a binary sold short locks 1 - price) or ``margin``.
        currency: In which limits and totals are valued; ``None`` is the first of ``cash``.
        leverage_max: Largest exposure of a margin account, as a multiple of its equity.
        initial_margin: Share of a position's value that opening it takes; ``None`` is 1 / ``leverage_max``,
            and a smaller one does not lift that limit. An instrument's own rate goes before it.
        maintenance_margin: Share of value below which equity must not fall, or the simulator liquidates;
            ``None`` is half of the initial margin. An instrument's own rate goes before it.
        borrow_bps_per_year: Cost of shares sold short, in basis points of their value for 365 days, charged
            daily.
        netting: How binaries of one event are collateralised: each by itself (``market``); the short ones
            together, for at most one outcome pays (``collateral_return``: Kalshi's opt-in, and what
            Polymarket's conversion of NO shares comes to); or all of them, an exhaustive set of long ones
            included (``group``: no venue known does that).
        day_ends: When a day ends, as ``HH:MM`` UTC: for daily and weekly loss, and for borrow.
    """

    cash: dict[str, float] = {}
    rates: dict[str, Annotated[float, Meta(gt=0)]] = {}
    kind: Literal["cash", "margin"] = "margin"
    currency: str | None = None
    leverage_max: Annotated[float, Meta(gt=0)] = 2.0
    initial_margin: Annotated[float, Meta(gt=0)] | None = None
    maintenance_margin: Annotated[float, Meta(ge=0)] | None = None
    borrow_bps_per_year: Bps = 0.0
    netting: Literal["market", "collateral_return", "group"] = "market"
    day_ends: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "00:00"

    def __post_init__(self) -> None:
        for currency, amount in self.cash.items():
            _require_number(f"cash.{currency}", amount)
            _require(f"cash.{currency}", amount, "a finite number of at least 0", amount >= 0)
        for currency, rate in self.rates.items():
            _require(f"rates.{currency}", rate, "a finite number above 0", rate > 0)
        if self.kind not in ("cash", "margin"):
            raise ValueError(f'kind: {self.kind!r} is neither "cash" nor "margin".')
        if self.netting not in ("market", "collateral_return", "group"):
            raise ValueError(
                f"netting: {self.netting!r} is unknown. Use 'market', 'collateral_return' or 'group'."
            )
        if self.currency is not None and self.cash and self.currency not in self.cash:
            raise ValueError(f"currency: {self.currency!r} has no cash; there is {', '.join(self.cash)}.")
        _require_positive(leverage_max=self.leverage_max)
        _require_not_negative(borrow_bps_per_year=self.borrow_bps_per_year)
        if self.initial_margin is not None:
            _require_positive(initial_margin=self.initial_margin)
        if self.maintenance_margin is not None:
            _require_not_negative(maintenance_margin=self.maintenance_margin)
            if self.maintenance_margin > self.initial_rate:
                raise ValueError(
                    f"maintenance_margin: {self.maintenance_margin} is above the initial margin, "
                    f"{self.initial_rate:g}; a new position would be liquidated at once."
                )
        _ = self.day_ends_ns

    @property
    def opening_rate(self) -> float:
        """The initial margin as given, as a share of value: what opening takes, whatever the leverage."""
        return 1 / self.leverage_max if self.initial_margin is None else self.initial_margin

    @property
    def initial_rate(self) -> float:
        """The initial margin in force, as a share of value: what is given, or more by ``leverage_max``."""
        return max(self.opening_rate, 1 / self.leverage_max)

    @property
    def maintenance_rate(self) -> float:
        """The maintenance margin in force, as a share of value."""
        return self.opening_rate / 2 if self.maintenance_margin is None else self.maintenance_margin

    @property
    def day_ends_ns(self) -> int:
        """When a day ends, in ns after 00:00 UTC."""
        hours, _, minutes = self.day_ends.partition(":")
        if not (hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60):
            raise ValueError(f"day_ends: {self.day_ends!r} is not a time of day; write it as 21:00.")
        return (int(hours) * 60 + int(minutes)) * 60_000_000_000
