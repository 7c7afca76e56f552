"""Books in a run configuration: from a recording and from a store, with the queue model that it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

import tradewright as tw
from feeds import MAKER_TOML, write_small_recording
from tradewright import config, loading
from tradewright import features as f
from tradewright.errors import ConfigError, DataError
from tradewright.strategies import SymmetricMaker

if TYPE_CHECKING:
    from pathlib import Path

TEXT = f"""{MAKER_TOML}
[data]
files = ["small.gz"]
kind = "book_l2"
format = "binance"

[venue]
clock = "venue"

[venue.latency]
type = "constant"
entry_ns = 5_000_000

[venue.fills.queue]
type = "probabilistic"
form = "log"
"""
FROM_STORE = ("data={store='books', kind='book_l2'}",)
VENUE = tw.Venue(
    clock="venue",
    latency=tw.ConstantLatency(entry_ns=5_000_000),
    fills=tw.Fills(queue=tw.ProbabilisticQueue(form="log")),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recording = write_small_recording(tmp_path / "small.gz")
    tw.data.Store(tmp_path / "books").import_files("binance", [recording])
    (tmp_path / "run.toml").write_text(TEXT)
    return tmp_path


def maker() -> SymmetricMaker:
    return SymmetricMaker("BTCUSDT", half_spread=0.01, size=1, position_max=5, refresh="200ms")


def test_file_and_store_give_what_python_gives(folder: Path) -> None:
    store = tw.data.Store(folder / "books")
    book = cast("tw.BookEvents", store.read("BTCUSDT", "book_l2"))
    trades = cast("tw.Trades", store.read("BTCUSDT", "trades"))
    expected = tw.backtest(maker(), [book, trades], venue=VENUE)
    assert expected.fills.height > 20
    assert expected.meta.grade == "book levels, queue model: log, by the venue's clock"
    merged = tw.backtest(maker(), book.with_trades(trades), venue=VENUE)
    from_file = loading.backtest(config.load(folder / "run.toml"))
    from_store = loading.backtest(config.load(folder / "run.toml", overrides=FROM_STORE))
    for result in (merged, from_file, from_store):
        assert result.fills.drop("order_id").equals(expected.fills.drop("order_id"))
        assert result.meta.grade == expected.meta.grade
    without = tw.backtest(maker(), book, venue=VENUE)
    assert without.fills.height < expected.fills.height


def test_prints_among_the_events_are_the_trades_that_a_policy_sees(folder: Path) -> None:
    @dataclass
    class Counts(tw.Policy):
        def setup(self, ctx: tw.Setup) -> None:
            self.price, self.seen = ctx.watch(f.last("BTCUSDT")), list[float]()
            ctx.wake(f.on_trade("BTCUSDT"))

        def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
            self.seen.append(market[self.price])
            return None

    policy = Counts()
    data = loading.data(config.load(folder / "run.toml"))
    tw.backtest(policy, data)
    trades = cast("Any", tw.data.Store(folder / "books").read("BTCUSDT", "trades"))
    assert policy.seen == trades.price.tolist()


def test_a_span_cuts_book_and_prints(folder: Path) -> None:
    span = ("data.start=2024-08-08T23:54:20Z", "data.end=2024-08-08T23:54:40Z")
    loaded = config.load(folder / "run.toml", overrides=[*FROM_STORE, *span])
    assert [one.kind for one in loading.data(loaded).series] == ["book_l2", "trades"]
    cut = loading.data(config.load(folder / "run.toml", overrides=span)).series
    for one, other in zip(loading.data(loaded).series, cut, strict=True):
        assert (len(one), one.start_ns, one.end_ns) == (len(other), other.start_ns, other.end_ns)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.format=binanse", "data.format: 'binanse' is unknown. Did you mean 'binance'?"),
        ("venue.fills.queue.form=linear", "venue.fills.queue.form: 'linear' is not possible."),
        ("venue.fills.queue.exponent=0", "venue.fills.queue.exponent: 0 is not possible."),
        ("venue.fills.queue.type=fifo", "venue.fills.queue.type: 'fifo'"),
        ("venue.clock=wall", "venue.clock: 'wall' is not possible. Valid: causal, venue."),
        ("data={files=['small.gz'], kind='book_l2'}", 'say whose, such as format = "binance".'),
        ("data={store='books', format='binance'}", "data.format: is about files; there is store."),
    ],
)
def test_what_cannot_be_is_refused_with_its_path(override: str, message: str, folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(folder / "run.toml", overrides=[override])
    assert message in str(caught.value)


def test_a_recording_that_lacks_the_kind_says_what_it_has(folder: Path) -> None:
    loaded = config.load(folder / "run.toml", overrides=["data.kind=quotes"])
    with pytest.raises(DataError, match=r"holds no quotes.*It has book_l2, trades"):
        loading.data(loaded)
    missing = config.load(folder / "run.toml", overrides=["data.files=['absent.gz']"])
    with pytest.raises(DataError, match=r"absent\.gz: no such file"):
        loading.data(missing)
