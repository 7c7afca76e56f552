"""The entry point of a simulated run: policies and data in, a result out."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from tradewright import arguments
from tradewright.core.limits import Risk
from tradewright.errors import ConfigError, DataError
from tradewright.outcome import to_result
from tradewright.sim.config import Account, Venue
from tradewright.sim.exchange import check as check_exchange
from tradewright.sim.exchange import exchanges_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from tradewright.core.policy import Policy
    from tradewright.core.risk import RiskManager
    from tradewright.core.stream import AnySeries
    from tradewright.data.options import ReadKeywords
    from tradewright.research.journal import Names
    from tradewright.research.result import Result
    from tradewright.sim.build import Run
    from tradewright.sim.exchange import GeneratedExchange
    from tradewright.sim.flow import GeneratedMarket


def backtest(
    policies: Policy | Iterable[Policy],
    data: object,
    *,
    cash: float | Mapping[str, float] = 100_000,
    symbol: str | None = None,
    events: Iterable[Any] = (),
    venue: Venue | None = None,
    account: Account | None = None,
    risk: Risk | None = None,
    managers: Sequence[RiskManager] = (),
    seed: int = 0,
    benchmark: str | None = None,
    periods_per_year: int | None = None,
    progress: Callable[[float], None] | None = None,
    out: str | Path | None = None,
    config: Mapping[str, Any] | None = None,
    **read: Unpack[ReadKeywords],
) -> Result:
    """Runs policies over recorded data against the simulated venue.

    Args:
        policies: One policy, or several that run at once, each with its own sub-portfolio in one account.
        data: A series or a list of them (`tradewright.data`), a frame of bars, a dict of symbol to either,
            or a data set; for data larger than memory, series of `tradewright.data.Store.stream`. Or a
            `tradewright.sim.GeneratedExchange` or several, which the orders enter.
        cash: Starting cash: a number in the currency of the data, or amounts by currency. ``account.cash``
            goes before it.
        symbol: Symbol of a frame that does not say its own.
        events: Dividends, splits, funding, deposits, settlements and status changes beside those of ``data``.
        venue: How orders meet the market; by default next open, no spread, no latency.
        account: Cash or margin rules; by default a margin account of leverage 2.
        risk: Hard limits, of the account and of single policies.
        managers: Risk managers of your own; they follow the hard limits and can only tighten.
        seed: Where all randomness of the venue comes from.
        benchmark: Symbol whose price stands beside the equity in the report; by default the first.
        periods_per_year: 252 or 365, for annualisation; by default inferred from the data, which the
            summary says.
        progress: Called now and then with the fraction done.
        out: Folder to write the run to, with its journal, for ``tradewright why``.
        config: The configuration that the run came from, kept in the result.
        **read: How to read frames: ``label="close"``, ``tz="UTC"``, …; see `tradewright.data.ReadOptions`.

    Returns:
        The result; its frames are built when first read. Ctrl-C ends a run early: the result then covers what
        was reached, and says so in its warnings.

    Raises:
        DataError: Data that cannot be used, naming series, row and field.
        ConfigError: A configuration that contradicts itself or the data.
        PolicyError: A policy or risk manager raised; the message names it, the time and the event.
    """
    prepared = prepare(
        policies,
        data,
        symbol=symbol,
        events=events,
        cash=cash,
        venue=venue,
        account=account,
        risk=risk,
        managers=managers,
        seed=seed,
        benchmark=benchmark,
        periods_per_year=periods_per_year,
        out=out,
        **read,
    )
    with prepared.writing():
        started = time.perf_counter()
        if prepared.exchanges:
            finished = prepared.run_exchanges(progress)
        else:
            run, rows = prepared.run, sum(len(one) for one in prepared.series)
            finished = run.kernel.run(
                run.series,
                run.sources,
                run.venue,
                None if progress is None else lambda done, _now_ns: progress(done / rows),
                run.venue_series,
            )
        elapsed = time.perf_counter() - started
        if progress is not None:
            progress(1.0)
        return prepared.finish(finished=finished, elapsed=elapsed, config=config)


@dataclass(slots=True, kw_only=True)
class Prepared:
    """A run that is ready to go, and what its result needs."""

    run: Run
    policies: list[Policy]
    series: list[AnySeries]
    events: list[Any]
    fingerprint: str
    account: Account
    venue: Venue
    engine: object | None
    seed: int
    benchmark: str | None
    periods_per_year: int | None
    folder: Path | None
    exchanges: list[GeneratedExchange]
    markets: dict[str, GeneratedMarket] = field(default_factory=dict[str, "GeneratedMarket"])

    def run_exchanges(self, progress: Callable[[float], None] | None) -> bool:
        """Runs in the generated exchanges and keeps what became of them; whether their end was reached."""
        from tradewright.sim import exchange

        run = self.run
        # The openings stand first among the series, one an exchange; what follows are events.
        events = [event for one in run.series[len(self.exchanges) :] for event in one[1]]
        finished, self.markets, warnings = exchange.run(
            run.kernel, self.exchanges, run.venue, events, progress
        )
        run.warnings.extend(warnings)
        self.series = [market.events for market in self.markets.values()]
        self.events += [market.settlement for market in self.markets.values() if market.settlement]
        return finished

    def finish(
        self,
        *,
        finished: bool,
        elapsed: float = 0.0,
        config: Mapping[str, Any] | None = None,
    ) -> Result:
        """The result of the kernel as it stands, written to the run's folder if it has one."""
        result = to_result(
            self.run,
            self.policies,
            self.series,
            self.events,
            fingerprint=self.fingerprint,
            account=self.account,
            venue=self.venue,
            engine=self.engine,
            seed=self.seed,
            benchmark=self.benchmark,
            periods_per_year=self.periods_per_year,
            config=config,
            finished=finished,
            elapsed=elapsed,
            exchanges=self.exchanges,
        )
        result.markets = self.markets
        if self.folder is not None:
            from tradewright.research.folder import STAGING, publish

            result.write(self.folder / STAGING)
            publish(self.folder)
        return result

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """For the run until its result is there: if it fails, its folder is as it was before."""
        return _whole_or_discarded(self.folder)


