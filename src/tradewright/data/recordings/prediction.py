"""Recordings of Polymarket and Kalshi as CSV: whole books with changes, or a recorder's best prices.

Three forms:

- ``market_slug, asset_id, market_id, event_type, price, side, size, hash, timestamp`` (Polymarket): rows of
  one ``asset_id``, ``hash`` and ``timestamp`` are one message; ``book`` is the whole book of a token,
  ``price_change`` a new size at one price.
- ``timestamp, event_type, price, side, size, best_bid, best_ask`` (both venues): the recorder kept the best
  prices of its own book, but no whole book, so quotes and trades can be had and depth cannot.
- ``timestamp, ticker, best_bid_price, …`` (Kalshi): the best prices of several markets, sampled.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tradewright.core import presets
from tradewright.core.book_events import BookAction
from tradewright.core.grid import TickGrid
from tradewright.data.recordings.builder import NO_PRICE, Recording, Units
from tradewright.data.recordings.content import table
from tradewright.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import polars as pl

    from tradewright.core.instrument import Instrument
    from tradewright.core.series import Series
    from tradewright.data.options import ReadOptions

_BOOK = ("market_slug", "asset_id", "event_type", "price", "side", "size", "hash", "timestamp")
_BEST = ("timestamp", "event_type", "price", "side", "size", "best_bid", "best_ask")
_SAMPLED = ("timestamp", "ticker", "best_bid_price", "best_bid_size", "best_ask_price", "best_ask_size")
_SIDES = {"bid": 1, "ask": -1, "BUY": 1, "SELL": -1}
_MS_NS, _SECOND_NS = 1_000_000, 1_000_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def read_polymarket(kind: str | None, path: Path, symbol: str | None, options: ReadOptions) -> list[Series]:
    """Book events of each token, or quotes and trades where only best prices were recorded."""
    frame = table(path, ("timestamp", "event_type"))
    if "asset_id" not in frame.columns:
        return _best_prices(kind, path, symbol, options, "polymarket")
    return _books(kind, path, symbol, options)


def read_kalshi(kind: str | None, path: Path, symbol: str | None, options: ReadOptions) -> list[Series]:
    """Quotes and trades.

    The books cannot be rebuilt: changes are relative, and no whole book was recorded to begin with.
    """
    frame = table(path, ("timestamp",))
    if "ticker" in frame.columns:
        return _sampled(kind, path, symbol, options)
    return _best_prices(kind, path, symbol, options, "kalshi")


def _books(kind: str | None, path: Path, symbol: str | None, options: ReadOptions) -> list[Series]:
    rows = _Rows(path, table(path, _BOOK))
    names = _token_names(rows, symbol)
    recordings = {asset: Recording(path.name, name) for asset, name in names.items()}
    at = 0
    while at < rows.height:
        asset, stamp, message = (
            rows.text("asset_id", at),
            rows.integer("timestamp", at),
            rows.text("hash", at),
        )
        end = at + 1
        while end < rows.height and (
            rows.value("asset_id", end) == asset
            and rows.value("hash", end) == message
            and rows.value("timestamp", end) == str(stamp)
        ):
            end += 1
        levels = [
            (rows.side(row), rows.number("price", row), rows.number("size", row)) for row in range(at, end)
        ]
        recording, event = recordings[asset], rows.text("event_type", at)
        at_ns = rows.later(stamp * _MS_NS)
        if event == "book":
            recording.snapshot(at + 1, stamp * _MS_NS, at_ns, levels)
        elif event == "price_change":
            for row, level in enumerate(levels, start=at + 1):
                recording.event(row, stamp * _MS_NS, at_ns, BookAction.SET, *level)
            recording.end_message()
        else:
            recording.rows_dropped += end - at
        at = end
    return [
        one
        for recording in recordings.values()
        for one in recording.series(kind, options, _binary(recording, "polymarket"))
    ]


def _best_prices(
    kind: str | None, path: Path, symbol: str | None, options: ReadOptions, venue: str
) -> list[Series]:
    rows = _Rows(path, table(path, _BEST))
    recording = Recording(path.name, symbol or path.name.split(".")[0])
    times = list(_row_times(rows))
    # A book at connection carries no time: it was there no later than the row that follows it.
    following: int | None = None
    for at in range(rows.height - 1, -1, -1):
        following = following if times[at] is None else times[at]
        times[at] = following
    for at, found in enumerate(times):
        event_ns = found if found is not None else rows.latest_ns
        recv_ns = rows.later(event_ns)
        if rows.text("event_type", at) == "last_trade_price":
            # The recorder's side is not documented: nobody is named as the taker.
            recording.trade(at + 1, event_ns, recv_ns, rows.number("price", at), rows.number("size", at), 0)
        bid, ask = rows.optional("best_bid", at), rows.optional("best_ask", at)
        # The quote is the recorder's own, of the moment of the row.
        recording.quote(at + 1, recv_ns, recv_ns, bid, ask)
    return recording.series(kind, options, _binary(recording, venue))


def _row_times(rows: _Rows) -> Iterator[int | None]:
    for at in range(rows.height):
        text = rows.value("timestamp", at)
        if text is None:
            yield None
        elif text.isdigit():
            yield int(text) * _SECOND_NS
        else:
            yield rows.moment(at, None)


def _sampled(kind: str | None, path: Path, symbol: str | None, options: ReadOptions) -> list[Series]:
    rows = _Rows(path, table(path, _SAMPLED))
    recordings: dict[str, Recording] = {}
    for at in range(rows.height):
        ticker = rows.text("ticker", at)
        if symbol not in (None, ticker):
            continue
        at_ns = rows.later(rows.moment(at, options.tz))
        values = [rows.optional(name, at) for name in _SAMPLED[2:]]
        recording = recordings.setdefault(ticker, Recording(path.name, ticker))
        recording.quote(at + 1, at_ns, at_ns, values[0], values[2], values[1], values[3])
    if not recordings:
        raise DataError(f"has no ticker {symbol!r}.", source=path.name, remedy="Leave the symbol out.")
    return [
        one
        for recording in recordings.values()
        for one in recording.series(kind, options, _binary(recording, "kalshi"))
    ]


def _binary(recording: Recording, venue: str) -> Callable[[Units], Instrument]:
    """A binary with the grid that the recorded prices show: cents, or finer where some are."""

    def make(units: Units) -> Instrument:
        step = min(max(units.price_step, 0.0001), 0.01)
        return presets.binary(
            recording.symbol,
            venue=venue,
            currency="USDC" if venue == "polymarket" else "USD",
            grid=TickGrid.constant(step),
            lot_size=0.01 if units.size_step >= 0.01 else 0.000001,
        )

    return make


def _token_names(rows: _Rows, symbol: str | None) -> dict[str, str]:
    """Token to symbol: the market's name and as many digits of the token as tell the two apart."""
    slugs = {rows.text("asset_id", at): rows.text("market_slug", at) for at in range(rows.height)}
    digits = 8
    while len({asset[:digits] for asset in slugs}) < len(slugs):
        digits += 8
    if symbol is not None and len(slugs) == 1:
        return dict.fromkeys(slugs, symbol)
    return {asset: f"{symbol or slug}-{asset[:digits]}" for asset, slug in slugs.items()}


