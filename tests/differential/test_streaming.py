"""Data read in parts yield what the same data read at once yield, to the last byte."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import tradewright as tw
from feeds import MAKER_TOML, write_small_recording
from runs import DAY_NS, START_NS, b2_quotes, bars
from tradewright import config, loading
from tradewright import features as f
from tradewright.core.book_events import BookAction, BookEvents, BookFlag
from tradewright.core.series import Quotes, Series, Trades
from tradewright.core.stream import Stream
from tradewright.data import streaming
from tradewright.errors import DataError
from tradewright.research import lookahead
from tradewright.simulation import prepare
from tradewright.stepping import step_through
from tradewright.strategies import SymmetricMaker

if TYPE_CHECKING:
    from pathlib import Path

    from tradewright.research.result import Result

CLOCKS = ("causal", "venue")
PART = 499
GRID = tw.Instrument(symbol="X", price_unit=0.01, lot_size=0.001)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "PART_ROWS", PART)


@dataclass
class Leaning(tw.Policy):
    """Long above a moving average of the mid, short below, asked now and then."""

    symbol: str
    period: str = "2s"

    def setup(self, ctx: tw.Setup) -> None:
        price = f.price(self.symbol)
        self.edge = ctx.watch(price - f.ema(price, 20))
        ctx.wake(f.every(self.period), f.crosses(self.edge, 0))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.TargetPosition(self.symbol, 1 if market[self.edge] > 0 else -1)


def assert_equal(streamed: Result, expected: Result) -> None:
    assert streamed.meta == expected.meta
    for name in ("orders", "fills", "round_trips", "equity", "positions", "ledger", "flows"):
        assert_frame_equal(getattr(streamed, name), getattr(expected, name), check_exact=True)
    assert streamed.prices.keys() == expected.prices.keys()
    for symbol in expected.prices:
        assert_frame_equal(streamed.prices[symbol], expected.prices[symbol], check_exact=True)
    assert streamed.digest() == expected.digest()


def assert_pages_equal(streamed: Result, expected: Result, folder: Path) -> None:
    pages = [result.report(folder / f"{at}.html") for at, result in enumerate((streamed, expected))]
    assert pages[0].read_bytes() == pages[1].read_bytes()


def stored(folder: Path, *series: Series) -> tw.data.Store:
    store = tw.data.Store(folder)
    store.write(series)
    return store


def jittered(quotes: Quotes, seed: int = 3) -> Quotes:
    """The quotes with a feed latency that overtakes: the venue's order is not that of arrival."""
    late = np.random.default_rng(seed).exponential(3e8, len(quotes)).astype(np.int64)
    recv_ns = quotes.ts_recv_ns + 3_600 * 10**9  # Away from midnight, where a store's files end.
    return replace(quotes, ts_event_ns=recv_ns - late, ts_recv_ns=recv_ns, instrument=GRID)


@pytest.mark.parametrize("clock", CLOCKS)
def test_quotes(tmp_path: Path, clock: Any) -> None:
    store = stored(tmp_path, jittered(b2_quotes(6_000)))
    stream = store.stream("X", "quotes")
    assert len(list(stream)) == 13
    venue = tw.Venue(clock=clock, latency=tw.ConstantLatency(entry_ns=40_000_000))
    expected = tw.backtest(Leaning("X"), store.read("X", "quotes"), venue=venue)
    assert expected.fills.height > 50
    streamed = tw.backtest(Leaning("X"), stream, venue=venue)
    assert_equal(streamed, expected)
    assert_frame_equal(streamed.markouts(), expected.markouts(), check_exact=True)
    assert_frame_equal(streamed.markouts(stream), expected.markouts(), check_exact=True)
    assert_pages_equal(streamed, expected, tmp_path)
    assert_equal(tw.backtest(Leaning("X"), stream, venue=venue), expected)  # Another pass.


@pytest.fixture
def recorded(tmp_path: Path) -> tw.data.Store:
    """A book and its trades, recorded over a midnight: two files of each."""
    recording = write_small_recording(tmp_path / "small.gz", messages=900)
    first = tw.data.Store(tmp_path / "first")
    first.import_files("binance", [recording])
    store = tw.data.Store(tmp_path / "books")
    draws = np.random.default_rng(4)
    for kind in ("book_l2", "trades"):
        one = first.read("BTCUSDT", kind)
        shift = -(one.start_ns % DAY_NS) + DAY_NS - 40 * 10**9
        late = np.sort(draws.integers(0, 5_000_000, len(one)))
        store.write(
            replace(one, ts_event_ns=one.ts_event_ns + shift, ts_recv_ns=one.ts_recv_ns + shift + late)
        )
    assert len(list(store.path.rglob("*.parquet"))) == 4
    return store


