"""Profit taken apart: what the spread paid, what those who knew more took, what was held, fees and rebates.

A fill of ``q`` units (negative for a sale) at a price ``p``, with the mid ``m`` just before it and ``m_h`` a
horizon later, has by the end of the run, at the last mark ``M``, made ``q (M - p)``. That is

- spread capture ``q (m - p)``: how much better than the mid it was done;
- adverse selection ``q (m_h - m)``: what the mid did next;
- inventory ``q (M - m_h)``: what it did after that, while the position was held.

So the first two are the markout ``q (m_h - p)``, and all three are the profit before fees, for each horizon.
Money is counted in 10⁻¹² of its currency, as in the ledger.

Source:
    Huang and Stoll (1996), "Dealer versus auction markets", Journal of Financial Economics 41: half a spread
    is a price impact and a realised half spread. Hasbrouck and Sofianos (1993), "The trades of market
    makers", Journal of Finance 48, and Menkveld (2013), "High frequency trading and the new market makers",
    Journal of Financial Markets 16: the rest of a market maker's profit is that of his position.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
import numpy as np

from tradewright.core.exact import div_half_even
from tradewright.core.times import SECOND_NS, Duration, duration_ns, duration_text
from tradewright.errors import DataError
from tradewright.research.analytics import Floats, Ints
from tradewright.research.frames import money
from tradewright.research.summary import ns_of
from tradewright.research.touch import NO_MID, Touch, counts, touches_of, units_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from tradewright.research.meta import InstrumentMeta
    from tradewright.research.result import Result

CASH_ONE: Final = 10**12
PARTS: Final = ("spread_capture", "adverse_selection", "inventory", "fees", "rebates", "cash_flows")
"""What the total is the sum of."""


class Unit(msgspec.Struct, frozen=True):
    """How lots and prices of one instrument make money: the core's own rule.

    Attributes:
        numerator: Of the value of one lot at half a price unit, in 10⁻¹².
        denominator: Of the same.
        is_inverse: Whether the value is the size divided by the price.
    """

    numerator: int
    denominator: int
    is_inverse: bool

    @staticmethod
    def of(instrument: InstrumentMeta) -> Unit:
        """The constants of an instrument."""
        lot = Fraction(instrument.lot_size) * Fraction(instrument.multiplier) * CASH_ONE
        is_inverse = instrument.contract == "inverse"
        price = Fraction(instrument.price_unit) / 2
        value = lot / price if is_inverse else lot * price
        return Unit(value.numerator, value.denominator, is_inverse)

    def value_e12(self, price_x2: int, lots: int, parts: int = 1) -> int:
        """Signed value of lots at half of ``price_x2 / parts`` price units, rounded once, half to even."""
        if self.is_inverse:
            return -div_half_even(lots * self.numerator * parts, price_x2 * self.denominator)
        return div_half_even(price_x2 * lots * self.numerator, self.denominator * parts)


Ratios: TypeAlias = "list[tuple[int, int]]"
"""New units and the old ones that they came for, by fill."""


class Legs(msgspec.Struct, frozen=True):
    """Fills of one policy in one instrument, as integers.

    Attributes:
        at_ns: Shape ``(n,)``; the venue's time of each.
        lots: Shape ``(n,)``; bought positive, sold negative.
        price_x2: Shape ``(n,)``; twice the price, in price units.
        mid_x2: Shape ``(n,)``; twice the mid just before it, or `NO_MID`.
    """

    at_ns: Ints
    lots: Ints
    price_x2: Ints
    mid_x2: Ints

    def moved_e12(
        self, unit: Unit, start_x2: Ints, end_x2: Ints, ratios: Ratios | None = None
    ) -> list[int | None]:
        """What each fill's lots made while the price moved; ``None`` where a price is not known.

        ``ratios`` are the new units, and the old ones that they came for, of the splits between the prices.
        """
        rows = zip(self.lots.tolist(), start_x2.tolist(), end_x2.tolist(), strict=True)
        if ratios is None:
            return [
                None if NO_MID in (start, end) else unit.value_e12(end, lots) - unit.value_e12(start, lots)
                for lots, start, end in rows
            ]
        return [
            None
            if NO_MID in (start, end)
            else unit.value_e12(end * new, lots, old) - unit.value_e12(start, lots)
            for (lots, start, end), (new, old) in zip(rows, ratios, strict=True)
        ]


def horizons_ns(horizons: Sequence[Duration]) -> dict[str, int]:
    """Lengths by the name that columns carry."""
    lengths = [duration_ns(horizon, name="horizon") for horizon in horizons]
    return {_name(length): length for length in lengths}


def _name(length_ns: int) -> str:
    """``60s`` rather than ``1m``: what such tables are headed with."""
    seconds, rest = divmod(length_ns, SECOND_NS)
    return duration_text(length_ns) if rest or seconds > 60 else f"{seconds}s"


def legs_of(fills: pl.DataFrame, instrument: InstrumentMeta, touch: Touch | None) -> Legs:
    """Fills as integers, with the mid just before each: the one that the venue noted, or by its time."""
    at_ns, step = ns_of(fills["ts_event"]), float(instrument.price_unit)
    sign = np.where(fills["side"].to_numpy() == "buy", 1, -1)
    mid_x2 = np.full(len(at_ns), NO_MID) if touch is None else touch.mid_x2_before(at_ns)
    if "mid" in fills.columns:
        noted = fills["mid"].fill_null(float("nan")).to_numpy()
        is_noted = ~np.isnan(noted)
        mid_x2[is_noted] = counts(noted[is_noted] * 2, step)
    return Legs(
        at_ns,
        sign * counts(fills["size"].to_numpy(), float(instrument.lot_size)),
        2 * counts(fills["price"].to_numpy(), step),
        mid_x2,
    )


def markouts(result: Result, data: object, horizons: Sequence[Duration]) -> pl.DataFrame:
    """See `Result.markouts`."""
    import polars as pl

    units, lengths = units_of(result), horizons_ns(horizons)
    touches = touches_of(result, data, list(lengths.values()))
    frames: list[pl.DataFrame] = []
    kept = (
        "policy",
        "symbol",
        "fill_id",
        "order_id",
        "side",
        "liquidity",
        "ts_event",
        "size",
        "price",
        "value",
    )
    for (symbol,), fills in result.fills.with_row_index("_row").group_by("symbol", maintain_order=True):
        instrument, touch = units[str(symbol)], touches.get(str(symbol))
        unit, legs = Unit.of(instrument), legs_of(fills, instrument, touch)
        half_unit = Fraction(instrument.price_unit) / 2
        captured = legs.moved_e12(unit, legs.price_x2, legs.mid_x2)
        columns = {"mid": _prices(legs.mid_x2, half_unit), "spread_capture": _amounts(captured)}
        for name, length_ns in lengths.items():
            later_x2 = _later(touch, legs, length_ns)
            columns[f"mid_{name}"] = _prices(later_x2, half_unit)
            ratios = _ratios(result, str(symbol), touch, legs, length_ns)
            columns[f"adverse_{name}"] = _amounts(legs.moved_e12(unit, legs.mid_x2, later_x2, ratios))
            columns[f"markout_{name}"] = _amounts(legs.moved_e12(unit, legs.price_x2, later_x2, ratios))
        made = pl.DataFrame({name: pl.Series(column, dtype=pl.Float64) for name, column in columns.items()})
        frames.append(fills.select("_row", *kept).hstack(made))
    if frames:
        return pl.concat(frames).sort("_row").drop("_row")
    names = ["mid", "spread_capture"]
    names += [f"{column}_{name}" for name in lengths for column in ("mid", "adverse", "markout")]
    return result.fills.select(*kept, *(pl.lit(None, dtype=pl.Float64).alias(name) for name in names))


def _later(touch: Touch | None, legs: Legs, length_ns: int) -> Ints:
    return np.full(len(legs.at_ns), NO_MID) if touch is None else touch.mid_x2_at(legs.at_ns + length_ns)


def _ratios(result: Result, symbol: str, touch: Touch | None, legs: Legs, length_ns: int) -> Ratios | None:
    """Of the splits between each fill and the mid a horizon later; ``None`` where there are none."""
    splits = result.positions.filter(event="split", symbol=symbol).unique(["at", "numerator", "denominator"])
    if touch is None or splits.is_empty():
        return None
    until_ns = touch.since_ns(legs.at_ns + length_ns)
    ratios = [(1, 1)] * len(legs.at_ns)
    for at, new, old in zip(ns_of(splits["at"]), splits["numerator"], splits["denominator"], strict=True):
        for row in np.flatnonzero((legs.at_ns < at) & (at <= until_ns)).tolist():
            ratios[row] = (ratios[row][0] * new, ratios[row][1] * old)
    return ratios


def _prices(mid_x2: Ints, half_unit: Fraction) -> list[float | None]:
    step, units = half_unit.as_integer_ratio()  # division of integers is rounded once
    return [None if mid == NO_MID else mid * step / units for mid in mid_x2.tolist()]


def _amounts(amounts_e12: list[int | None]) -> list[float | None]:
    return [None if amount is None else amount / CASH_ONE for amount in amounts_e12]


class Split(msgspec.Struct, frozen=True):
    """Profit of one policy in one instrument, in parts; money in 10⁻¹² of the currency.

    Attributes:
        parts_e12: By the names of `PARTS`.
        fills: How many fills there were.
        fills_without_mid: Those of them before the first quote: they are in `inventory` whole.
        fills_without_markout: Those whose horizon ends after the data: what followed them is in `inventory`.
    """

    parts_e12: dict[str, int]
    fills: int
    fills_without_mid: int
    fills_without_markout: int

    @property
    def total_e12(self) -> int:
        """All parts together."""
        return sum(self.parts_e12.values())


def split(
    unit: Unit,
    legs: Legs,
    later_x2: Ints,
    fees_e12: Sequence[int],
    *,
    gross_e12: int,
    fees_total_e12: int,
    cash_flows_e12: int,
    ratios: Ratios | None = None,
) -> Split:
    """Takes the ledger's own sums apart; the parts sum to them to the last unit.

    Args:
        unit: Of the instrument.
        legs: The fills.
        later_x2: Shape ``(n,)``; twice the mid a horizon after each fill, or `NO_MID`.
        fees_e12: Fee of each fill; a rebate is negative.
        gross_e12: Realised and unrealised profit, before fees.
        fees_total_e12: All fees, rebates taken off.
        cash_flows_e12: Dividends, funding and borrow cost.
        ratios: Of the splits within the horizon of each fill.
    """
    captured = legs.moved_e12(unit, legs.price_x2, legs.mid_x2)
    adverse = legs.moved_e12(unit, legs.mid_x2, later_x2, ratios)
    spread_e12 = sum(amount for amount in captured if amount is not None)
    adverse_e12 = sum(amount for amount in adverse if amount is not None)
    rebates_e12 = -sum(fee for fee in fees_e12 if fee < 0)
    amounts = (
        spread_e12,
        adverse_e12,
        gross_e12 - spread_e12 - adverse_e12,
        -(fees_total_e12 + rebates_e12),
        rebates_e12,
        cash_flows_e12,
    )
    without_mid = captured.count(None)
    return Split(
        dict(zip(PARTS, amounts, strict=True)),
        fills=len(captured),
        fills_without_mid=without_mid,
        fills_without_markout=adverse.count(None) - without_mid,
    )


def pnl_parts(result: Result, data: object, horizon: Duration | None) -> pl.DataFrame:
    """See `Result.pnl_parts`."""
    import polars as pl

    ledger = result.ledger
    if ledger.is_empty() and result.fills.height:
        raise DataError(
            "says nothing of its ledger.",
            source="result",
            field="ledger",
            remedy="Run again: versions before this one did not keep it.",
        )
    length_ns = None if horizon is None else next(iter(horizons_ns([horizon]).values()))
    units = units_of(result)
    touches = touches_of(result, data, [] if length_ns is None else [length_ns])
    splits: list[Split] = []
    for row in ledger.iter_rows(named=True):
        instrument, touch = units[row["symbol"]], touches.get(row["symbol"])
        fills = result.fills.filter(policy=row["policy"], symbol=row["symbol"])
        legs = legs_of(fills, instrument, touch)
        later_x2, ratios = legs.mid_x2, None  # Without a horizon inventory begins with the fill.
        if length_ns is not None:
            later_x2 = _later(touch, legs, length_ns)
            ratios = _ratios(result, row["symbol"], touch, legs, length_ns)
        splits.append(
            split(
                Unit.of(instrument),
                legs,
                later_x2,
                [round(Decimal(repr(fee)) * CASH_ONE) for fee in fills["fee"].to_list()],
                gross_e12=_e12(row["realised"]) + _e12(row["unrealised"]),
                fees_total_e12=_e12(row["fees"]),
                cash_flows_e12=_e12(row["cash_flows"]),
                ratios=ratios,
            )
        )
    counted = ("fills", "fills_without_mid", "fills_without_markout")
    return ledger.select("policy", "symbol", "currency").with_columns(
        *(money([one.parts_e12[part] for one in splits]).alias(part) for part in PARTS),
        money([one.total_e12 for one in splits]).alias("total"),
        *(pl.Series(name, [getattr(one, name) for one in splits], dtype=pl.UInt32) for name in counted),
    )


def _e12(amount: Decimal) -> int:
    return int(Fraction(amount) * CASH_ONE)  # a Decimal's own arithmetic would round to its context


def markout_curve(frame: pl.DataFrame, horizons: Sequence[Duration]) -> pl.DataFrame:
    """Mean markouts of a `markouts` frame, weighted by value.

    Returns:
        A row for each side (``all``, ``buy``, ``sell``) and horizon, the fill itself (0 s) first: ``side``,
        ``horizon``, ``horizon_s``, ``fills``, ``mean_bps`` of the value traded, ``error_bps`` (standard
        error, as if fills were independent; null below two fills).
    """
    import polars as pl

    columns = {"fill": (0, "spread_capture")}
    columns |= {name: (length, f"markout_{name}") for name, length in horizons_ns(horizons).items()}
    rows: list[dict[str, object]] = []
    for side in ("all", "buy", "sell"):
        fills = frame if side == "all" else frame.filter(side=side)
        for name, (length_ns, column) in columns.items():
            known = fills.drop_nulls(column)
            mean_bps, error_bps = _weighted(known[column].to_numpy(), known["value"].to_numpy())
            rows.append(
                {
                    "side": side,
                    "horizon": name,
                    "horizon_s": length_ns / SECOND_NS,
                    "fills": known.height,
                    "mean_bps": mean_bps,
                    "error_bps": error_bps,
                }
            )
    schema = {"side": pl.String, "horizon": pl.String, "horizon_s": pl.Float64, "fills": pl.UInt32}
    return pl.DataFrame(rows, schema=schema | {"mean_bps": pl.Float64, "error_bps": pl.Float64})


def _weighted(amounts: Floats, values: Floats) -> tuple[float | None, float | None]:
    """Mean of amounts in bps of their values, and its standard error."""
    total = float(values.sum())
    if not len(amounts) or total <= 0:
        return None, None
    mean = float(amounts.sum()) / total
    if len(amounts) < 2:
        return mean * 1e4, None
    rest = amounts - mean * values
    count = len(amounts)
    return mean * 1e4, float(np.sqrt((rest**2).sum() * count / (count - 1))) / total * 1e4
