"""Times that int64 nanoseconds do not hold are refused, never turned into times of another century.

What is in range is told by Python's own dates and whole numbers, which have no such limit.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tradewright.core.series import Bars
from tradewright.data import Dataset, Store, bars_from_frame, quotes_from_frame, read_bars
from tradewright.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

HELD = "outside of the times that can be held, 1677-09-22 to 2262-04-10."
MINUTES: dict[str, Any] = {"label": "open", "timeframe": "1m"}
NAIVE = [dt.datetime.fromisoformat(text) for text in ("2020-01-02T09:00", "3000-01-02T09:00")]
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def bars_at(times: Any, **options: Any) -> Bars:
    found = bars_from_frame({"time": times, "close": [1.0] * len(times)}, "X", **options)
    assert isinstance(found, Bars)
    return found


def exact_ns(moment: dt.datetime) -> int:
    return (moment - EPOCH) // dt.timedelta(microseconds=1) * 1_000


def test_a_far_date_in_a_file_names_its_row(tmp_path: Path) -> None:
    path = tmp_path / "yr.csv"
    path.write_text("date,close\n2020-01-02,1\n2020-01-03,2\n3000-01-06,3\n")
    with pytest.raises(DataError) as refused:
        read_bars(path)
    assert str(refused.value) == f"yr.csv, row 3, date: 3000-01-06 is {HELD} Correct or remove the row."
    error = refused.value
    assert (error.source, error.row, error.field, error.value) == ("yr.csv", 3, "date", "3000-01-06")


@pytest.mark.parametrize(
    ("times", "options", "said"),
    [
        ([dt.date(2020, 1, 2), dt.date(9999, 12, 31)], {}, "9999-12-31"),
        ([dt.date(2020, 1, 2), dt.date(1600, 1, 2)], {}, "1600-01-02"),
        ([dt.date(2020, 1, 2), dt.date(2999, 1, 2)], {"calendar": "XNYS"}, "2999-01-02"),
        (["2020-01-02 00:00:00", "3000-01-02 00:00:00"], {}, "3000-01-02 00:00:00"),
        (["2020-01-02T09:30Z", "3000-01-02T09:30Z"], MINUTES, "3000-01-02T09:30Z"),
        (["2020-01-02T09:30Z", "1600-01-02T09:30Z"], MINUTES, "1600-01-02T09:30Z"),
        (["2020-01-02 09:30+01:00", "2263-01-02 09:30+01:00"], MINUTES, "2263-01-02 09:30+01:00"),
        (["02-Jan-2020 09:30", "02-Jan-3000 09:30"], {**MINUTES, "tz": "UTC"}, "02-Jan-3000 09:30"),
        (NAIVE, {**MINUTES, "tz": "UTC"}, "3000-01-02 09:00:00 is"),
        ([EPOCH, dt.datetime(3000, 1, 1, tzinfo=dt.UTC)], MINUTES, "3000-01-01 00:00:00+00:00"),
    ],
)
def test_far_dates_and_date_times(times: list[Any], options: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError) as refused:
        bars_at(times, **options)
    assert str(refused.value).startswith(f"frame, row 2, time: {said}")
    assert HELD in str(refused.value)


@pytest.mark.parametrize(
    ("times", "unit", "problem"),
    [
        ([1_577_923_200_000], "s", "Give time_unit='ms': it makes that 2020-01-02 00:00:00."),
        ([1_577_923_200_000_000], "ms", "Give time_unit='us': it makes that 2020-01-02 00:00:00."),
        ([1_577_923_200_000.0], "s", "Give time_unit='ms': it makes that 2020-01-02 00:00:00."),
        (["1577923200000"], "s", "Give time_unit='ms': it makes that 2020-01-02 00:00:00."),
        ([9_500_000_000], None, "9500000000 s since 1970 is outside of"),
        ([-(10**13)], "s", "Correct or remove the row."),
        ([float("inf")], "s", "inf s since 1970 is outside of"),
        (pl.Series([2**64 - 1], dtype=pl.UInt64), "ns", "18446744073709551615 ns since 1970 is outside of"),
    ],
)
def test_far_numbers_suggest_another_unit(times: Any, unit: Any, problem: str) -> None:
    with pytest.raises(DataError) as refused:
        bars_at(times, **MINUTES, time_unit=unit)
    assert str(refused.value).startswith("frame, row 1, time: ")
    assert problem in str(refused.value)
    assert HELD in str(refused.value)


def test_no_number_is_an_empty_time() -> None:
    with pytest.raises(DataError, match=r"frame, row 2, time: the time is empty\."):
        bars_at([1_577_923_200.0, float("nan")], **MINUTES)


def test_the_first_and_the_last_day_are_what_they_say() -> None:
    first, last = dt.date(1677, 9, 22), dt.date(2262, 4, 10)
    bars = bars_at([first, last])
    expected = [(day.toordinal() - EPOCH.toordinal()) * 86_400 * 10**9 for day in (first, last)]
    assert bars.open_ns.tolist() == expected
    assert bars.ts_event_ns.tolist() == [start + 86_400 * 10**9 for start in expected]
    day = dt.timedelta(days=1)
    for beyond in (first - day, last + day):
        with pytest.raises(DataError, match=f"row 1, time: {beyond} is outside"):
            bars_at([beyond])


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S", "%d-%b-%Y %H:%M:%S"])
@pytest.mark.parametrize("year", [1678, 1969, 2020, 2261, 2262])
def test_text_in_range_is_exact(form: str, year: int) -> None:
    moment = dt.datetime(year, 1, 2, 9, 30, 15, tzinfo=dt.UTC)
    bars = bars_at([moment.strftime(form)], tz="UTC", **MINUTES)
    assert bars.open_ns.tolist() == [exact_ns(moment)]


def test_pandas_times_keep_their_century() -> None:
    far = pd.DataFrame({"time": np.array(["3000-01-01"], dtype="datetime64[s]"), "close": [1.0]})
    with pytest.raises(DataError, match=r"row 1, time: 3000-01-01 00:00:00 is outside"):
        bars_from_frame(far, "X")
    seconds = np.array(["2020-01-02T09:30:01"], dtype="datetime64[s]")
    near = bars_from_frame(far.assign(time=seconds), "X", tz="UTC", **MINUTES)
    assert isinstance(near, Bars)
    assert near.open_ns.tolist() == [exact_ns(dt.datetime(2020, 1, 2, 9, 30, 1, tzinfo=dt.UTC))]


def test_far_receive_times_and_bars_that_reach_too_far() -> None:
    quotes = {"time": [1_577_923_200_000], "bid": [1.0], "ask": [2.0]}
    with pytest.raises(DataError, match=r"row 1, ts_recv: 3000-01-01 .* is outside"):
        quotes_from_frame({**quotes, "ts_recv": [dt.datetime(3000, 1, 1, tzinfo=dt.UTC)]}, "X")
    early, late = (dt.datetime(year, 1, 1, 1, tzinfo=dt.UTC) for year in (1678, 2262))
    for moment, label in ((late, "open"), (early, "close")):
        with pytest.raises(DataError, match=r"row 1, time: a bar of 52w reaches beyond the times"):
            bars_at([moment], timeframe="52w", label=label)


def test_dates_that_no_calendar_reaches() -> None:
    with pytest.raises(DataError, match=r"row 2, time: 2262-01-03 is beyond what calendars can reach"):
        bars_at([dt.date(2020, 1, 2), dt.date(2262, 1, 3)], calendar="XNYS")


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        ("3000-01-01", None, 0),
        (None, "9999-12-31", 3),
        (dt.date(1, 1, 1), dt.date(9999, 12, 31), 3),
        ("2020-01-04", "3000-01-01", 2),
        (None, "1600-01-01", 0),
        (10**30, None, 0),
        (-(10**30), 10**30, 3),
    ],
)
def test_far_ends_of_a_span_mean_all(tmp_path: Path, start: Any, end: Any, rows: int) -> None:
    store = Store(tmp_path / "store")
    # Days end at midnight: on the 3rd, 4th and 7th.
    store.write(bars_at([dt.date(2020, 1, day) for day in (2, 3, 6)]))
    assert len(store.read("X", start=start, end=end)) == rows
    assert len(store.stream("X", start=start, end=end)) == rows
    assert sum(len(part) for part in store.read_days("X", "bars", start=start, end=end)) == rows
    assert len(Dataset.of(store.read("X")).between(start, end)) == rows
    assert len(Dataset.of(store.stream("X")).between(start, end)) == rows
