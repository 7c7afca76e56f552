"""From policies, data and configuration to a native kernel: names become indices, no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from tradewright._native import Kernel, default_limits
from tradewright.core.features import (
    Condition,
    Every,
    Node,
    OnBar,
    OnSource,
    Wake,
)
from tradewright.core.features import (
    compile as compile_nodes,
)
from tradewright.core.features.watched import Watched, label
from tradewright.core.instrument import Instrument, native_fields
from tradewright.core.limits import Limits, Risk
from tradewright.core.market import ExchangeRate
from tradewright.core.native_series import source_name
from tradewright.core.policy import Policy, Setup, overrides
from tradewright.core.risk import RiskManager
from tradewright.core.stream import AnySeries, columns_of
from tradewright.core.times import DAY_NS, duration_text
from tradewright.errors import ConfigError, DataError, PolicyError, TradewrightError
from tradewright.sim.config import Account, ExactQueue, Queue, Venue
from tradewright.sim.events import RATE_ONE, by_venue_time, id_of, plain_event, rate_e12
from tradewright.sim.findings import Sizes
from tradewright.sim.plain_venue import plain_priority, plain_queue, plain_venue
from tradewright.sim.streaming import STREAMED, plain
from tradewright.sim.suited import check_feeds, check_volume

if TYPE_CHECKING:
    from pathlib import Path


class Run(Struct, frozen=True, kw_only=True):
    """A kernel that is ready to run, and what stands behind its numbers.

    Attributes:
        kernel: The native kernel.
        names: Name of each policy.
        wakes: Labels of each policy's wake conditions.
        watched: Features that each policy watches.
        symbols: The instruments' symbols, by id.
        instruments: The instruments, by id.
        currencies: Currencies by id; the first is the account's.
        cash: Starting cash by currency.
        series: Columns for `Kernel.run`, in the order of the data.
        venue_series: The same in order of the venue's time, where the venue matches by that clock; ``None``
            for the events of a book in memory, which the kernel reads in both orders out of one series.
        sources: Name of each of them, for messages.
        venue: Configuration of the simulated venue, as plain values.
        warnings: What the reader of the result should know.
        sizes: What is counted of each stream's sizes as it goes by, by its place in ``series``.
    """

    kernel: Kernel
    names: list[str]
    wakes: list[list[str]]
    watched: list[list[Watched]]
    symbols: list[str]
    instruments: list[Instrument]
    currencies: list[str]
    cash: dict[str, float]
    series: list[tuple[Any, ...]]
    venue_series: list[tuple[Any, ...] | None] | None
    sources: list[str]
    venue: dict[str, Any]
    warnings: list[str]
    sizes: dict[int, Sizes]


def build(
    policies: Sequence[Policy],
    names: Sequence[str],
    series: Sequence[AnySeries],
    events: Sequence[Any],
    *,
    account: Account,
    cash: float | Mapping[str, float],
    venue: Venue,
    risk: Risk,
    managers: Sequence[RiskManager],
    seed: int,
    run: str,
    journal: Path | None = None,
    liquidates: bool = True,
) -> Run:
    """Sets the policies up, compiles their features, and makes the kernel.

    Raises:
        DataError: Series that contradict each other.
        ConfigError: An account or limits that do not fit the data.
        UnknownSymbolError: A policy or event names a symbol that the data does not have.
    """
    instruments = instruments_of(series)
    _check_books(series, venue.fills.queue)
    symbols = list(instruments)
    ids = {symbol: index for index, symbol in enumerate(symbols)}
    warnings: list[str] = []
    setups = _set_up(policies, names, series, instruments, warnings)
    if liquidates:  # the simulated venue fills; an engine of the user's has rules of its own
        check_volume(series, venue.fills, warnings)
    plain_policies, nodes, callables = _policies(policies, names, setups, series, ids, risk)
    currencies, balances = _currencies(account, cash, list(instruments.values()))
    rates = _rates(account, currencies, events)
    groups = {
        group: index
        for index, group in enumerate(
            dict.fromkeys(one.event_group for one in instruments.values() if one.event_group is not None)
        )
    }
    span = (min(one.start_ns for one in series), max(one.end_ns for one in series))
    config = {
        "instruments": [
            native_fields(
                one,
                currencies.index(one.currency),
                None if one.event_group is None else groups[one.event_group],
                _sessions(one, *span),
            )
            for one in instruments.values()
        ],
        "user_instruments": list(instruments.values()),
        "currencies": currencies,
        "run": run,
        "policies": plain_policies,
        "managers": [
            {
                "name": type(manager).__name__,
                "object": manager,
                "has_review": overrides(manager, RiskManager, "review"),
                "has_on_mark": overrides(manager, RiskManager, "on_mark"),
            }
            for manager in managers
        ],
        "callables": callables,
        "nodes": nodes,
        "account": {
            "kind": account.kind,
            "currency": 0,
            "balances": balances,
            "rates_e12": rates,
            "leverage_max_e10": round(account.leverage_max * RATE_ONE),
            "initial_e10": round(account.opening_rate * RATE_ONE),
            "maintenance_e10": round(account.maintenance_rate * RATE_ONE),
            "day_ends_ns": account.day_ends_ns,
            "netting": account.netting,
        },
        "limits": {**default_limits(), **plain_limits(risk)},
        "keeps_priority": True,
        "liquidates": liquidates,
        "borrow_e10": round(account.borrow_bps_per_year * RATE_ONE / 10_000),
        "books": {
            "of_orders": [ids[one.symbol] for one in series if one.kind == "book_l3"],
            "priority": plain_priority(venue.fills.queue),
            "queue": plain_queue(venue.fills.queue) if any(ctx.watches_queues for ctx in setups) else None,
        },
        "journal": journal,
    }
    columns = [plain(one, ids[one.symbol], instruments[one.symbol].lot_size) for one in series]
    sources = [source_name(one) for one in series]
    if events:
        ordered = sorted(events, key=lambda event: event.ts_recv_ns)
        columns.append(("events", [plain_event(event, ids, instruments, currencies) for event in ordered]))
        sources.append("events")
    return Run(
        kernel=Kernel(config),
        names=list(names),
        wakes=[policy["wake_labels"] for policy in plain_policies],
        watched=[setup.watched for setup in setups],
        symbols=symbols,
        instruments=list(instruments.values()),
        currencies=currencies,
        cash=dict(zip(currencies, balances, strict=True)),
        series=columns,
        venue_series=[
            None if one[0] in ("book_l2", "book_l3") and len(one) != STREAMED else by_venue_time(one)
            for one in columns
        ]
        if venue.clock == "venue"
        else None,
        sources=sources,
        venue=plain_venue(venue, seed),
        warnings=warnings,
        sizes={at: one[2].sizes for at, one in enumerate(columns) if len(one) == STREAMED},
    )


def instruments_of(series: Sequence[AnySeries]) -> dict[str, Instrument]:
    """The instrument of each symbol, in the order of the data; a plain one where none was given.

    Raises:
        DataError: Two series of one symbol name different instruments, or there is no record at all.
    """
    found: dict[str, Instrument] = {}
    for one in series:
        if not len(one):
            raise DataError("has no rows.", source=source_name(one), remedy="Leave it out.")
        known = found.get(one.symbol)
        if one.instrument is None:
            continue
        if known is not None and known != one.instrument:
            raise DataError(
                "two series of one symbol name different instruments.",
                source=one.symbol,
                remedy="Give both the same instrument.",
            )
        found[one.symbol] = one.instrument
    return {one.symbol: found.get(one.symbol) or plain_instrument(one.symbol) for one in series}


def plain_instrument(symbol: str) -> Instrument:
    """What a series without an instrument is: a price unit of 1e-6, whole units, no fees, no calendar."""
    return Instrument(symbol=symbol, price_unit=1e-6, lot_size=1)


def _sessions(instrument: Instrument, start_ns: int, end_ns: int) -> list[tuple[int, int]]:
    if instrument.calendar is None:
        return []
    from tradewright.core.calendar import sessions

    return sessions(instrument.calendar, start_ns, end_ns + 14 * DAY_NS)


def _currencies(
    account: Account, cash: float | Mapping[str, float], instruments: Sequence[Instrument]
) -> tuple[list[str], list[float]]:
    given = dict(account.cash)
    if not given:
        given = (
            dict(cash) if isinstance(cash, Mapping) else {account.currency or instruments[0].currency: cash}
        )
    first = account.currency or next(iter(given))
    currencies = list(dict.fromkeys([first, *given, *(one.currency for one in instruments)]))
    for currency, amount in given.items():
        if not 0 <= amount < 1e24:
            raise ConfigError(
                f"{amount!r} is no starting cash.", path=f"account.cash.{currency}", remedy="Give 0 or more."
            )
    if not given.get(first, 0) > 0:
        raise ConfigError(
            f"the account starts without any {first}, in which its equity is counted.",
            path=f"account.cash.{first}",
            remedy="Give more than 0: returns are fractions of it.",
        )
    return currencies, [float(given.get(currency, 0.0)) for currency in currencies]


def _rates(account: Account, currencies: Sequence[str], events: Sequence[Any]) -> list[int]:
    """What one unit of each currency is worth in the account's, in 10⁻¹²; 0 where only an event will say."""
    for currency in account.rates:
        if currency not in currencies[1:]:
            raise ConfigError(
                f"{currency} is the account's own currency; its rate is 1."
                if currency == currencies[0]
                else f"the account has no {currency}, and no instrument is in it.",
                path=f"account.rates.{currency}",
                remedy="Leave it out.",
            )
    told = {event.currency for event in events if isinstance(event, ExchangeRate)}
    for currency in currencies[1:]:
        if currency not in account.rates and currency not in told:
            raise ConfigError(
                f"the account counts in {currencies[0]} and has or trades {currency}, whose rate is missing: "
                "neither limits nor equity could be valued.",
                path=f"account.rates.{currency}",
                remedy=f"Give what one {currency} is worth in {currencies[0]}, or ExchangeRate events.",
            )
    return [0, *(rate_e12(account.rates[one]) if one in account.rates else 0 for one in currencies[1:])]