@contextlib.contextmanager
def _whole_or_discarded(folder: Path | None) -> Generator[None]:
    try:
        yield
    except BaseException:
        if folder is not None:
            from tradewright.research.folder import discard

            discard(folder)
        raise


def prepare(
    policies: Policy | Iterable[Policy],
    data: object,
    *,
    symbol: str | None = None,
    events: Iterable[Any] = (),
    cash: float | Mapping[str, float] = 100_000,
    venue: Venue | None = None,
    account: Account | None = None,
    risk: Risk | None = None,
    managers: Sequence[RiskManager] = (),
    seed: int = 0,
    benchmark: str | None = None,
    periods_per_year: int | None = None,
    out: str | Path | None = None,
    engine: object | None = None,
    **read: Unpack[ReadKeywords],
) -> Prepared:
    """Everything of a run that comes before its first step; the arguments are those of `backtest`.

    Args:
        policies: Who decides.
        data: What is known.
        symbol: Symbol of a frame.
        events: Dividends and the like.
        cash: Starting cash.
        venue: The simulated venue.
        account: The account.
        risk: Hard limits.
        managers: Risk managers.
        seed: Randomness of the venue.
        benchmark: Symbol beside the equity in the report.
        periods_per_year: For annualisation.
        out: Run folder.
        engine: The execution engine in place of the simulated venue.
        **read: How to read frames.
    """
    from tradewright.decoding import nearest
    from tradewright.fingerprint import fingerprint
    from tradewright.loading import names as names_of
    from tradewright.research import journal
    from tradewright.research.folder import staging_of
    from tradewright.sim.build import build

    chosen, managers = arguments.policies_of(policies), arguments.managers_of(managers)
    risk, account = arguments.of_kind("risk", risk, Risk), arguments.of_kind("account", account, Account)
    venue, events = arguments.of_kind("venue", venue, Venue), arguments.events_of(events)
    seed = arguments.seed_of(seed)
    arguments.check_periods(periods_per_year)
    arguments.check_cash(cash)
    arguments.check_keywords(read)
    if exchanges := exchanges_of(data):
        check_exchange(venue, events, engine=engine, read={"symbol": symbol, **read})
        series: list[AnySeries] = [one.opening for one in exchanges]
    else:
        series, events = _series(data, symbol, events, read)
    arguments.check_benchmark(benchmark, series)
    names = names_of(chosen)
    for name in risk.per_policy:
        if name not in names:
            raise ConfigError(
                "no policy has this name.", path=f"risk.per_policy.{name}", remedy=nearest(name, names)
            )
    mark = fingerprint(chosen, risk)
    if out is not None and not str(out).strip():
        raise ConfigError("is empty.", path="out", remedy="Name a folder, or leave it out.")
    folder = None if out is None else Path(out)
    staging = None if folder is None else staging_of(folder)
    with _whole_or_discarded(folder):
        run = build(
            chosen,
            names,
            series,
            events,
            account=account,
            cash=cash,
            venue=venue,
            risk=risk,
            managers=managers,
            seed=seed,
            run=mark[:4],
            journal=None if staging is None else staging / journal.FRAMES,
            liquidates=engine is None,
        )
        if staging is not None:
            _journal_names(run, chosen, mark[:4]).write(staging)
    return Prepared(
        run=run,
        policies=chosen,
        series=series,
        events=events,
        fingerprint=mark,
        account=account,
        venue=venue,
        engine=engine,
        seed=seed,
        benchmark=benchmark,
        periods_per_year=periods_per_year,
        folder=folder,
        exchanges=exchanges,
    )


