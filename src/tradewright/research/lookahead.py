"""The test for lookahead: what was decided by t must not depend on what came after t.

The whole data are run once; then they are cut at several times and run again. Up to the cut, both runs must
have decided the same. Half of the cuts fall on times when the whole run sent an order: a policy that peeks
one record ahead decides differently there once that record is gone. The others are spread over the data.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, cast

from msgspec import Struct

from tradewright.core.times import time_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

COMPARED = (
    *("order", "policy", "symbol", "side", "type", "tif"),
    *("size", "price", "stop_price", "intent", "decided_at"),
)
"""Columns of an order that its decision determines; its fate may well depend on later data.

Sizes and prices are those before any amendment. Amendments are compared too, with the order that they change.
"""

AMENDMENT = "amendment"
"""The intent of a decision that changed an order."""

DataT = TypeVar("DataT")
Orders: TypeAlias = "Sequence[dict[str, Any]]"


class HasOrders(Protocol):
    """As much of a result as the test needs."""

    @property
    def orders(self) -> pl.DataFrame:
        """Every order of the run."""
        ...


class HasAmendments(HasOrders, Protocol):
    """A result that knows what orders were amended to."""

    @property
    def amendments(self) -> pl.DataFrame:
        """Amendments that were sent."""
        ...


class Difference(Struct, frozen=True):
    """The first decision that changed when later data were taken away.

    Attributes:
        cut_ns: Last receive time that was kept, ns since the epoch.
        at_ns: Time of the decision.
        whole: The order or amendment as decided with all data; ``None`` where there was none.
        cut: The same as decided without the later data; ``None`` where there was none.
    """

    cut_ns: int
    at_ns: int
    whole: dict[str, Any] | None
    cut: dict[str, Any] | None

    def __str__(self) -> str:
        return (
            f"at {time_text(self.at_ns)}, with the data up to {time_text(self.cut_ns)}: "
            f"{_order(self.cut, self.at_ns)}; with the later data too: {_order(self.whole, self.at_ns)}"
        )


class LookaheadReport(Struct, frozen=True):
    """What the test found.

    Attributes:
        cuts_ns: Last receive time kept by each truncated run.
        orders: Orders of the whole run.
        difference: The earliest decision that depends on later data; ``None`` where none was found.
        amendments: Amendments of the whole run.
        is_random: Whether two runs over the whole data decided differently: then a difference says nothing
            about lookahead. Looked at where there is a difference.
    """

    cuts_ns: list[int]
    orders: int
    difference: Difference | None = None
    amendments: int = 0
    is_random: bool = False

    @property
    def passed(self) -> bool:
        """Whether no decision depended on later data."""
        return self.difference is None

    def __str__(self) -> str:
        if self.is_random:
            return (
                "not deterministic: two runs over the same data decided differently, so nothing is known of "
                "lookahead. Draw random numbers from a generator with a seed, made anew with the policy."
            )
        if self.difference is not None:
            return f"lookahead: {self.difference}"
        warning = "" if self.orders else " The policy sent no order, so this says little."
        amended = f" and {self.amendments:,} amendments" if self.amendments else ""
        return f"no lookahead in {self.orders:,} orders{amended} at {len(self.cuts_ns)} cuts.{warning}"


def check(
    run: Callable[[Any, DataT], HasOrders],
    make_policies: Callable[[DataT], Any],
    data: DataT,
    *,
    cuts: int = 16,
    seed: int = 0,
) -> LookaheadReport:
    """Runs the whole data, then truncated data, and compares the decisions.

    What is computed from all data before a run (a mean, a fit, a chosen pair) is the commonest lookahead of
    all, so the policies are made anew for each run, from the data of that run.

    Args:
        run: Runs policies over data, such as ``functools.partial(tw.backtest, cash=100_000)``.
        make_policies: Fresh policies for the data that they will run on: ``lambda data: SmaCross("SPX")``.
        data: A series, a list of series, or a data set.
        cuts: How many truncated runs.
        seed: Chooses where they are cut.

    Raises:
        ValueError: fewer than two different times in the data, or less than one cut.
    """
    if cuts < 1:
        raise ValueError(f"cuts must be at least 1, not {cuts}.")
    times_ns = _times(data)
    if len(times_ns) < 2:
        raise ValueError("data of fewer than two times cannot be cut.")
    whole = _decisions(run(make_policies(data), data))
    places = _places(times_ns, [_at(order) for order in whole], cuts, seed)
    first: Difference | None = None
    for cut_ns in places:
        known = _until(data, cut_ns)
        difference = _compare(whole, _decisions(run(make_policies(known), known)), cut_ns)
        if difference is not None and (first is None or difference.at_ns < first.at_ns):
            first = difference
    amended = sum(decision["intent"] == AMENDMENT for decision in whole)
    return LookaheadReport(
        cuts_ns=places,
        orders=len(whole) - amended,
        difference=first,
        amendments=amended,
        is_random=first is not None and _decisions(run(make_policies(data), data)) != whole,
    )


def _compare(whole: Orders, cut: Orders, cut_ns: int) -> Difference | None:
    before = [order for order in whole if _at(order) <= cut_ns]
    after = [order for order in cut if _at(order) <= cut_ns]
    for index in range(max(len(before), len(after))):
        left = before[index] if index < len(before) else None
        right = after[index] if index < len(after) else None
        if left != right:
            at_ns = min(_at(order) for order in (left, right) if order is not None)
            return Difference(cut_ns=cut_ns, at_ns=at_ns, whole=left, cut=right)
    return None


def _places(times_ns: Sequence[int], decided_ns: Sequence[int], cuts: int, seed: int) -> list[int]:
    """Times to cut at: at decisions and spread over the data, never after the last but one."""
    chance = random.Random(seed)  # noqa: S311 - places to look, no secret
    first, last = times_ns[0], times_ns[-1]
    at_decisions = sorted({time for time in decided_ns if first <= time < last})
    chosen = set(chance.sample(at_decisions, min(len(at_decisions), (cuts + 1) // 2)))
    open_places = sorted({time for time in times_ns[:-1] if time not in chosen})
    missing = min(cuts - len(chosen), len(open_places))
    for stratum in range(missing):  # one in each equal part
        low = stratum * len(open_places) // missing
        high = (stratum + 1) * len(open_places) // missing
        chosen.add(open_places[chance.randrange(low, high)])
    # A timer ends with the data: what it would have asked for after their last record is not known.
    return sorted({times_ns[bisect_right(times_ns, place) - 1] for place in chosen})


def _decisions(result: HasOrders) -> list[dict[str, Any]]:
    """Orders and amendments in order of decision."""
    frame = result.orders
    # A later amendment changes size and price: what counts is what was decided then.
    for name in ("size", "price"):
        if f"{name}_decided" in frame.columns:
            frame = frame.with_columns(frame[f"{name}_decided"].alias(name))
    made = _rows(frame)
    amended = cast("HasAmendments", result).amendments if hasattr(result, "amendments") else None
    if amended is None or amended.is_empty():
        return made
    import polars as pl

    changes = amended.with_columns(pl.lit(AMENDMENT).alias("intent"), pl.lit("limit").alias("type"))
    # What was decided at one time is orders first, whichever came first in truth: so in both runs.
    return sorted([*made, *_rows(changes)], key=_at)


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    import polars as pl

    numbered = frame.with_columns(
        frame["decided_at"].dt.epoch("ns").alias("decided_at"),
        # The number alone: the rest of an id is the fingerprint of policies that may be made from the data.
        pl.col("order_id").cast(pl.String).str.split("-").list.last().alias("order"),
    )
    return numbered.select([name for name in COMPARED if name in numbered.columns]).to_dicts()


def _at(order: dict[str, Any]) -> int:
    return cast("int", order["decided_at"])


def _series(data: object) -> list[Any]:
    if isinstance(data, list | tuple):
        return list(cast("Sequence[Any]", data))
    return list(getattr(data, "series", [data]))


def _times(data: object) -> list[int]:
    import numpy as np

    from tradewright.core.stream import columns_of

    series = [one for one in _series(data) if len(one)]
    if not series:
        return []
    # All times of reception are in memory at once, also of a series that is read in parts.
    every = np.unique(np.concatenate([times for one in series for times in columns_of(one, "ts_recv_ns")]))
    # A cut before a series has begun would leave a policy without its instrument.
    return every[every >= max(one.start_ns for one in series)].tolist()


def _until(data: DataT, moment_ns: int) -> DataT:
    """What had been received at ``moment_ns``, that time included."""
    if isinstance(data, list | tuple):
        return cast("DataT", [one.before(moment_ns + 1) for one in cast("Sequence[Any]", data)])
    return cast("Any", data).before(moment_ns + 1)


def _order(order: dict[str, Any] | None, at_ns: int) -> str:
    if order is None:
        return "nothing"
    price = "" if order.get("price") is None else f" @ {order['price']:,}"
    what = f"{order['policy']} {order['side']} {order['size']:,} {order['symbol']} {order['type']}{price}"
    if _at(order) != at_ns:
        what = f"{what} at {time_text(_at(order))}"
    return f"amendment of order {order['order']} to {what}" if order["intent"] == AMENDMENT else what
