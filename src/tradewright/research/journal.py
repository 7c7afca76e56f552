"""The journal of a run: what was decided, allowed, sent and answered, in the order in which it happened.

A frame is ``length u32 | crc32 u32 | MessagePack``, little-endian, as ``kernel/src/journal.rs`` writes it.
Frames hold the kernel's integers (price units, lots, indices); `Names`, in ``journal.json`` beside them, says
what they stand for.
"""

from __future__ import annotations

import struct
import zlib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from tradewright.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

FRAMES: Final = "journal.bin"
"""The frames' file in a run folder."""
NAMES: Final = "journal.json"
"""What their numbers stand for."""

_HEAD: Final = struct.Struct("<II")


class WantedPosition(msgspec.Struct, frozen=True, array_like=True, tag="position"):
    """A `TargetPosition` as it was given; ``passive`` is 0 or 1."""

    symbol: int
    size: float
    limit: float | None
    passive: int


class WantedQuotes(msgspec.Struct, frozen=True, array_like=True, tag="quotes"):
    """A `TargetQuotes` as it was given; the price of a missing side is NaN."""

    symbol: int
    bid: float
    bid_size: float
    ask: float
    ask_size: float
    replace: int


class WantedOrder(msgspec.Struct, frozen=True, array_like=True, tag="submit"):
    """A `Submit` as it was given; ``side`` and ``tif`` count as in `SIDES` and `TIFS`, flags are 0 or 1."""

    symbol: int
    side: int
    size: float
    order_type: str
    stop: float | None
    limit: float | None
    tif: int
    post_only: int
    reduce_only: int


class WantedCancel(msgspec.Struct, frozen=True, array_like=True, tag="cancel"):
    """A `Cancel`."""

    order: int


class WantedAmend(msgspec.Struct, frozen=True, array_like=True, tag="amend"):
    """An `Amend` as it was given."""

    order: int
    size: float | None
    limit: float | None


class WantedCancelAll(msgspec.Struct, frozen=True, array_like=True, tag="cancel_all"):
    """A `CancelAll`; ``symbol`` is -1 for all."""

    symbol: int


WantedIntent = WantedPosition | WantedQuotes | WantedOrder | WantedCancel | WantedAmend | WantedCancelAll

SIDES: Final = ("buy", "sell")
TIFS: Final = ("gtc", "ioc", "fok", "day")
ORIGINS: Final = ("target_position", "target_quotes", "submit", "liquidation")
"""Which intent an order comes from; the words of the ``intent`` column of the orders frame."""
LIQUIDATION: Final = ORIGINS.index("liquidation")


class Decision(msgspec.Struct, frozen=True, array_like=True, tag="d"):
    """A policy was asked.

    Attributes:
        now_ns: When.
        policy: Who.
        woken_by: Which of its wake conditions fired.
        watched: Values of the features that it watches, NaN before they are ready.
        next_order: The order that its first new one would be.
        intents: What it wanted.
    """

    now_ns: int
    policy: int
    woken_by: tuple[int, ...]
    watched: tuple[float, ...]
    next_order: int
    intents: tuple[WantedIntent, ...]


class OrderFrame(msgspec.Struct, frozen=True, array_like=True):
    """An order as the gate saw it.

    Attributes:
        decided_ns: When.
        order: Index of the order; its id ends in this plus 1.
        policy: Whose.
        symbol: Instrument.
        side: Index into `SIDES`.
        lots: Size.
        order_type: ``market``, ``limit``, ``stop``, ``stop_limit`` or ``trailing_stop``.
        stop: Trigger or trailing distance in price units; 0 for types that have none.
        limit: Limit in price units; 0 for types that have none.
        tif: Index into `TIFS`.
        post_only: 0 or 1.
        reduce_only: 0 or 1.
        origin: Index into `ORIGINS`.
    """

    decided_ns: int
    order: int
    policy: int
    symbol: int
    side: int
    lots: int
    order_type: str
    stop: int
    limit: int
    tif: int
    post_only: int
    reduce_only: int
    origin: int


class Sent(OrderFrame, frozen=True, array_like=True, tag="s"):
    """The gate let an order pass, and it left.

    Attributes:
        asked_lots: Size that was asked for; more than `lots` where a risk manager made the order smaller.
        shrunk_by: Name of that manager; empty where none did.
    """

    asked_lots: int
    shrunk_by: str


