"""Events of an order book as a series: levels (L2) or single orders (L3), and the prints beside them.

A **message** is what the venue sent at once: its events stand together, and the last one carries
`BookFlag.LAST`. Only then is the book whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from tradewright.core.arrays import ArrayColumns
from tradewright.core.series import Series, Trades
from tradewright.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from tradewright.core.instrument import Instrument

BookModel: TypeAlias = Literal["l2", "l3"]
"""What the events are about: price levels, or single orders."""


class BookAction(IntEnum):
    """What an event does; the codes are those of the stored column."""

    TRADE = 0
    """A public print: the book changes by the events beside it. ``side`` is +1 where the buyer took."""
    SET = 1
    """L2: the size of a level is now this; 0 removes it."""
    CHANGE = 2
    """L2: the size of a level changes by this, up or down."""
    CLEAR = 3
    """A side is emptied; both where ``side`` is 0."""
    SNAPSHOT_START = 4
    """Both sides are emptied, and nothing may be read until the snapshot ends."""
    SNAPSHOT_END = 5
    """The snapshot is complete."""
    ADD = 6
    """L3: an order joins the end of its level's queue."""
    CANCEL = 7
    """L3: an order loses ``size``, and leaves once nothing is left."""
    MODIFY = 8
    """L3: an order now has this price and size."""
    EXECUTE = 9
    """L3: an order was executed by ``size``."""
    FILL = 10
    """L3: an order's part of a trade, told beside it; the book changes by the event that follows."""


