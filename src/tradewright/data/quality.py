"""What is wrong with the series of a store: gaps, repeated rows, silence, outliers, clocks, impossible books.

A series is read a file at a time, so that memory does not grow with its length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from tradewright.core.book_events import BookAction, BookEvents, BookFlag
from tradewright.core.books import book_of
from tradewright.core.series import Bars, Quotes, Series, Trades
from tradewright.core.times import DAY_NS, duration_ns, time_text

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from tradewright.core.books import L2Book, L3Book
    from tradewright.data.layout import SeriesKey
    from tradewright.data.store import Store

Check: TypeAlias = Literal[
    "gap", "duplicate", "stale", "outlier", "clock", "crossed", "order", "unknown_order", "size"
]
"""What is looked for; see `Finding`."""

_SPIKE_SCALES, _SPIKE_SHARE = 20.0, 0.005


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of thing found in a series.

    Attributes:
        check: ``gap`` (bars or messages missing), ``duplicate`` (a row that repeats the one before),
            ``stale`` (silence longer than asked for), ``outlier`` (a price that jumps away and back),
            ``clock`` (received before it happened), ``crossed`` (bid at or above ask), ``order`` (numbers of
            messages that go back), ``unknown_order`` (of an order that the book does not have, or has
            already), ``size`` (more taken from a level or order than was there).
        count: How often.
        first_ns: When first, ns since the epoch, UTC.
        worst: The worst one, in words.
        is_fault: Whether it makes the data doubtful; other findings are told and pass.
    """

    check: Check
    count: int
    first_ns: int
    worst: str
    is_fault: bool = True


