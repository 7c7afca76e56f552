"""Good input of every form, read to the values that stand in it."""

from __future__ import annotations

import datetime as dt
import gzip
import subprocess
import sys
import zipfile
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.core.grid import TickGrid
from tradewright.core.instrument import Instrument
from tradewright.core.presets import binary
from tradewright.core.series import Bars, Quotes, Trades
from tradewright.data import (
    Dataset,
    ReadOptions,
    bars_from_frame,
    nasdaq,
    quotes_from_frame,
    read_bars,
    read_quotes,
    read_trades,
    sp500,
    trades_from_frame,
)
from tradewright.data.columns import find_layout
from tradewright.data.grid import round_to_grid
from tradewright.data.options import ReadKeywords
from tradewright.errors import DataError, UnknownSymbolError

if TYPE_CHECKING:
    from pathlib import Path

DAYS = ["2020-01-02", "2020-01-03", "2020-01-06"]
OHLC = {"open": [1.0, 2.0, 3.0], "high": [2.0, 3.0, 4.0], "low": [0.5, 1.0, 2.0], "close": [1.5, 2.5, 3.5]}
DAY_NS = 86_400 * 10**9


def ns(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp()) * 10**9


def one_bars(frame: object, symbol: str = "X", **options: Any) -> Bars:
    found = bars_from_frame(frame, symbol, **options)
    assert isinstance(found, Bars)
    return found


@pytest.mark.parametrize(
    "names",
    [
        ("Date", "Open", "High", "Low", "Close", "Volume"),
        ("date", "OPEN", "high", "LOW", "close", "VOL"),
        ("timestamp_utc", "open_price", "High Price", "lowPrice", "Close Price", "Total Volume"),
        ("Datetime", "o", "h", "l", "c", "v"),
        ("trading day", "first", "high", "low", "last", "volume"),
    ],
)
def test_names_that_vendors_use(names: tuple[str, ...]) -> None:
    options: dict[str, Any] = {"columns": {"time": "trading day"}} if names[0] == "trading day" else {}
    frame = dict(zip(names, [DAYS, *OHLC.values(), [10, 20, 30]], strict=True))
    bars = one_bars(frame, **options)
    assert bars.open.tolist() == OHLC["open"]
    assert bars.close.tolist() == OHLC["close"]
    assert bars.volume.tolist() == [10, 20, 30]
    assert bars.grade == "ohlc"


def test_a_named_mapping_wins_over_recognition() -> None:
    settled = {"Date": DAYS, **OHLC, "Settle": [1.0, 2.0, 3.0]}
    assert one_bars(settled, columns={"close": "Settle"}).close.tolist() == [1.0, 2.0, 3.0]


def test_closes_alone_and_adjusted_closes() -> None:
    bars = one_bars({"Date": DAYS, "Close": [1.0, 2.0, 3.0]})
    assert bars.grade == "closes only"
    assert bars.open is bars.close
    adjusted = one_bars({"Date": DAYS, "Adj Close": [1.0, 2.0, 3.0]})
    assert adjusted.adjusted == "all"


def test_without_a_calendar_a_date_is_a_day_of_utc() -> None:
    bars = one_bars({"Date": DAYS, "Close": [1, 2, 3]})
    assert bars.open_ns.tolist() == [ns(day + "T00:00:00+00:00") for day in DAYS]
    assert (bars.ts_event_ns - bars.open_ns).tolist() == [DAY_NS] * 3
    assert bars.timeframe == "1d"


def test_with_a_calendar_a_date_is_a_session() -> None:
    days = ["2019-07-02", "2019-07-03", "2019-07-05"]  # The third of July ended at 13:00.
    bars = one_bars({"Date": days, "Close": [1, 2, 3]}, calendar="XNYS")
    closes = ["2019-07-02T16:00:00-04:00", "2019-07-03T13:00:00-04:00", "2019-07-05T16:00:00-04:00"]
    assert bars.ts_event_ns.tolist() == [ns(close) for close in closes]
    assert bars.open_ns.tolist() == [ns(day + "T09:30:00-04:00") for day in days]