class BookFlag(IntFlag):
    """Bits of the flags column."""

    LAST = 1
    """The last event of its message."""
    SNAPSHOT = 2
    """The event belongs to a snapshot."""
    GAP = 4
    """The message does not follow the one before: the recorder lost something."""


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class BookEvents(Series):
    """Events of one instrument's order book, in the order in which they were received.

    Attributes:
        action: Shape ``(n,)``, uint8; codes of `BookAction`.
        side: int8; +1 for bids, -1 for asks, 0 for none. For trades +1 where the buyer took.
        flags: uint8; bits of `BookFlag`.
        price: float64; NaN where the action has none.
        size: float64; what `BookAction` says of each action.
        order_id: uint64; 0 where the action is about no order.
        sequence: int64; the venue's number of the message, 0 where it gives none.
        model: ``l2`` or ``l3``.
    """

    action: NDArray[np.uint8]
    side: NDArray[np.int8]
    flags: NDArray[np.uint8]
    price: NDArray[np.float64]
    size: NDArray[np.float64]
    order_id: NDArray[np.uint64]
    sequence: NDArray[np.int64]
    model: BookModel

    @classmethod
    def from_arrays(
        cls,
        symbol: str,
        *,
        ts: ArrayLike,
        action: ArrayLike,
        side: ArrayLike,
        price: ArrayLike,
        size: ArrayLike,
        flags: ArrayLike | None = None,
        order_id: ArrayLike | None = None,
        sequence: ArrayLike | None = None,
        ts_recv: ArrayLike | None = None,
        instrument: Instrument | None = None,
        model: BookModel | None = None,
    ) -> BookEvents:
        """Events of arrays in memory; arrays of the right type are taken as they are, without a copy.

        Args:
            symbol: The instrument's symbol.
            ts: Shape ``(n,)``; the venue's time of each event: ns since the epoch, UTC, or datetime64.
            action: Codes of `BookAction`.
            side: +1 for bids, -1 for asks, 0 for none.
            price: Prices.
            size: Sizes.
            flags: Bits of `BookFlag`; where ``None`` each event is a message of its own.
            order_id: Orders; 0 throughout where ``None``.
            sequence: The venue's numbers; 0 throughout where ``None``.
            ts_recv: When each event was received; ``ts`` where ``None``.
            instrument: What is traded.
            model: ``l2`` or ``l3``; where ``None``, ``l3`` if any action is about an order.

        Raises:
            DataError: arrays that are not numbers, not one-dimensional or not of one length.
        """
        import numpy as np

        table = ArrayColumns(symbol, ts)

        def integers(name: str, values: ArrayLike | None, dtype: type[Any], default: int) -> NDArray[Any]:
            if values is None:
                # One number, seen as often as there are rows.
                return np.broadcast_to(np.array(default, dtype), len(table.event_ns))
            return np.ascontiguousarray(table.shaped(name, np.asarray(values)), dtype=dtype)

        actions = integers("action", action, np.uint8, 0)
        if model is None:
            of_orders = bool(np.any((actions >= BookAction.ADD) & (actions <= BookAction.FILL)))
            model = "l3" if of_orders else "l2"
        return cls(
            symbol=symbol,
            ts_event_ns=table.event_ns,
            ts_recv_ns=table.event_ns if ts_recv is None else table.times("ts_recv", ts_recv),
            instrument=instrument,
            source="arrays",
            action=actions,
            side=integers("side", side, np.int8, 0),
            flags=integers("flags", flags, np.uint8, BookFlag.LAST),
            price=table.floats("price", price),
            size=table.floats("size", size),
            order_id=integers("order_id", order_id, np.uint64, 0),
            sequence=integers("sequence", sequence, np.int64, 0),
            model=model,
        )

    @property
    def kind(self) -> str:
        """``book_l2`` or ``book_l3``: the store's name for it."""
        return "book_" + self.model

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The value columns by name."""
        names = ("action", "side", "flags", "price", "size", "order_id", "sequence")
        return {name: getattr(self, name) for name in names}

    @property
    def messages(self) -> int:
        """How many messages end in these events."""
        import numpy as np

        return int(np.count_nonzero(self.flags & BookFlag.LAST))

    def trades(self) -> Trades:
        """The public prints among the events, and the executions of orders that rested."""
        import numpy as np

        executed = self.action == BookAction.EXECUTE
        rows = (self.action == BookAction.TRADE) | executed
        # Who took stands on the other side of the order that rested.
        aggressor = np.where(executed, -self.side, self.side)
        return Trades(
            symbol=self.symbol,
            ts_event_ns=self.ts_event_ns[rows],
            ts_recv_ns=self.ts_recv_ns[rows],
            instrument=self.instrument,
            source=self.source,
            price=self.price[rows],
            size=self.size[rows],
            aggressor=aggressor[rows],
        )

    def with_trades(self, trades: Trades) -> BookEvents:
        """These events with public prints among them, each a message of its own, by receive time.

        Where a print and a change were received at one time the print comes first: it is what took the level,
        and a queue model that met them the other way round would count the same lots as cancelled and as
        traded.

        Raises:
            DataError: prints of another symbol, or a book that has prints of its own.
        """
        import numpy as np

        if trades.symbol != self.symbol:
            raise DataError(
                f"holds prints of {trades.symbol}.", source=self.symbol, remedy="Give those of one symbol."
            )
        if np.any((self.action == BookAction.TRADE) | (self.action == BookAction.EXECUTE)):
            raise DataError(
                "the book's events have prints of their own; others beside them would count twice.",
                source=self.symbol,
                remedy="Leave the trades out.",
            )
        at = np.searchsorted(self.ts_recv_ns, trades.ts_recv_ns, side="left")
        prints: dict[str, Any] = {
            "action": BookAction.TRADE,
            "side": trades.aggressor,
            "flags": BookFlag.LAST,
            "price": trades.price,
            "size": trades.size,
        }
        columns = {name: np.insert(column, at, prints.get(name, 0)) for name, column in self.columns.items()}
        return replace(
            self,
            ts_event_ns=np.insert(self.ts_event_ns, at, trades.ts_event_ns),
            ts_recv_ns=np.insert(self.ts_recv_ns, at, trades.ts_recv_ns),
            instrument=self.instrument or trades.instrument,
            price_shift_max=max(self.price_shift_max, trades.price_shift_max),
            **columns,
        )

    def mirrored(self, instrument: Instrument | None = None) -> BookEvents:
        """The book of a binary's other leg: a bid for NO at ``q`` is an ask for YES at ``1 - q``.

        Args:
            instrument: What the other leg is; by default these events' instrument mirrored.

        Raises:
            InstrumentError: an instrument that is no binary from 0 to 1, or one of an event group.
        """
        from tradewright.core.mirror import mirrored

        return mirrored(self, instrument=instrument)

    def _note(self) -> str:
        return f", {self.messages:,} messages"
