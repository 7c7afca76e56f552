"""Recordings that cannot be used as they are: each refusal names file, row, field and reason."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import tradewright as tw
from tradewright.core.books import BookAction, BookFlag, L2Book
from tradewright.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> tw.data.Store:
    return tw.data.Store(tmp_path / "store")


def depth(
    first: int, last: int, *, bids: str = "", asks: str = "", at_ms: int = 1_000, market: str = ""
) -> str:
    previous = f',"pu":{first - 1}' if market else ""
    return (
        f'{{"stream":"x@depth","data":{{"e":"depthUpdate","E":{at_ms},"s":"XUSDT","U":{first},"u":{last}{previous},'
        f'"b":[{bids}],"a":[{asks}]}}}}'
    )


def written(path: Path, *messages: str, start_ns: int = 2_000_000_000) -> Path:
    lines = [f"{start_ns + at} {message}" for at, message in enumerate(messages)]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


SNAPSHOT = '{"lastUpdateId":100,"bids":[["10.0","1.5"]],"asks":[["10.5","2"]]}'


def test_a_gap_in_the_numbers_is_marked_and_told_by_the_book(tmp_path: Path, store: tw.data.Store) -> None:
    path = written(
        tmp_path / "x.gz",
        depth(90, 95, bids='["9.0","9"]'),  # in the snapshot already
        depth(96, 104, bids='["9.5","3"]'),  # waits for the snapshot
        SNAPSHOT,
        depth(105, 106, bids='["10.0","0"]'),
        depth(109, 110),  # moves the numbers on, changes nothing, and comes after a gap
        depth(111, 112, asks='["10.5","4"]'),
    )
    store.import_files("binance", [path])
    events = store.read("XUSDT", "book_l2")
    assert isinstance(events, tw.BookEvents)
    own = (events.flags & BookFlag.SNAPSHOT) == 0
    assert events.sequence[own].tolist() == [104, 106, 112]
    assert ((events.flags[own] & BookFlag.GAP) != 0).tolist() == [False, False, True]
    # What waited was usable from the snapshot on.
    assert events.ts_recv_ns[own].tolist() == [2_000_000_002, 2_000_000_003, 2_000_000_005]
    book = L2Book(events.instrument).apply(events)
    assert book.best == (9.5, 3.0, 10.5, 4.0)
    assert (book.integrity.counts["gap"], book.integrity.is_trusted) == (1, False)


def test_changes_without_any_snapshot_are_marked_as_beginning_in_the_middle(
    tmp_path: Path, store: tw.data.Store
) -> None:
    path = written(tmp_path / "x.gz", depth(1, 2, bids='["9.0","9"]'), depth(3, 4, bids='["9.5","3"]'))
    store.import_files("binance", [path])
    events = store.read("XUSDT", "book_l2")
    assert isinstance(events, tw.BookEvents)
    assert ((events.flags & BookFlag.GAP) != 0).tolist() == [True, False]


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ((SNAPSHOT, "{nonsense"), r"x\.gz, row 2: is no JSON object"),
        ((SNAPSHOT, '{"stream":"x@trade","data":{"s":"XUSDT"}}'), r"x\.gz, row 2, m: the message has no 'm'"),
        ((SNAPSHOT, depth(101, 102, bids='["ten","1"]')), r"x\.gz, row 2: a field cannot be read.*'ten'"),
        ((depth(1, 2), depth(3, 4).replace("XUSDT", "YUSDT")), r"x\.gz, row 2, s: is about YUSDT"),
        (
            (SNAPSHOT, depth(101, 102, bids='["9","1"]', at_ms=2_500)),
            r"x\.gz, row 2, receive time: .*500\.000 ms",
        ),
    ],
)
def test_binance_lines_are_refused_by_row(
    messages: tuple[str, ...], text: str, tmp_path: Path, store: tw.data.Store
) -> None:
    with pytest.raises(DataError, match=text):
        store.import_files("binance", [written(tmp_path / "x.gz", *messages)])
    assert store.series() == []


def test_a_receive_time_that_goes_back_is_refused(tmp_path: Path, store: tw.data.Store) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(f"9 {SNAPSHOT}\n8 {SNAPSHOT}".encode()))
    with pytest.raises(DataError, match=r"x\.gz, row 2, receive time: was received before the line above"):
        store.import_files("binance", [tmp_path / "x.gz"])
    (tmp_path / "y.gz").write_bytes(gzip.compress(SNAPSHOT.encode()))
    with pytest.raises(DataError, match=r"y\.gz, row 1: is not a receive time"):
        store.import_files("binance", [tmp_path / "y.gz"])


def test_truncated_files_are_refused(tmp_path: Path, store: tw.data.Store) -> None:
    whole = written(tmp_path / "x.gz", SNAPSHOT, depth(101, 102, bids='["9","1"]')).read_bytes()
    (tmp_path / "x.gz").write_bytes(whole[:-9])
    with pytest.raises(DataError, match=r"x\.gz: is cut short or damaged"):
        store.import_files("binance", [tmp_path / "x.gz"])
    (tmp_path / "empty.gz").write_bytes(b"")
    with pytest.raises(DataError, match=r"empty\.gz: is empty"):
        store.import_files("binance", [tmp_path / "empty.gz"])


@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_a_truncated_zstd_frame_is_refused(
    kept: float, tmp_path: Path, shared_data: Path, store: tw.data.Store
) -> None:
    pytest.importorskip("databento_dbn")
    whole = (shared_data / "l3_databento" / "esh4_glbx_mdp3_20231224.mbo.dbn.zst").read_bytes()
    cut = tmp_path / "cut.dbn.zst"
    cut.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(DataError, match=r"cut\.dbn\.zst: is cut short"):
        store.import_files("databento", [cut])


def test_databento_levels_become_the_changes_between_them(tmp_path: Path, store: tw.data.Store) -> None:
    dbn = pytest.importorskip("databento_dbn")

    def record(at: int, action: str, bids: list[tuple[float, int]], asks: list[tuple[float, int]]) -> Any:
        none = 2**63 - 1
        rows = [
            dbn.BidAskPair(
                bid_px=round(bids[i][0] * 1e9) if i < len(bids) else none,
                ask_px=round(asks[i][0] * 1e9) if i < len(asks) else none,
                bid_sz=bids[i][1] if i < len(bids) else 0,
                ask_sz=asks[i][1] if i < len(asks) else 0,
            )
            for i in range(10)
        ]
        return dbn.MBP10Msg(
            publisher_id=1, instrument_id=7, ts_event=1_000 + at, price=round(10e9), size=2,
            action=dbn.Action(action), side=dbn.Side("A"), depth=0, ts_recv=2_000 + at, flags=128,
            sequence=at, levels=rows,
        )  # fmt: skip

    metadata = dbn.Metadata(
        dataset="XNAS.ITCH",
        start=0,
        stype_in=dbn.SType("raw_symbol"),
        stype_out=dbn.SType("instrument_id"),
        schema=dbn.Schema("mbp-10"),
    )
    states = [
        ([(10.0, 5), (9.5, 3)], [(10.5, 4)]),
        ([(10.0, 3), (9.5, 3)], [(10.5, 4), (11.0, 1)]),
        ([(9.5, 6)], [(11.0, 1)]),
    ]
    content = metadata.encode() + b"".join(
        bytes(record(at, "T" if at == 1 else "A", *state)) for at, state in enumerate(states)
    )
    (tmp_path / "levels.dbn").write_bytes(content)
    store.import_files("databento", [tmp_path / "levels.dbn"], symbol="X")
    events = store.read("X", "book_l2")
    assert isinstance(events, tw.BookEvents)
    book = L2Book()
    replayed = book.replay(events, levels=2)
    assert replayed.select("bid_1", "bid_size_1", "bid_2", "ask_1", "ask_size_1", "ask_2").fill_nan(
        0.0
    ).rows() == [
        (10.0, 5.0, 9.5, 10.5, 4.0, 0.0),
        (10.0, 3.0, 9.5, 10.5, 4.0, 11.0),
        (9.5, 6.0, 0.0, 11.0, 1.0, 0.0),
    ]
    trades = events.trades()
    assert (trades.price.tolist(), trades.size.tolist(), trades.aggressor.tolist()) == ([10.0], [2.0], [-1])
    assert not any(book.integrity.counts.values())


NAME = "ABC_2012-06-21_34200000_57600000_message_1.csv"


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ("34200.5,9,1,10,100000,1", "row 1, type: type 9 is not 1 to 7"),
        ("34200.5,1,1,10,100000,0", "row 1, direction: direction 0 is not 1 or -1"),
        ("34200.5,1,1,0,100000,1", "row 1, size: size 0 is not above zero"),
        (
            "34200.5,1,1,10,100000,1\n34200.4,1,2,10,100000,1",
            "row 2, time: .* is before that of the row above",
        ),
        ("34200.5,1,1,ten,100000,1", "row 1, size: size ten is no whole number"),
        ("34200.5,1,1", "row 1: has 3 fields"),
    ],
)
def test_lobster_rows_are_refused(rows: str, text: str, tmp_path: Path, store: tw.data.Store) -> None:
    (tmp_path / NAME).write_text(rows, encoding="utf-8")
    with pytest.raises(DataError, match=text):
        store.import_files("lobster", [tmp_path / NAME])


def test_lobster_takes_the_opening_from_the_book_beside_it(tmp_path: Path, store: tw.data.Store) -> None:
    rows = [
        "34200.000000001,1,7,10,100000,1",
        "34200.1,4,3,20,100100,-1",  # an order of before the file
        "34200.2,5,0,5,100050,1",  # hidden
        "34200.3,2,7,4,100000,1",
        "34200.4,3,99,1,100200,-1",  # of beyond the recorded depth
    ]
    (tmp_path / NAME).write_text("\n".join(rows), encoding="utf-8")
    book_file = tmp_path / NAME.replace("message", "orderbook")
    book_file.write_text("100100,50,100000,40\n", encoding="utf-8")
    store.import_files("lobster", [tmp_path / NAME])
    events = store.read("ABC", "book_l3")
    assert isinstance(events, tw.BookEvents)
    book = tw.books.L3Book(events.instrument).apply(events)
    assert book.best == (10.0, 36.0, 10.01, 30.0)
    assert book.queue_ahead(7) == 30.0  # joined behind what was there
    assert book.integrity.counts["unknown_order"] == 1
    assert str(np.datetime64(events.start_ns, "ns")) == "2012-06-21T13:30:00.000000001"
    hidden = events.action == BookAction.TRADE
    assert (events.price[hidden].tolist(), events.side[hidden].tolist()) == ([10.005], [-1])
    trades = events.trades()  # the visible one took from an ask, so a buyer took
    assert (trades.price.tolist(), trades.size.tolist()) == ([10.01, 10.005], [20.0, 5.0])
    assert (trades.aggressor.tolist(), trades.aggressor.dtype) == ([1, -1], np.dtype(np.int8))
    (tmp_path / "wrong.csv").write_text("1,2", encoding="utf-8")
    with pytest.raises(DataError, match="does not have the name of a LOBSTER message file"):
        store.import_files("lobster", [tmp_path / "wrong.csv"])


def test_prediction_rows_are_refused_by_field(tmp_path: Path, store: tw.data.Store) -> None:
    header = "market_slug,asset_id,market_id,event_type,price,side,size,hash,timestamp\n"
    for row, text in (
        ("m,1,,book,0.5,up,3,h,1000", "row 1, side: 'up' is not bid, ask, BUY or SELL"),
        ("m,1,,book,half,bid,3,h,1000", "row 1, price: 'half' is not a number"),
        ("m,1,,book,0.5,bid,,h,1000", "row 1, size: is empty"),
        ("m,1,,book,0.5,bid,3,h,noon", "row 1, timestamp: 'noon' is not a whole number"),
    ):
        (tmp_path / "p.csv").write_text(header + row, encoding="utf-8")
        with pytest.raises(DataError, match=text):
            store.import_files("polymarket", [tmp_path / "p.csv"])
    (tmp_path / "p.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"p\.csv: no column 'timestamp', 'event_type'"):
        store.import_files("polymarket", [tmp_path / "p.csv"])


def test_overlapping_recordings_have_to_agree(store: tw.data.Store) -> None:
    def part(first: int, end: int, sizes: float = 0.0) -> tw.BookEvents:
        at = np.arange(first, end)
        action, side = np.full(len(at), BookAction.SET), np.ones(len(at))
        return tw.BookEvents.from_arrays(
            "X", ts=at * 1_000_000_000, action=action, side=side, price=10.0 + at % 3, size=at % 7 + sizes
        )

    assert store.write(part(10, 20)).rows_new == 10
    assert store.write(part(15, 30)).rows_new == 10
    assert store.write(part(5, 12)).rows_new == 5
    assert store.write(part(0, 40)).rows_new == 15
    assert store.write(part(3, 9)).rows_known == 6
    stored = store.read("X", "book_l2")
    assert stored.ts_recv_ns.tolist() == [at * 1_000_000_000 for at in range(40)]
    with pytest.raises(DataError, match=r"row 1: the events from 1970-01-01 00:00:07.* are not those"):
        store.write(part(7, 9, sizes=1.0))
    assert store.write(part(7, 9, sizes=1.0), replace=True).rows_replaced == 2
