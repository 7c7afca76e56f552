"""Runs over recorded data against an execution engine of the user's own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tradewright.sim.drive import step_with
from tradewright.simulation import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from tradewright.core.execution import ExecutionEngine
    from tradewright.core.limits import Risk
    from tradewright.core.policy import Policy
    from tradewright.core.risk import RiskManager
    from tradewright.research.result import Result
    from tradewright.sim.config import Account


def drive(
    policies: Policy | Sequence[Policy],
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
            "drive cannot run inside a running event loop: await tradewright.engines.drive_async instead."
        )
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
        out=out,
        engine=engine,
    )
    finished = True
    try:
        asyncio.run(step_with(prepared.run, engine, progress))
    except KeyboardInterrupt:
        finished = False
    return prepared.finish(
        finished=finished,
        benchmark=benchmark,
        periods_per_year=periods_per_year,
        config=config,
    )


async def drive_async(
    policies: Policy | Sequence[Policy], data: object, engine: ExecutionEngine, **options: Any
) -> Result:
    """`drive` for code that already runs in an event loop, such as a notebook; takes the same ``options``."""
    shown = {name: options.pop(name, None) for name in ("benchmark", "periods_per_year", "config")}
    progress = options.pop("progress", None)
    prepared = prepare(policies, data, engine=engine, **options)
    await step_with(prepared.run, engine, progress)
    return prepared.finish(finished=True, **shown)
