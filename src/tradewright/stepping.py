"""The one loop, a step at a time from Python: what a live session does, over recorded data.

`step_through` is ``kernel/src/backtest.rs`` in Python and yields the same run byte for byte; read it to see
the order of things. `drive` puts an `ExecutionEngine` of yours where the simulated venue stands.
"""

from __future__ import annotations

import asyncio
import heapq
from itertools import groupby
from math import isnan
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, runtime_checkable

from tradewright._native import Approved
from tradewright.core.market import Bar, Quote, Trade
from tradewright.sim.events import by_venue_time
from tradewright.sim.streaming import STREAMED, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tradewright._native import Kernel, SimVenue
    from tradewright.core.execution import ExecutionEngine, ExecutionReport
    from tradewright.core.limits import Risk
    from tradewright.core.policy import Policy
    from tradewright.core.risk import RiskManager
    from tradewright.research.result import Result
    from tradewright.sim.build import Run
    from tradewright.sim.config import Account

NEVER_NS = 2**63 - 1
"""A time that does not come."""

Record = tuple[Any, ...]
"""A record as the kernel takes it: ``(kind, symbol number, ts_recv_ns, ts_event_ns, …)``."""

_CHUNK_ROWS = 4096
_QUIET_TURNS = 3
"""Turns of the event loop without a report after which an engine has nothing to say for now."""

_AGGRESSORS: dict[int, Literal["buy", "sell", "unknown"]] = {1: "buy", -1: "sell", 0: "unknown"}

_receive_time = itemgetter(2)


def step_through(run: Run, venue: SimVenue) -> None:
    """Drives a kernel over its recorded data and the simulated venue, one step at a time.

    Args:
        run: A kernel and its series, from `tradewright.sim.build.build`.
        venue: ``run.kernel.venue(run.venue, run.series)``.

    Raises:
        DataError: A row that cannot be used, before anything ran.
        PolicyError: The user's code raised.
    """
    kernel = run.kernel
    kernel.check(run.series, run.sources)
    steps = _Steps(run.series)
    by_venue = None
    if run.venue_series is not None:
        pairs = zip(run.venue_series, run.series, strict=True)
        by_venue = _Steps([by_venue_time(one) if ordered is None else ordered for ordered, one in pairs])
    while True:
        now_ns = min(steps.next_ns, venue.next_report_ns, venue.next_arrival_ns)
        if by_venue is not None:
            now_ns = min(now_ns, by_venue.next_ns)
        if steps.next_ns != NEVER_NS:
            # Timers end with the data; reports and orders under way still arrive.
            now_ns = min(now_ns, kernel.next_timer_ns, venue.next_ns)
        if now_ns == NEVER_NS:
            kernel.end(venue.end_run(kernel))
            return
        records = steps.take() if steps.next_ns == now_ns else []
        if by_venue is None:
            venue.on_records(kernel, records)
        elif by_venue.next_ns == now_ns:
            venue.on_records(kernel, by_venue.take())
        venue.on_time(kernel, now_ns)
        reports = venue.reports(kernel, now_ns)
        if records or reports or kernel.next_timer_ns <= now_ns:
            for command in kernel.step(now_ns, records, reports):
                if isinstance(command, Approved):
                    venue.send(command, now_ns)
                else:
                    venue.cancel(command, now_ns)
        venue.arrive(kernel, now_ns)


@runtime_checkable
class WatchesMarket(Protocol):
    """An engine that wants to see recorded data as it comes, as paper engines do."""

    def on_market(self, record: Bar | Quote | Trade) -> None:
        """See a record, before the policies do."""
        ...


