"""What a result says about the run it came from."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec


class PolicyMeta(msgspec.Struct, frozen=True, kw_only=True):
    """One policy of the run.

    Attributes:
        name: Name in orders, fills and round trips.
        use: Where its class stands, such as ``tradewright.strategies:Momentum``.
        parameters: Its fields, as JSON values.
    """

    name: str
    use: str = ""
    parameters: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])


class SeriesMeta(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded series that the run read.

    Attributes:
        symbol: Its instrument.
        kind: ``bars``, ``quotes``, ``trades``, ``events``; bars may name their timeframe (``bars 1d``).
        rows: Records in it.
        start_ns: Receive time of its first record, ns since the epoch, UTC.
        end_ns: Receive time of its last record.
        adjusted: ``none``, ``splits`` or ``all``.
        price_shift_max: Largest shift of a price when it was rounded to the tick grid, in price.
    """

    symbol: str
    kind: str
    rows: int
    start_ns: int = 0
    end_ns: int = 0
    adjusted: str = "none"
    price_shift_max: float = 0.0


class InstrumentMeta(msgspec.Struct, frozen=True, kw_only=True):
    """What one instrument's numbers count.

    Attributes:
        symbol: Its symbol.
        price_unit: What a price is a multiple of, or half of one for a mid.
        lot_size: What a size is a multiple of.
        multiplier: Units of the underlying for a size of one.
        contract: ``linear``, ``inverse`` or ``binary``.
    """

    symbol: str
    price_unit: Decimal
    lot_size: Decimal
    multiplier: Decimal = Decimal(1)
    contract: str = "linear"


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """What the loop did, counted.

    Attributes:
        events: Records read from the feeds.
        steps: Steps of the kernel.
        wakes: Calls of ``decide``.
        reviews: Orders that the risk gate looked at.
        sent: Orders that it approved and an engine received.
        refused: Orders that it refused.
        fills: Executions.
        orders: Orders made, refused ones included.
    """

    events: int = 0
    steps: int = 0
    wakes: int = 0
    reviews: int = 0
    sent: int = 0
    refused: int = 0
    fills: int = 0
    orders: int = 0


class ResultMeta(msgspec.Struct, frozen=True, kw_only=True):
    """Where a result comes from: everything but its frames. It holds no wall time.

    Attributes:
        policies: The policies that ran.
        symbols: Instruments, in the order of the data; the first is the default benchmark.
        start_ns: When the account held its cash: at or before the first record, ns since the epoch, UTC.
        end_ns: Receive time of the last record.
        cash: Initial cash by currency.
        currency: Currency of the equity curve.
        rates: What one unit of each other currency was worth in it at the start, where that was given.
        periods_per_year: Daily returns in a year (252 or 365); ``None`` to infer it, which the summary says.
        day_ends_ns: End of a day, ns after midnight UTC; the day holds ``(previous end, end]``.
        asset_classes: Asset class by symbol, used to infer ``periods_per_year``.
        grade: What the evidence is: how orders met the market, such as ``bars, next open``.
        assumptions: What the simulation assumed, a sentence each.
        counters: What the loop did.
        warnings: What the reader should know before trusting the numbers.
        seed: Seed of the run's randomness.
        fingerprint: Hash of policy code, parameters, risk section and version.
        config: The whole configuration, as JSON values.
        data: The series it read.
        instruments: Units of the instruments, where they are known.
        title: Title of the report; by default the names of the policies.
        benchmark: Symbol of the prices that the report holds it against; by default the first that has some.
    """

    policies: list[PolicyMeta]
    symbols: list[str]
    start_ns: int
    end_ns: int
    cash: dict[str, float]
    currency: str
    rates: dict[str, float] = msgspec.field(default_factory=dict[str, float])
    periods_per_year: int | None = None
    day_ends_ns: int = 0
    asset_classes: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    grade: str = ""
    assumptions: list[str] = msgspec.field(default_factory=list[str])
    counters: Counters = msgspec.field(default_factory=Counters)
    warnings: list[str] = msgspec.field(default_factory=list[str])
    seed: int = 0
    fingerprint: str = ""
    config: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    data: list[SeriesMeta] = msgspec.field(default_factory=list[SeriesMeta])
    instruments: list[InstrumentMeta] = msgspec.field(default_factory=list[InstrumentMeta])
    title: str = ""
    benchmark: str = ""

    @property
    def name(self) -> str:
        """Title, or the policies' names joined."""
        return self.title or " + ".join(policy.name for policy in self.policies) or "run"
