"""The same run under several fill models: how much of a result is the market, and how much the guess."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tradewright.sim.config import ExactQueue, Fills, ProbabilisticQueue, RiskAverseQueue, Venue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tradewright.config import Loaded
    from tradewright.core.stream import AnySeries
    from tradewright.research.result import Result


class ModelResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to under one fill model.

    Attributes:
        model: The model, in words.
        configured: Whether it is the one that the configuration names.
        evidence: What the fills are evidence of: the run's grade.
        fills: How the venue was told to fill.
        orders: Orders that were sent to the venue.
        resting: How many of them could wait for their price: limits and stops, not immediate ones.
        executions: Fills.
        fill_rate: Share of an order that was filled, the mean over the orders sent; ``None`` without any.
        net_pnl: Final equity less initial equity less net deposits, in `currency`; ``None`` where no
            rate of exchange was known.
        fees: Fees paid; ``None`` where they were in several currencies.
        max_drawdown: Deepest fall from a peak, a negative fraction; ``None`` where it is undefined.
        currency: Of the money.
    """

    model: str
    configured: bool
    evidence: str
    fills: Fills
    orders: int
    resting: int
    executions: int
    fill_rate: float | None
    net_pnl: float | None
    fees: float | None
    max_drawdown: float | None
    currency: str


def models_for(series: Sequence[AnySeries], venue: Venue) -> dict[str, Fills]:
    """The fill models that data of these kinds can tell apart, by name, from pessimistic to hopeful.

    What the configuration says besides (participation, partial fills, latency) stays as it is. On a book the
    models are queue models, and on one of single orders the exact queue stands before them; on quotes and
    trades they are about a touch and about the displayed size; on bars about a touch and the path inside of
    a bar. The configured model is always among them.
    """
    kinds = {one.kind for one in series}
    fills = configured(series, venue)
    if kinds & {"book_l2", "book_l3"}:
        exact = fills.queue if isinstance(fills.queue, ExactQueue) else ExactQueue()
        queues = {
            **({} if "book_l2" in kinds else {"exact": exact}),
            "risk averse": RiskAverseQueue(),
            **{f"power {n}": ProbabilisticQueue(form="power", exponent=n) for n in (3, 2, 1)},
            "log": ProbabilisticQueue(form="log"),
        }
        models = {name: _with(fills, queue=queue) for name, queue in queues.items()}
        own = fills.queue
        if isinstance(own, ProbabilisticQueue):
            # The logarithms have no exponent, whatever stands there.
            if own.form == "log":
                models["log"] = fills
            models.setdefault(own.name, fills)
    elif kinds & {"quotes", "trades"}:
        models = {
            "through": _with(fills, touch_fills=False, displayed_size_caps=True),
            "touch": _with(fills, touch_fills=True, displayed_size_caps=True),
            "touch, any size": _with(fills, touch_fills=True, displayed_size_caps=False),
            "through, any size": _with(fills, touch_fills=False, displayed_size_caps=False),
        }
    else:
        models = {
            "through, worst path": _with(fills, touch_fills=False, path="pessimistic"),
            "touch, worst path": _with(fills, touch_fills=True, path="pessimistic"),
            "through, high first": _with(fills, touch_fills=False, path="open_high_low_close"),
            "touch, high first": _with(fills, touch_fills=True, path="open_high_low_close"),
            "through, low first": _with(fills, touch_fills=False, path="open_low_high_close"),
            "touch, low first": _with(fills, touch_fills=True, path="open_low_high_close"),
        }
    return models


def configured(series: Sequence[AnySeries], venue: Venue) -> Fills:
    """The venue's own fills, the queue that its data stands for named."""
    kinds = {one.kind for one in series}
    if venue.fills.queue is not None or not kinds & {"book_l2", "book_l3"}:
        return venue.fills
    return _with(venue.fills, queue=RiskAverseQueue() if "book_l2" in kinds else ExactQueue())


