"""A generated market as the venue of a run: orders of ours are orders in its book.

::

    flow = InformedFlow(value=0.4, informed=0.3)
    exchange = GeneratedExchange(flow, instrument=tw.instruments.binary("EVENT"), duration="1h", seed=7)
    result = tw.backtest(policy, exchange)
    result.markets["EVENT"].events  # what the book showed, our orders in it

``docs/concepts/generated-markets.md`` says what they do there, and what is unrealistic about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, cast

import msgspec

from tradewright import _native
from tradewright.core.market import Deposit, Dividend, ExchangeRate, Funding
from tradewright.errors import ConfigError, DataError
from tradewright.sim.config import Account, Costs, Fills, Venue
from tradewright.sim.flow import START, Flow, GeneratedMarket, Plan

if TYPE_CHECKING:
    import datetime as dt

    from tradewright.core.book_events import BookEvents
    from tradewright.core.instrument import Instrument
    from tradewright.core.times import Duration

GRADE = "simulated flow"
"""What fills on a generated exchange are evidence of."""


@dataclass(frozen=True, slots=True)
class GeneratedExchange:
    """A market to be generated while policies trade in it: data and venue of a run in one.

    The arguments are those of `generate`, and without an order of ours the market is the same, byte for byte.

    Attributes:
        flow: Who else trades.
        instrument: What is traded.
        duration: How long it is open, such as ``"1h"``.
        seed: Of the market's randomness, from 0 to 2**64 - 1; that of latencies is the run's.
        start: When it opens.
        orders: Whether to keep every single order as well, for ``result.markets``.

    Raises:
        ConfigError: a flow that does not fit the instrument or the duration.
        InstrumentError: a size that is no multiple of the lot.
    """

    flow: Flow
    _: KW_ONLY
    instrument: Instrument
    duration: Duration
    seed: int
    start: int | str | dt.date = START
    orders: bool = False

    def __post_init__(self) -> None:
        _ = self.plan

    @property
    def symbol(self) -> str:
        """The instrument's symbol."""
        return self.instrument.symbol

    @property
    def plan(self) -> Plan:
        """The arguments, checked."""
        return Plan.of(
            self.flow,
            self.instrument,
            duration=self.duration,
            seed=self.seed,
            start=self.start,
            orders=self.orders,
        )

    @property
    def opening(self) -> BookEvents:
        """The book that it opens with."""
        plan = self.plan
        return plan.market(_native.generate_flow({**plan.plain(), "duration_ns": 0}), is_over=False).events

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for what a result keeps of its configuration."""
        fields = {"symbol": self.symbol, "flow": msgspec.to_builtins(self.flow), "duration": self.duration}
        return {**fields, "seed": self.seed, "start_ns": self.plan.start_ns}


def exchanges_of(data: object) -> list[GeneratedExchange]:
    """The exchanges, where data is one or a sequence of them; empty where it is recorded data.

    Raises:
        DataError: exchanges beside recorded data, or two of one symbol.
    """
    several = isinstance(data, Sequence) and not isinstance(data, str | bytes)
    parts: list[object] = list(cast("Sequence[object]", data)) if several else [data]
    exchanges = [one for one in parts if isinstance(one, GeneratedExchange)]
    if exchanges and len(exchanges) < len(parts):
        raise DataError(
            "generated exchanges and recorded data are in one run, and our orders would move only the one.",
            source="data",
            remedy="Give either. tradewright.sim.generate makes a recording of a generated market.",
        )
    symbols = [one.symbol for one in exchanges]
    if len(set(symbols)) < len(symbols):
        raise DataError(
            "two generated exchanges have one symbol.",
            source=next(one for one in symbols if symbols.count(one) > 1),
            remedy="Give each instrument a symbol of its own.",
        )
    return exchanges


def check(venue: Venue, events: Iterable[Any], *, engine: object | None, read: Mapping[str, Any]) -> None:
    """Refuses what makes no sense where orders meet a real book.

    Args:
        venue: Configuration of the venue: latency and the policy's own time are its only fields here.
        events: Records beside the markets.
        engine: An execution engine in place of the venue.
        read: How to read frames, and the symbol of one; whatever was given.

    Raises:
        ConfigError: any of them, by name.
    """
    if engine is not None:
        raise ConfigError(
            "a generated exchange is venue and data in one; an engine of yours has no place in it.",
            path="engine",
            remedy="Use tw.backtest, or drive your engine over the recording of tradewright.sim.generate.",
        )
    if venue.clock != "causal":
        raise ConfigError(
            "a generated exchange has one clock; what its book shows is known at once.",
            path="venue.clock",
            remedy="Leave it out.",
        )
    for name, model in (("fills", Fills()), ("costs", Costs())):
        for field in model.__struct_fields__:
            if getattr(getattr(venue, name), field) != getattr(model, field):
                raise ConfigError(
                    "orders in a generated exchange are matched, not modelled.",
                    path=f"venue.{name}.{field}",
                    remedy="Leave it out, or run on the recording of tradewright.sim.generate.",
                )
    for name in ("cancel_on_pause", "cancel_off_grid"):
        if getattr(venue, name):
            raise ConfigError(
                "a generated exchange neither pauses nor changes its grid.",
                path=f"venue.{name}",
                remedy="Leave it out.",
            )
    for event in events:
        if not isinstance(event, Deposit | Dividend | ExchangeRate | Funding):
            raise ConfigError(
                f"{type(event).__name__}: what becomes of its instruments a generated exchange says itself.",
                path="events",
                remedy="Give deposits, dividends and funding only.",
            )
    for name, value in read.items():
        if value is not None:
            raise ConfigError(
                "says how to read recorded data, and there is none.", path=name, remedy="Leave it out."
            )


def stated(exchanges: Sequence[GeneratedExchange], venue: Venue, account: Account) -> dict[str, Any]:
    """What a result keeps of the configuration of a run on exchanges; nothing where there are none."""
    if not exchanges:
        return {}
    return {
        "engine": "generated",
        "exchanges": [one.to_dict() for one in exchanges],
        "venue": {"latency": msgspec.to_builtins(venue.latency), "decision_ns": venue.decision_ns},
        "account": msgspec.to_builtins(account),
    }


def run(
    kernel: _native.Kernel,
    exchanges: Sequence[GeneratedExchange],
    venue: dict[str, Any],
    events: Sequence[tuple[Any, ...]],
    progress: Callable[[float], None] | None,
) -> tuple[bool, dict[str, GeneratedMarket], list[str]]:
    """Runs a kernel in generated markets.

    Args:
        kernel: At rest, with the exchanges' instruments in their order.
        exchanges: One a symbol.
        venue: The venue's configuration as plain values.
        events: Records beside the markets, as plain values in the order of time.
        progress: Called now and then with the fraction done.

    Returns:
        Whether the end was reached, the markets as they became, by symbol, and what to warn of.
    """
    plans = [one.plan for one in exchanges]
    start_ns, end_ns = min(one.start_ns for one in plans), max(one.end_ns for one in plans)

    def pulse(_rows: int, now_ns: int) -> None:
        if progress is not None:
            progress(min(max(now_ns - start_ns, 0) / (end_ns - start_ns), 1.0))

    finished, unsupported, generated = _native.run_exchanges(
        kernel, [one.plain() for one in plans], venue, list(events), pulse
    )
    markets = {
        one.symbol: plan.market(made, is_over=finished)
        for one, plan, made in zip(exchanges, plans, generated, strict=True)
    }
    warnings: list[str] = []
    if unsupported:
        warnings.append(
            f"{unsupported:,} orders were rejected (venue): a generated exchange takes no trailing stops, no "
            "day orders, no reduce-only orders that rest, and no market orders that are post-only or "
            "fill-or-kill."
        )
    return finished, markets, warnings
