"""The store: what goes in comes out, twice is once, and a refusal leaves everything as it was."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.core.presets import equity
from tradewright.core.series import Bars, Quotes, Series, Trades
from tradewright.data import IMPORTERS, Store, read_bars, read_quotes, sp500
from tradewright.errors import DataError, UnknownSymbolError

if TYPE_CHECKING:
    from pathlib import Path

MINUTE_NS = 60 * 10**9
START_NS = 1_577_836_800_000_000_000  # 2020-01-01


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def assert_same(found: Series, expected: Series) -> None:
    assert type(found) is type(expected)
    assert found.symbol == expected.symbol
    assert found.instrument == expected.instrument
    assert found.adjusted == expected.adjusted
    assert found.price_shift_max == expected.price_shift_max
    columns = {"ts_event_ns": expected.ts_event_ns, "ts_recv_ns": expected.ts_recv_ns} | expected.columns
    for name, column in columns.items():
        np.testing.assert_array_equal(getattr(found, name), column, err_msg=name)
        assert getattr(found, name).dtype == column.dtype


def minutes(start: int, end: int, *, shift: float = 0.0) -> Bars:
    """Bars number ``start`` to ``end``, three days apart so that they span several files."""
    index = np.arange(start, end)
    price = 100.0 + index + shift
    return Bars.from_arrays(
        "X",
        ts=START_NS + index * 3 * 1440 * MINUTE_NS,
        open=price,
        high=price,
        low=price,
        close=price,
        timeframe="1m",
    )


def test_bars_come_back_as_they_went_in(tmp_path: Path) -> None:
    store = Store(tmp_path)
    bars = sp500()
    summary = store.write(bars)
    assert (summary.rows_new, summary.rows_known, summary.symbols) == (5031, 0, ("SPX",))
    found = store.read_bars("SPX")
    assert_same(found, bars)
    assert (found.timeframe, found.grade) == ("1d", "ohlc")
    assert store.instrument("SPX") == bars.instrument
    assert len(list(tmp_path.rglob("*.parquet"))) == 20  # One a year.
    cut = store.read("SPX", start="2008-09-01", end="2008-10-01")
    assert_same(cut, bars.between("2008-09-01", "2008-10-01"))


def test_quotes_and_trades_come_back_as_they_went_in(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ts = START_NS + np.array([0, 0, 5, 5, 5, 90_000 * 10**9])
    quotes = Quotes.from_arrays(
        "EUR/USD",
        ts=ts,
        ts_recv=ts + 7,
        bid=[1, np.nan, 1, 1, 1, 1],
        ask=[2.0] * 6,
        bid_size=[1, 2, 3, 3, 1, 1],
    )
    trades = Trades.from_arrays(
        "EUR/USD", ts=ts, price=[1.0] * 6, size=[1.0] * 6, aggressor=[1, -1, 0, 0, 0, 1]
    )
    store.write([quotes, trades], venue="fx")
    assert_same(store.read("EUR/USD", "quotes"), quotes)
    assert_same(store.read("EUR/USD", "trades"), trades)
    before = contents(tmp_path)
    again = store.write([quotes, trades], venue="fx")
    assert (again.rows_new, again.rows_known) == (0, 12)
    assert contents(tmp_path) == before
    assert [path.name for path in sorted(tmp_path.rglob("kind=quotes/*.parquet"))] == [
        "2020-01-01.parquet",
        "2020-01-02.parquet",
    ]
    rows = store.sql("select symbol, kind, venue, count(*) as n from quotes group by all")
    assert rows.rows() == [("EUR/USD", "quotes", "fx", 6)]


def test_replacing_quotes_replaces_their_times(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(Quotes.from_arrays("Q", ts=[START_NS, START_NS + 1], bid=[1, 1], ask=[2, 2]))
    summary = store.write(Quotes.from_arrays("Q", ts=[START_NS + 1], bid=[1.5], ask=[2]), replace=True)
    assert summary.rows_replaced == 1
    found = store.read("Q", "quotes")
    assert isinstance(found, Quotes)
    assert found.bid.tolist() == [1, 1.5]


@settings(max_examples=25, deadline=None)
@given(pieces=st.lists(st.tuples(st.integers(0, 39), st.integers(1, 40)), max_size=6), order=st.randoms())
def test_pieces_in_any_order_make_the_same_store(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[int, int]], order: Any
) -> None:
    whole, parts = (Store(tmp_path_factory.mktemp(name)) for name in ("whole", "parts"))
    whole.write(minutes(0, 40))
    spans = [(start, min(start + length, 40)) for start, length in pieces]
    missing = sorted(set(range(40)) - {row for span in spans for row in range(*span)})
    spans += [(row, row + 1) for row in missing[::7]] + [(0, 40)]
    order.shuffle(spans)
    new = 0
    for span in spans:
        new += parts.write(minutes(*span)).rows_new
    assert new == 40
    assert_same(parts.read("X"), minutes(0, 40))
    assert contents(parts.path) == contents(whole.path)


def test_contradicting_rows_are_refused_and_nothing_changes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(minutes(0, 30))
    before = contents(tmp_path)
    good, bad = minutes(30, 60), minutes(29, 31, shift=0.5)
    with pytest.raises(DataError) as refused:
        store.write([good, bad])
    assert str(refused.value) == (
        "arrays, row 1, open: 2020-03-28 00:00:00+00:00 has 129.5, and the store's X 1m bars has 129.0. "
        "If the new values are right, import with replace=True."
    )
    assert contents(tmp_path) == before
    summary = store.write(bad, replace=True)
    assert (summary.rows_new, summary.rows_replaced) == (1, 1)
    assert store.read_bars("X").close.tolist()[-2:] == [129.5, 130.5]


def test_a_crash_while_writing_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    store.write(minutes(0, 30))
    before = contents(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.write(minutes(30, 60))
    assert contents(tmp_path) == before
    monkeypatch.undo()
    (tmp_path / ".staging" / "left").mkdir(parents=True)
    (tmp_path / ".staging" / "left" / "0.tmp").write_bytes(b"half")
    store.write(minutes(30, 60))
    assert len(store.read("X")) == 60
    assert not (tmp_path / ".staging").exists()


def test_rows_of_different_adjustment_make_no_series(tmp_path: Path) -> None:
    store = Store(tmp_path)
    price = np.ones(1)

    def make(**keywords: Any) -> Bars:
        prices = dict.fromkeys(("open", "high", "low", "close"), price)
        return Bars.from_arrays("X", ts=[START_NS], **prices, timeframe="1d", **keywords)

    store.write(make())
    with pytest.raises(DataError, match="adjusted is 'all', and the store's X 1d bars is 'none'"):
        store.write(make(adjusted="all"))
    with pytest.raises(DataError, match="the instrument differs from the one stored with X 1d bars"):
        store.write(make(instrument=equity("X")))
    store.write(make(instrument=equity("X")), venue="", replace=True)
    assert store.instrument("X") == equity("X")


def test_asking_for_what_is_not_there(tmp_path: Path) -> None:
    store = Store(tmp_path / "new")
    assert store.series() == []
    with pytest.raises(UnknownSymbolError, match=r"unknown symbol 'SPY'\. The data has: nothing"):
        store.scan("SPY")
    store.write(minutes(0, 2))
    store.write(minutes(0, 2), venue="other")
    assert store.symbols() == ["X"]
    with pytest.raises(
        DataError, match=r"no series is X quotes\. There are: X 1m bars; X 1m bars of other\."
    ):
        store.read("X", "quotes")
    with pytest.raises(
        DataError, match=r"several series are X bars\..*Choose with kind=, timeframe= and venue="
    ):
        store.read("X")
    assert len(store.read("X", timeframe="1min", venue="other")) == 2
    with pytest.raises(ValueError, match="no kind of data 'books'"):
        store.scan("X", "books")
    with pytest.raises(ValueError, match=r"no source 'cvs' to import from\. There are: csv, parquet"):
        store.import_files("cvs", [])
    with pytest.raises(ValueError, match="no kind of data 'books'"):
        store.import_files("csv", [], kind="books")
    with pytest.raises(DataError, match=r"query: .*nothing_there"):
        store.sql("select * from nothing_there")


@pytest.mark.parametrize("symbol", ["../../up", "BTC/USD", "..", "A B", "ÖL", "a=b", "x'y", "100%"])
def test_symbols_of_any_spelling(tmp_path: Path, symbol: str) -> None:
    root = tmp_path / "deep" / "store"
    store = Store(root)
    ones = [1.0]
    bars = Bars.from_arrays(symbol, ts=[START_NS], open=ones, high=ones, low=ones, close=ones, timeframe="1m")
    store.write(bars)
    assert store.symbols() == [symbol]
    assert_same(store.read(symbol), bars)
    assert store.sql("select symbol from bars")["symbol"].to_list() == [symbol]
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert [path.name for path in root.parent.iterdir()] == ["store"]


def test_duckdb_and_polars_agree(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(sp500())
    by_polars = (
        store.scan("SPX")
        .group_by(pl.col("ts_event").dt.year().cast(pl.Int64).alias("year"))
        .agg(pl.col("high").max(), pl.col("volume").sum(), pl.col("ts_event").max().alias("last"))
        .sort("year")
        .collect()
    )
    by_duckdb = store.sql(
        "select year(ts_event) as year, max(high) as high, sum(volume) as volume, max(ts_event) as last "
        "from bars where symbol = 'SPX' group by 1 order by 1"
    )
    assert by_duckdb["last"].dtype == pl.Datetime("ns", "UTC")
    assert by_duckdb.equals(by_polars)


def test_importing_files_is_incremental_and_idempotent(tmp_path: Path) -> None:
    rows = [f"2020-01-{day:02},{day},{day + 1},{day - 1}.5,{day}" for day in range(2, 12)]
    header = "Date,Open,High,Low,Close"
    first, second = tmp_path / "abc.2020a.csv", tmp_path / "abc.2020b.csv"
    first.write_text("\n".join([header, *rows[:6]]))
    second.write_text("\n".join([header, *rows[4:]]))
    store = Store(tmp_path / "store")
    summary = store.import_files("csv", [first, second])
    assert (summary.files, summary.rows_new, summary.rows_known, summary.symbols) == (2, 10, 2, ("abc",))
    before = contents(store.path)
    again = store.import_files("csv", [second, first])
    assert (again.rows_new, again.rows_known) == (0, 12)
    assert contents(store.path) == before
    (tmp_path / "abc.bad.csv").write_text("\n".join([header, "2020-02-01,1,1,1,1", "2020-02-02,1,1,1,-1"]))
    (tmp_path / "abc.good.csv").write_text("\n".join([header, "2020-03-01,1,1,1,1"]))
    with pytest.raises(DataError, match=r"abc\.bad\.csv, row 2, Close: price -1\.0 is not above zero"):
        store.import_files("csv", [tmp_path / "abc.good.csv", tmp_path / "abc.bad.csv"])
    assert contents(store.path) == before


def test_every_importer_has_a_line_of_help() -> None:
    assert {"csv", "parquet"} <= set(IMPORTERS)
    assert all(importer.name == name and importer.summary for name, importer in IMPORTERS.items())


# Real files.


def test_daily_files_of_every_share(shared_data: Path, tmp_path: Path) -> None:
    files = sorted((shared_data / "equities_daily" / "ohlcv").glob("*.csv.gz"))
    listed = re.findall(
        r"^\| `ohlcv/.*? \| .*? \| ([\d,]+) \|", (shared_data / "MANIFEST.md").read_text(), re.M
    )
    rows = sum(int(count.replace(",", "")) for count in listed)
    assert len(files) == len(listed) == 21
    store = Store(tmp_path)
    with pytest.raises(
        DataError, match=r"aapl\.us\.csv\.gz, row 268, Date: 1985-09-27 is no session of XNYS"
    ):
        store.import_files("csv", files, calendar="XNYS", adjusted="all")
    assert store.series() == []
    summary = store.import_files("csv", files, calendar="XNYS", adjusted="all", drop_non_sessions=True)
    # Less the day of a hurricane that one file has all the same.
    assert (summary.files, summary.rows_new, summary.rows_dropped) == (21, rows - 1, 1)
    spy = store.read_bars("spy")
    raw = pl.read_csv(shared_data / "equities_daily" / "ohlcv" / "spy.us.csv.gz")
    assert spy.close.tolist() == raw["Close"].to_list()
    assert store.sql("select count(*) as n from bars")["n"].item() == rows - 1


@pytest.mark.parametrize(
    ("name", "tickers", "rows"),
    [("etf23_adjclose_2008_2016", 23, 2141), ("sp500_20names_adjclose_1990_2022", 20, 8313)],
)
def test_wide_files_of_adjusted_closes(shared_data: Path, name: str, tickers: int, rows: int) -> None:
    path = shared_data / "equities_daily" / f"{name}.csv.gz"
    found = read_bars(path, calendar="XNYS", adjusted="all")
    assert isinstance(found, list)
    raw = pl.read_csv(path)
    assert [bars.symbol for bars in found] == raw.columns[1:]
    assert len(found) == tickers
    for bars in found:
        assert len(bars) == rows
        assert bars.grade == "closes only"
        assert bars.close.tolist() == raw[bars.symbol].to_list()
        assert bars.high is bars.low is bars.close


@pytest.mark.parametrize(
    ("name", "rows", "options"),
    [
        ("btc_perp_m1_202201", 45_031, {"tz": "UTC", "label": "close"}),
        ("cme_6eh4_m1_202401", 29_996, {"label": "open"}),
        ("fxcm_gbpusd_m1_bid_201202", 30_117, {"label": "open"}),
        ("fxcm_gbpusd_m1_ask_201202", 30_117, {"label": "open"}),
        ("us_etf/ewa_m1", 7_354, {"label": "open", "drop_empty": True}),
        ("us_etf/ewc_m1", 4_074, {"label": "open", "drop_empty": True}),
        ("us_etf/gdx_m1", 1_938, {"label": "open"}),
        ("us_etf/gld_m1", 1_935, {"label": "open"}),
    ],
)
def test_minute_files(
    shared_data: Path, tmp_path: Path, name: str, rows: int, options: dict[str, Any]
) -> None:
    bars = read_bars(shared_data / "minute_bars" / f"{name}.csv.gz", "M", **options)
    assert isinstance(bars, Bars)
    assert (len(bars), bars.timeframe) == (rows, "1m")
    assert bool((np.diff(bars.ts_event_ns) >= MINUTE_NS).all())
    store = Store(tmp_path)
    store.write(bars)
    assert_same(store.read("M"), bars)


def test_the_file_that_was_appended_to(shared_data: Path) -> None:
    path = shared_data / "minute_bars" / "us_etf" / "spy_m1.csv.gz"
    with pytest.raises(DataError, match=r"spy_m1\.csv\.gz, row 1,939, Open: open is empty"):
        read_bars(path, label="open")
    with pytest.raises(DataError, match=r"row 7,583, Datetime: the time goes back: 2020-01-14T16:00:00"):
        read_bars(path, label="open", drop_empty=True)
    with pytest.raises(DataError, match=r"say which to keep with deduplicate='first' or 'last'"):
        read_bars(path, label="open", drop_empty=True, sort=True, deduplicate=True)
    bars = read_bars(path, label="open", drop_empty=True, sort=True, deduplicate="last")
    assert isinstance(bars, Bars)
    # 13,435 rows with 5,075 repeated times; one of the 8,360 minutes is empty in one of its two rows.
    assert (len(bars), bars.rows_dropped, bars.rows_repeated) == (8_360, 1, 5_074)


def test_ticks_without_a_header(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "minute_bars" / "eurusd_ticks_20200101.csv.gz"
    with pytest.raises(DataError, match="It seems to have no header"):
        read_quotes(path)
    quotes = read_quotes(path, "EURUSD", columns=["time", "bid", "ask", None], tz="-05:00")
    assert isinstance(quotes, Quotes)
    assert len(quotes) == 9_500
    assert quotes.ts_event_ns[0] == 1_577_916_000_065_000_000  # 17:00:00.065 in New York
    store = Store(tmp_path)
    store.import_files("histdata", [path], symbol="EURUSD", kind="quotes", venue="histdata")
    assert_same(store.read("EURUSD", "quotes"), quotes)


def test_days_are_those_of_receipt(tmp_path: Path) -> None:
    midnight = START_NS + 1440 * MINUTE_NS
    # The third happened before midnight and the second after it; both came after it, the third last.
    happened = midnight + np.array([-50, 1, -1, 2, 90])
    received = midnight + np.array([-40, 10, 11, 12, 95])
    prints = Trades.from_arrays(
        "X", ts=happened, ts_recv=received, price=np.arange(1.0, 6.0), size=np.ones(5)
    )
    store = Store(tmp_path)
    assert store.write(prints).rows_new == 5
    assert [len(day) for day in store.read_days("X", "trades")] == [1, 4]
    assert_same(store.read("X", "trades"), prints)
    before = contents(tmp_path)
    again = store.write(prints)
    assert (again.rows_new, again.rows_known) == (0, 5)
    assert contents(tmp_path) == before
