"""Every kind of bad input, with the message that a user reads."""

from __future__ import annotations

import gzip
import zipfile
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pytest

from tradewright.core.instrument import Instrument
from tradewright.core.presets import binary
from tradewright.core.series import Bars
from tradewright.data import bars_from_frame, quotes_from_frame, read_bars, read_quotes, read_trades
from tradewright.errors import ConfigError, DataError, UnknownSymbolError

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "Date,Open,High,Low,Close,Volume"
GOOD = ["2020-01-02,10,11,9,10.5,100", "2020-01-03,10.5,12,10,11,200", "2020-01-06,11,12,10,11.5,300"]


def written(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "abc.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def with_row(row: str, at: int = 1) -> list[str]:
    return [*GOOD[:at], row, *GOOD[at + 1 :]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            with_row("2020-01-03,10.5,12,10,,200"),
            "abc.csv, row 2, Close: close is empty. Correct it, or leave such rows out with drop_empty=True.",
        ),
        (with_row("2020-01-03,NaN,12,10,11,200"), "abc.csv, row 2, Open: open is empty."),
        (with_row("2020-01-03,10.5,12,10,11,"), "abc.csv, row 2, Volume: volume is empty."),
        (with_row("2020-01-03,10.5,12,10"), "abc.csv, row 2, Close: close is empty."),
        (
            with_row("2020-01-03,10.5,12,0,11,200"),
            "abc.csv, row 2, Low: price 0.0 is not above zero. Correct or remove the row; "
            "allow_negative=True",
        ),
        (with_row("2020-01-03,10.5,12,-10,11,200"), "abc.csv, row 2, Low: price -10.0 is not above zero."),
        (with_row("2020-01-03,10.5,inf,10,11,200"), "abc.csv, row 2, High: price inf is not finite."),
        (with_row("2020-01-03,10.5,9,10,11,200"), "abc.csv, row 2, High: high 9.0 is below low 10.0."),
        (
            with_row("2020-01-03,13,12,10,11,200"),
            "abc.csv, row 2, Open: open 13.0 is outside of low 10.0 to high 12.",
        ),
        (
            with_row("2020-01-03,11,12,10,9,200"),
            "abc.csv, row 2, Close: close 9.0 is outside of low 10.0 to high 12.0.",
        ),
        (with_row("2020-01-03,10.5,12,10,11,-1"), "abc.csv, row 2, Volume: volume -1.0 is negative."),
        (
            with_row("2020-01-01,10.5,12,10,11,200"),
            "abc.csv, row 2, Date: the time goes back: 2020-01-01. Put rows in order with sort=True.",
        ),
        (
            with_row("2020-01-02,10.5,12,10,11,200"),
            "abc.csv, row 2, Date: the time repeats: 2020-01-02. Leave repeated rows out with "
            "deduplicate=True.",
        ),
        (
            with_row("2020-01-03,10.5,12,10,eleven,200"),
            "abc.csv, row 2, Close: 'eleven' is not a number. Correct it; numbers are written like 1234.5",
        ),
        (
            with_row('2020-01-03,10.5,12,10,"1,100.0",200'),
            "abc.csv, row 2, Close: '1,100.0' is not a number.",
        ),
        (
            with_row("2020-01-32,10.5,12,10,11,200"),
            "abc.csv, row 2, Date: '2020-01-32' is not a date like '2020-01-02'.",
        ),
        (with_row(",10.5,12,10,11,200"), "abc.csv, row 2, Date: the time is empty."),
        (
            ["yesterday,1,1,1,1,1"],
            "abc.csv, row 1, Date: 'yesterday' is no time of a known form. Give its form, such as "
            "time_format=",
        ),
        (
            ["1/2/2020,1,1,1,1,1", "3/2/2020,1,1,1,1,1"],
            "abc.csv, row 1, Date: '1/2/2020' may have the month or the day first, and no row tells. "
            "Say which: "
            "time_format='%m/%d/%Y' or '%d/%m/%Y'.",
        ),
        (
            ["2020-01-02 09:30:00,1,1,1,1,1"],
            "abc.csv, row 1, Date: date-time 2020-01-02 09:30:00 has no time zone. Give tz='UTC', "
            "tz='America/New_York' or the like.",
        ),
        (
            ["2020-01-02 09:30:00-05:00,1,1,1,1,1"],
            "abc.csv, row 1, Date: intraday bars do not say whether their time is the open or the close. "
            "Give label='open' or label='close'.",
        ),
        (
            ["2020-01-06,1,1,1,1,1", "2020-01-13,1,1,1,1,1", "2020-01-20,1,1,1,1,1", "2020-01-27,1,1,1,1,1"],
            "abc.csv, row 1, Date: dates are at least 7 days apart, so that these are no daily bars.",
        ),
        (["1234,1,1,1,1,1"], "abc.csv, row 1, Date: '1234' is no time of a known form."),
        ([], "abc.csv: has no rows."),
    ],
)
def test_bad_daily_bars(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(DataError) as refused:
        read_bars(written(tmp_path, *rows))
    assert str(refused.value).startswith(message)


def test_a_refusal_carries_its_values(tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        read_bars(written(tmp_path, *with_row("2020-01-03,10.5,12,-10,11,200")))
    error = refused.value
    assert (error.source, error.row, error.field, error.value) == ("abc.csv", 2, "Low", "-10.0")


def minutes(*times: str) -> list[str]:
    return [f"2020-01-02T{time}Z,1,1,1,1,1" for time in times]


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (
            minutes("09:30:00"),
            {"label": "open"},
            "abc.csv: one bar does not tell how long it is. Give timeframe='1m'",
        ),
        (
            minutes("09:30:00", "09:31:00", "09:32:00", "09:32:30"),
            {"label": "open"},
            "abc.csv, row 4, Date: the bar begins before the one above it ends, 1m long as most.",
        ),
        (
            ["2020-03-08 02:30:00,1,1,1,1,1"],
            {"tz": "America/New_York", "label": "open", "timeframe": "1m"},
            "abc.csv, row 1, Date: 2020-03-08 02:30:00 does not exist, or twice, in America/New_York "
            "(clock change).",
        ),
        (
            [*minutes("09:30:00", "09:31:00")[:1], "2020-01-02 09:31:00,1,1,1,1,1"],
            {"label": "open"},
            "abc.csv, row 2, Date: '2020-01-02 09:31:00' is not a time like '2020-01-02T09:30:00Z'.",
        ),
        (
            [*GOOD, "2020-01-11,11,12,10,11.5,300"],
            {"calendar": "XNYS"},
            "abc.csv, row 4, Date: 2020-01-11 is no session of XNYS. Leave such rows out with "
            "drop_non_sessions=True",
        ),
        (
            [*GOOD[:1], GOOD[0].replace("100", "101")],
            {"deduplicate": True},
            "abc.csv, row 2, Date: the time repeats: 2020-01-02. Its values differ from the row "
            "before: say which to "
            "keep with deduplicate='first' or 'last'.",
        ),
        (
            ["2020-01-02,0.001,0.001,0.001,0.001,1"],
            {"instrument": Instrument(symbol="ABC", price_unit=0.01)},
            "abc.csv, row 1, Close: price 0.001 rounds to zero on the instrument's tick grid.",
        ),
        (
            ["2020-01-02,1.5,1.5,1.5,1.5,1"],
            {"instrument": binary("YES")},
            "abc.csv, row 1, Open: price 1.5 is outside of the instrument's bounds 0.0 to 1.0.",
        ),
        ([",,,,,", ",,,,,"], {"drop_empty": True}, "abc.csv: has no rows with a value of 'Close'."),
    ],
)
def test_bad_bars_with_options(
    tmp_path: Path, rows: list[str], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError) as refused:
        read_bars(written(tmp_path, *rows), **options)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "Day,O1,H1,L1,C1,Volume",
            "abc.csv: no column for 'time' and 'close' of bars. The columns are 'Day', 'O1', 'H1', "
            "'L1', 'C1', "
            "'Volume'. Say which is which with columns={'time': …, 'close': …}.",
        ),
        ("Date,Open,High,Close,Last,Volume", "abc.csv: no column for 'low' of bars."),
        (
            "Date,Price,High,Low,Last,Volume",
            "abc.csv: 'Price' and 'Last' could both be 'close'. Say which: columns={'close': 'Price'}.",
        ),
        ("Date,Timestamp,High,Low,Close,Volume", "abc.csv: 'Date' and 'Timestamp' could both be 'time'."),
        ("2020-01-01,1.0,2.0,3.0,4.0,5", "abc.csv: no column for 'time' and 'close' of bars."),
    ],
)
def test_columns_that_are_missing_or_ambiguous(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(DataError) as refused:
        read_bars(written(tmp_path, *GOOD, header=header))
    assert str(refused.value).startswith(message)
    if header.startswith("2020"):
        assert "It seems to have no header: name its columns with columns=[…]." in str(refused.value)


def test_a_mapping_to_a_column_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"columns= says that 'close' is 'Last', which is not there\. The columns are"
    ):
        read_bars(written(tmp_path, *GOOD), columns={"close": "Last"})
    with pytest.raises(DataError, match=r"columns= names the field 'shut'\. The fields are time"):
        read_bars(written(tmp_path, *GOOD), columns={"shut": "Close"})


