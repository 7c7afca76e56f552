"""Binance stream recordings: a line a message, with the receive time before it.

Source:
    "How to manage a local order book correctly" in Binance's documentation of the diff. depth streams of
    spot, USD-M and COIN-M futures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewright import _native
from tradewright.core import presets
from tradewright.core.book_events import BookAction, BookFlag
from tradewright.data.recordings.builder import Recording, Units
from tradewright.data.recordings.content import refuse_field, stamped_lines
from tradewright.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from tradewright.core.instrument import Instrument
    from tradewright.core.series import Series
    from tradewright.data.options import ReadOptions

_MS_NS = 1_000_000
_GAP = int(BookFlag.GAP)
_STREAMS = {"depth": "depthUpdate", "bookTicker": "bookTicker", "trade": "trade", "aggTrade": "trade"}


def read(kind: str | None, path: Path, symbol: str | None, options: ReadOptions) -> list[Series]:
    """Book events, quotes and trades of one instrument.

    The venue's time is ``T`` (of the match) where a message has it, else ``E``.
    """
    reader = _Reader(path, symbol)
    for row, recv_ns, message in stamped_lines(path):
        try:
            reader.message(row, recv_ns, message)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise refuse_field(path, row, error) from None
    reader.end()
    return reader.recording.series(kind, options, reader.instrument)


class _Reader:
    def __init__(self, path: Path, symbol: str | None) -> None:
        self.path = path
        self.recording = Recording(path.name, symbol or "")
        self.venue_symbol = ""
        self.base = ""
        self.market = "spot"
        self.sequence: _native.MessageSequence | None = None
        self.is_synchronised = False
        self.carried = 0  # flags of messages that changed no level
        # Messages that came before the first snapshot: row, receive time, message.
        self.waiting: list[tuple[int, int, dict[str, Any]]] = []

    def message(self, row: int, recv_ns: int, message: dict[str, Any]) -> None:
        if "lastUpdateId" in message:
            self.snapshot(row, recv_ns, message)
            return
        name: str = message["stream"]
        stream = name.partition("@")[2].partition("@")[0]
        data: dict[str, Any] = message["data"]
        if stream not in _STREAMS:
            self.recording.rows_dropped += 1
            return
        self.named(row, data)
        event_ns = _time_ns(data)
        if stream == "depth":
            if self.sequence is None:
                self.market = ("coinm" if "ps" in data else "usdm") if "pu" in data else "spot"
                self.base = str(data.get("ps", "")).removesuffix("USD")
                self.sequence = _native.MessageSequence("linked" if "pu" in data else "range")
            if self.is_synchronised:
                self.depth(row, recv_ns, data, event_ns)
            else:
                self.waiting.append((row, recv_ns, data))
        elif stream == "bookTicker":
            prices = (float(data[key]) for key in ("b", "a", "B", "A"))
            self.recording.quote(row, event_ns, recv_ns, *prices)
        else:
            aggressor = -1 if data["m"] else 1
            self.recording.trade(row, event_ns, recv_ns, float(data["p"]), float(data["q"]), aggressor)

    def named(self, row: int, data: dict[str, Any]) -> None:
        found: str = data["s"]
        if not self.venue_symbol:
            self.venue_symbol = found
            self.recording.symbol = self.recording.symbol or found
        elif found != self.venue_symbol:
            raise DataError(
                f"is about {found}, and the lines above about {self.venue_symbol}.",
                source=self.path.name,
                row=row,
                field="s",
                value=found,
                remedy="Split the recording: one instrument a file.",
            )

    def snapshot(self, row: int, recv_ns: int, message: dict[str, Any]) -> None:
        """The whole book, as the venue answered; then what was received before and is not in it yet."""
        levels = [
            (side, float(price), float(size))
            for side, key in ((1, "bids"), (-1, "asks"))
            for price, size in message[key]
        ]
        last = int(message["lastUpdateId"])
        self.recording.snapshot(row, _time_ns(message), recv_ns, levels, sequence=last)
        self.is_synchronised = True
        if self.sequence is not None:
            self.sequence.snapshot(last)
        # They can be used from now on, so now is when they are received.
        for _, _, data in self.waiting:
            self.depth(row, recv_ns, data, _time_ns(data))
        self.waiting.clear()

    def depth(
        self, row: int, recv_ns: int, data: dict[str, Any], event_ns: int | None, *, flags: int = 0
    ) -> None:
        assert self.sequence is not None  # noqa: S101 - set by the first depth message
        first, last = int(data["U"]), int(data["u"])
        follows = self.sequence.follow(first, last, int(data.get("pu", 0)))
        if follows == "stale":
            return
        self.carried |= flags | (_GAP if follows == "gap" else 0)
        rows = [(1, *level) for level in data["b"]] + [(-1, *level) for level in data["a"]]
        if not rows:  # It only moves the numbers on; a gap before it is told with the next change.
            return
        flags, self.carried = self.carried, 0
        for side, price, size in rows:
            self.recording.event(
                row,
                event_ns,
                recv_ns,
                BookAction.SET,
                side,
                float(price),
                float(size),
                flags=flags,
                sequence=last,
            )
            flags = 0
        self.recording.end_message()

    def end(self) -> None:
        """Without any snapshot the changes are kept, marked as beginning in the middle."""
        for at, (row, recv_ns, data) in enumerate(self.waiting):
            self.depth(row, recv_ns, data, _time_ns(data), flags=0 if at else _GAP)
        if not self.recording.symbol:
            self.recording.symbol = self.path.name.split(".")[0]

    def instrument(self, units: Units) -> Instrument:
        """By the market that the messages show; steps are those of the recorded numbers."""
        symbol, tick, lot = self.recording.symbol, units.price_step, units.size_step
        if self.market == "coinm":
            value = 100 if self.base == "BTC" else 10
            return presets.crypto_inverse(
                symbol, currency=self.base, tick_size=tick, contract_value=value, venue="binance_coinm"
            )
        quoted = next((coin for coin in _QUOTED if self.venue_symbol.endswith(coin)), "USDT")
        make = presets.crypto_perpetual if self.market == "usdm" else presets.crypto_spot
        venue = "binance_usdm" if self.market == "usdm" else "binance"
        return make(symbol, tick_size=tick, lot_size=lot, currency=quoted, venue=venue)


_QUOTED = ("USDT", "USDC", "FDUSD", "BTC", "ETH", "BNB", "EUR", "TRY")


def _time_ns(data: dict[str, Any]) -> int | None:
    found = data.get("T", data.get("E"))
    return None if found is None else int(found) * _MS_NS