def drive(
    policies: Policy | Iterable[Policy],
    data: object,
    engine: ExecutionEngine,
    *,
    cash: float | Mapping[str, float] = 100_000,
    symbol: str | None = None,
    events: Iterable[Any] = (),
    account: Account | None = None,
    risk: Risk | None = None,
    managers: Sequence[RiskManager] = (),
    seed: int = 0,
    benchmark: str | None = None,
    periods_per_year: int | None = None,
    progress: Callable[[float], None] | None = None,
    out: str | Path | None = None,
    config: Mapping[str, Any] | None = None,
) -> Result:
    """Runs policies over recorded data against an execution engine of yours.

    The kernel, the gate and the ledger are those of `tradewright.backtest`; in place of the simulated venue
    the engine gets what was approved, and its reports come back in steps of their own: each at its
    ``ts_recv_ns``, or at once where that has passed. Nothing waits for the wall clock, so that a
    deterministic engine gives equal runs. An engine that has a method ``on_market(record)`` is shown every
    bar, quote and trade before the policies.

    Args:
        policies: As in `tradewright.backtest`, like everything that is not named here.
        data: Recorded data.
        engine: Where orders go. ``submit``, ``amend`` and ``cancel`` are called in the order of the
            decisions; ``reports()`` is read throughout.
        cash: Starting cash.
        symbol: Symbol of a frame that does not say its own.
        events: Dividends, splits and the like.
        account: Cash or margin rules. No margin call is simulated: that is the engine's to make.
        risk: Hard limits.
        managers: Risk managers of your own.
        seed: Kept in the result.
        benchmark: Symbol beside the equity in the report.
        periods_per_year: For annualisation.
        progress: Called now and then with the fraction done.
        out: Folder to write the run to, with its journal.
        config: Kept in the result.

    Returns:
        The result. Ctrl-C ends a run early: the result covers what was reached, and says so in its warnings.

    Raises:
        DataError: Data that cannot be used.
        PolicyError: A policy or risk manager raised.
        ValueError: The engine reports something impossible: an order that is not of this run, a price off the
            price unit, a fee that is no number. Nothing of that step was booked.
        RuntimeError: Called inside a running event loop, as notebooks have one; await `drive_async` there.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError(
            "drive cannot run inside a running event loop: await tradewright.stepping.drive_async instead."
        )
    from tradewright.simulation import prepare

    prepared = prepare(
        policies,
        data,
        symbol=symbol,
        events=events,
        cash=cash,
        account=account,
        risk=risk,
        managers=managers,
        seed=seed,
        benchmark=benchmark,
        periods_per_year=periods_per_year,
        out=out,
        engine=engine,
    )
    finished = True
    with prepared.writing():
        try:
            asyncio.run(_with_engine(prepared.run, engine, progress))
        except KeyboardInterrupt:
            finished = False
        return prepared.finish(finished=finished, config=config)


async def drive_async(
    policies: Policy | Iterable[Policy], data: object, engine: ExecutionEngine, **options: Any
) -> Result:
    """`drive` for code that already runs in an event loop, such as a notebook; takes the same ``options``."""
    from tradewright.simulation import prepare

    config, progress = options.pop("config", None), options.pop("progress", None)
    prepared = prepare(policies, data, engine=engine, **options)
    with prepared.writing():
        await _with_engine(prepared.run, engine, progress)
        return prepared.finish(finished=True, config=config)


async def _with_engine(run: Run, engine: ExecutionEngine, progress: Callable[[float], None] | None) -> None:
    run.kernel.check(run.series, run.sources)
    inbox: list[ExecutionReport] = []

    async def read() -> None:
        async for report in engine.reports():
            inbox.append(report)  # noqa: PERF401 - each is wanted as soon as it comes

    try:
        async with asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(read())
            await _loop(run, engine, inbox, progress)
            reader.cancel()
    except BaseExceptionGroup as group:
        raise _innermost(group) from None


def _innermost(error: BaseException) -> BaseException:
    # Not isinstance: it would leave a group of exceptions whose type nobody knows.
    inside = cast("tuple[BaseException, ...]", getattr(error, "exceptions", ()))
    return _innermost(inside[0]) if len(inside) == 1 else error


async def _loop(
    run: Run,
    engine: ExecutionEngine,
    inbox: list[ExecutionReport],
    progress: Callable[[float], None] | None,
) -> None:
    kernel, steps = run.kernel, _Steps(run.series)
    watcher = engine if isinstance(engine, WatchesMarket) else None
    post, last_ns = _Post(inbox), 0
    await _settle(inbox)
    while True:
        now_ns = min(steps.next_ns, post.next_ns())
        if steps.next_ns != NEVER_NS:
            now_ns = min(now_ns, kernel.next_timer_ns)
        if now_ns == NEVER_NS:
            kernel.flush()
            return
        last_ns = now_ns = max(now_ns, last_ns)
        records = steps.take() if steps.next_ns == now_ns else []
        if watcher is not None:
            for record in records:
                if (shown := _shown(run, record)) is not None:
                    watcher.on_market(shown)
            await _settle(inbox)
        _hand_over(kernel, engine, kernel.step(now_ns, records, post.take(now_ns)))
        await _settle(inbox)
        if progress is not None and records:
            progress(steps.share_done)


class _Post:
    """Reports that came and are not given to the kernel yet, in order of receive time, then of arrival."""

    def __init__(self, inbox: list[ExecutionReport]) -> None:
        self._inbox = inbox
        self._waiting: list[tuple[int, int, ExecutionReport]] = []
        self._received = 0

    def next_ns(self) -> int:
        self._sort()
        return self._waiting[0][0] if self._waiting else NEVER_NS

    def take(self, now_ns: int) -> list[ExecutionReport]:
        self._sort()
        due: list[ExecutionReport] = []
        while self._waiting and self._waiting[0][0] <= now_ns:
            due.append(heapq.heappop(self._waiting)[2])
        return due

    def _sort(self) -> None:
        for report in self._inbox:
            heapq.heappush(self._waiting, (report.ts_recv_ns, self._received, report))
            self._received += 1
        self._inbox.clear()


def _hand_over(kernel: Kernel, engine: ExecutionEngine, commands: Sequence[Approved | str]) -> None:
    for command in commands:
        if not isinstance(command, Approved):
            engine.cancel(command)
        elif command.action == "submit":
            engine.submit(command)
        else:
            engine.amend(command)


async def _settle(inbox: list[ExecutionReport]) -> None:
    """Lets the engine's tasks run until they have nothing more to say; never waits for the wall clock."""
    quiet = 0
    while quiet < _QUIET_TURNS:
        before = len(inbox)
        await asyncio.sleep(0)
        quiet = quiet + 1 if len(inbox) == before else 0


