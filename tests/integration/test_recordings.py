"""Importers and books on recorded files: the venue's own numbers are the oracle."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np
import polars as pl
import pytest

import tradewright as tw
from tradewright.core.books import BookAction, BookFlag, L2Book, L3Book, book_of
from tradewright.core.times import time_ns
from tradewright.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

SECOND_NS = 1_000_000_000
BINANCE = ("spot_btcusdt", "spot_ethusdt", "usdm_btcusdt", "cm_btcusd_perp")


@pytest.fixture
def store(tmp_path: Path) -> tw.data.Store:
    return tw.data.Store(tmp_path / "store")


def book_events(store: tw.data.Store, symbol: str, kind: str) -> tw.BookEvents:
    return cast("tw.BookEvents", store.read(symbol, kind))


def ticks(values: NDArray[Any], unit: float) -> NDArray[np.int64]:
    return np.rint(np.nan_to_num(values) / unit).astype(np.int64)


# Binance: best prices at every update that the recorded ticker has too.


@pytest.mark.parametrize("name", BINANCE)
def test_binance_books_have_the_tickers_best_prices(
    name: str, shared_data: Path, store: tw.data.Store
) -> None:
    path = shared_data / "l2_crypto" / f"binance_{name}_20240808.gz"
    store.import_files("binance", [path], clock_offset="estimate")
    symbol = store.symbols()[0]
    events = book_events(store, symbol, "book_l2")
    book = L2Book(events.instrument)
    best = book.replay(events)
    assert not any(book.integrity.counts.values())  # no gap, never crossed
    assert book.integrity.is_trusted

    tickers = pl.DataFrame(
        [
            {
                "sequence": data["u"],
                "bid": float(data["b"]),
                "bid_size": float(data["B"]),
                "ask": float(data["a"]),
                "ask_size": float(data["A"]),
            }
            for data in (message.get("data", {}) for message in messages(path))
            if "A" in data
        ]
    )
    both = best.join(tickers, on="sequence", how="inner")
    assert 471 <= both.height <= 1_345
    for field in ("bid", "bid_size", "ask", "ask_size"):
        assert both[f"{field}_1"].equals(both[field]), field


def messages(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path) as file:
        return [msgspec.json.decode(line.partition(b" ")[2]) for line in file]


def test_binance_trades_and_quotes_are_all_there_on_one_clock(
    shared_data: Path, store: tw.data.Store
) -> None:
    path = shared_data / "l2_crypto" / "binance_usdm_btcusdt_20240808.gz"
    store.import_files("binance", [path], clock_offset="estimate")
    quotes, trades = store.read("BTCUSDT", "quotes"), store.read("BTCUSDT", "trades")
    events = book_events(store, "BTCUSDT", "book_l2")
    assert (len(quotes), len(trades)) == (66_089, 21_313)  # lines of the streams
    # The earliest of all is received as it happens, and everything keeps its distance to the others.
    latency = [int((one.ts_recv_ns - one.ts_event_ns).min()) for one in (quotes, trades, events)]
    assert min(latency) == 0
    lines = gzip.decompress(path.read_bytes()).splitlines()
    raw = [int(line.split(b" ", 1)[0]) for line in lines if b'"bookTicker"' in line]
    shift = quotes.ts_recv_ns - np.array(raw)
    assert len(set(shift.tolist())) == 1
    assert 1.2e9 < shift[0] < 1.3e9  # the recorder's clock was some 1.27 s slow
    with pytest.raises(DataError, match=r"row \d+.*received before it happened.*clock_offset='estimate'"):
        store.import_files("binance", [path], venue="raw")


def test_importing_a_recording_twice_changes_no_byte(shared_data: Path, store: tw.data.Store) -> None:
    path = shared_data / "l2_crypto" / "binance_spot_ethusdt_20240808.gz"
    first = store.import_files("binance", [path], clock_offset="estimate")
    before = {file: file.read_bytes() for file in store.path.rglob("*") if file.is_file()}
    second = store.import_files("binance", [path], clock_offset="estimate")
    assert (second.rows_new, second.rows_known) == (0, first.rows_new)
    assert {file: file.read_bytes() for file in store.path.rglob("*") if file.is_file()} == before


def test_spot_and_future_of_one_name_stay_apart(shared_data: Path, store: tw.data.Store) -> None:
    folder = shared_data / "l2_crypto"
    files = [folder / f"binance_{name}_20240808.gz" for name in ("spot_btcusdt", "usdm_btcusdt")]
    store.import_files("binance", files, clock_offset="estimate", kind="trades")
    spot, future = (store.read("BTCUSDT", "trades", venue=venue) for venue in ("binance", "binance_usdm"))
    assert (len(spot), len(future)) == (9_757, 21_313)
    assert spot.instrument is not None
    assert future.instrument is not None
    assert (spot.instrument.payment, future.instrument.payment) == ("full", "margin")


def test_a_store_streams_a_book_day_by_day(shared_data: Path, store: tw.data.Store) -> None:
    store.import_files(
        "binance", [shared_data / "l2_crypto" / "binance_spot_ethusdt_20240808.gz"], clock_offset="estimate"
    )
    days = list(store.read_days("ETHUSDT", "book_l2"))
    assert [str(np.datetime64(day.start_ns, "ns"))[:10] for day in days] == ["2024-08-08", "2024-08-09"]
    whole = book_events(store, "ETHUSDT", "book_l2")
    streamed = book_of(whole).replay(cast("Any", store.read_days("ETHUSDT", "book_l2")), levels=5)
    assert streamed.equals(book_of(whole).replay(whole, levels=5))


# Databento: order by order.


def test_databento_orders_are_all_known_and_cross_only_before_the_open(
    shared_data: Path, store: tw.data.Store
) -> None:
    pytest.importorskip("databento_dbn")
    store.import_files("databento", [shared_data / "l3_databento" / "esh4_glbx_mdp3_20231225.mbo.dbn.zst"])
    events = book_events(store, "ESH4", "book_l3")
    counted = {action.name: int((events.action == action).sum()) for action in BookAction}
    assert (counted["ADD"], counted["CANCEL"], counted["MODIFY"]) == (29_216, 17_999, 12_233)
    assert (counted["FILL"], counted["TRADE"]) == (6_371, 2_973)

    book = L3Book(events.instrument)
    best = book.replay(events)
    counts = book.integrity.counts
    assert counts == dict.fromkeys(counts, 0) | {"crossed": 891}
    crossed = best.filter(pl.col("bid_1") >= pl.col("ask_1"))
    assert crossed.height == 891
    assert str(crossed["ts_event"].min()) >= "2023-12-25 22:39:55"
    assert str(crossed["ts_event"].max()) < "2023-12-25 23:00:00"


def test_databento_image_is_the_book_that_the_next_day_begins_with(shared_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("databento_dbn")
    folder = shared_data / "l3_databento"
    books: list[L3Book] = []
    for day in ("20231224", "20231225"):
        store = tw.data.Store(tmp_path / day)
        store.import_files("databento", [folder / f"esh4_glbx_mdp3_{day}.mbo.dbn.zst"])
        events = book_events(store, "ESH4", "book_l3")
        ends = np.flatnonzero(events.action == BookAction.SNAPSHOT_END)
        assert len(ends) == 1
        books.append(L3Book().apply(slices(events)(0, int(ends[0]) + 1)))
    assert books[0].order_count == 8_725
    assert books[0].depth(10_000).equals(books[1].depth(10_000))


# LOBSTER: the published books, row by row.


def lobster(path: Path) -> NDArray[np.int64]:
    with gzip.open(path, "rt") as file:
        return np.loadtxt(file, delimiter=",", dtype=np.int64)


def published(replayed: pl.DataFrame, levels: int) -> NDArray[np.int64]:
    """A replay in the columns of an order-book file."""
    columns: list[NDArray[np.int64]] = []
    for at in range(1, levels + 1):
        for side, empty in (("ask", 9_999_999_999), ("bid", -9_999_999_999)):
            price = replayed[f"{side}_{at}"].to_numpy()
            columns += [
                np.where(np.isnan(price), empty, ticks(price, 0.0001)),
                ticks(replayed[f"{side}_size_{at}"].to_numpy(), 1),
            ]
    return np.column_stack(columns)


@pytest.fixture(scope="module")
def aapl_hour(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tw.BookEvents:
    folder = shared_data / "l3_lobster"
    store = tw.data.Store(tmp_path_factory.mktemp("aapl"))
    store.import_files(
        "lobster",
        [folder / "AAPL_2012-06-21_34200000_37800000_message_50.csv.gz"],
        opening_book=str(folder / "AAPL_2012-06-21_first999_orderbook_10.csv.gz"),
    )
    return book_events(store, "AAPL", "book_l3")


def test_lobster_levels_equal_the_published_ones_row_by_row(
    shared_data: Path, aapl_hour: tw.BookEvents
) -> None:
    folder = shared_data / "l3_lobster"
    rows = lobster(folder / "AAPL_2012-06-21_first999_orderbook_10.csv.gz")
    # The rows belong to the messages that changed ten levels: those of the ten-level file, in order.
    deep, shallow = (
        gzip.decompress((folder / f"AAPL_2012-06-21_{name}.csv.gz").read_bytes()).splitlines()
        for name in ("34200000_37800000_message_50", "first999_message_10")
    )
    places, at = list[int](), 0
    for line in shallow:
        at = deep.index(line, at) + 1
        places.append(at)  # row 0 of the replay is the opening book
    replayed = L3Book(aapl_hour.instrument).replay(aapl_hour, levels=10)
    np.testing.assert_array_equal(published(replayed[places], 10), rows)


def test_one_message_leads_from_each_published_row_to_the_next(shared_data: Path) -> None:
    folder = shared_data / "l3_lobster"
    rows = lobster(folder / "AAPL_2012-06-21_first999_orderbook_10.csv.gz")
    with gzip.open(folder / "AAPL_2012-06-21_first999_message_10.csv.gz", "rt") as file:
        sent = np.loadtxt(file, delimiter=",")
    changes = list[tuple[int, int, float, float, int]]()  # action, side, price, size, flags
    for row, message in zip(rows[:-1], sent[1:], strict=True):
        changes.append((BookAction.SNAPSHOT_START, 0, np.nan, 0.0, 0))
        for level in row.reshape(-1, 4).tolist():
            changes += [
                (BookAction.SET, -1, level[0] / 1e4, level[1], 0),
                (BookAction.SET, 1, level[2] / 1e4, level[3], 0),
            ]
        changes.append((BookAction.SNAPSHOT_END, 0, np.nan, 0.0, 0))
        _, kind, _, size, price, side = message
        sign = {1: 1, 2: -1, 3: -1, 4: -1}.get(int(kind), 0)
        changes.append((BookAction.CHANGE, int(side), price / 1e4, sign * size, int(BookFlag.LAST)))
    action, side, price, size, flags = (list(column) for column in zip(*changes, strict=True))
    events = tw.BookEvents.from_arrays(
        "AAPL", ts=np.arange(len(changes)), action=action, side=side, price=price, size=size, flags=flags
    )
    book = L2Book(tw.instruments.equity("AAPL"))
    replayed = published(book.replay(events, levels=5), 5)
    equal = (replayed == rows[1:, :20]).all(axis=1)
    assert (int(equal.sum()), len(equal)) == (998, 998)


def test_the_hours_best_prices_come_in_the_published_order(
    shared_data: Path, aapl_hour: tw.BookEvents
) -> None:
    best = published(L3Book(aapl_hour.instrument).replay(aapl_hour), 1)[1:]
    rows = lobster(shared_data / "l3_lobster" / "AAPL_2012-06-21_34200000_57600000_orderbook_1.csv.gz")
    ours, theirs = distinct(best), distinct(rows)
    assert len(ours) == 23_439
    assert ours[:15_999] == theirs[:15_999]
    assert ours[15_999] != theirs[15_999]
    # Each state is looked for behind the one before, and not far: a missing one must not skip an hour.
    found, at = 0, 0
    for state in ours:
        window = theirs[at : at + 200]
        if state in window:
            at, found = at + window.index(state) + 1, found + 1
    assert found == 23_422


def distinct(rows: NDArray[np.int64]) -> list[tuple[int, ...]]:
    """Rows without those that repeat the one before."""
    changed = np.concatenate([[True], (np.diff(rows, axis=0) != 0).any(axis=1)])
    return [tuple(row) for row in rows[changed].tolist()]


def test_executions_meet_the_first_order_of_the_best_queue(aapl_hour: tw.BookEvents) -> None:
    """Nasdaq matches by price and time: a queue kept in the right order is executed from its front."""
    book, done, ahead = L3Book(aapl_hour.instrument), 0, list[float | None]()
    parts = slices(aapl_hour)
    for row in np.flatnonzero(aapl_hour.action == BookAction.EXECUTE).tolist():
        book.apply(parts(done, row))
        done = row
        ahead.append(book.queue_ahead(int(aapl_hour.order_id[row])))
        side = "bid" if aapl_hour.side[row] == 1 else "ask"
        assert getattr(book.best, side) == aapl_hour.price[row]
    assert len(ahead) == 4_067
    # The others: an order that others pass by, and old orders that came into view after younger ones.
    assert ahead.count(0.0) == 4_067 - 24


def slices(events: tw.BookEvents) -> Callable[[int, int], tw.BookEvents]:
    def part(first: int, end: int) -> tw.BookEvents:
        return tw.BookEvents.from_arrays(
            events.symbol,
            ts=events.ts_event_ns[first:end],
            instrument=events.instrument,
            model=events.model,
            **{name: column[first:end] for name, column in events.columns.items()},
        )

    return part


# Prediction markets.


@pytest.mark.parametrize("game", ["hou-bal-2025-06-19", "laa-nyy-2025-06-19", "sd-lad-2025-06-17"])
def test_polymarket_changes_lead_to_the_next_book_but_for_the_level_that_traded(
    game: str, shared_data: Path, store: tw.data.Store
) -> None:
    store.import_files(
        "polymarket", [shared_data / "prediction_markets" / "polymarket_mlb_books" / f"mlb-{game}.csv.gz"]
    )
    for symbol in store.symbols():
        events = book_events(store, symbol, "book_l2")
        part, book = slices(events), L2Book(events.instrument)
        starts = np.flatnonzero(events.action == BookAction.SNAPSHOT_START)
        ends = np.flatnonzero(events.action == BookAction.SNAPSHOT_END) + 1
        done, differences = 0, list[int]()
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            expected = levels_of(L2Book(events.instrument).apply(part(start, end)))
            before = levels_of(book.apply(part(done, start)))
            if done:
                differences.append(len({key[:2] for key in before ^ expected}))
            assert levels_of(book.apply(part(start, end))) == expected
            done = end
        assert np.median(differences) <= 1, symbol
        assert book.integrity.counts["crossed"] <= 0.05 * events.messages
        others = {name: count for name, count in book.integrity.counts.items() if name != "crossed"}
        assert not any(others.values())


def levels_of(book: L2Book) -> set[tuple[str, float, float]]:
    frame = book.depth(10_000)
    return {
        (side, price, size)
        for side in ("bid", "ask")
        for price, size in frame.select(side, f"{side}_size").drop_nulls().iter_rows()
    }


def test_polymarket_tokens_of_one_game_mirror_each_other(shared_data: Path, store: tw.data.Store) -> None:
    store.import_files(
        "polymarket",
        [shared_data / "prediction_markets" / "polymarket_mlb_books" / "mlb-sd-lad-2025-06-17.csv.gz"],
    )
    one, other = (book_events(store, symbol, "book_l2") for symbol in store.symbols())
    bests = [L2Book(events.instrument).replay(events) for events in (one, other)]
    assert bests[0].height == bests[1].height
    mirrored = 1 - bests[1]["bid_1"]
    assert float((bests[0]["ask_1"] - mirrored).abs().fill_nan(0.0).max() or 0) < 1e-9  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("file", "rows", "crossed", "empty"),
    [
        ("kalshi_complementary_games/Kalshi_TOR_20260107.csv.gz", 36_808, 3, 0),
        ("nba_mvp_cross_venue/Kalshi_Luka.csv.gz", 1_463, 13, 145),
    ],
)
def test_kalshi_rows_are_crossed_as_often_as_counted(
    file: str, rows: int, crossed: int, empty: int, shared_data: Path, store: tw.data.Store
) -> None:
    path = shared_data / "prediction_markets" / file
    store.import_files("kalshi", [path], allow_crossed=True)
    quotes = store.read(path.name.split(".")[0], "quotes")
    assert isinstance(quotes, tw.Quotes)
    assert len(quotes) == rows
    at_fault = quotes.bid >= quotes.ask
    assert int(at_fault.sum()) == crossed
    assert int((np.isnan(quotes.bid) | np.isnan(quotes.ask)).sum()) == empty
    if "Luka" in file:  # incomplete in its first days
        assert bool((quotes.ts_event_ns[at_fault] < time_ns("2025-12-25")).all())
    assert bool((np.diff(quotes.ts_recv_ns) >= 0).all())


def test_crossed_quotes_are_refused_unless_taken(shared_data: Path, store: tw.data.Store) -> None:
    path = shared_data / "prediction_markets" / "nba_mvp_cross_venue" / "Kalshi_Luka.csv.gz"
    with pytest.raises(DataError, match=r"row [\d,]+, bid: bid is above the ask.*allow_crossed"):
        store.import_files("kalshi", [path])


def test_sampled_quotes_need_their_time_zone_and_never_cross(shared_data: Path, store: tw.data.Store) -> None:
    path = shared_data / "prediction_markets" / "kalshi_superbowl" / "KXSB-26_top_of_book_20260208.csv.gz"
    with pytest.raises(DataError, match=r"row 1, timestamp: .* has no time zone"):
        store.import_files("kalshi", [path])
    store.import_files("kalshi", [path], tz="America/New_York")
    assert store.symbols() == ["KXSB-26-NE", "KXSB-26-SEA"]
    quotes = store.read("KXSB-26-NE", "quotes")
    assert str(np.datetime64(quotes.start_ns, "ns"))[:19] == "2026-02-08T19:12:11"


def test_both_sides_of_one_game_sum_as_counted_in_the_file(shared_data: Path, store: tw.data.Store) -> None:
    """The counts are those of the data's own description."""
    path = shared_data / "prediction_markets" / "kalshi_superbowl" / "KXSB-26_top_of_book_20260208.csv.gz"
    store.import_files("kalshi", [path], tz="America/New_York")
    one, other = (store.read(symbol, "quotes") for symbol in store.symbols())
    assert isinstance(one, tw.Quotes)
    assert isinstance(other, tw.Quotes)
    assert len(one) + len(other) == 51_104
    _, here, there = np.intersect1d(
        one.ts_event_ns, other.ts_event_ns, assume_unique=True, return_indices=True
    )
    assert len(here) == 25_552
    # Whole cents: a sum of two floats may miss 1 by its rounding. An empty side is NaN and never counts.
    asks = np.round(one.ask[here] + other.ask[there], 6)
    bids = np.round(one.bid[here] + other.bid[there], 6)
    assert (int((asks < 1).sum()), int((bids > 1).sum())) == (7, 998)