def test_days_out_of_session_can_be_left_out() -> None:
    days = ["2019-07-03", "2019-07-04", "2019-07-05", "2019-07-06"]
    bars = one_bars({"Date": days, "Close": [1, 2, 3, 4]}, calendar="XNYS", drop_non_sessions=True)
    assert bars.close.tolist() == [1, 3]
    assert bars.rows_dropped == 2


MOMENT_NS = ns("2020-01-02T14:30:00+00:00")


@pytest.mark.parametrize(
    ("first", "second", "options"),
    [
        ("2020-01-02T14:30:00Z", "2020-01-02T14:31:00Z", {}),
        ("2020-01-02 14:30:00 UTC", "2020-01-02 14:31:00 UTC", {}),
        ("2020-01-02 09:30:00-05:00", "2020-01-02 09:31:00-05:00", {}),
        ("2020-01-02 09:30:00-0500", "2020-01-02 15:31:00+0100", {}),
        ("2020-01-02 14:30", "2020-01-02 14:31", {"tz": "UTC"}),
        ("2020-01-02 09:30:00", "2020-01-02 09:31:00.000", {"tz": "America/New_York"}),
        ("20200102 093000", "20200102 093100", {"tz": "-05:00"}),
        ("2020.01.02 20:00", "2020.01.02 20:01", {"tz": "+0530"}),
        (
            "1/2/2020 9:30 AM",
            "1/2/2020 9:31 AM",
            {"tz": "America/New_York", "time_format": "%m/%d/%Y %I:%M %p"},
        ),
        ("30-Jan-2020", "31-Jan-2020", {"time_format": "%d-%b-%Y", "day": True}),
        ("1577975400", "1577975460", {}),
        ("1577975400000", "1577975460000", {}),
        ("1577975400.0", "1577975460.0", {}),
        (1577975400, 1577975460, {}),
        (1577975400_000_000, 1577975460_000_000, {}),
        (1577975400_000_000_000, 1577975460_000_000_000, {}),
        (1577975400.0, 1577975460.0, {"time_unit": "s"}),
        (dt.datetime(2020, 1, 2, 14, 30, tzinfo=dt.UTC), dt.datetime(2020, 1, 2, 14, 31, tzinfo=dt.UTC), {}),
        (dt.datetime(2020, 1, 2, 9, 30), dt.datetime(2020, 1, 2, 9, 31), {"tz": "America/New_York"}),  # noqa: DTZ001
    ],
)
def test_forms_of_time(first: object, second: object, options: dict[str, Any]) -> None:
    if options.pop("day", False):
        bars = one_bars({"time": [first, second], "close": [1.0, 2.0]}, **options)
        assert bars.open_ns.tolist() == [ns("2020-01-30T00:00:00+00:00"), ns("2020-01-31T00:00:00+00:00")]
        return
    bars = one_bars({"time": [first, second], "close": [1.0, 2.0]}, label="open", **options)
    assert bars.open_ns.tolist() == [MOMENT_NS, MOMENT_NS + 60 * 10**9]
    assert bars.ts_event_ns.tolist() == [MOMENT_NS + 60 * 10**9, MOMENT_NS + 120 * 10**9]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (["12/30/2019", "1/2/2020"], ["2019-12-30", "2020-01-02"]),
        (["30/12/2019", "2/1/2020"], ["2019-12-30", "2020-01-02"]),
        (["20191230", "20200102"], ["2019-12-30", "2020-01-02"]),
        ([20191230, 20200102], ["2019-12-30", "2020-01-02"]),
        (["2019-12-30 00:00:00", "2020-01-02 00:00:00"], ["2019-12-30", "2020-01-02"]),
        ([dt.date(2019, 12, 30), dt.date(2020, 1, 2)], ["2019-12-30", "2020-01-02"]),
    ],
)
def test_forms_of_date(days: list[object], expected: list[str]) -> None:
    bars = one_bars({"date": days, "close": [1.0, 2.0]})
    assert bars.open_ns.tolist() == [ns(day + "T00:00:00+00:00") for day in expected]


def test_date_and_time_in_two_columns() -> None:
    frame = {"Date": ["2020-01-02"] * 2, "Time": ["14:30", "14:31"], "Close": [1, 2]}
    assert one_bars(frame, tz="UTC", label="open").open_ns.tolist()[0] == MOMENT_NS


