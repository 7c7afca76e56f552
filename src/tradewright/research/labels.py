"""Names and formats of the metrics, the same in the terminal, on the page and in comparisons."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from tradewright.research.summary import Summary

NONE: Final = "—"


class Label(msgspec.Struct, frozen=True):
    """How one metric is shown.

    Attributes:
        field: Field of `Summary`.
        text: Its name.
        kind: ``percent``, ``percent_fine``, ``ratio``, ``money``, ``days``, ``count`` or ``times``.
        is_signed: Whether its sign is good or bad news, and is shown with a colour.
    """

    field: str
    text: str
    kind: str
    is_signed: bool = False


GROUPS: Final[dict[str, list[Label]]] = {
    "Return": [
        Label("total_return", "Total return", "percent", is_signed=True),
        Label("annual_return", "Annual return (CAGR)", "percent", is_signed=True),
        Label("net_pnl", "Net P&L", "money", is_signed=True),
        Label("final_equity", "Final equity", "money"),
        Label("return_mean", "Mean daily return", "percent_fine", is_signed=True),
        Label("best_day", "Best day", "percent", is_signed=True),
        Label("worst_day", "Worst day", "percent", is_signed=True),
        Label("positive_days", "Positive days", "percent"),
        Label("positive_months", "Positive months", "percent"),
    ],
    "Risk": [
        Label("sharpe", "Sharpe", "ratio", is_signed=True),
        Label("sortino", "Sortino", "ratio", is_signed=True),
        Label("calmar", "Calmar", "ratio", is_signed=True),
        Label("volatility", "Volatility", "percent"),
        Label("return_std", "Std of daily returns", "percent_fine"),
        Label("max_drawdown", "Max drawdown", "percent", is_signed=True),
        Label("average_drawdown", "Average drawdown", "percent", is_signed=True),
        Label("max_drawdown_days", "Longest drawdown", "days"),
        Label("average_drawdown_days", "Average drawdown length", "days"),
    ],
    "Trades": [
        Label("trades", "Round trips", "count"),
        Label("win_rate", "Win rate", "percent"),
        Label("profit_factor", "Profit factor", "ratio"),
        Label("average_win", "Average win", "money", is_signed=True),
        Label("average_loss", "Average loss", "money", is_signed=True),
        Label("average_trade", "Average round trip", "money", is_signed=True),
        Label("average_holding_days", "Average holding", "days"),
        Label("exposure", "Exposure", "percent"),
        Label("turnover_annual", "Turnover a year", "times"),
        Label("fees", "Fees", "money"),
        Label("spread_cost", "Half-spread added", "money"),
        Label("impact_cost", "Impact added", "money"),
        Label("borrow_cost", "Borrow", "money"),
        Label("costs", "Costs together", "money"),
        Label("fills", "Fills", "count"),
        Label("orders", "Orders", "count"),
        Label("refused", "Refused", "count"),
    ],
}


def show(kind: str, value: float | None) -> str:
    """A value as text; a dash where it is undefined."""
    if value is None:
        return NONE
    match kind:
        case "percent":
            return f"{value * 100:,.2f} %"
        case "percent_fine":
            return f"{value * 100:,.4f} %"
        case "ratio":
            return f"{value:,.2f}"
        case "money":
            return f"{value:,.2f}"
        case "days":
            if value >= 100 or value == 0:
                return f"{value:,.0f} d"
            for length, unit in ((1, "d"), (1 / 24, "h"), (1 / 1440, "min")):
                if value >= length:
                    return f"{value / length:,.1f} {unit}"
            return f"{value * 86_400:,.1f} s"
        case "times":
            return f"{value:,.2f} x"
        case "count":
            return f"{int(value):,}"
        case _:
            raise ValueError(f"unknown kind of metric {kind!r}")


def shown(summary: Summary, label: Label) -> str:
    """One metric of a summary as text."""
    return show(label.kind, getattr(summary, label.field))


def date_of(time_ns: int) -> str:
    """ISO date of a time."""
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).date().isoformat()


def time_of(time_ns: int) -> str:
    """Date and time of day to the second, UTC."""
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def period_of(summary: Summary) -> str:
    """First and last date; of a run within a day, the times too."""
    first, last = date_of(summary.start_ns), date_of(summary.end_ns)
    if first != last:
        return f"{first} to {last}"
    times = [
        datetime.fromtimestamp(at // 1_000_000_000, UTC).strftime("%H:%M:%S")
        for at in (summary.start_ns, summary.end_ns)
    ]
    return f"{first}, {times[0]} to {times[1]} UTC"
