"""What a run came to: the core's columns as a result, with what describes the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewright.sim.config import Account, ExactQueue, ProbabilisticQueue, Venue
from tradewright.sim.exchange import GRADE, stated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tradewright.core.policy import Policy
    from tradewright.core.stream import AnySeries
    from tradewright.research.result import Result
    from tradewright.sim.build import Run
    from tradewright.sim.exchange import GeneratedExchange


def to_result(
    run: Run,
    policies: Sequence[Policy],
    series: Sequence[AnySeries],
    events: Sequence[Any],
    *,
    fingerprint: str,
    account: Account,
    venue: Venue,
    seed: int,
    engine: object | None = None,
    benchmark: str | None = None,
    periods_per_year: int | None = None,
    config: Mapping[str, Any] | None = None,
    finished: bool = True,
    elapsed: float = 0.0,
    exchanges: Sequence[GeneratedExchange] = (),
) -> Result:
    """The result of a kernel that has run: columns of the core as frames, built when first read."""
    from decimal import Decimal

    import msgspec

    from tradewright.core.market import Deposit
    from tradewright.core.times import duration_text
    from tradewright.fingerprint import name_of, parameters_of
    from tradewright.research import frames
    from tradewright.research.meta import InstrumentMeta
    from tradewright.research.result import Counters, PolicyMeta, Result, ResultMeta, SeriesMeta
    from tradewright.sim.assumed import assumptions
    from tradewright.sim.findings import data_warnings, rounding_warning

    kernel = run.kernel
    counts = kernel.counters
    warnings = [*run.warnings, *kernel.faults, *data_warnings(run, series)]
    if counts["liquidations"]:
        warnings.append(
            "The account fell below its maintenance margin: "
            f"{counts['liquidations']:,} orders liquidated positions."
        )
    if not finished:
        warnings.append("The run was interrupted: everything here covers only what was reached by then.")
    shifts = [_shift(shift, run, one.symbol) for one, shift in zip(series, kernel.price_shifts, strict=False)]
    described = [
        SeriesMeta(
            symbol=one.symbol,
            kind=f"bars {duration_text(length)}"
            if (length := getattr(one, "timeframe_ns", None)) is not None
            else one.kind,
            rows=len(one),
            start_ns=one.start_ns,
            end_ns=one.end_ns,
            adjusted=one.adjusted,
            price_shift_max=max(one.price_shift_max, shift),
        )
        for one, shift in zip(series, shifts, strict=False)
    ]
    rounded = [
        rounding_warning(one, run.instruments[run.symbols.index(one.symbol)], shift)
        for one, shift in zip(series, shifts, strict=False)
    ]
    warnings.extend(text for text in dict.fromkeys(rounded) if text is not None)
    meta = ResultMeta(
        policies=[
            PolicyMeta(name=name, use=name_of(policy), parameters=parameters_of(policy))
            for name, policy in zip(run.names, policies, strict=True)
        ],
        symbols=list(run.symbols),
        benchmark=benchmark or "",
        start_ns=min(one.start_ns for one in series),
        end_ns=max(one.end_ns for one in series),
        cash=dict(run.cash),
        currency=run.currencies[0],
        periods_per_year=periods_per_year,
        rates={currency: account.rates[currency] for currency in run.currencies if currency in account.rates},
        day_ends_ns=account.day_ends_ns,
        asset_classes={one.symbol: one.asset_class for one in run.instruments},
        grade=f"fills by {type(engine).__name__}"
        if engine is not None
        else (GRADE if exchanges else _grade(series, venue)),
        assumptions=assumptions(
            [one.kind for one in series],
            run.instruments,
            venue,
            account,
            engine=engine,
            is_generated=bool(exchanges),
        ),
        counters=Counters(**{name: counts[name] for name in Counters.__struct_fields__}),
        warnings=warnings,
        seed=seed,
        fingerprint=fingerprint,
        config=dict(config)
        if config is not None
        else stated(exchanges, venue, account) or _stated(venue, account, engine, msgspec.to_builtins),
        data=described,
        instruments=[
            InstrumentMeta(
                symbol=one.symbol,
                price_unit=Decimal(repr(one.price_unit)),
                lot_size=Decimal(repr(one.lot_size)),
                multiplier=Decimal(repr(one.multiplier)),
                contract=one.contract,
            )
            for one in run.instruments
        ],
    )
    prices = {one.symbol: frames.PriceFrame(one) for one in reversed(list(series)) if one.kind != "trades"}
    return Result(
        orders=lambda: frames.orders(kernel.orders(), run.names, run.symbols),
        fills=lambda: frames.fills(kernel.fills(), run.names, run.symbols, run.currencies),
        round_trips=lambda: frames.round_trips(kernel.round_trips(), run.names, run.symbols),
        equity=lambda: frames.equity(kernel.equity()),
        flows=(lambda: frames.flows(kernel.flows()))
        if any(isinstance(one, Deposit) for one in events)
        else None,
        positions=lambda: frames.positions(kernel.positions(), run.names, run.symbols),
        prices=prices,
        ledger=lambda: frames.ledger(kernel.ledger(), run.names, run.symbols, run.currencies),
        amendments=lambda: frames.amendments(kernel.amendments(), run.names, run.symbols),
        books={one.symbol: one for one in series if one.kind.startswith("book")},
        meta=meta,
        timing={"run_s": elapsed},
    )


def _shift(shift: float, run: Run, symbol: str) -> float:
    """Rounding in price units as a price; what is only the float's own noise is none."""
    unit = float(run.instruments[run.symbols.index(symbol)].price_unit)
    return shift * unit if shift > 1e-3 else 0.0


def _stated(
    venue: Venue, account: Account, engine: object | None, plain: Callable[[Any], Any]
) -> dict[str, Any]:
    if engine is None:
        return {"engine": "sim", "venue": plain(venue), "account": plain(account)}
    return {"engine": f"{type(engine).__module__}:{type(engine).__qualname__}", "account": plain(account)}


def _grade(series: Sequence[AnySeries], venue: Venue) -> str:
    kinds = list(dict.fromkeys(one.kind for one in series))
    if kinds == ["bars"]:
        closes = any(getattr(one, "grade", "ohlc") == "closes only" for one in series)
        timing = "next open" if venue.fills.timing == "next_open" else f"intrabar path, {venue.fills.path}"
        return f"bars, {timing}" + (" (closes only)" if closes else "")
    if {"book_l2", "book_l3"} & set(kinds):
        queue = venue.fills.queue
        model = queue.name if isinstance(queue, ProbabilisticQueue) else "risk averse"
        clock = "" if venue.clock == "causal" else ", by the venue's clock"
        orders = "book orders (L3 exact)" if isinstance(queue, ExactQueue | None) else "levels of book orders"
        kinds = [{"book_l2": "book levels", "book_l3": orders}.get(kind, kind) for kind in kinds]
        if kinds == ["book orders (L3 exact)"]:
            return f"L3 exact: book orders, their own queue{clock}"
        return f"{' and '.join(kinds)}, queue model: {model}{clock}"
    return " and ".join(kinds)