class _Rows:
    """The text of a table by row, each value read with what is needed to refuse it."""

    def __init__(self, path: Path, frame: pl.DataFrame) -> None:
        self.path, self.height = path, frame.height
        self.columns: dict[str, list[str | None]] = {name: frame[name].to_list() for name in frame.columns}
        self.latest_ns = 0

    def later(self, at_ns: int) -> int:
        """When a row was received: nobody wrote that down, but not before the rows above it."""
        self.latest_ns = max(self.latest_ns, at_ns)
        return self.latest_ns

    def value(self, name: str, at: int) -> str | None:
        return self.columns[name][at]

    def text(self, name: str, at: int) -> str:
        found = self.columns[name][at]
        if found is None:
            raise self.refused(name, at, "is empty.")
        return found

    def number(self, name: str, at: int) -> float:
        try:
            return float(self.text(name, at))
        except ValueError:
            raise self.refused(name, at, "is not a number.") from None

    def integer(self, name: str, at: int) -> int:
        try:
            return int(self.text(name, at))
        except ValueError:
            raise self.refused(name, at, "is not a whole number.") from None

    def optional(self, name: str, at: int) -> float:
        return NO_PRICE if self.value(name, at) is None else self.number(name, at)

    def side(self, at: int) -> int:
        found = _SIDES.get(self.text("side", at))
        if found is None:
            raise self.refused("side", at, "is not bid, ask, BUY or SELL.")
        return found

    def moment(self, at: int, tz: str | None) -> int:
        """The row's ``timestamp`` in ns since the epoch."""
        try:
            found = dt.datetime.fromisoformat(self.text("timestamp", at))
        except ValueError:
            raise self.refused("timestamp", at, "is not a time.") from None
        if found.tzinfo is None:
            if tz is None:
                raise self.refused(
                    "timestamp", at, "has no time zone.", "Give tz=… (--tz), such as America/New_York."
                )
            found = found.replace(tzinfo=ZoneInfo(tz))
        return (found - _EPOCH) // dt.timedelta(microseconds=1) * 1_000

    def refused(
        self, name: str, at: int, problem: str, remedy: str = "Correct or remove the row."
    ) -> DataError:
        value: Any = self.columns[name][at]
        shown = "" if value is None else f"{value!r} "
        return DataError(
            f"{shown}{problem}", source=self.path.name, row=at + 1, field=name, value=value, remedy=remedy
        )
