from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from tradewright.core.series import Bars, Quotes, Trades
from tradewright.core.times import duration_ns, duration_text, time_ns
from tradewright.errors import DataError

MINUTE_NS = 60_000_000_000
START_NS = 1_600_000_020_000_000_000


def minute_bars(count: int = 5, **keywords: object) -> Bars:
    ts = START_NS + np.arange(count, dtype=np.int64) * MINUTE_NS
    price = np.arange(count) + 100.0
    values = {"open": price, "high": price + 1, "low": price - 1, "close": price + 0.5} | keywords
    return Bars.from_arrays("X", ts=ts, **values)  # pyright: ignore[reportArgumentType] - keywords of any kind


def test_arrays_of_the_right_type_are_not_copied() -> None:
    ts = np.arange(10, dtype=np.int64)
    price = np.ones(10)
    bars = Bars.from_arrays(
        "X", ts=ts, open=price, high=price, low=price, close=price, volume=price, open_ts=ts
    )
    assert all(np.shares_memory(column, price) for column in (bars.open, bars.close, bars.volume))
    assert np.shares_memory(bars.ts_event_ns, ts)
    assert bars.ts_recv_ns is bars.ts_event_ns


def test_half_a_million_rows_take_no_time() -> None:
    ts = np.arange(500_000, dtype=np.int64) * MINUTE_NS
    price = np.ones(500_000)
    seconds: list[float] = []
    for _ in range(20):
        before = time.process_time()
        Bars.from_arrays("X", ts=ts, open=price, high=price, low=price, close=price, volume=price, open_ts=ts)
        seconds.append(time.process_time() - before)
    assert min(seconds) < 1e-3


def test_the_start_of_a_bar_is_given_inferred_from_the_timeframe_or_the_close_before() -> None:
    ts = START_NS + np.array([0, 1, 2, 10], dtype=np.int64) * MINUTE_NS
    price = np.ones(4)
    prices: dict[str, Any] = dict.fromkeys(("open", "high", "low", "close"), price)
    framed = Bars.from_arrays("X", ts=ts, timeframe="1m", **prices)
    assert framed.open_ns.tolist() == (ts - MINUTE_NS).tolist()
    assert (framed.timeframe_ns, framed.timeframe) == (MINUTE_NS, "1m")
    free = Bars.from_arrays("X", ts=ts, **prices)
    assert free.open_ns.tolist() == [ts[0] - MINUTE_NS, *ts[:-1].tolist()]
    assert free.timeframe is None


def test_datetime64_and_lists_are_taken() -> None:
    ts = np.array(["2020-01-01T00:01", "2020-01-01T00:02"], dtype="datetime64[m]")
    bars = Bars.from_arrays("X", ts=ts, open=[1, 2], high=[1, 2], low=[1, 2], close=[1, 2])
    assert bars.ts_event_ns.tolist() == [1577836860_000_000_000, 1577836920_000_000_000]
    assert bars.close.dtype == np.float64
    assert np.isnan(bars.volume).all()


def test_before_and_between_cut_by_receive_time() -> None:
    bars = minute_bars(5)
    assert bars.before(START_NS).close.tolist() == []
    assert bars.before(START_NS + 1).close.tolist() == [100.5]
    cut = bars.between(START_NS + MINUTE_NS, START_NS + 3 * MINUTE_NS)
    assert cut.close.tolist() == [101.5, 102.5]
    assert cut.symbol == "X"
    assert np.shares_memory(cut.close, bars.close)
    late = Quotes.from_arrays("X", ts=[1, 2, 3], ts_recv=[10, 20, 30], bid=[1, 1, 1], ask=[2, 2, 2])
    assert late.before(20).ts_event_ns.tolist() == [1]
    assert late.before(20).ts_recv_ns.tolist() == [10]


def test_a_frame_says_what_it_holds() -> None:
    frame = minute_bars(2).to_frame()
    assert frame.columns == [
        "symbol",
        "ts_event",
        "ts_recv",
        "ts_open",
        "open",
        "high",
        "low",
        "close",
        "volume",
    ]
    assert frame.schema["ts_event"] == pl.Datetime("ns", "UTC")
    assert frame["ts_event"][0] == dt.datetime(2020, 9, 13, 12, 27, tzinfo=dt.UTC)
    trades = Trades.from_arrays("T", ts=[1], price=[2.0], size=[3.0], aggressor=[-1])
    assert trades.to_frame().row(0)[3:] == (2.0, 3.0, -1)


def test_repr_says_what_a_reader_wants_to_know() -> None:
    text = repr(minute_bars(5, timeframe="1m", adjusted="all", grade="closes only"))
    assert text == (
        "Bars(X, 5 rows, 2020-09-13 12:27:00 to 2020-09-13 12:31:00, 1m, adjusted for splits and dividends, "
        "closes only)"
    )
    assert repr(minute_bars(0)) == "Bars(X, empty)"


def test_series_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        minute_bars().symbol = "Y"  # pyright: ignore[reportAttributeAccessIssue] - a frozen field, on purpose


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"close": [1.0, 2.0]}, "arrays of X, close: 2 values beside 3 times."),
        ({"close": [[1.0, 2.0, 3.0]]}, "arrays of X, close: shape (1, 3)."),
        ({"close": ["a", "b", "c"]}, "arrays of X, close: values of type <U1."),
        ({"ts_recv": [1.5, 2.5, 3.5]}, "arrays of X, ts_recv: times of type float64."),
    ],
)
def test_arrays_that_are_no_columns_are_refused(keywords: dict[str, object], message: str) -> None:
    with pytest.raises(DataError) as refused:
        minute_bars(3, **keywords)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "length_ns"),
    [("1m", MINUTE_NS), ("5min", 5 * MINUTE_NS), ("1h", 60 * MINUTE_NS), ("100ms", 10**8)],
)
def test_timeframes(text: str, length_ns: int) -> None:
    assert duration_ns(text, name="timeframe") == length_ns
    assert duration_ns(duration_text(length_ns), name="timeframe") == length_ns


@pytest.mark.parametrize("text", ["", "m", "0m", "-1m", "1 fortnight", 0])
def test_what_is_no_timeframe_is_refused(text: str | int) -> None:
    with pytest.raises(ValueError, match="is not a length of time"):
        duration_ns(text, name="timeframe")


def test_times_need_a_zone() -> None:
    assert time_ns("2020-01-01") == time_ns(dt.date(2020, 1, 1)) == 1577836800_000_000_000
    assert time_ns("2020-01-01T01:00:00.000001+01:00") == 1577836800_000_001_000
    with pytest.raises(ValueError, match="has no time zone"):
        time_ns("2020-01-01T00:00:00")
    with pytest.raises(ValueError, match="'soon' is no time"):
        time_ns("soon")


def test_starts_of_bars_are_a_column_or_the_length_of_each() -> None:
    framed = minute_bars(3, timeframe="1m")
    assert framed.starts_ns is None
    told = replace(framed, starts_ns=framed.open_ns, timeframe_ns=None)
    assert told.open_ns.tolist() == framed.open_ns.tolist()
    for bars in (framed, told):
        last = bars.tail(2)
        assert last.open_ns.tolist() == framed.open_ns[1:].tolist()
        assert (last.starts_ns is None) is (bars is framed)
    with pytest.raises(DataError, match="nothing tells when its bars start"):
        replace(framed, timeframe_ns=None)