def maker() -> SymmetricMaker:
    return SymmetricMaker("BTCUSDT", half_spread=0.01, size=1, position_max=5, refresh="200ms")


def made(data: Any, clock: Any, **options: Any) -> Result:
    venue = tw.Venue(
        clock=clock,
        latency=tw.ConstantLatency(entry_ns=5_000_000),
        fills=tw.Fills(queue=tw.ProbabilisticQueue(form="log")),
    )
    return tw.backtest(maker(), data, venue=venue, **options)


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_book_and_its_trades(recorded: tw.data.Store, tmp_path: Path, clock: Any) -> None:
    book, trades = (recorded.stream("BTCUSDT", kind) for kind in ("book_l2", "trades"))
    whole = [recorded.read("BTCUSDT", kind) for kind in ("book_l2", "trades")]
    told: list[float] = []
    expected = made(whole, clock)
    assert expected.fills.height > 20
    streamed = made([book, trades], clock, progress=told.append)
    assert told[-1] == 1
    assert_equal(streamed, expected)
    assert_frame_equal(streamed.markout_curve(), expected.markout_curve(), check_exact=True)
    assert str(streamed.market_making()) == str(expected.market_making())
    assert_pages_equal(streamed, expected, tmp_path)
    pictures = [one.book_picture(tmp_path / f"{at}.htm") for at, one in enumerate((streamed, expected))]
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    # One of the two in memory is as good.
    assert_equal(made([book, whole[1]], clock), expected)
    assert_equal(made([whole[0], trades], clock), expected)
    assert_equal(made(book, clock), made(whole[0], clock))