class _Steps:
    """The merged feed: records by receive time; those of equal time keep the order of their series."""

    def __init__(self, columns: Sequence[tuple[Any, ...]]) -> None:
        rows = sum(rows_of(series) for series in columns)
        merged = heapq.merge(*(_records(series) for series in columns), key=_receive_time)
        self._groups = groupby(merged, key=_receive_time)
        self._rows, self._read = rows, 0
        self.next_ns = NEVER_NS
        self._records: list[Record] = []
        self._advance()

    def take(self) -> list[Record]:
        """All records of `next_ns`; then the next time."""
        records = self._records
        self._read += len(records)
        self._advance()
        return records

    @property
    def share_done(self) -> float:
        return self._read / self._rows

    def _advance(self) -> None:
        time_ns, group = next(self._groups, (NEVER_NS, ()))
        self.next_ns, self._records = time_ns, list(group)


def _records(series: tuple[Any, ...]) -> Iterator[Record]:
    """The rows of a series' columns as records, a chunk at a time."""
    import numpy as np

    kind, symbol, *columns = series
    if kind == "events":
        yield from symbol
        return
    if len(series) == STREAMED:
        # An event of a book is given out as its message was received, which no part cuts.
        for _, _, part in columns[0]:
            yield from _records(part)
        return
    recv, event, *rest = columns
    recv = event if recv is None else recv
    if kind in ("book_l2", "book_l3"):
        *rest, order_id = rest
        order_id = np.zeros(len(event), np.uint64) if order_id is None else order_id
        yield from _book_records(symbol, recv, event, [*rest, order_id])
        return
    if kind == "bars" and isinstance(rest[0], int):  # The length of every bar.
        rest[0] = event - rest[0]
    columns = [recv, event, *rest]
    missing = {"bars": float("nan"), "trades": 0}.get(kind)
    for start in range(0, len(event), _CHUNK_ROWS):
        chunk = slice(start, start + _CHUNK_ROWS)
        length = len(event[chunk])
        rows = [[missing] * length if column is None else column[chunk].tolist() for column in columns]
        for row in zip(*rows, strict=True):
            yield (kind[:-1], symbol, *row)


def _book_records(symbol: int, recv: Any, event: Any, columns: list[Any]) -> Iterator[Record]:
    """The events of a book as records: all of one receive time together, as they would arrive."""
    import numpy as np

    starts = np.flatnonzero(np.r_[True, recv[1:] != recv[:-1]]).tolist()
    for start, end in zip(starts, [*starts[1:], len(recv)], strict=True):
        rows = list(zip(*(column[start:end].tolist() for column in (event, *columns)), strict=True))
        yield ("book", symbol, int(recv[start]), int(event[start]), rows)


def _shown(run: Run, record: Record) -> Bar | Quote | Trade | None:
    """A record as the value that users know; events are not shown."""
    kind, number, ts_recv_ns, ts_event_ns, *values = record
    common: dict[str, Any] = {
        "symbol": run.symbols[number],
        "ts_event_ns": ts_event_ns,
        "ts_recv_ns": ts_recv_ns,
    }
    if kind == "bar":
        open_ns, open_, high, low, close, volume = values
        volume = 0.0 if isnan(volume) else volume
        return Bar(**common, open_ns=open_ns, open=open_, high=high, low=low, close=close, volume=volume)
    if kind == "quote":
        bid, ask, bid_size, ask_size = values
        bid, bid_size = (None, 0.0) if isnan(bid) else (bid, bid_size)
        ask, ask_size = (None, 0.0) if isnan(ask) else (ask, ask_size)
        return Quote(**common, bid=bid, ask=ask, bid_size=bid_size, ask_size=ask_size)
    if kind == "trade":
        price, size, aggressor = values
        return Trade(**common, price=price, size=size, aggressor=_AGGRESSORS[aggressor])
    return None