class SeriesQuality(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in one series.

    Attributes:
        symbol: The instrument's symbol.
        kind: The store's kind.
        venue: Where it was recorded.
        timeframe: Length of a bar, if it is bars.
        rows: How many rows.
        start_ns: First receive time.
        end_ns: Last receive time.
        latency_ms_min: Smallest receive time less venue time, in ms.
        latency_ms_median: The median of it (of files, weighted by rows).
        clock_shift_ms: What the import added to the receive times.
        findings: What was found.
    """

    symbol: str
    kind: str
    venue: str
    timeframe: str | None
    rows: int
    start_ns: int
    end_ns: int
    latency_ms_min: float
    latency_ms_median: float
    clock_shift_ms: float
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing makes it doubtful."""
        return not any(finding.is_fault for finding in self.findings)


def check_store(
    store: Store,
    *,
    symbol: str | None = None,
    stale_after: str | int = "60s",
    progress: Callable[[float], None] | None = None,
) -> list[SeriesQuality]:
    """What is wrong with each series of a store.

    Args:
        store: The store.
        symbol: Only series of this symbol.
        stale_after: Silence of quotes, trades and books that counts as stale.
        progress: Called with the fraction done.

    Raises:
        UnknownSymbolError: the store has no such symbol.
    """
    if symbol is not None:
        store.instrument(symbol)
    keys = [key for key in store.series() if symbol in (None, key.symbol)]
    stale_ns = duration_ns(stale_after, name="stale_after")
    found: list[SeriesQuality] = []
    for done, key in enumerate(keys, start=1):
        checks = _Checks(key, stale_ns)
        for part in store.read_days(key.symbol, key.kind, key.venue, timeframe=key.timeframe):
            checks.part(part)
        found.append(checks.quality())
        if progress is not None:
            progress(done / len(keys))
    return found


class _Tally:
    """Occurrences of one kind, as files go by."""

    def __init__(self) -> None:
        self.count, self.first_ns, self.worst, self.worst_text = 0, 0, -1.0, ""

    def add(
        self,
        at: NDArray[np.bool_],
        ts_ns: NDArray[np.int64],
        badness: NDArray[Any],
        say: Callable[[int], str],
    ) -> None:
        """Counts rows for which ``at`` holds; ``say`` names the one with the largest ``badness``."""
        import numpy as np

        rows = np.flatnonzero(at)
        if not len(rows):
            return
        if not self.count:
            self.first_ns = int(ts_ns[rows[0]])
        self.count += len(rows)
        worst = int(rows[np.argmax(badness[rows])])
        if float(badness[worst]) > self.worst:
            self.worst, self.worst_text = float(badness[worst]), say(worst)

    def finding(self, check: Check, *, is_fault: bool) -> Finding:
        return Finding(
            check=check, count=self.count, first_ns=self.first_ns, worst=self.worst_text, is_fault=is_fault
        )


class _Checks:
    def __init__(self, key: SeriesKey, stale_ns: int) -> None:
        self.key, self.stale_ns = key, stale_ns
        self.tallies: dict[Check, _Tally] = {}
        self.rows = self.start_ns = self.end_ns = self.shift_ns = 0
        self.latency_min = float("inf")
        self.latencies: list[tuple[float, int]] = []
        self.last: Series | None = None  # the last rows of the file before
        self.book: L2Book | L3Book | None = None
        self.sequence = 0
        self.skip = 0  # rows that were checked with the file before

    def part(self, part: Series) -> None:
        """Checks one file; its first row is compared with the last one of the file before."""
        import numpy as np

        self.start_ns = part.start_ns if self.last is None else self.start_ns
        self.rows += len(part)
        self.end_ns, self.shift_ns = part.end_ns, part.clock_shift_ns
        latency = part.ts_recv_ns - part.ts_event_ns
        self.latency_min = min(self.latency_min, float(latency.min()))
        self.latencies.append((float(np.median(latency)), len(part)))
        early = -latency.astype(float)
        self._tally("clock").add(
            latency < 0,
            part.ts_recv_ns,
            early,
            lambda row: f"received {early[row] / 1e6:,.3f} ms before it happened",
        )
        # With the last rows of the file before, so that no pair of neighbours is missed.
        joined = part if self.last is None else _joined(self.last, part)
        self.skip = len(joined) - len(part)
        self._duplicates(joined)
        if isinstance(joined, Bars):
            self._gaps(joined)
            self._spikes(joined, joined.close)
        else:
            self._silence(joined)
        if isinstance(joined, Quotes):
            self._quotes(joined)
        elif isinstance(joined, Trades):
            self._spikes(joined, joined.price)
        elif isinstance(part, BookEvents):
            self._events(part)
        self.last = part.tail(2)

    def quality(self) -> SeriesQuality:
        notes = {"duplicate"} if self.key.kind != "bars" else set[str]()
        findings = [
            tally.finding(check, is_fault=check not in notes)
            for check, tally in self.tallies.items()
            if tally.count
        ]
        ordered = sorted(self.latencies)
        half, seen, median = self.rows / 2, 0, 0.0
        for latency, rows in ordered:
            median, seen = latency, seen + rows
            if seen >= half:
                break
        return SeriesQuality(
            symbol=self.key.symbol,
            kind=self.key.kind,
            venue=self.key.venue,
            timeframe=self.key.timeframe,
            rows=self.rows,
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            latency_ms_min=self.latency_min / 1e6 if self.rows else 0.0,
            latency_ms_median=median / 1e6,
            clock_shift_ms=self.shift_ns / 1e6,
            findings=tuple(findings),
        )

    def _tally(self, check: Check) -> _Tally:
        return self.tallies.setdefault(check, _Tally())

    def _duplicates(self, part: Series) -> None:
        """Rows that repeat the one before in every column, times included; of bars, prices and volume."""
        import numpy as np

        if isinstance(part, BookEvents):  # told by the numbers of the messages
            return
        columns = [part.ts_event_ns, part.ts_recv_ns] if not isinstance(part, Bars) else []
        columns += [column for name, column in part.columns.items() if name != "open_ns"]
        same = np.ones(len(part), dtype=bool)
        for column in columns:
            equal = column[1:] == column[:-1]
            if column.dtype.kind == "f":
                equal |= np.isnan(column[1:]) & np.isnan(column[:-1])
            same[1:] &= equal
        same[: max(self.skip, 1)] = False
        if isinstance(part, Bars):
            # Bars of four equal prices repeat by themselves.
            same &= (part.high > part.low) & (part.volume > 0)
        text = "all its values are those of the row before"
        self._tally("duplicate").add(same, part.ts_recv_ns, same.astype(float), lambda _: text)

    def _gaps(self, bars: Bars) -> None:
        """Bars missing within a day of UTC; for daily bars, more than five days between two."""
        import numpy as np

        step = np.zeros(len(bars))
        step[1:] = bars.open_ns[1:] - bars.ts_event_ns[:-1]
        if bars.timeframe_ns is not None and bars.timeframe_ns < DAY_NS:
            bad = step > 0
            bad[1:] &= bars.open_ns[1:] // DAY_NS == bars.open_ns[:-1] // DAY_NS
        else:
            bad = step > 5 * DAY_NS
        bad[: self.skip] = False
        self._tally("gap").add(bad, bars.open_ns, step, lambda row: f"nothing for {_length(step[row])}")

    def _silence(self, part: Series) -> None:
        import numpy as np

        step = np.zeros(len(part))
        step[1:] = np.diff(part.ts_recv_ns)
        step[: self.skip] = 0
        self._tally("stale").add(
            step > self.stale_ns, part.ts_recv_ns, step, lambda row: f"silent for {_length(step[row])}"
        )

    def _quotes(self, quotes: Quotes) -> None:
        import numpy as np

        crossed = quotes.bid >= quotes.ask
        crossed[: self.skip] = False
        by = np.nan_to_num(quotes.bid - quotes.ask)
        self._tally("crossed").add(
            crossed, quotes.ts_recv_ns, by, lambda row: f"bid {quotes.bid[row]:g}, ask {quotes.ask[row]:g}"
        )
        self._spikes(quotes, (quotes.bid + quotes.ask) / 2)

    def _spikes(self, part: Series, prices: NDArray[np.float64]) -> None:
        """Prices that jump away from both neighbours to the same side, by far more than prices here move."""
        import numpy as np

        known = np.flatnonzero(np.isfinite(prices))
        values = prices[known]
        if len(values) < 3:
            return
        moves = np.diff(values)
        moving = np.abs(moves[moves != 0])
        if not len(moving):
            return
        size = np.maximum(_SPIKE_SCALES * float(np.median(moving)), _SPIKE_SHARE * np.abs(values[:-2]))
        there, back = moves[:-1], moves[1:]
        bad = (np.sign(there) == -np.sign(back)) & (np.minimum(np.abs(there), np.abs(back)) > size)
        # The levels on both sides have to agree: a price that only trades down in two steps is no spike.
        bad &= np.abs(values[2:] - values[:-2]) < 0.5 * np.abs(there)
        bad &= known[2:] >= self.skip
        self._tally("outlier").add(
            bad,
            part.ts_recv_ns[known[1:-1]],
            np.abs(there),
            lambda row: f"{values[row + 1]:g} between {values[row]:g} and {values[row + 2]:g}",
        )

    def _events(self, events: BookEvents) -> None:
        import numpy as np

        if self.book is None:
            self.book = book_of(events)
        recv_ns = events.ts_recv_ns
        gaps = (events.flags & BookFlag.GAP) != 0
        self._tally("gap").add(
            gaps,
            recv_ns,
            gaps.astype(float),
            lambda row: f"messages before {events.sequence[row]} are missing",
        )
        plain = ((events.flags & BookFlag.SNAPSHOT) == 0) & (events.sequence > 0)
        highest = np.maximum.accumulate(np.where(plain, events.sequence, 0))
        before = np.maximum(np.concatenate([[0], highest[:-1]]), self.sequence)
        starts = np.concatenate([[True], (events.flags[:-1] & BookFlag.LAST) != 0])
        back = plain & (events.sequence < before)
        repeated = plain & starts & (events.sequence == before) & (events.action != BookAction.TRADE)
        if events.model == "l2":
            self._tally("duplicate").add(
                repeated, recv_ns, repeated.astype(float), lambda row: f"message {events.sequence[row]} again"
            )
        self._tally("order").add(
            back,
            recv_ns,
            (before - events.sequence).astype(float),
            lambda row: f"{events.sequence[row]} after {before[row]}",
        )
        self.sequence = max(self.sequence, int(highest[-1]))
        known = self.book.integrity.counts
        best = self.book.replay(events)
        offences = {name: count - known[name] for name, count in self.book.integrity.counts.items()}
        self._offences("unknown_order", offences["unknown_order"] + offences["duplicate_order"], events)
        self._offences("size", offences["negative_size"], events)
        bid, ask = best["bid_1"].to_numpy(), best["ask_1"].to_numpy()
        ends = recv_ns[(events.flags & BookFlag.LAST) != 0]
        self._tally("crossed").add(
            bid >= ask, ends, np.nan_to_num(bid - ask), lambda row: f"bid {bid[row]:g}, ask {ask[row]:g}"
        )

    def _offences(self, check: Check, count: int, events: BookEvents) -> None:
        """Those that the book counts and nobody sees in the columns."""
        if count:
            tally = self._tally(check)
            tally.first_ns = tally.first_ns or events.start_ns
            tally.worst_text = tally.worst_text or f"in the file that begins at {time_text(events.start_ns)}"
            tally.count += count


def _joined(last: Series, part: Series) -> Series:
    import numpy as np

    columns = {name: np.concatenate([last.columns[name], column]) for name, column in part.columns.items()}
    event_ns, recv_ns = (
        np.concatenate(pair)
        for pair in ((last.ts_event_ns, part.ts_event_ns), (last.ts_recv_ns, part.ts_recv_ns))
    )
    return part.with_columns(event_ns, recv_ns, columns)


def _length(ns: float) -> str:
    for unit_ns, unit in ((DAY_NS, "days"), (3_600_000_000_000, "h"), (60_000_000_000, "min")):
        if ns >= unit_ns:
            return f"{ns / unit_ns:,.1f} {unit}"
    return f"{ns / 1e9:,.3g} s"
