"""Parts of the page made of text and tables. All text that comes from a run is escaped here."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

import msgspec
import polars as pl

from tradewright.core.times import DAY_NS
from tradewright.research import analytics
from tradewright.research.analytics import Undefined
from tradewright.research.labels import GROUPS, Label, date_of, show, shown, time_of
from tradewright.research.reasons import remedy
from tradewright.research.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tradewright.research.result import Result
    from tradewright.research.summary import Curve

ROWS_MAX: Final = 200
_TIMES_SHOWN_DAYS: Final = 5
"""Of shorter runs the times of drawdowns are shown, not only their dates."""
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


_HEADLINES: Final = {
    *("total_return", "annual_return", "net_pnl", "volatility", "sharpe", "sortino", "max_drawdown"),
    *("trades", "win_rate", "profit_factor", "exposure", "fees", "costs"),
}


def documented(struct: type, name: str) -> str:
    """What a struct's docstring says about one of its fields."""
    for line in (struct.__doc__ or "").splitlines():
        if line.strip().startswith(f"{name}: "):
            return line.strip().removeprefix(f"{name}: ")
    return ""


def _tone(label: Label, value: float | None) -> str:
    if not label.is_signed or not value:
        return ""
    return "up" if value > 0 else "down"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[int] = ()) -> str:
    """A table of cells that are HTML already; `numbers` are the columns that stand to the right."""
    right = set(numbers)
    kind = [' class="n"' if column in right else "" for column in range(len(head))]
    body = "".join(
        "<tr>" + "".join(f"<td{kind[column]}>{cell}</td>" for column, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    top = "".join(f"<th{kind[column]}>{escape(name)}</th>" for column, name in enumerate(head))
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def card(title: str, body: str, *, aside: str = "", note: str = "", extra: str = "") -> str:
    """A box with a heading; `aside` stands to its right, `note` below. `title` is text, the rest is HTML."""
    head = f'<div class="head"><h3>{escape(title)}</h3>{aside}</div>' if title else ""
    below = f'<p class="note">{note}</p>' if note else ""
    return f'<section class="card {extra}">{head}{body}{below}</section>'


def note(text: str) -> str:
    """Small grey text."""
    return f'<span class="note">{text}</span>'


def tiles(summary: Summary, benchmark: tuple[str, float] | None) -> str:
    """The eight numbers that one looks at first."""
    by_field = {label.field: label for labels in GROUPS.values() for label in labels}

    def more_of(field: str) -> str:
        match field:
            case "total_return" if benchmark is not None:
                return f"{benchmark[0]} {show('percent', benchmark[1])}"
            case "net_pnl":
                return f"{summary.currency}, on {summary.initial_equity or 0:,.0f}"
            case "annual_return":
                return f"over {summary.elapsed_days / analytics.YEAR_DAYS:,.1f} years"
            case "sharpe":
                return f"over {summary.daily_returns:,} daily returns"
            case "max_drawdown":
                return f"longest {show('days', summary.max_drawdown_days)}"
            case "win_rate":
                return f"of {summary.trades:,} round trips"
            case "profit_factor":
                return f"average {show('money', summary.average_trade)} a trip"
            case "exposure":
                return f"turnover {show('times', summary.turnover_annual)} a year"
            case _:
                return ""

    made: list[str] = []
    fields = (
        "total_return",
        "annual_return",
        "sharpe",
        "max_drawdown",
        "net_pnl",
        "win_rate",
        "profit_factor",
    )
    for field in (*fields, "exposure"):
        label = by_field[field]
        value: float | None = getattr(summary, field)
        more = f"undefined: {summary.undefined[field]}" if value is None else more_of(field)
        made.append(
            f'<div class="tile"><div class="name">{escape(label.text)}</div>'
            f'<div class="value {_tone(label, value)}">{escape(shown(summary, label))}</div>'
            f'<div class="more">{escape(more)}</div></div>'
        )
    return f'<div class="tiles">{"".join(made)}</div>'


def metrics(summary: Summary) -> str:
    """Every metric, in three columns; what each means, or why it is undefined, on hover."""
    parts: list[str] = []
    for title, labels in GROUPS.items():
        rows: list[str] = []
        for label in labels:
            value: float | None = getattr(summary, label.field)
            hint = summary.undefined.get(label.field)
            hint = f"Undefined: {hint}." if hint else documented(Summary, label.field)
            rows.append(
                f'<tr title="{escape(hint)}"><td>{escape(label.text)}</td>'
                f'<td class="n {_tone(label, value)}">{escape(shown(summary, label))}</td></tr>'
            )
        parts.append(f'<table class="metrics"><caption>{escape(title)}</caption>{"".join(rows)}</table>')
    by_reason: dict[str, list[str]] = {}
    for field, reason in summary.undefined.items():
        by_reason.setdefault(reason, []).append(field)
    undefined = "; ".join(f"{', '.join(fields)}: {reason}" for reason, fields in by_reason.items())
    below = f"{escape(summary.annualisation)}. Money in {escape(summary.currency)}; risk-free rate 0."
    if undefined:
        below += f" Undefined: {escape(undefined)}."
    return card("All metrics", f'<div class="columns">{"".join(parts)}</div>', note=below)


def comparison(results: Mapping[str, Result]) -> str:
    """Runs as columns, metrics as rows."""
    head = ["", *results]
    first: list[list[str]] = []
    others: list[list[str]] = []
    for labels in GROUPS.values():
        for label in labels:
            cells = [escape(label.text)]
            for result in results.values():
                tone = _tone(label, getattr(result.summary, label.field))
                hint = result.summary.undefined.get(label.field, "")
                title = f' title="Undefined: {escape(hint)}"' if hint else ""
                cells.append(f'<span class="{tone}"{title}>{escape(shown(result.summary, label))}</span>')
            (first if label.field in _HEADLINES else others).append(cells)
    numbers = range(1, len(head))
    body = f'<div class="scroll">{table(head, first, numbers=numbers)}</div>'
    more = f'<div class="scroll">{table(head, others, numbers=numbers)}</div>'
    body += f'<details class="more"><summary>Other metrics</summary>{more}</details>'
    currencies = {name: result.summary.currency for name, result in results.items()}
    held = ", ".join(dict.fromkeys(currencies.values()))
    if len(set(currencies.values())) > 1:
        held = ", ".join(f"{currency} ({name})" for name, currency in currencies.items())
    return card(
        "Side by side", body, note=f"Money in {escape(held)}; what each number means is under All metrics."
    )


def monthly(curve: Curve) -> str:
    """Heat map of monthly returns, a row a year."""
    found = analytics.monthly_returns(curve.days, curve.day_index)
    if isinstance(found, Undefined):
        return card("Monthly returns", f'<p class="note">Undefined: {escape(found.reason)}.</p>')
    by_month = dict(zip(found[0].tolist(), found[1].tolist(), strict=True))
    scale = max(0.01, sorted(abs(value) for value in by_month.values())[int(0.95 * (len(by_month) - 1))])
    years = range(min(by_month) // 12 + 1970, max(by_month) // 12 + 1971)
    rows: list[str] = []

    def cell(value: float | None, scale: float, extra: str = "") -> str:
        if value is None:
            return "<td></td>"
        weight = round(min(1.0, abs(value) / scale) * 62)
        kind = "gain" if value > 0 else "loss"
        text = f"{value * 100:.1f}".replace("-0.0", "0.0")
        return f'<td class="{kind} {extra}" style="--weight:{weight}%">{text}</td>'

    for year in years:
        values = [by_month.get((year - 1970) * 12 + month) for month in range(12)]
        whole = 1.0
        for value in values:
            whole *= 1.0 + (value or 0.0)
        cells = "".join(cell(value, scale) for value in values)
        rows.append(f"<tr><th>{year}</th>{cells}{cell(whole - 1.0, scale * 2.5, 'year')}</tr>")
    head = "".join(f"<th>{name}</th>" for name in ("", *_MONTHS, "Year"))
    body = f'<div class="scroll"><table class="months"><tr>{head}</tr>{"".join(rows)}</table></div>'
    return card("Monthly returns, %", body, aside=note("by day end; a first or last part month counts"))


def drawdown_table(curve: Curve) -> str:
    """The five deepest drawdowns."""
    down = analytics.drawdowns(curve.at_ns, curve.index, start_ns=curve.start_ns)
    rows: list[list[str]] = []
    moment = time_of if curve.end_ns - curve.start_ns < _TIMES_SHOWN_DAYS * DAY_NS else date_of
    for place in down.depth.argsort(kind="stable")[:5].tolist():
        end = moment(int(down.end_ns[place])) if down.recovered[place] else "not yet"
        days = show("days", float(down.days[place]))
        dates = [moment(int(down.peak_ns[place])), moment(int(down.trough_ns[place])), end]
        rows.append([f'<span class="down">{show("percent", float(down.depth[place]))}</span>', *dates, days])
    if not rows:
        return card("Deepest drawdowns", '<p class="note">Equity never fell below its peak.</p>')
    body = table(["Depth", "Peak", "Trough", "Recovered", "Length"], rows, numbers=[4])
    return card("Deepest drawdowns", f'<div class="scroll">{body}</div>')


def policies(result: Result) -> str:
    """Round trips of each policy, or of each symbol when one policy ran."""
    by = "policy" if len(result.meta.policies) > 1 else "symbol"
    closed = result.round_trips.filter(~pl.col("is_open"))
    if closed.is_empty():
        return card("Round trips", '<p class="note">No round trip was closed.</p>')
    shares = (
        closed.group_by(by)
        .agg(
            pl.len().alias("trips"),
            (pl.col("pnl") > 0).mean().alias("won"),
            pl.col("pnl").sum(),
            pl.col("fees").sum(),
        )
        .sort("pnl", by, descending=[True, False])
    )
    rows = [
        [
            escape(str(row[by])), f"{row['trips']:,}", show("percent", row["won"]),
            f'<span class="{"up" if row["pnl"] > 0 else "down"}">{row["pnl"]:,.2f}</span>',
            f"{row['fees']:,.2f}",
        ]
        for row in shares.head(20).to_dicts()
    ]  # fmt: skip
    body = table([by.capitalize(), "Round trips", "Won", "P&L", "Fees"], rows, numbers=[1, 2, 3, 4])
    more = f"The first 20 of {shares.height:,}." if shares.height > 20 else ""
    return card(f"Round trips by {by}", f'<div class="scroll">{body}</div>', note=more)


def reasons(result: Result) -> str:
    """How orders ended: counted by status and reason, with what to do about each."""
    again = pl.col("repeats") if "repeats" in result.orders.columns else pl.lit(0)
    counted = (
        result.orders.group_by("status", "reason")
        .agg(
            pl.len().alias("orders"),
            again.sum().alias("again"),
            pl.col("detail").filter(pl.col("detail") != "").first(),
        )
        .sort("orders", "status", "reason", descending=[True, False, False])
    )
    rows = [
        [
            f'<span class="pill">{escape(row["status"])}</span>',
            f"<code>{escape(row['reason'])}</code>" if row["reason"] else "",
            f"{row['orders']:,}"
            + (f", asked {row['orders'] + row['again']:,} times" if row["again"] else ""),
            show("percent", row["orders"] / result.orders.height),
            escape(row["detail"] or ""),
            escape(remedy(row["reason"])),
        ]
        for row in counted.to_dicts()
    ]
    if not rows:
        return card("How orders ended", '<p class="note">No order was made.</p>')
    head = ["Status", "Reason", "Orders", "Share", "For example", "What to do"]
    return card("How orders ended", f'<div class="scroll">{table(head, rows, numbers=[2, 3])}</div>')


def orders(result: Result) -> str:
    """The first and last orders in full."""
    frame = result.orders
    kept = (
        frame
        if frame.height <= ROWS_MAX
        else pl.concat([frame.head(ROWS_MAX // 2), frame.tail(ROWS_MAX // 2)])
    )

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:,.10g}"

    times = kept["decided_at"].dt.strftime("%Y-%m-%d %H:%M:%S").to_list()
    rows = [
        [
            f'<span style="white-space:nowrap">{time}</span>', f"<code>{escape(row['order_id'])}</code>",
            escape(row["policy"]), escape(row["symbol"]), escape(row["side"]), number(row["size"]),
            f'<span style="white-space:nowrap">{escape(row["type"])} {escape(row["tif"])}</span>',
            number(row["price"] if row["price"] is not None else row["stop_price"]),
            escape(row["status"]), number(row["filled_size"]), number(row["average_price"]),
            escape(": ".join(part for part in (row["reason"], row["detail"]) if part)),
        ]
        for time, row in zip(times, kept.to_dicts(), strict=True)
    ]  # fmt: skip
    names = "Decided (UTC),Order,Policy,Symbol,Side,Size,Type,Price,Status,Filled,At,Reason"
    head = names.split(",")
    body = f'<div class="scroll tall">{table(head, rows, numbers=[5, 7, 9, 10])}</div>'
    count = f"{frame.height:,} orders"
    if frame.height > ROWS_MAX:
        count += f"; the first and last {ROWS_MAX // 2} are shown, all are in <code>result.orders</code>"
    inside = f'<summary>Orders</summary><p class="note">{count}.</p>{body}'
    return f'<section class="card"><details>{inside}</details></section>'


def warnings(texts: Sequence[str]) -> str:
    """What the reader should know before trusting the numbers."""
    if not texts:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return card("Read this first", f"<ul>{items}</ul>", extra="warnings")


def evidence(result: Result) -> str:
    """Grade, assumptions, data, parameters, counters and fingerprints."""
    meta = result.meta
    assumed = "".join(f"<li>{escape(text)}</li>" for text in meta.assumptions)
    left = f"<p><b>Grade.</b> {escape(meta.grade or 'not graded')}</p>"
    left += f'<ul class="plain">{assumed}</ul>' if assumed else ""
    for policy in meta.policies:
        values = ", ".join(
            f"{name}={msgspec.json.encode(value).decode()}" for name, value in policy.parameters.items()
        )
        left += (
            f'<p style="margin-top:8px"><b>{escape(policy.name)}</b> <code>{escape(policy.use)}</code></p>'
        )
        left += f'<p class="note"><code>{escape(values)}</code></p>' if values else ""
    counters = msgspec.structs.asdict(meta.counters)
    counted = "".join(
        f'<tr><td>{name}</td><td class="n">{value:,}</td></tr>' for name, value in counters.items()
    )
    right = f'<table class="metrics"><caption>The loop, counted</caption>{counted}</table>'
    rows = [
        [
            escape(series.symbol), escape(series.kind), f"{series.rows:,}",
            f"{date_of(series.start_ns)} to {date_of(series.end_ns)}", escape(series.adjusted),
            f"{series.price_shift_max:.3g}",
        ]
        for series in meta.data[:20]
    ]  # fmt: skip
    data = ""
    if rows:
        head = ["Series", "Kind", "Rows", "Period", "Adjusted", "Largest price shift"]
        data = f'<div class="scroll" style="margin-top:12px">{table(head, rows, numbers=[2, 5])}</div>'
        if len(meta.data) > 20:
            data += f'<p class="note">The first 20 of {len(meta.data):,} series.</p>'
    config = msgspec.json.format(msgspec.json.encode(meta.config, order="deterministic"), indent=2).decode()
    shown_config = (
        f"<details><summary>Configuration</summary><pre>{escape(config)}</pre></details>"
        if meta.config
        else ""
    )
    marks = f"seed {meta.seed} · result <code>{result.digest()[:16]}</code>"
    if meta.fingerprint:
        marks += f" · fingerprint <code>{escape(meta.fingerprint[:16])}</code>"
    body = f'<div class="columns two"><div>{left}</div><div>{right}</div></div>{data}'
    return card("Evidence and assumptions", body, note=marks) + (
        card("", shown_config) if shown_config else ""
    )


def symbols_traded(result: Result) -> list[str]:
    """Symbols that have prices, those with the most fills first; without fills in the order of the data."""
    counts: dict[str, int] = dict(result.fills.group_by("symbol").agg(pl.len()).iter_rows())
    known = [
        symbol for symbol in result.meta.symbols if symbol in result.prices and result.prices[symbol].height
    ]
    ranked = sorted(known, key=lambda symbol: -counts.get(symbol, 0))
    return [symbol for symbol in ranked if counts.get(symbol)] or ranked[:1]
