"""Sessions against dates and times that exchanges published."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from tradewright.core.calendar import check_name, session_closes, session_opens, sessions
from tradewright.errors import ConfigError, DataError

NEW_YORK = ZoneInfo("America/New_York")


def ns(*parts: int, zone: Any = NEW_YORK) -> int:
    return int(datetime(*parts, tzinfo=zone).timestamp()) * 10**9  # pyright: ignore[reportArgumentType] - year, month, day, hour, minute


def test_new_york_closes_early_and_moves_with_summer_time() -> None:
    days = [date(2024, 7, 3), date(2024, 7, 5), date(2024, 1, 2), date(1987, 10, 19)]
    assert session_closes("XNYS", days).tolist() == [
        ns(2024, 7, 3, 13, 0),
        ns(2024, 7, 5, 16, 0),
        ns(2024, 1, 2, 16, 0),
        ns(1987, 10, 19, 16, 0),
    ]
    assert session_opens("XNYS", days[:3]).tolist() == [
        ns(2024, 7, 3, 9, 30),
        ns(2024, 7, 5, 9, 30),
        ns(2024, 1, 2, 9, 30),
    ]


def test_sessions_are_those_that_overlap() -> None:
    wednesday, friday = (
        (ns(2024, 7, day, 9, 30), ns(2024, 7, day, hour, 0)) for day, hour in ((3, 13), (5, 16))
    )
    assert sessions("XNYS", ns(2024, 7, 3, 0, 0), ns(2024, 7, 6, 0, 0)) == [wednesday, friday]
    assert sessions("XNYS", wednesday[1] - 1, friday[0]) == [wednesday, friday]
    # The close is exclusive, the end of the span is not.
    assert sessions("XNYS", wednesday[1], friday[0] - 1) == []
    assert sessions("NYSE", wednesday[0], wednesday[0]) == [wednesday]
    assert sessions(None, 0, 10**18) == []


def test_forty_years_agree_with_the_plain_rule() -> None:
    """Every session of New York is a weekday that opens at 9:30 and closes by 16:00 local time."""
    found = sessions("XNYS", ns(1990, 1, 1, 0, 0), ns(2030, 1, 1, 0, 0))
    assert 250 * 40 < len(found) < 254 * 40
    for (open_ns, close_ns), (next_open_ns, _) in pairwise(found):
        opened = datetime.fromtimestamp(open_ns / 1e9, NEW_YORK)
        assert opened.weekday() < 5
        assert open_ns < close_ns <= ns(opened.year, opened.month, opened.day, 16, 0) < next_open_ns


def test_a_lunch_break_does_not_end_the_day() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    found = sessions("XTKS", ns(2024, 7, 3, 0, 0, zone=tokyo), ns(2024, 7, 3, 23, 0, zone=tokyo))
    assert found == [(ns(2024, 7, 3, 9, 0, zone=tokyo), ns(2024, 7, 3, 15, 0, zone=tokyo))]


@pytest.mark.parametrize(
    "days",
    [
        [date(2024, 7, 5), date(2024, 7, 3)],
        np.array(["2024-07-05", "2024-07-03"], "datetime64[D]"),
        np.array(["2024-07-05", "2024-07-03"], "datetime64[ns]"),
        pl.Series([date(2024, 7, 5), date(2024, 7, 3)]),
    ],
)
def test_dates_may_come_as_any_column(days: Any) -> None:
    closes = session_closes("XNYS", days)
    assert closes.dtype == np.int64
    assert closes.tolist() == [ns(2024, 7, 5, 16, 0), ns(2024, 7, 3, 13, 0)]


def test_round_the_clock_days_end_at_midnight() -> None:
    day = datetime(2024, 7, 4, tzinfo=UTC)
    assert session_opens(None, [day.date()]).tolist() == [ns(2024, 7, 4, 0, 0, zone=UTC)]
    assert session_closes(None, [day.date()]).tolist() == [int((day + timedelta(days=1)).timestamp()) * 10**9]
    assert session_closes("XNYS", []).tolist() == []


def test_a_holiday_is_refused_with_the_nearest_sessions() -> None:
    with pytest.raises(DataError) as caught:
        session_closes("XNYS", [date(2024, 12, 24), date(2024, 12, 25)], source="spx.csv")
    assert str(caught.value) == (
        "spx.csv, row 2: 2024-12-25 is no session of XNYS. "
        "The nearest sessions are 2024-12-24 and 2024-12-26; another calendar may be the right one."
    )


@pytest.mark.parametrize(
    ("days", "row"),
    [
        ([date(2024, 7, 3), datetime(2024, 7, 5, 16, tzinfo=UTC)], 2),
        (["2024-07-03"], 1),
        ([date(2024, 7, 3), None], 2),
        (np.array(["2024-07-03", "NaT"], "datetime64[D]"), 2),
        (np.array(["2024-07-03T09:30"], "datetime64[ns]"), 1),
        (pl.Series([20240703]), 1),
    ],
)
def test_what_is_not_a_plain_date_is_refused(days: Any, row: int) -> None:
    with pytest.raises(DataError, match="is not a plain date") as caught:
        session_closes("XNYS", days)
    assert caught.value.row == row


def test_unknown_calendars_name_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no calendar 'XNYZ'\. Did you mean .*'XNYS'"):
        sessions("XNYZ", 0, 1)
    with pytest.raises(ConfigError, match=r"no calendar 'nyse'\. Did you mean 'NYSE'"):
        check_name("nyse")
    assert check_name("24/7") == "24/7"


def test_dates_beyond_a_calendar_are_refused() -> None:
    with pytest.raises(DataError, match=r"does not reach 1990-01-01\. It covers 1997-01-01 to"):
        sessions("XTKS", ns(1990, 1, 1, 0, 0, zone=UTC), ns(2000, 1, 1, 0, 0))
    with pytest.raises(DataError, match="before its start"):
        sessions("XNYS", 1, 0)


def test_the_vocabulary_imports_no_heavy_library() -> None:
    code = (
        "import sys, tradewright.core.presets, tradewright.core.market, tradewright.core.calendar\n"
        "import tradewright.core.sizing\n"
        "heavy = {'numpy', 'pandas', 'polars', 'exchange_calendars'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