@pytest.mark.parametrize(
    "file", ["kalshi_2024_07/market_history.json.gz", "kalshi_2024_07/orderbook_data.json.gz"]
)
def test_json_of_a_venue_is_refused_in_a_line(file: str, shared_data: Path, store: tw.data.Store) -> None:
    with pytest.raises(DataError, match=r"is JSON, and this importer reads CSV") as refused:
        store.import_files("kalshi", [shared_data / "prediction_markets" / file])
    assert len(str(refused.value)) < 200


def test_a_table_of_another_form_is_refused_with_its_first_columns(
    tmp_path: Path, store: tw.data.Store
) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{at}" for at in range(300)) + "\n")
    with pytest.raises(
        DataError, match=r"no column 'timestamp'.*'c0', .*'c11' and 288 more: another"
    ) as refused:
        store.import_files("kalshi", [path])
    assert "'c12'" not in str(refused.value)


# Others.


def test_hyperliquid_has_the_touch_of_every_message(shared_data: Path, store: tw.data.Store) -> None:
    path = shared_data / "l2_crypto" / "hyperliquid_btc_20250126.gz"
    sent = [
        tuple(float(side[0][field]) for side in message["data"]["levels"] for field in ("px", "sz"))
        for message in messages(path)
        if message.get("channel") == "l2Book"
    ]
    assert len(sent) == 46
    store.import_files("hyperliquid", [path])
    events = book_events(store, "BTC", "book_l2")
    replayed = L2Book(events.instrument).replay(events)
    assert replayed.select("bid_1", "bid_size_1", "ask_1", "ask_size_1").rows() == sent


def test_bybit_and_hyperliquid_books_are_sound(shared_data: Path, store: tw.data.Store) -> None:
    folder = shared_data / "l2_crypto"
    store.import_files("bybit", [folder / "bybit_xrpusdt_ob500_20241201.zip"])
    store.import_files("hyperliquid", [folder / "hyperliquid_btc_20250126.gz"])
    for symbol, messages_expected in (("XRPUSDT", 50), ("BTC", 46)):
        events = book_events(store, symbol, "book_l2")
        book = L2Book(events.instrument).apply(events)
        assert not any(book.integrity.counts.values())
        assert events.messages == messages_expected
    assert (
        book_events(store, "XRPUSDT", "book_l2").end_ns - book_events(store, "XRPUSDT", "book_l2").start_ns
        < 5 * SECOND_NS
    )