def compare(
    loaded: Loaded, *, progress: Callable[[float], None] | None = None, out: Path | None = None
) -> tuple[list[ModelResult], dict[str, Result]]:
    """Runs a configuration once under each fill model, on data that is read once.

    Args:
        loaded: The configuration.
        progress: Told the fraction of all runs done.
        out: Folder for a run folder of each model.

    Returns:
        A row a model, and the results by the model's name.
    """
    from tradewright import loading

    data = loading.data(loaded)
    venue = loaded.config.venue
    models, own = models_for(data.series, venue), configured(data.series, venue)
    rows: list[ModelResult] = []
    results: dict[str, Result] = {}
    for done, (name, fills) in enumerate(models.items()):
        changed = _loaded(loaded, msgspec.structs.replace(venue, fills=fills))
        told = None if progress is None else _part(progress, done, len(models))
        folder = None if out is None else out / name.replace(",", "").replace(" ", "_")
        result = loading.runner(changed, progress=told, out=folder)(loading.policies(changed), data)
        results[name] = result
        rows.append(_row(name, fills, result, configured=fills == own))
    return rows, results


def table(rows: Sequence[ModelResult]) -> str:
    """The rows as aligned text, with the evidence of each below; one row where they are all the same."""
    from tradewright.research.labels import show

    currency = rows[0].currency
    head = ["fill model", "orders", "fills", "fill rate", f"net P&L {currency}", "fees", "max drawdown"]
    count, is_same = len(rows), len({_outcome(row) for row in rows}) == 1
    if is_same:
        rows = [row for row in rows if row.configured]
    cells = [
        head,
        *(
            [
                ("* " if row.configured else "  ") + row.model,
                show("count", row.orders),
                show("count", row.executions),
                show("percent", row.fill_rate),
                show("money", row.net_pnl),
                show("money", row.fees),
                show("percent_fine", row.max_drawdown),
            ]
            for row in rows
        ),
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    lines.insert(1, "─" * len(lines[0]))
    if is_same:
        why = (
            "No order of the strategy waits for its price, so how resting orders fill does not matter."
            if not rows[0].resting
            else "None of them made a difference to the orders of this run."
        )
        return "\n".join(
            [*lines, "", f"All {count} fill models come to this. {why}", f"Evidence: {rows[0].evidence}."]
        )
    lines += ["", "* as configured. What the fills are evidence of:"]
    for grade in dict.fromkeys(row.evidence for row in rows):
        lines.append(f"  {grade} ({'; '.join(row.model for row in rows if row.evidence == grade)})")
    return "\n".join(lines)


def _outcome(row: ModelResult) -> tuple[float | None, ...]:
    return (row.orders, row.executions, row.fill_rate, row.net_pnl, row.fees, row.max_drawdown)


def _with(fills: Fills, **changes: Any) -> Fills:
    return msgspec.structs.replace(fills, **changes)


def _part(progress: Callable[[float], None], done: int, count: int) -> Callable[[float], None]:
    return lambda fraction: progress((done + fraction) / count)


def _loaded(loaded: Loaded, venue: Venue) -> Loaded:
    """The configuration with another venue, also in what the result keeps of it."""
    return msgspec.structs.replace(
        loaded,
        config=msgspec.structs.replace(loaded.config, venue=venue),
        raw={**loaded.raw, "venue": msgspec.to_builtins(venue)},
    )


def _row(name: str, fills: Fills, result: Result, *, configured: bool) -> ModelResult:
    import polars as pl

    # What the risk gate refused never stood in the market.
    sent = result.orders.filter(pl.col("status") != "refused")
    filled = (sent["filled_size"] / sent["size"]).to_list()
    summary = result.summary
    return ModelResult(
        model=name,
        configured=configured,
        evidence=result.meta.grade,
        fills=fills,
        orders=result.meta.counters.sent,
        resting=sent.filter(pl.col("type").ne("market") & ~pl.col("tif").is_in(["ioc", "fok"])).height,
        executions=len(result.fills),
        fill_rate=sum(filled) / len(filled) if filled else None,
        net_pnl=summary.net_pnl,
        fees=summary.fees,
        max_drawdown=summary.max_drawdown,
        currency=summary.currency,
    )