def test_the_label_says_whether_a_time_is_open_or_close() -> None:
    frame = {"time": ["2020-01-02T14:30:00Z", "2020-01-02T14:35:00Z"], "close": [1, 2]}
    opened = one_bars(frame, label="open")
    closed = one_bars(frame, label="close")
    assert opened.timeframe == closed.timeframe == "5m"
    assert opened.open_ns[0] == closed.ts_event_ns[0] == MOMENT_NS
    named = one_bars({"open_time": frame["time"], "close": [1, 2]})
    assert named.ts_event_ns.tolist() == opened.ts_event_ns.tolist()
    weekly = one_bars({"date": ["2020-01-06", "2020-01-13"], "close": [1, 2]}, timeframe="1w", label="open")
    assert weekly.ts_event_ns[0] == ns("2020-01-13T00:00:00+00:00")


def test_a_bars_own_frame_reads_back_the_same() -> None:
    bars = sp500().between("2010-01-01", "2011-01-01")
    again = one_bars(bars.to_frame(), symbol="SPX", instrument=bars.instrument)
    for name, column in bars.columns.items():
        np.testing.assert_array_equal(getattr(again, name), column)
    np.testing.assert_array_equal(again.ts_event_ns, bars.ts_event_ns)


def test_frames_of_every_library_read_the_same() -> None:
    polars = pl.DataFrame({"Date": [dt.date.fromisoformat(day) for day in DAYS], **OHLC, "Volume": [1, 2, 3]})
    indexed = pd.DataFrame({**OHLC, "Volume": [1, 2, 3]}, index=pd.DatetimeIndex(DAYS, name="Date"))
    levels = indexed.copy()
    levels.columns = pd.MultiIndex.from_product([indexed.columns, ["SPY"]], names=["Price", "Ticker"])
    texts = pd.DataFrame({"Date": DAYS, **OHLC, "Volume": [1, 2, 3]})
    arrays = {"Date": np.array(DAYS, dtype="datetime64[ns]"), **{k: np.array(v) for k, v in OHLC.items()}}
    arrays |= {"Volume": np.array([1, 2, 3])}
    expected = one_bars(polars)
    frames: list[object] = [polars.lazy(), polars.to_arrow(), indexed, levels, texts, arrays]
    for frame in frames:
        found = one_bars(frame)
        assert found.ts_event_ns.tolist() == expected.ts_event_ns.tolist()
        assert found.close.tolist() == expected.close.tolist()
        assert found.volume.tolist() == [1, 2, 3]
    zoned = indexed.tz_localize("America/New_York")
    assert one_bars(zoned, label="open", timeframe="1d").open_ns[0] == ns("2020-01-02T05:00:00+00:00")
    two = indexed.copy()
    two.columns = pd.MultiIndex.from_arrays([list(indexed.columns), ["A", "A", "A", "B", "B"]])
    with pytest.raises(DataError, match="columns have several levels"):
        one_bars(two)


def test_wide_and_long_frames_give_a_series_a_symbol() -> None:
    wide = bars_from_frame({"Date": DAYS, "AAA": [1, 2, 3], "BBB": [4, 5, None]}, drop_empty=True)
    assert isinstance(wide, list)
    assert [(bars.symbol, bars.close.tolist(), bars.rows_dropped) for bars in wide] == [
        ("AAA", [1, 2, 3], 0),
        ("BBB", [4, 5], 1),
    ]
    with pytest.raises(DataError, match=r"frame, row 3, BBB: close is empty"):
        bars_from_frame({"Date": DAYS, "AAA": [1, 2, 3], "BBB": [4, 5, None]})
    long = {"Date": [*DAYS, *DAYS], "Ticker": ["A"] * 3 + ["B"] * 3, "Close": [1, 2, 3, 4, 5, 6]}
    both = bars_from_frame(long, instrument={"B": Instrument(symbol="B", price_unit=0.01)})
    assert isinstance(both, list)
    assert [bars.symbol for bars in both] == ["A", "B"]
    assert [bars.instrument is None for bars in both] == [True, False]
    chosen = bars_from_frame(long, "B")
    assert isinstance(chosen, Bars)
    assert chosen.close.tolist() == [4, 5, 6]
    with pytest.raises(DataError, match="frame, row 5, Close"):
        bars_from_frame({**long, "Close": [1, 2, 3, 4, -5, 6]})