def _set_up(
    policies: Sequence[Policy],
    names: Sequence[str],
    series: Sequence[AnySeries],
    instruments: Mapping[str, Instrument],
    warnings: list[str],
) -> list[Setup]:
    setups: list[Setup] = []
    for policy, name in zip(policies, names, strict=True):
        ctx = Setup(instruments)
        if overrides(policy, Policy, "setup"):
            try:
                policy.setup(ctx)
            except TradewrightError:
                raise
            except Exception as error:
                raise PolicyError(f"setup raised {type(error).__name__}: {error}", policy=name) from error
        if not ctx.wakes:
            ctx.wakes.extend(_every_event(series))
            warnings.append(
                f"{name} declares no wake condition, so it is woken at every event: correct, but slower. "
                "Declare some in setup, such as ctx.wake(on_bar(symbol))."
            )
        check_feeds(name, ctx, series, warnings)
        setups.append(ctx)
    return setups


def _policies(
    policies: Sequence[Policy],
    names: Sequence[str],
    setups: Sequence[Setup],
    series: Sequence[AnySeries],
    ids: Mapping[str, int],
    risk: Risk,
) -> tuple[list[dict[str, Any]], list[Any], list[Any]]:
    roots: list[Node] = []
    for ctx in setups:
        roots.extend(ctx.watched)
        roots.extend(wake for wake in ctx.wakes if isinstance(wake, Condition))
    compiled = compile_nodes(roots, ids)
    plain: list[dict[str, Any]] = []
    for policy, name, ctx in zip(policies, names, setups, strict=True):
        for watched in ctx.watched:
            watched.bind(compiled.ids[watched])
        plain.append(
            {
                "name": name,
                "object": policy,
                "has_report_hook": overrides(policy, Policy, "on_report"),
                "wakes": [_plain_wake(wake, compiled.ids, ids, series) for wake in ctx.wakes],
                "wake_labels": [label(wake) for wake in ctx.wakes],
                "watched": [watched.slot for watched in ctx.watched],
                "limits": plain_limits(risk.per_policy.get(name, Limits())),
            }
        )
    return plain, compiled.specs, compiled.callables


