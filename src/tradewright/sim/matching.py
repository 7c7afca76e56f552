"""The matching engine: a limit order book in price-time priority, in ticks and lots.

Prices and sizes are integers. An `Instrument` says what they stand for::

    engine = MatchingEngine()
    engine.limit(1, Side.SELL, instrument.price_ticks(0.55), instrument.size_lots(100))
    engine.market(2, Side.BUY, instrument.size_lots(30))
    engine.fill_history(instrument)  # prices and sizes as floats again

The rules (who trades first, what an amendment keeps, how icebergs and stops behave) stand in
``docs/concepts/matching.md``.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from tradewright import _native

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import polars as pl
    from numpy.typing import ArrayLike, NDArray

    from tradewright._native import Columns
    from tradewright.core.instrument import Instrument

__all__ = [
    "UNCHANGED",
    "BatchResult",
    "Fills",
    "MatchingEngine",
    "Op",
    "OrderAction",
    "OutcomeKind",
    "Outcomes",
    "Quote",
    "Reject",
    "Side",
    "Tif",
    "Top",
]

UNCHANGED = -(2**63)
"""In a column of `MatchingEngine.run`: an amendment leaves this as it is."""


class Side(IntEnum):
    """Which way an order trades; a bool will do for it."""

    SELL = 0
    BUY = 1


class Tif(IntEnum):
    """What becomes of the part of a limit order that does not trade at once."""

    GTC = 0  # It rests until it is cancelled.
    IOC = 1  # It is cancelled.
    FOK = 2  # There is none: all trades at once, or the order is rejected.
    POST_ONLY = 3  # All of it rests; an order that would take is rejected.


class Op(IntEnum):
    """Kinds of operations in `MatchingEngine.run`."""

    LIMIT = 0
    CANCEL = 1
    MARKET = 2
    AMEND = 3
    STOP = 4
    STOP_LIMIT = 5


class Reject(IntEnum):
    """Why an operation changed nothing."""

    DUPLICATE_ID = 1  # A live order has this id.
    UNKNOWN_ID = 2  # No live order has this id.
    SIZE = 3  # Not above zero, or above 2**53.
    PRICE = 4  # Beyond plus or minus 2**53.
    PEAK = 5  # Negative, or on an order that never rests.
    WOULD_TAKE = 6  # A post-only order would take.
    UNFILLABLE = 7  # A fill-or-kill order cannot fill whole.
    BELOW_FILLED = 8  # The new size is not above what has traded.
    NOT_APPLICABLE = 9  # A stop price for a resting order, or a limit for a stop without one.
    FULL = 10  # No room: 2**32 orders, or more than 2**63 - 1 lots at one price.
    MALFORMED = 11  # A code, an id or an owner that stands for nothing.


class OutcomeKind(IntEnum):
    """What may happen to an order beside trades and its own operations."""

    TRIGGERED = 0  # A stop was triggered, and enters.
    UNFILLED = 1  # The remainder of a market or immediate-or-cancel order was cancelled.
    SELF_TRADE = 2  # Cancelled by self-trade prevention.
    DECREMENTED = 3  # Reduced by self-trade prevention; it ends if nothing is left.
    WOULD_TAKE = 4  # A triggered post-only stop-limit order would have taken, and ended.
    UNFILLABLE = 5  # A triggered fill-or-kill stop-limit order could not fill whole, and ended.
    FULL = 6  # The remainder found no room in the book, and was cancelled.


class OrderAction(IntEnum):
    """What a displayed order did, in `MatchingEngine.order_deltas`."""

    ADD = 0  # It stands at the back of its level.
    CHANGE = 1  # It shows another size, at its place.
    REMOVE = 2  # It is gone.


class Quote(NamedTuple):
    """A price level: price in ticks, displayed lots, and the number of orders."""

    price: int
    size: int
    orders: int


class Top(NamedTuple):
    """The best level of each side; ``None`` where a side is empty."""

    bid: Quote | None
    ask: Quote | None


class Fills(NamedTuple):
    """Trades as columns of shape ``(n,)``, in the order in which they happened.

    The columns are read-only: the history of the engine shares them.

    Attributes:
        command: Number of the operation in which it happened, from 0 at the first one of the engine.
        taker: Id of the order that came in.
        maker: Id of the order that rested.
        price: The maker's price, in ticks.
        size: In lots.
        side: Side of the taker, a `Side`.
    """

    command: NDArray[np.int64]
    taker: NDArray[np.int64]
    maker: NDArray[np.int64]
    price: NDArray[np.int64]
    size: NDArray[np.int64]
    side: NDArray[np.uint8]


class Outcomes(NamedTuple):
    """What else happened, as columns of shape ``(n,)``.

    Attributes:
        command: Number of the operation in which it happened.
        order_id: The order.
        kind: An `OutcomeKind`.
        size: How many of its open lots it concerns.
    """

    command: NDArray[np.int64]
    order_id: NDArray[np.int64]
    kind: NDArray[np.uint8]
    size: NDArray[np.int64]


class BatchResult(NamedTuple):
    """What a batch of operations did.

    Attributes:
        status: Shape ``(operations,)``; trades that each made, or the negative code of its `Reject`.
        fills: The trades.
        outcomes: What else happened.
    """

    status: NDArray[np.int32]
    fills: Fills
    outcomes: Outcomes


class MatchingEngine(_native.MatchingEngine):
    """One order book in price-time priority.

    ``limit``, ``market``, ``stop``, ``stop_limit``, ``cancel`` and ``amend`` take integers by position and
    return how many trades they made. An operation that cannot be done changes nothing and returns the
    negative code of a `Reject`; `reject` names it. It raises only for what is no 64-bit integer
    (``TypeError``, ``OverflowError``). After each call ``fills()`` has its trades and ``outcomes()`` what
    else happened.

    An id is free again when its order has ended. Owners are for self-trade prevention; 0 is nobody.

    Args:
        self_trade: What happens when an order meets one of the same owner: ``"allow"``, ``"cancel_newest"``,
            ``"cancel_oldest"``, ``"cancel_both"`` or ``"decrement"``.
        keep_history: Keep all trades and outcomes for `fill_history`, not only those of the latest call.
        deltas: Record `level_deltas` and `order_deltas`.

    Raises:
        ValueError: ``self_trade`` is none of these.
    """

    __slots__ = ()

    @property
    def reject(self) -> Reject | None:
        """Why the latest call changed nothing; ``None`` if it did, and after `run`."""
        code = self.reject_code
        return Reject(code) if code else None

    def run(
        self,
        kind: ArrayLike,
        order_id: ArrayLike,
        side: ArrayLike,
        price: ArrayLike,
        size: ArrayLike,
        *,
        owner: ArrayLike | None = None,
        tif: ArrayLike | None = None,
        peak: ArrayLike | None = None,
        stop: ArrayLike | None = None,
    ) -> BatchResult:
        """Does many operations in their order, without Python in between.

        Every column has the shape ``(operations,)``; what an operation does not need is not looked at. A
        column that is left out is zero, or leaves amended orders as they are. Ctrl-C between operations
        keeps what was done so far.

        Args:
            kind: An `Op` each.
            order_id: The order that is made, cancelled or amended.
            side: A `Side` each.
            price: Limit prices in ticks; `UNCHANGED` in an amendment.
            size: Sizes in lots, totals in amendments; `UNCHANGED` there keeps the size.
            owner: Owners, 0 for nobody.
            tif: A `Tif` each.
            peak: Lots that icebergs show at a time, 0 for all.
            stop: Triggers of stops in ticks; `UNCHANGED` in an amendment. Stops without it are malformed.

        Raises:
            ValueError: Columns of different lengths, or of more than one dimension.
            TypeError: A column is not made of integers.
        """
        import numpy as np

        def column(name: str, values: ArrayLike, dtype: type[np.integer[Any]]) -> NDArray[Any]:
            array = np.asarray(values)
            if array.ndim != 1:
                raise ValueError(f"{name} has shape {array.shape}. Give one value an operation.")
            if array.dtype.kind not in "iub" and array.size:
                raise TypeError(
                    f"{name} has values of type {array.dtype}. Give integers: ticks, lots, codes."
                )
            # Codes that do not fit would come back as others.
            if dtype is np.int8 and array.dtype.itemsize > 1:
                array = np.clip(array, -1, 127)
            elif array.dtype.kind == "u" and array.dtype.itemsize == 8:
                array = np.minimum(array, np.uint64(2**63 - 1))
            return np.ascontiguousarray(array, dtype=dtype)

        def maybe(name: str, values: ArrayLike | None, dtype: type[np.integer[Any]]) -> NDArray[Any] | None:
            return None if values is None else column(name, values, dtype)

        status, fills, outcomes = self.run_columns(
            column("kind", kind, np.int8),
            column("order_id", order_id, np.int64),
            column("side", side, np.int8),
            column("price", price, np.int64),
            column("size", size, np.int64),
            maybe("owner", owner, np.int64),
            maybe("tif", tif, np.int8),
            maybe("peak", peak, np.int64),
            maybe("stop", stop, np.int64),
        )
        return BatchResult(status, Fills(**fills), Outcomes(**outcomes))

    def l1(self) -> Top:
        """The best level of each side."""
        bid, ask = self.best(Side.BUY), self.best(Side.SELL)
        return Top(None if bid is None else Quote(*bid), None if ask is None else Quote(*ask))

    def l2(self, depth: int | None = None, instrument: Instrument | None = None) -> pl.DataFrame:
        """Price levels: side, price, size (displayed), orders; bids first, each side from its best price on.

        Args:
            depth: Levels of each side; all if left out.
            instrument: Gives prices and sizes as floats; ticks and lots without it.

        Raises:
            OverflowError: ``depth`` is negative.
        """
        return _both(lambda side: self.level_columns(side, depth), ("price", "size", "orders"), instrument)

    def l3(self, instrument: Instrument | None = None) -> pl.DataFrame:
        """Resting orders: side, order_id, price, size (displayed), owner; in the order in which they trade.

        Args:
            instrument: Gives prices and sizes as floats; ticks and lots without it.
        """
        return _both(self.order_columns, ("order_id", "price", "size", "owner"), instrument)

    def fill_history(self, instrument: Instrument | None = None) -> pl.DataFrame:
        """Trades that are kept: command, taker, maker, price, size, side (the taker's).

        Args:
            instrument: Gives prices and sizes as floats; ticks and lots without it.
        """
        return _frame(self.fill_columns(), instrument)

    def outcome_history(self, instrument: Instrument | None = None) -> pl.DataFrame:
        """Outcomes that are kept: command, order_id, kind (a name of `OutcomeKind`), size.

        Args:
            instrument: Gives sizes as floats; lots without it.
        """
        return _named(_frame(self.outcome_columns(), instrument), "kind", OutcomeKind)

    def level_deltas(self, instrument: Instrument | None = None) -> pl.DataFrame:
        """What levels show after each change since the last time: command, side, price, size, orders.

        A level that an order passes through changes once; one that is gone shows 0. Empty without
        ``deltas=True``.

        Args:
            instrument: Gives prices and sizes as floats; ticks and lots without it.
        """
        return _frame(self.take_level_deltas(), instrument)

    def order_deltas(self, instrument: Instrument | None = None) -> pl.DataFrame:
        """Changes of displayed orders since the last time: command, action, order_id, side, price, size.

        An action is a name of `OrderAction`; an iceberg that refreshes is removed and added. Empty without
        ``deltas=True``.

        Args:
            instrument: Gives prices and sizes as floats; ticks and lots without it.
        """
        return _named(_frame(self.take_order_deltas(), instrument), "action", OrderAction)


def _both(
    columns: Callable[[int], Columns], names: tuple[str, ...], instrument: Instrument | None
) -> pl.DataFrame:
    """Columns of bids, then of asks, with the side before them."""
    import numpy as np

    sides = [columns(side) for side in (Side.BUY, Side.SELL)]
    lengths = [len(side["price"]) for side in sides]
    together: dict[str, Any] = {"side": np.repeat(np.array([1, 0], np.uint8), lengths)}
    together |= {name: np.concatenate([side[name] for side in sides]) for name in names}
    return _frame(together, instrument)


def _frame(columns: Columns | dict[str, Any], instrument: Instrument | None) -> pl.DataFrame:
    """Columns as a frame, sides by name, in ticks and lots or in the instrument's units."""
    import polars as pl

    frame = pl.DataFrame(dict(columns))
    if "side" in frame.columns:
        sides = pl.Enum(["buy", "sell"])
        named = pl.when(pl.col("side") == Side.BUY).then(pl.lit("buy")).otherwise(pl.lit("sell")).cast(sides)
        frame = frame.with_columns(named.alias("side"))
    if instrument is not None:
        for name, convert in (("price", instrument.price), ("size", instrument.size)):
            if name in frame.columns:
                counts = frame[name].unique()
                values = [convert(count) for count in counts]
                floats = frame[name].replace_strict(counts, values, return_dtype=pl.Float64)
                frame = frame.with_columns(floats.alias(name))
    return frame


def _named(frame: pl.DataFrame, column: str, codes: type[IntEnum]) -> pl.DataFrame:
    """A column of codes as the names of them."""
    import polars as pl

    names = [code.name.lower() for code in codes]
    named = pl.col(column).replace_strict(list(range(len(names))), names, return_dtype=pl.Enum(names))
    return frame.with_columns(named)
