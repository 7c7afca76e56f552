"""What our orders showed over time, and how long each stood: from the orders of a result.

An order counts as shown from the moment it was decided until we learnt of its end, so both ways to the venue
are inside. An amendment that the venue took counts from when it was decided, as an order does.
"""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from tradewright.research.analytics import Floats, Ints
from tradewright.research.summary import ns_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from tradewright.research.result import Result

ENDED_WITH_RUN = "run_ended"


class Shown(msgspec.Struct, frozen=True):
    """Our best prices in one instrument over time; a side without an order is NaN.

    Attributes:
        at_ns: Shape ``(n,)``, ascending; each row holds until the next, and nothing stands after the last.
        bid: Shape ``(n,)``; our highest buying price.
        ask: Shape ``(n,)``; our lowest selling price.
    """

    at_ns: Ints
    bid: Floats
    ask: Floats


def resting_orders(result: Result) -> pl.DataFrame:
    """Orders with a limit that reached the venue: those that could rest."""
    import polars as pl

    orders = result.orders
    is_sent = ~orders["status"].str.to_lowercase().is_in(["refused", "rejected"])
    return orders.filter(is_sent & pl.col("price").is_not_null() & ~pl.col("tif").is_in(["ioc", "fok"]))


def is_price_unknown(result: Result) -> bool:
    """Whether orders were amended under way, and the result, of an earlier version, does not say to what."""
    sent = result.orders.filter(result.orders["status"].str.to_lowercase() != "refused").height
    return result.amendments.is_empty() and result.meta.counters.sent > sent


def shown_of(orders: pl.DataFrame, amendments: pl.DataFrame) -> Shown:
    """Our best prices over time.

    Args:
        orders: Of one instrument; `resting_orders`.
        amendments: `Result.amendments`; those of other orders do not matter.
    """
    changes: list[tuple[int, int, float, int]] = []
    for begins, ends, side, price in _stretches(orders, amendments):
        if begins < ends:
            which = 0 if side == "buy" else 1
            # Where one order ends as the next begins, the ending comes first.
            changes += [(begins, 1, price, which), (ends, 0, price, which)]
    changes.sort()
    standing: tuple[list[float], list[float]] = ([], [])
    times: list[int] = []
    best: tuple[list[float], list[float]] = ([], [])
    for at_ns, begins, price, which in changes:
        if begins:
            insort(standing[which], price)
        else:
            standing[which].remove(price)
        touch = (
            standing[0][-1] if standing[0] else float("nan"),
            standing[1][0] if standing[1] else float("nan"),
        )
        if times and times[-1] == at_ns:
            best[0][-1], best[1][-1] = touch
        else:
            times.append(at_ns)
            best[0].append(touch[0])
            best[1].append(touch[1])
    return Shown(
        np.array(times, dtype=np.int64),
        np.array(best[0], dtype=np.float64),
        np.array(best[1], dtype=np.float64),
    )


def _stretches(orders: pl.DataFrame, amendments: pl.DataFrame) -> Iterator[tuple[int, int, str, float]]:
    """From when until when each order stood at one price: start, end, side and price."""
    import polars as pl

    taken = amendments.filter((pl.col("status") == "amended") & pl.col("price").is_not_null())
    moves: dict[str, list[tuple[int, float]]] = {}
    decided = ns_of(taken["decided_at"]).tolist()
    for order_id, at_ns, price in zip(taken["order_id"], decided, taken["price"], strict=True):
        moves.setdefault(order_id, []).append((at_ns, price))
    first = orders["price_decided" if "price_decided" in orders.columns else "price"]
    start, end = ns_of(orders["decided_at"]).tolist(), ns_of(orders["updated_at"]).tolist()
    for order_id, begins, ends, side, price in zip(
        orders["order_id"], start, end, orders["side"], first, strict=True
    ):
        at_ns, at_price = begins, price
        for moved_ns, moved_to in moves.get(order_id, ()):
            yield at_ns, min(moved_ns, ends), side, at_price
            at_ns, at_price = min(moved_ns, ends), moved_to
        yield at_ns, ends, side, at_price


def time_weighted(at_ns: Ints, values: Floats, end_ns: int) -> tuple[float, int] | None:
    """Mean of a value that holds from each time until the next, the last until `end_ns`, where it is not NaN.

    Returns:
        The mean and the length of time it is over, in ns; ``None`` if there is none.
    """
    if not len(at_ns):
        return None
    spans = np.diff(np.append(at_ns, max(end_ns, int(at_ns[-1]))))
    known = ~np.isnan(values) & (spans > 0)
    length = int(spans[known].sum())
    if not length:
        return None
    return float((values[known] * (spans[known] / length)).sum()), length


def lifetimes_s(orders: pl.DataFrame) -> Floats:
    """Seconds from decision to end of the orders that ended before the run did."""
    ended = orders.filter(orders["reason"] != ENDED_WITH_RUN)
    return (ns_of(ended["updated_at"]) - ns_of(ended["decided_at"])) / 1e9