def _every_event(series: Sequence[AnySeries]) -> list[Wake]:
    wakes: dict[Wake, None] = {}
    for one in series:
        wakes[OnSource(one.symbol, _RECORDS[one.kind])] = None
    return list(wakes)


_RECORDS: dict[str, Literal["bar", "quote", "trade", "book"]] = {
    "bars": "bar",
    "quotes": "quote",
    "trades": "trade",
    "book_l2": "book",
    "book_l3": "book",
}


def _plain_wake(
    wake: Wake, nodes: Mapping[Node, int], ids: Mapping[str, int], series: Sequence[AnySeries]
) -> tuple[Any, ...]:
    if isinstance(wake, Condition):
        return ("node", nodes[wake])
    if isinstance(wake, OnSource):
        return (
            "source",
            id_of(wake.symbol, ids),
            {"bar": "bars", "quote": "quotes", "trade": "trades", "book": "book_l2"}[wake.kind],
        )
    if isinstance(wake, Every):
        symbols = list(ids.values()) if wake.symbol is None else [id_of(wake.symbol, ids)]
        return ("every", wake.period_ns, wake.phase_ns, symbols)
    if isinstance(wake, OnBar):
        for symbol in wake.symbols:
            _check_timeframe(symbol, wake.timeframe_ns, series, ids)
        members = [id_of(symbol, ids) for symbol in wake.symbols]
        if len(members) == 1:
            return ("source", members[0], "bars")
        return ("bars", members, wake.timeframe_ns or 0, 0)
    return ("report",)


