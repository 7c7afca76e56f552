"""``tradewright check-data`` finds what was planted, and nothing in sound data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import tradewright as tw
from tradewright.cli import main
from tradewright.core.books import BookAction, BookFlag
from tradewright.data.quality import check_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

START_NS = 1_704_103_200_000_000_000  # 2024-01-01T10:00:00Z
SECOND_NS, MINUTE_NS = 1_000_000_000, 60_000_000_000
ROWS = 200


@pytest.fixture
def store(tmp_path: Path) -> tw.data.Store:
    return tw.data.Store(tmp_path / "store")


def findings(store: tw.data.Store, **options: Any) -> dict[str, int]:
    (quality,) = check_store(store, **options)
    assert quality.rows > 0
    return {finding.check: finding.count for finding in quality.findings}


def quotes(**planted: Any) -> tw.Quotes:
    random = np.random.default_rng(5)
    bid = 100 + np.cumsum(random.integers(-1, 2, ROWS)) * 0.01
    columns: dict[str, Any] = {
        "ts": START_NS + np.arange(ROWS) * SECOND_NS,
        "bid": bid,
        "ask": bid + 0.02,
        "bid_size": random.integers(1, 9, ROWS).astype(float),
        "ask_size": random.integers(1, 9, ROWS).astype(float),
    }
    return tw.Quotes.from_arrays("Q", **columns | planted)


def test_sound_quotes_pass(store: tw.data.Store) -> None:
    store.write(quotes())
    assert findings(store) == {}


def test_silence_is_found_where_it_is_longer_than_asked_for(store: tw.data.Store) -> None:
    ts = START_NS + np.arange(ROWS) * SECOND_NS
    ts[100:] += 40 * SECOND_NS
    store.write(quotes(ts=ts))
    assert findings(store) == {}
    assert findings(store, stale_after="30s") == {"stale": 1}


def test_crossed_and_repeated_quotes_are_found(store: tw.data.Store) -> None:
    sound = quotes()
    ask = sound.ask.copy()
    ask[[50, 60]] = sound.bid[[50, 60]] - [0.0, 0.01]
    order = np.sort(np.concatenate([np.arange(ROWS), [7, 7, 120]]))
    columns: dict[str, Any] = {name: column[order] for name, column in (sound.columns | {"ask": ask}).items()}
    store.write(tw.Quotes.from_arrays("Q", ts=sound.ts_event_ns[order], **columns))
    assert findings(store) == {"crossed": 2, "duplicate": 3}
    (quality,) = check_store(store)
    assert {finding.check: finding.is_fault for finding in quality.findings} == {
        "crossed": True,
        "duplicate": False,
    }


def test_a_clock_that_runs_behind_is_found(store: tw.data.Store) -> None:
    sound = quotes()
    recv = sound.ts_event_ns + 5_000_000
    recv[30] = sound.ts_event_ns[30] - 2_000_000
    store.write(quotes(ts_recv=recv))
    (quality,) = check_store(store)
    assert [(finding.check, finding.count) for finding in quality.findings] == [("clock", 1)]
    assert quality.findings[0].worst == "received 2.000 ms before it happened"
    assert quality.latency_ms_min == -2
    assert quality.latency_ms_median == 5


def test_a_price_that_jumps_away_and_back_is_an_outlier_and_a_move_is_none(store: tw.data.Store) -> None:
    prices = 100 + np.tile([0.0, 0.01, 0.02, 0.01], 50)
    prices[80:] += 9  # stays there
    prices[150] = 9.0  # a digit lost
    trades = tw.Trades.from_arrays(
        "T", ts=START_NS + np.arange(200) * SECOND_NS, price=prices, size=np.ones(200)
    )
    store.write(trades)
    assert findings(store) == {"outlier": 1}
    (quality,) = check_store(store)
    assert quality.findings[0].first_ns == START_NS + 150 * SECOND_NS


def test_missing_and_repeated_bars_are_found(store: tw.data.Store) -> None:
    ends = START_NS + np.arange(1, 101) * MINUTE_NS
    kept = np.delete(ends, [40, 41, 70])
    low = 100 + np.random.default_rng(1).integers(0, 50, len(kept)) * 0.01
    low[20] = low[19]
    volume = np.arange(1.0, len(kept) + 1)
    volume[20] = volume[19]
    store.write(
        tw.Bars.from_arrays(
            "B", ts=kept, open=low, high=low + 0.5, low=low, close=low + 0.1, volume=volume, timeframe="1m"
        )
    )
    assert findings(store) == {"gap": 2, "duplicate": 1}


LAST = int(BookFlag.LAST)


def book(rows: Sequence[tuple[int, int, float, float, int, int]], **columns: Any) -> tw.BookEvents:
    """Rows of action, side, price, size, flags, sequence; a second apart."""
    action, side, price, size, flags, sequence = (list(column) for column in zip(*rows, strict=True))
    ts = START_NS + np.arange(len(rows)) * SECOND_NS
    return tw.BookEvents.from_arrays(
        "X",
        ts=ts,
        action=action,
        side=side,
        price=price,
        size=size,
        flags=flags,
        sequence=sequence,
        **columns,
    )


def test_a_books_gaps_and_impossible_events_are_found(store: tw.data.Store) -> None:
    set_, change = BookAction.SET, BookAction.CHANGE
    rows = [
        (set_, 1, 10.0, 5.0, LAST, 1),
        (set_, -1, 11.0, 5.0, LAST, 2),
        (set_, 1, 10.5, 5.0, LAST | int(BookFlag.GAP), 9),
        (set_, 1, 11.0, 1.0, LAST, 10),  # locks the book
        (set_, 1, 11.0, 0.0, LAST, 11),
        (change, 1, 10.0, -7.0, LAST, 12),  # two more than there were
        (set_, 1, 9.0, 1.0, LAST, 12),  # the same message again
        (set_, 1, 9.0, 2.0, LAST, 8),  # and an old one
    ]
    store.write(book(rows))
    assert findings(store) == {"gap": 1, "crossed": 1, "size": 1, "duplicate": 1, "order": 1}


def test_unknown_orders_are_found(store: tw.data.Store) -> None:
    rows = [
        (BookAction.ADD, 1, 10.0, 5.0, LAST, 0),
        (BookAction.CANCEL, 1, 10.0, 5.0, LAST, 0),
        (BookAction.ADD, 1, 10.0, 5.0, LAST, 0),
        (BookAction.ADD, 1, 10.0, 5.0, LAST, 0),
    ]
    store.write(book(rows, order_id=[1, 2, 3, 3]))
    assert findings(store) == {"unknown_order": 2}


def test_faults_are_found_across_the_files_of_two_days_once(store: tw.data.Store) -> None:
    """The store keeps a file a day; a silence over midnight lies between two of them."""
    sound = quotes()
    ts = START_NS + np.arange(ROWS) * SECOND_NS
    ts[100:] += 86_400 * SECOND_NS
    bid, ask = sound.bid.copy(), sound.ask.copy()
    bid[98], ask[98] = 200.0, 200.02  # an outlier two rows before the day ends
    bid[100], ask[100] = 300.0, 300.02  # and the first row of the next
    store.write(quotes(ts=ts, bid=bid, ask=ask))
    assert findings(store) == {"stale": 1, "outlier": 2}


def test_the_command_prints_findings_and_says_so_in_its_exit_code(
    store: tw.data.Store, capsys: pytest.CaptureFixture[str]
) -> None:
    store.write(quotes())
    assert main(["check-data", str(store.path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 series, no fault"
    assert main(["check-data", str(store.path), "--stale-after", "500ms", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["passed"] is False
    (found,) = report["series"]
    assert [(finding["check"], finding["count"]) for finding in found["findings"]] == [("stale", ROWS - 1)]
    assert main(["check-data", str(store.path), "--stale-after", "500ms"]) == 1
    assert "stale" in capsys.readouterr().out
    assert main(["check-data", str(store.path / "nowhere")]) == 2
    assert main(["check-data", str(store.path), "--stale-after", "soon"]) == 2
    assert main(["check-data", str(store.path), "--symbol", "Z"]) == 1