def test_messy_rows_are_mended_on_request_and_counted() -> None:
    frame = {
        "date": ["2020-01-03", "2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"],
        "close": [2.0, 1.0, 2.0, None, 4.0],
    }
    bars = one_bars(frame, sort=True, deduplicate=True, drop_empty=True)
    assert bars.close.tolist() == [1.0, 2.0, 4.0]
    assert (bars.rows_moved, bars.rows_repeated, bars.rows_dropped) == (1, 1, 1)
    differing = {"date": ["2020-01-02", "2020-01-02"], "close": [1.0, 2.0]}
    assert one_bars(differing, deduplicate="first").close.tolist() == [1.0]
    assert one_bars(differing, deduplicate="last").close.tolist() == [2.0]
    assert one_bars({"date": DAYS, "close": [1, 0, -1]}, allow_negative=True).close.tolist() == [1, 0, -1]


def test_quotes_and_trades() -> None:
    quotes = quotes_from_frame(
        {
            "ts_event": [1_700_000_000_000] * 2,
            "bid_px_00": [1.0, None],
            "ask_px_00": [2.0, 2.0],
            "bidQty": [5, 6],
        },
        "X",
    )
    assert isinstance(quotes, Quotes)
    assert quotes.bid[0] == 1.0
    assert np.isnan(quotes.bid[1])
    assert quotes.bid_size.tolist() == [5, 6]
    assert np.isnan(quotes.ask_size).all()
    trades = trades_from_frame(
        {
            "time": [1_700_000_000_000] * 4,
            "price": [1.0] * 4,
            "qty": [1.0] * 4,
            "side": ["Buy", "sell", "A", None],
        },
        "X",
    )
    assert isinstance(trades, Trades)
    assert trades.aggressor.tolist() == [1, -1, -1, 0]
    maker = {
        "time": [1_700_000_000_000] * 2,
        "price": [1.0] * 2,
        "qty": [1.0] * 2,
        "isBuyerMaker": [True, False],
    }
    from_flags = trades_from_frame(maker, "X")
    assert isinstance(from_flags, Trades)
    assert from_flags.aggressor.tolist() == [-1, 1]


def test_files_of_every_form(tmp_path: Path) -> None:
    text = "Date;Open;High;Low;Close\n" + "\n".join(
        ";".join(map(str, row)) for row in zip(DAYS, *OHLC.values(), strict=True)
    )
    (tmp_path / "abc.us.csv").write_text(text)
    (tmp_path / "abc.us.csv.gz").write_bytes(gzip.compress(text.encode()))
    with zipfile.ZipFile(tmp_path / "abc.zip", "w") as archive:
        archive.writestr("inside.csv", text)
    pl.DataFrame({"Date": DAYS, **OHLC}).write_parquet(tmp_path / "abc.parquet")
    (tmp_path / "abc.txt").write_text("\n".join(line.replace(";", "\t") for line in text.split("\n")[1:]))
    for name in ("abc.us.csv", "abc.us.csv.gz", "abc.zip", "abc.parquet"):
        bars = read_bars(tmp_path / name)
        assert isinstance(bars, Bars)
        assert (bars.symbol, bars.close.tolist(), bars.source) == ("abc", OHLC["close"], name)
    headless = read_bars(tmp_path / "abc.txt", columns=["time", "open", "high", "low", "close"])
    assert isinstance(headless, Bars)
    assert headless.close.tolist() == OHLC["close"]
    (tmp_path / "t.csv").write_text("ts,price,size,side\n2020-01-02T14:30:00Z,1.5,2,buy\n")
    trades = read_trades(tmp_path / "t.csv")
    assert isinstance(trades, Trades)
    assert (trades.price.tolist(), trades.aggressor.tolist()) == ([1.5], [1])


GRIDS = [
    TickGrid.constant(0.01),
    TickGrid.constant(0.25),
    TickGrid.tapered_deci_cent(),
    TickGrid.constant(0.00005),
]