def _series(
    data: object, symbol: str | None, events: Iterable[Any], read: ReadKeywords
) -> tuple[list[AnySeries], list[Any]]:
    from tradewright.core.market import Dividend, Split
    from tradewright.core.native_series import with_prints
    from tradewright.data.dataset import Dataset

    dataset = Dataset.of(data, symbol=symbol, events=events, **read)
    series, events = with_prints(dataset.series), arguments.events_of(dataset.events)
    adjusted = {one.symbol: one.adjusted for one in series if one.adjusted != "none"}
    for event in events:
        if not isinstance(event, Dividend | Split) or event.symbol not in adjusted:
            continue
        kind = type(event).__name__.lower()
        if isinstance(event, Split) or adjusted[event.symbol] == "all":
            raise DataError(
                f"a {kind} on prices that are adjusted for {kind}s would count it twice.",
                source=event.symbol,
                field="adjusted",
                value=adjusted[event.symbol],
                remedy=f"Leave the {kind}s out, or use unadjusted prices.",
            )
    return series, events


def _journal_names(run: Run, policies: Sequence[Policy], prefix: str) -> Names:
    """What the journal's indices stand for: they are the core's."""
    from decimal import Decimal

    from tradewright.core.exact import step_of
    from tradewright.research.journal import InstrumentNames, Names, names_of_policy

    return Names(
        run=prefix,
        policies=[
            names_of_policy(policy, name, wakes, watched)
            for policy, name, wakes, watched in zip(policies, run.names, run.wakes, run.watched, strict=True)
        ],
        instruments=[
            InstrumentNames(
                symbol=one.symbol,
                price_unit=Decimal(step_of(one.price_unit).text()),
                lot_size=Decimal(step_of(one.lot_size).text()),
                multiplier=Decimal(step_of(one.multiplier).text()),
                contract=one.contract,
                currency=one.currency,
            )
            for one in run.instruments
        ],
        currencies=list(run.currencies),
        cash={currency: Decimal(repr(amount)) for currency, amount in run.cash.items()},
    )