class Refused(OrderFrame, frozen=True, array_like=True, tag="x"):
    """The gate refused an order, or, where the order was sent before, an amendment of it.

    Of a target that is refused again and again for the same reason, the first refusal alone.

    Attributes:
        reason: Which rule, of the closed enumeration.
        value: What the order would have made of it; NaN where there is no number.
        bound: The limit, in the same unit.
        whose: Policy whose limit it is; -1 for the account's and for rules that hold for all.
        text: What could not be evaluated, why trading is halted, or a risk manager's words.
    """

    reason: str
    value: float
    bound: float
    whose: int
    text: str


class Cancelled(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """A cancellation was asked for, and why."""

    now_ns: int
    order: int
    reason: str


class Amended(msgspec.Struct, frozen=True, array_like=True, tag="a"):
    """An amendment was asked for: a limit in price units and a total size in lots; the rest as in `Sent`."""

    now_ns: int
    order: int
    limit: int
    lots: int
    asked_lots: int
    shrunk_by: str


class Execution(msgspec.Struct, frozen=True, array_like=True):
    """The execution in a report: price in price units, fee in 10⁻¹² of the currency."""

    fill_id: int
    price: int
    lots: int
    fee: str
    liquidity: int


class Reported(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """The venue said something of an order.

    Attributes:
        ts_recv_ns: When we learnt of it.
        ts_event_ns: When it happened at the venue.
        order: Which order.
        kind: ``accepted``, ``filled``, ``cancelled`` …: the kinds of an `ExecutionReport`.
        values: By kind: an `Execution`; the fill undone; the new limit and size; or the reason.
    """

    ts_recv_ns: int
    ts_event_ns: int
    order: int
    kind: str
    values: tuple[int | str, ...]

    @property
    def execution(self) -> Execution | None:
        """The execution, for ``filled``."""
        return msgspec.convert(self.values, Execution) if self.kind == "filled" else None

    @property
    def amended(self) -> tuple[int, int] | None:
        """New limit in price units and total size in lots, for ``amended``."""
        return msgspec.convert(self.values, tuple[int, int]) if self.kind == "amended" else None

    @property
    def reason(self) -> str:
        """Why, for rejections, cancellations and expiries; otherwise empty."""
        return self.values[0] if len(self.values) == 1 and isinstance(self.values[0], str) else ""


class Event(msgspec.Struct, frozen=True, array_like=True, tag="e"):
    """Something changed a policy's position, or the money that it earned, without a fill.

    Attributes:
        now_ns: When it was booked.
        ts_event_ns: When it happened.
        kind: ``dividend``, ``funding``, ``borrow``, ``split``, ``settlement`` or ``refund``.
        policy: Whose position; one more than the last policy's number is ``unattributed``.
        symbol: Instrument.
        lots_after: The position after it.
        price: Of a settlement, in price units; of a split twice the mark before it; of a refund the average
            price of the position, rounded, for display.
        amount: Cash received, in 10⁻¹² of the instrument's currency; negative is paid.
        realised: Profit that it realised, in the same unit.
        numerator: Of a split, new units.
        denominator: Of a split, old units.
    """

    now_ns: int
    ts_event_ns: int
    kind: Literal["dividend", "funding", "borrow", "split", "settlement", "refund"]
    policy: int
    symbol: int
    lots_after: int
    price: int
    amount: str
    realised: str
    numerator: int
    denominator: int


class MoneyMoved(msgspec.Struct, frozen=True, array_like=True, tag="m"):
    """Money was put in or, negative, taken out (``deposit``), or a currency has another ``rate``.

    Attributes:
        now_ns: When it was booked.
        ts_event_ns: When it happened.
        kind: Which of the two.
        currency: Index into `Names.currencies`.
        amount: In 10⁻¹²: of the currency, or of the account's for a unit of the currency.
    """

    now_ns: int
    ts_event_ns: int
    kind: Literal["deposit", "rate"]
    currency: int
    amount: str


Frame = Decision | Sent | Refused | Cancelled | Amended | Reported | Event | MoneyMoved


class PolicyNames(msgspec.Struct, frozen=True, kw_only=True):
    """A policy's name, its wake conditions and the features that it watches, by index."""

    name: str
    wakes: list[str]
    watched: list[str]


class InstrumentNames(msgspec.Struct, frozen=True, kw_only=True):
    """What an instrument's integers stand for.

    Attributes:
        symbol: Its symbol.
        price_unit: What a price counts.
        lot_size: What a size counts.
        multiplier: Units of the underlying in a unit of size.
        contract: ``linear``, ``inverse`` or ``binary``.
        currency: Its currency.
    """

    symbol: str
    price_unit: Decimal
    lot_size: Decimal
    multiplier: Decimal
    contract: str
    currency: str

    def price(self, units: int) -> Decimal:
        """A price from price units, exactly."""
        return self.price_unit * units

    def size(self, lots: int) -> Decimal:
        """A size from lots, exactly."""
        return self.lot_size * lots


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal's indices stand for, and the cash that the run began with: ``journal.json``."""

    format: Literal[2] = 2
    run: str
    policies: list[PolicyNames]
    instruments: list[InstrumentNames]
    currencies: list[str]
    cash: dict[str, Decimal]

    def order_id(self, order: int) -> str:
        """The client order id of an order."""
        return f"{self.run}-{order + 1}"

    def order(self, order_id: str) -> int:
        """The order of a client order id of this run."""
        return int(order_id.removeprefix(f"{self.run}-")) - 1

    def write(self, folder: str | PathLike[str]) -> None:
        """Writes them into a run folder, beside the frames."""
        encoded = msgspec.json.format(msgspec.json.encode(self, order="deterministic"), indent=2)
        (Path(folder) / NAMES).write_bytes(encoded + b"\n")


class Journal:
    """The journal in a run folder; iterate over it for its frames, in the order in which they were written.

    Attributes:
        path: The file of the frames.
        names: What their indices stand for.
    """

    def __init__(self, path: Path, names: Names) -> None:
        self.path = path
        self.names = names

    @staticmethod
    def of(folder: str | PathLike[str]) -> Journal | None:
        """The journal of a run folder; ``None`` if the run wrote none.

        Raises:
            DataError: One of its two files is missing or cannot be decoded.
        """
        frames_path, names_path = Path(folder) / FRAMES, Path(folder) / NAMES
        if not frames_path.is_file() and not names_path.is_file():
            return None
        for path in (frames_path, names_path):
            if not path.is_file():
                raise DataError("is missing beside the other file of the journal.", source=str(path))
        try:
            names = msgspec.json.decode(names_path.read_bytes(), type=Names)
        except msgspec.MsgspecError as error:
            raise DataError(f"cannot be decoded: {error}.", source=str(names_path)) from error
        return Journal(frames_path, names)

    def __iter__(self) -> Iterator[Frame]:
        return read(self.path)


def read(path: str | PathLike[str]) -> Iterator[Frame]:
    """The frames of a journal, in the order in which they were written.

    A torn tail, as a kill or a power cut leaves it, is cut: the frames before it are given.

    Raises:
        DataError: A frame in the middle is damaged, or holds what this version does not know; the message
            names file and offset.
    """
    decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)
    data = memoryview(Path(path).read_bytes())
    offset = 0
    while offset < len(data):
        body = _body(data, offset)
        if body is None:
            if any(_body(data, later) is not None for later in range(offset + 1, len(data))):
                raise DataError(
                    f"the frame at byte {offset:,} does not match its checksum, and whole frames follow it.",
                    source=str(path),
                    remedy="The file was damaged after it was written; run again.",
                )
            return
        try:
            frame = decoder.decode(body)
        except msgspec.MsgspecError as error:
            raise DataError(
                f"the frame at byte {offset:,} cannot be decoded: {error}.",
                source=str(path),
                remedy="Read it with the version of tradewright that wrote it.",
            ) from error
        yield frame
        offset += _HEAD.size + len(body)


def _body(data: memoryview, offset: int) -> memoryview | None:
    """The body of a whole frame at an offset; ``None`` if there is none."""
    start = offset + _HEAD.size
    if start > len(data):
        return None
    length, checksum = _HEAD.unpack_from(data, offset)
    end = start + length
    # Zeros, as a power cut may leave them, would be an empty frame with the right checksum.
    if length == 0 or end > len(data) or zlib.crc32(data[start:end]) != checksum:
        return None
    return data[start:end]


def names_of_policy(
    policy: object, name: str, wakes: Sequence[str], watched: Sequence[object]
) -> PolicyNames:
    """A policy's names: a feature is called by the attribute that holds it, in wake conditions too.

    Args:
        policy: The policy, set up.
        name: Its name in the run.
        wakes: Labels of its wake conditions.
        watched: The features that it watches.
    """
    attributes = {id(value): attribute for attribute, value in getattr(policy, "__dict__", {}).items()}
    called = {repr(one): attributes.get(id(one)) or repr(one) for one in watched}
    labels = list(wakes)
    for written in sorted(called, key=len, reverse=True):  # the longest first: it may hold shorter ones
        labels = [label.replace(written, called[written]) for label in labels]
    return PolicyNames(name=name, wakes=labels, watched=[called[repr(one)] for one in watched])