@given(
    prices=st.lists(st.floats(0.001, 0.999), min_size=1, max_size=30),
    grid=st.sampled_from(GRIDS),
)
def test_rounding_agrees_with_decimals(prices: list[float], grid: TickGrid) -> None:
    instrument = Instrument(symbol="X", price_unit=0.00005, grid=grid)
    rounded, shift = round_to_grid(np.array(prices), instrument)
    shifts: list[Decimal] = []
    for price, found in zip(prices, rounded.tolist(), strict=True):
        step = Decimal(str(grid.step_at(price)))
        exact = (Decimal(price) / step).quantize(Decimal(1), ROUND_HALF_EVEN) * step
        # A price half-way between two may go either way: the division that finds it is itself rounded.
        assert found == float(exact) or abs(abs(Decimal(price) - exact) - step / 2) < Decimal("1e-12")
        shifts.append(abs(Decimal(found) - Decimal(price)))
    assert shift == pytest.approx(float(max(shifts)), abs=1e-15)


def test_prices_of_a_binary_may_be_zero_and_one() -> None:
    bars = one_bars({"date": DAYS, "close": [0.0, 0.504, 1.0]}, instrument=binary("X"))
    assert bars.close.tolist() == [0.0, 0.5, 1.0]
    assert bars.price_shift_max == pytest.approx(0.004)


def test_the_embedded_indices() -> None:
    bars = sp500()
    assert (len(bars), bars.symbol, bars.adjusted, bars.grade, bars.timeframe) == (
        5031,
        "SPX",
        "none",
        "ohlc",
        "1d",
    )
    assert bars.rows_dropped == 0
    assert 0 < bars.price_shift_max < 0.001
    # Closes as published: the first day, the low of March 2009, the last day.
    assert bars.close[0] == 1228.10
    assert bars.before("2009-03-10").close[-1] == 676.53
    assert bars.close[-1] == 2506.85
    assert bars.ts_event_ns[0] == ns("1999-01-04T16:00:00-05:00")
    assert bars.open_ns[0] == ns("1999-01-04T09:30:00-05:00")
    assert len(nasdaq()) == 5031
    assert nasdaq().close[-1] == 6635.28


def test_data_sets_of_what_users_give() -> None:
    bars = one_bars({"date": DAYS, "close": [1, 2, 3]})
    other = Bars.from_arrays("Y", ts=[1, 2], open=[1, 1], high=[1, 1], low=[1, 1], close=[1, 1])
    assert Dataset.of(bars).series == (bars,)
    both = Dataset.of([bars, other])
    assert both.symbols == ["X", "Y"]
    assert both["Y"] is other
    assert len(both) == 5
    assert len(both.before(2)) == 1
    assert len(both.between(2, None)) == 4
    assert Dataset.of(both).series == both.series
    named = Dataset.of({"A": pl.DataFrame({"date": DAYS, "close": [1, 2, 3]}), "Y": other})
    assert named.symbols == ["A", "Y"]
    assert Dataset.of({"date": DAYS, "close": [1, 2, 3]}, symbol="Z").symbols == ["Z"]
    with pytest.raises(DataError, match="bars of X are there twice"):
        Dataset.of([bars, bars])
    with pytest.raises(DataError, match="data: is empty"):
        Dataset.of([])
    with pytest.raises(UnknownSymbolError):
        both["Q"]


def test_options_and_keywords_are_the_same() -> None:
    assert list(ReadKeywords.__annotations__) == list(ReadOptions.__struct_fields__)


def test_a_column_that_says_utc_needs_no_zone() -> None:
    assert find_layout("bars", ["Timestamp UTC", "close"], {}, source="x").tz == "UTC"


def test_importing_the_package_stays_light() -> None:
    heavy = ("polars", "numpy", "duckdb", "pandas")
    imports = "import sys, tradewright.data, tradewright.core.series"
    code = f"{imports}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["read_bars", "read_quotes"])
def test_the_public_names_are_found(name: str) -> None:
    import tradewright.data as data

    assert callable(getattr(data, name))
    assert name in dir(data)
    assert read_quotes is data.read_quotes
    with pytest.raises(AttributeError, match="no attribute 'read_nothing'"):
        _ = data.read_nothing  # pyright: ignore[reportAttributeAccessIssue] - that is the test
