"""Recordings of Bybit and Hyperliquid: snapshots with changes, and snapshots alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewright import _native
from tradewright.core import presets
from tradewright.core.book_events import BookAction, BookFlag
from tradewright.data.recordings.builder import Recording, Units
from tradewright.data.recordings.content import decoded, lines, refuse_field, stamped_lines

if TYPE_CHECKING:
    from pathlib import Path

    from tradewright.core.series import Series
    from tradewright.data.options import ReadOptions

_MS_NS = 1_000_000


def read_bybit(kind: str | None, path: Path, symbol: str | None, options: ReadOptions) -> list[Series]:
    """Book events of Bybit's downloads (``…_ob500.data.zip``): a JSON message a line, numbered by ``u``.

    ``cts`` is the match's time, ``ts`` that of the message; nobody recorded when it was received.
    """
    recording = Recording(path.name, symbol or "")
    sequence = _native.MessageSequence("contiguous")
    for row, line in lines(path):
        message = decoded(path, row, line)
        try:
            data: dict[str, Any] = message["data"]
            recording.symbol = recording.symbol or data["s"]
            event_ns, recv_ns = int(message.get("cts", message["ts"])) * _MS_NS, int(message["ts"]) * _MS_NS
            number = int(data["u"])
            levels = _levels(data["b"], data["a"])
            if message["type"] == "snapshot":
                recording.snapshot(row, event_ns, recv_ns, levels, sequence=number)
                sequence.snapshot(number)
                continue
            follows = sequence.follow(number, number)
            flags = int(BookFlag.GAP) if follows == "gap" else 0
            for side, price, size in levels if follows != "stale" else []:
                recording.event(
                    row, event_ns, recv_ns, BookAction.SET, side, price, size, flags=flags, sequence=number
                )
                flags = 0
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise refuse_field(path, row, error) from None
        recording.end_message()

    def instrument(units: Units) -> Any:
        return presets.crypto_perpetual(
            recording.symbol, tick_size=units.price_step, lot_size=units.size_step, venue="bybit"
        )

    return recording.series(kind, options, instrument)


def read_hyperliquid(kind: str | None, path: Path, symbol: str | None, options: ReadOptions) -> list[Series]:
    """Books of 20 levels a side, each of them whole, and trades."""
    recording = Recording(path.name, symbol or "")
    for row, recv_ns, message in stamped_lines(path):
        try:
            channel, data = message["channel"], message["data"]
            if channel == "l2Book":
                recording.symbol = recording.symbol or data["coin"]
                bids, asks = ([(one["px"], one["sz"]) for one in side] for side in data["levels"])
                recording.snapshot(row, int(data["time"]) * _MS_NS, recv_ns, _levels(bids, asks))
            elif channel == "trades":
                for one in data:
                    recording.symbol = recording.symbol or one["coin"]
                    aggressor = 1 if one["side"] == "B" else -1
                    price, size = float(one["px"]), float(one["sz"])
                    recording.trade(row, int(one["time"]) * _MS_NS, recv_ns, price, size, aggressor)
            else:
                recording.rows_dropped += 1
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise refuse_field(path, row, error) from None

    def instrument(units: Units) -> Any:
        return presets.crypto_perpetual(
            recording.symbol,
            tick_size=units.price_step,
            lot_size=units.size_step,
            currency="USDC",
            venue="hyperliquid",
        )

    return recording.series(kind, options, instrument)


def _levels(bids: Any, asks: Any) -> list[tuple[int, float, float]]:
    return [
        (side, float(price), float(size)) for side, rows in ((1, bids), (-1, asks)) for price, size in rows
    ]