def _check_timeframe(
    symbol: str, timeframe_ns: int | None, series: Sequence[AnySeries], ids: Mapping[str, int]
) -> None:
    id_of(symbol, ids)
    lengths = [
        getattr(one, "timeframe_ns", None) for one in series if one.symbol == symbol and one.kind == "bars"
    ]
    if not lengths:
        raise DataError(f"on_bar({symbol!r}) needs bars, and the data has none.", source=symbol)
    known = [length for length in lengths if length is not None]
    if timeframe_ns is not None and known and timeframe_ns not in known:
        raise DataError(
            f"on_bar asks for bars of {duration_text(timeframe_ns)}; the data has "
            f"{', '.join(duration_text(length) for length in known)}.",
            source=symbol,
        )


def plain_limits(limits: Limits) -> dict[str, tuple[float, bool]]:
    """Limits as ``(value, is a fraction of equity)`` by name."""
    return {name: (amount.value, amount.of_equity) for name, amount in limits.amounts().items()}


def _check_books(series: Sequence[AnySeries], queue: Queue | None) -> None:
    """Refuses queue models without books, exact queues that no data tells, and orders without ids."""
    for one in series:
        if one.kind == "book_l3" and not any(ids.any() for ids in columns_of(one, "order_id")):
            raise DataError(
                "has events of single orders and not one order's id: which orders they are about is lost.",
                source=source_name(one),
                field="order_id",
                remedy="Give order_id, or events of levels (BookAction.SET).",
            )
    if queue is not None and not any(one.kind.startswith("book") for one in series):
        kinds = ", ".join(dict.fromkeys(one.kind for one in series))
        raise ConfigError(
            f"{type(queue).__name__} is about books, and the data has {kinds}, without queues.",
            path="venue.fills.queue",
            remedy="Leave it out, or give events of a book.",
        )
    levels = [one for one in series if one.kind == "book_l2"]
    if isinstance(queue, ExactQueue) and levels:
        raise DataError(
            "has levels, which do not say where in a queue an order stands.",
            source=source_name(levels[0]),
            remedy="Leave venue.fills.queue out, choose a model of levels, or give events of single orders.",
        )