def test_files_that_are_empty_cut_short_or_something_else(tmp_path: Path) -> None:
    whole = gzip.compress(("\n".join([HEADER, *GOOD]) + "\n").encode())
    for name, content, message in (
        ("empty.csv", b"", "empty.csv: is empty."),
        ("blank.csv", b"\n\n", "blank.csv: is empty."),
        ("empty.csv.gz", gzip.compress(b""), "empty.csv.gz: is empty."),
        ("cut.csv.gz", whole[: len(whole) // 2], "cut.csv.gz: is cut short or damaged: "),
        ("tail.csv.gz", whole[:-4], "tail.csv.gz: is cut short or damaged: "),
        ("flipped.csv.gz", whole[:40] + b"\0\0\0" + whole[43:], "flipped.csv.gz: is cut short or damaged: "),
        ("cut.zip", b"PK\x03\x04abc", "cut.zip: is cut short or damaged: "),
        ("cut.parquet", b"PAR1abcdef", "cut.parquet: cannot be read: "),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataError) as refused:
            read_bars(path)
        assert str(refused.value).startswith(message)
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", HEADER)
        archive.writestr("b.csv", HEADER)
    with pytest.raises(DataError, match=r"two\.zip: holds 2 files \(a\.csv, b\.csv\)"):
        read_bars(tmp_path / "two.zip")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [GOOD[0], "2020-01-03,10.5,12,10,1,100,200", GOOD[2]],
            "abc.csv, row 2: has 7 fields, and the header 6. Correct the row: a ',' within a value needs "
            '"quotes" around it.',
        ),
        # Quoted separators and blank lines count as the reader of the rows counts them.
        (
            ['2020-01-02,10,11,9,"1,0",1', "", f"{GOOD[1]},"],
            "abc.csv, row 3: has 7 fields, and the header 6.",
        ),
    ],
)
def test_a_row_longer_than_the_header(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(DataError) as refused:
        read_bars(written(tmp_path, *rows))
    assert str(refused.value).startswith(message)


def test_a_row_longer_than_the_first_without_a_header(tmp_path: Path) -> None:
    path = written(tmp_path, "2020-01-03,11,3", header="2020-01-02,10")
    with pytest.raises(DataError, match=r"abc\.csv, row 2: has 3 fields, and the first row 2\."):
        read_bars(path, columns=["time", "close"])


def test_a_name_that_stands_twice(tmp_path: Path) -> None:
    path = written(tmp_path, "2020-01-02,10,11,9,10,99", header="date,open,high,low,close,close")
    with pytest.raises(DataError) as refused:
        read_bars(path)
    assert str(refused.value) == (
        "abc.csv, close: the header has 'close' 2 times. Rename or remove all but one of these columns."
    )
    frame = pd.DataFrame([["2020-01-02", 10.0, 99.0]], columns=["date", "close", "close"])
    with pytest.raises(DataError, match=r"frame, close: has several columns 'close'\."):
        bars_from_frame(frame, "X")
    # Spreadsheets end lines with columns that have neither name nor value.
    nameless = written(tmp_path, "2020-01-02,10,11,9,10,,", header="date,open,high,low,close,,")
    assert len(read_bars(nameless)) == 1


@pytest.mark.parametrize(
    "header", ["date,PX_OPEN,PX_HIGH,PX_LOW,PX_LAST,PX_VOLUME", "t,o,h,l,c,v", "Date,Open,High,Low,Close,Vol"]
)
def test_names_of_vendors_are_no_tickers(tmp_path: Path, header: str) -> None:
    bars = read_bars(written(tmp_path, *GOOD, header=header))
    assert isinstance(bars, Bars)
    assert (bars.grade, bars.symbol) == ("ohlc", "abc")
    assert [column.tolist()[0] for column in (bars.open, bars.high, bars.low, bars.close)] == [
        10,
        11,
        9,
        10.5,
    ]
    assert bars.volume.tolist() == [100, 200, 300]


def test_unknown_prices_of_a_symbol_are_no_tickers(tmp_path: Path) -> None:
    path = written(tmp_path, "2020-01-02,1,2,1,2", header="date,OPN,HGH,LOO,CLS")
    with pytest.raises(DataError) as refused:
        read_bars(path, "SPY")
    assert str(refused.value) == (
        "abc.csv: no column for 'close' of bars. The columns are 'date', 'OPN', 'HGH', 'LOO', 'CLS'. "
        "Say which is which with columns={'close': …}."
    )
    # One ticker of a wide file is still chosen by its name; T is AT&T where there are tickers.
    wide = written(tmp_path, "2020-01-02,1,2", header="when,T,F")
    (chosen,) = series_of(read_bars(wide, "F"))
    assert (chosen.symbol, chosen.close.tolist()) == ("F", [2.0])
    assert [bars.symbol for bars in series_of(read_bars(wide))] == ["T", "F"]


def series_of(found: Bars | list[Bars]) -> list[Bars]:
    return found if isinstance(found, list) else [found]


def test_bad_quotes_and_trades(tmp_path: Path) -> None:
    crossed = written(tmp_path, "2020-01-02T10:00:00Z,2,1", header="ts,bid,ask")
    with pytest.raises(
        DataError, match=r"abc\.csv, row 1, bid: bid 2\.0 is above ask 1\.0\..*allow_crossed=True"
    ):
        read_quotes(crossed)
    assert len(read_quotes(crossed, allow_crossed=True)) == 1
    with pytest.raises(DataError, match=r"row 1, ts: quotes have only dates"):
        read_quotes(written(tmp_path, "2020-01-02,1,2", header="ts,bid,ask"))
    with pytest.raises(DataError, match=r"row 1, bid: bid is empty"):
        read_quotes(written(tmp_path, "2020-01-02T10:00:00Z,,", header="ts,bid,ask"))
    with pytest.raises(DataError, match=r"row 1, side: 'long' is no side\. Use buy or sell"):
        read_trades(written(tmp_path, "2020-01-02T10:00:00Z,1,2,long", header="ts,price,size,side"))
    with pytest.raises(DataError, match=r"row 1, size: size -2\.0 is negative"):
        read_trades(written(tmp_path, "2020-01-02T10:00:00Z,1,-2,buy", header="ts,price,size,side"))


def test_received_before_it_happened() -> None:
    frame = pl.DataFrame({"ts": [1_700_000_000_000, 1_700_000_001_000], "bid": [1.0, 1.0], "ask": [2.0, 2.0]})
    early = frame.with_columns(ts_recv=pl.Series([1_699_999_999_000, 1_700_000_000_500]))
    with pytest.raises(DataError) as refused:
        quotes_from_frame(early, "X")
    assert str(refused.value) == (
        "frame, row 1, ts_recv: received before it happened, by up to 1,000.000 ms. "
        "Shift the receive times with clock_offset='estimate'."
    )
    mended = quotes_from_frame(early, "X", clock_offset="estimate")
    assert not isinstance(mended, list)
    assert mended.clock_shift_ns == 10**9
    assert (mended.ts_recv_ns - mended.ts_event_ns).tolist() == [0, 5 * 10**8]


def test_frames_without_symbol_or_of_another_type() -> None:
    with pytest.raises(DataError, match=r"frame: has no symbol\. Give one: symbol='SPY'"):
        bars_from_frame({"date": ["2020-01-02"], "close": [1.0]})
    with pytest.raises(DataError, match="a int is no table"):
        bars_from_frame(3, "X")
    with pytest.raises(DataError, match=r"'spx\.csv' is a name, no table\. Read the file first: .*read_bars"):
        bars_from_frame("spx.csv", "X")
    with pytest.raises(DataError, match="frame: no table"):
        bars_from_frame({"date": ["2020-01-02"], "close": [1.0, 2.0, 3.0]}, "X")
    with pytest.raises(DataError, match=r"close: values of type Boolean are not numbers"):
        bars_from_frame({"date": ["2020-01-02"], "close": [True]}, "X")
    long = {"date": ["2020-01-02"] * 2, "symbol": ["A", "B"], "close": [1.0, 2.0]}
    with pytest.raises(UnknownSymbolError, match=r"unknown symbol 'C'\. The data has: A, B"):
        bars_from_frame(long, "C")


def test_options_that_do_not_exist_or_are_impossible(tmp_path: Path) -> None:
    path = written(tmp_path, *GOOD)
    with pytest.raises(TypeError, match=r"no reading option 'lable'\. Did you mean 'label'\?"):
        read_bars(path, lable="open")  # pyright: ignore[reportCallIssue] - a slip, on purpose
    with pytest.raises(ValueError, match=r"reading options: Invalid enum value 'left' - at `\$\.label`"):
        read_bars(path, label="left")  # pyright: ignore[reportArgumentType] - a wrong word, on purpose
    with pytest.raises(ValueError, match="no time zone 'Mars/Olympus'"):
        read_bars(written(tmp_path, "2020-01-02 09:30:00,1,1,1,1,1"), tz="Mars/Olympus")
    with pytest.raises(ConfigError, match=r"no calendar 'XNYX'\. Did you mean"):
        read_bars(written(tmp_path, *GOOD), calendar="XNYX")
    with pytest.raises(DataError, match=r"abc\.csv: has 6 columns, and columns= names 2\."):
        read_bars(written(tmp_path, *GOOD), columns=["time", "close"])