@pytest.mark.parametrize("clock", CLOCKS)
def test_between_two_times(recorded: tw.data.Store, clock: Any) -> None:
    whole = recorded.read("BTCUSDT", "book_l2")
    middle = int(whole.ts_recv_ns[len(whole) // 3]), int(whole.ts_recv_ns[2 * len(whole) // 3])
    for start, end in (middle, (None, middle[0]), (middle[1], None)):
        kinds = ("book_l2", "trades")
        read = [recorded.read("BTCUSDT", kind, start=start, end=end) for kind in kinds]
        lazy = [recorded.stream("BTCUSDT", kind, start=start, end=end) for kind in kinds]
        assert [(len(one), one.start_ns, one.end_ns) for one in lazy] == [
            (len(one), one.start_ns, one.end_ns) for one in read
        ]
        assert_equal(made(lazy, clock), made(read, clock))
        later = [recorded.stream("BTCUSDT", kind).between(start, end) for kind in kinds]
        assert_equal(made(tw.data.Dataset.of(later), clock), made(read, clock))


def test_bars_of_many_instruments_streamed_and_in_memory(tmp_path: Path) -> None:
    draws = np.random.default_rng(8)
    every = [
        bars(
            (100 * np.exp(np.cumsum(draws.normal(0, 0.01, rows)))).round(2).tolist(),
            symbol=symbol,
            step_ns=DAY_NS // 4,
            start_ns=START_NS + at * 1_000_000,
            volume=0 if symbol == "D" else 5,
            instrument=tw.Instrument(symbol=symbol, price_unit=0.5 if symbol == "C" else 0.0001, lot_size=1),
        )
        for at, (symbol, rows) in enumerate({"A": 900, "B": 700, "C": 900, "D": 150, "E": 1}.items())
    ]
    store = stored(tmp_path, *every, replace(b2_quotes(400), instrument=replace_unit(1.5)))
    policies = [Leaning(one.symbol, "2d") for one in every]
    read: list[Series] = [store.read(one.symbol) for one in every]
    read.append(store.read("X", "quotes"))
    expected = tw.backtest(policies, read)
    assert expected.fills.height > 100
    # Rounded prices, bars without volume, sizes below a lot: what is said of them is said of streams too.
    for text, times in (("were rounded", 1), ("The volume of D", 1), ("less than one lot", 2)):
        assert sum(text in warning for warning in expected.meta.warnings) == times
    streams: list[Any] = [store.stream(one.symbol) for one in every]
    assert_equal(tw.backtest(policies, [*streams, read[-1]]), expected)
    assert_equal(tw.backtest(policies, [*streams, store.stream("X", "quotes")]), expected)
    assert_equal(tw.backtest(policies, [streams[0], *read[1:]]), expected)


def test_bars_of_two_timeframes_of_one_instrument(tmp_path: Path) -> None:
    """Neither is the only one that feeds the price of its instrument."""
    prices = (100 + np.cumsum(np.random.default_rng(2).normal(0, 1, 900))).round(2)
    store = stored(
        tmp_path,
        bars(prices.tolist(), step_ns=DAY_NS // 24),
        bars((prices[::6] + 0.5).tolist(), step_ns=DAY_NS // 4),
    )
    expected = tw.backtest(Leaning("X", "3h"), [store.read("X", timeframe=one) for one in ("1h", "6h")])
    assert expected.fills.height > 50
    streams = [store.stream("X", timeframe=one) for one in ("1h", "6h")]
    assert_equal(tw.backtest(Leaning("X", "3h"), streams), expected)


def replace_unit(lot_size: float) -> tw.Instrument:
    return tw.Instrument(symbol="X", price_unit=0.01, lot_size=lot_size)


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_stepped_run_reads_parts_too(recorded: tw.data.Store, clock: Any) -> None:
    data = [recorded.stream("BTCUSDT", kind) for kind in ("book_l2", "trades")]
    results: list[Result] = []
    for way in ("native", "stepped"):
        prepared = prepare(maker(), data, venue=tw.Venue(clock=clock))
        run = prepared.run
        if way == "native":
            run.kernel.run(run.series, run.sources, run.venue, None, run.venue_series)
        else:
            step_through(run, run.kernel.venue(run.venue, run.series))
        results.append(prepared.finish(finished=True))
    assert results[0].fills.height > 20
    assert results[0].digest() == results[1].digest()


def test_the_check_for_lookahead_cuts_streams(recorded: tw.data.Store) -> None:
    def found(*data: Any) -> lookahead.LookaheadReport:
        return lookahead.check(tw.backtest, lambda _: maker(), list(data), cuts=4)

    book, trades = (recorded.stream("BTCUSDT", kind) for kind in ("book_l2", "trades"))
    read = [recorded.read("BTCUSDT", kind) for kind in ("book_l2", "trades")]
    assert found(book, trades) == found(*read)
    assert found(book, trades).orders > 100


def test_a_configuration_streams_its_store(recorded: tw.data.Store, tmp_path: Path) -> None:
    stored = '[data]\nstore = "books"\nkind = "book_l2"\n'
    (tmp_path / "run.toml").write_text(MAKER_TOML + stored)
    loaded = config.load(tmp_path / "run.toml")
    data = loading.data(loaded)
    assert all(isinstance(one, Stream) for one in data.series)
    expected = tw.backtest(maker(), [recorded.read("BTCUSDT", kind) for kind in ("book_l2", "trades")])
    result = loading.backtest(loaded)
    assert result.fills.drop("order_id").equals(expected.fills.drop("order_id"))
    assert result.meta.data == expected.meta.data


def test_orders_of_a_book_and_a_clock_that_runs_backwards(tmp_path: Path) -> None:
    """Each part of the book has rows that the venue's clock puts among those of parts far behind."""
    draws, rows = np.random.default_rng(6), 1_500
    recv = START_NS + np.cumsum(draws.integers(0, 50_000_000, rows))
    kinds_of = [BookAction.ADD, BookAction.CANCEL, BookAction.CLEAR]
    actions = draws.choice(kinds_of, rows, p=[0.75, 0.2, 0.05])
    is_clear, side = actions == BookAction.CLEAR, draws.choice([-1, 1], rows)
    events = BookEvents.from_arrays(
        "X",
        ts=recv - draws.exponential(4e8, rows).astype(np.int64),
        ts_recv=recv,
        action=actions,
        side=np.where(is_clear, 0, side),
        price=np.where(is_clear, np.nan, 100 - 0.01 * side * draws.integers(1, 6, rows)),
        size=np.where(is_clear, 0.0, draws.integers(1, 9, rows)),
        order_id=np.arange(1, rows + 1),
        flags=np.where(draws.random(rows) < 0.7, int(BookFlag.LAST), 0),
        instrument=tw.Instrument(symbol="X", price_unit=0.01, lot_size=1),
    )
    trades = Trades.from_arrays(
        "X",
        ts=recv[::7] + 1,
        price=np.full(len(recv[::7]), 100.0),
        size=np.ones(len(recv[::7])),
        aggressor=draws.choice([-1, 1], len(recv[::7])),
    )
    store = stored(tmp_path, events, trades)
    kinds = ("book_l3", "trades")
    for clock in CLOCKS:
        venue = tw.Venue(clock=cast("Any", clock), latency=tw.ConstantLatency(entry_ns=30_000_000))
        streamed, expected = (
            tw.backtest(
                SymmetricMaker("X", half_spread=0.02, size=1, position_max=5, refresh="100ms"),
                data,
                venue=venue,
            )
            for data in (
                [store.stream("X", kind) for kind in kinds],
                [store.read("X", kind) for kind in kinds],
            )
        )
        assert expected.orders.height > 20
        assert_equal(streamed, expected)


# What goes wrong --------------------------------------------------------------------------------------------


@dataclass
class Meddler(tw.Policy):
    """Does something to the store when it is woken."""

    symbol: str
    deed: Any = None

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.every("10s"))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        self.deed()
        return None


def three_days(folder: Path) -> tuple[tw.data.Store, list[Path]]:
    quotes = b2_quotes(600)
    store = tw.data.Store(folder)
    for day in range(3):
        shifted = quotes.ts_event_ns + day * DAY_NS
        store.write(replace(quotes, ts_event_ns=shifted, ts_recv_ns=shifted, instrument=GRID))
    return store, sorted(folder.rglob("*.parquet"))


def gone(file: Path) -> None:
    file.unlink(missing_ok=True)


def overwritten(file: Path) -> None:
    file.write_bytes(b"PAR1")


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize(
    ("deed", "problem"), [(gone, "is gone"), (overwritten, "was changed since the stream was made")]
)
def test_a_file_that_is_not_what_it_was(tmp_path: Path, deed: Any, problem: str, clock: Any) -> None:
    store, files = three_days(tmp_path)
    with pytest.raises(DataError, match=rf"{files[1]}: {problem}.*make the stream again"):
        tw.backtest(
            Meddler("X", lambda: deed(files[1])), store.stream("X", "quotes"), venue=tw.Venue(clock=clock)
        )


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    store, files = three_days(tmp_path)
    files[2].write_bytes(b"no Parquet at all")
    with pytest.raises(DataError, match=rf"{files[2]}: cannot be read"):
        store.stream("X", "quotes")


def test_a_file_must_follow_the_one_before(tmp_path: Path) -> None:
    store, files = three_days(tmp_path)
    early = pl.col("ts_recv") - pl.duration(days=1)
    pl.read_parquet(files[1], memory_map=False).with_columns(early, ts_event=early).write_parquet(files[1])
    with pytest.raises(DataError, match=rf"quotes of X \({files[1]}\), row 1, ts_recv_ns: .*the part before"):
        tw.backtest(Leaning("X"), store.stream("X", "quotes"))


def test_a_row_is_named_by_its_file(tmp_path: Path) -> None:
    store, files = three_days(tmp_path)
    bad = pl.when(pl.int_range(pl.len()) == 449).then(-5.0).otherwise(pl.col("bid")).alias("bid")
    pl.read_parquet(files[1], memory_map=False).with_columns(bad).write_parquet(files[1])
    with pytest.raises(DataError, match=rf"quotes of X \({files[1]}\), row 450, bid: -5 is not positive"):
        tw.backtest(Leaning("X"), store.stream("X", "quotes"))


def test_nothing_to_read(tmp_path: Path) -> None:
    store, _ = three_days(tmp_path)
    stream = store.stream("X", "quotes", end="1999-01-01")
    assert (len(stream), list(stream), repr(stream)) == (0, [], "StoredStream(quotes of X, empty)")
    with pytest.raises(DataError, match=rf"quotes of X \({tmp_path}\): has no rows"):
        tw.backtest(Leaning("X"), stream)


def test_what_needs_whole_columns_says_so(tmp_path: Path) -> None:
    store, _ = three_days(tmp_path)
    stream = store.stream("X", "quotes")
    with pytest.raises(
        DataError, match=r"features\.compute returns a row for each of its times.*Store\.read"
    ):
        f.compute(f.mid("X"), stream)
    with pytest.raises(AttributeError, match=r"read in parts, so that 'bid' is never in memory.*Store\.read"):
        _ = stream.bid
    with pytest.raises(AttributeError, match="no attribute 'bids'"):
        _ = stream.bids


def test_a_book_that_tells_of_trades_takes_no_others(recorded: tw.data.Store, tmp_path: Path) -> None:
    book = cast("BookEvents", recorded.read("BTCUSDT", "book_l2"))
    trades = cast("Trades", recorded.read("BTCUSDT", "trades"))
    store = stored(tmp_path / "both", book.with_trades(trades))
    with pytest.raises(DataError, match="have prints of their own"):
        tw.backtest(maker(), [store.stream("BTCUSDT", "book_l2"), trades])
