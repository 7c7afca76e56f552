"""Databento's levels and trades: what the records say themselves is the oracle."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest

import tradewright as tw
from tradewright import features as f
from tradewright.core.books import BookAction, BookFlag, L2Book

if TYPE_CHECKING:
    from pathlib import Path

databento_dbn = pytest.importorskip("databento_dbn")

NO_PRICE = 2**63 - 1
LAST = 128  # of Databento's flags: the last record of a message
State = tuple[float, ...]
"""Price and size of each level, bid before ask; 0 and 0 where there is none."""


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> Path:
    folder = shared_data.parent / "fixtures" / "historical" / "databento"
    if not folder.is_dir():
        pytest.skip(f"Databento's recordings not found at {folder}")
    return folder


def records_of(path: Path) -> list[Any]:
    decoder = databento_dbn.DBNDecoder(compression=databento_dbn.Compression("zstd"))
    decoder.write(path.read_bytes())
    return [record for record in decoder.decode() if hasattr(record, "action")]


def imported(path: Path, tmp_path: Path, kind: str) -> Any:
    store = tw.data.Store(tmp_path / "store")
    store.import_files("databento", [path])
    assert len(store.symbols()) == 1
    return store.read(store.symbols()[0], kind)


def state_of(record: Any) -> State:
    sides = [side for at in record.levels for side in ((at.bid_px, at.bid_sz), (at.ask_px, at.ask_sz))]
    return tuple(
        value for px, size in sides for value in ((0.0, 0.0) if px == NO_PRICE else (px / 1e9, size))
    )


def replayed(events: tw.BookEvents, levels: int) -> tuple[list[tuple[int, int, State]], L2Book]:
    """Sequence, receive time and state after each message."""
    book = L2Book(events.instrument)
    frame = book.replay(events, levels=levels)
    times = frame["ts_recv"].dt.epoch("ns").to_list()
    states = frame.drop("ts_event", "ts_recv", "sequence").fill_nan(0.0).rows()
    return list(zip(frame["sequence"].to_list(), times, states, strict=True)), book


def changes(rows: list[tuple[int, int, State]]) -> list[tuple[int, int, State]]:
    """The rows that show another state than the one before; a book begins empty."""
    empty = (0, 0, (0.0,) * len(rows[0][2]))
    return [next(same) for _, same in groupby([empty, *rows], key=lambda row: row[2])][1:]


def trades_of(records: list[Any]) -> list[tuple[int, float, float, int]]:
    sides = {"B": 1, "A": -1, "N": 0}
    return [
        (record.ts_recv, record.price / 1e9, float(record.size), sides[str(record.side)])
        for record in records
        if str(record.action) == "T"
    ]


def rows_of(trades: tw.Trades) -> list[tuple[int, float, float, int]]:
    columns = (trades.ts_recv_ns, trades.price, trades.size, trades.aggressor)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize(
    ("name", "levels", "states", "traded"),
    [
        ("es-futures-mbp-1-2024-07-01", 1, 2_167, 120),
        ("equs-mini.mbp-1", 1, 3, 0),
        ("glbx-mdp3.mbp-1", 1, 4, 0),
        ("glbx-mdp3.mbp-10", 10, 4, 0),
    ],
)
def test_levels_and_trades_are_those_of_the_records(
    name: str, levels: int, states: int, traded: int, recorded: Path, tmp_path: Path
) -> None:
    records = records_of(recorded / f"{name}.dbn.zst")
    events = imported(recorded / f"{name}.dbn.zst", tmp_path, "book_l2")
    rows, book = replayed(events, levels)
    # Inside of a message the book is not to be seen.
    told = [(int(r.sequence), int(r.ts_recv), state_of(r)) for r in records if int(r.flags) & LAST]
    assert changes(rows) == changes(told)
    assert len(changes(rows)) == states
    assert not any(book.integrity.counts.values())
    assert rows_of(events.trades()) == trades_of(records)
    assert len(events.trades()) == traded


@dataclass
class Watches(tw.Policy):
    """Notes the best prices at each change of the book."""

    symbol: str
    seen: list[tuple[int, State]] = field(default_factory=list[Any])

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.on_book(self.symbol))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> None:
        del portfolio
        bid, ask = market.bid(self.symbol), market.ask(self.symbol)
        state = (bid, market.bid_size(self.symbol), ask, market.ask_size(self.symbol))
        self.seen.append((market.now_ns, state))


def test_each_trade_with_best_prices_is_a_message_that_shows_the_book_before_it(
    recorded: Path, tmp_path: Path
) -> None:
    """Schema tbbo: no record's flags end a message, so the importer must."""
    path = recorded / "glbx-mdp3.tbbo.dbn.zst"
    records, events = records_of(path), imported(path, tmp_path, "book_l2")
    assert [int(record.flags) for record in records] == [0] * 4
    rows, book = replayed(events, 1)
    assert rows == [(int(r.sequence), int(r.ts_recv), state_of(r)) for r in records]
    assert book.integrity.is_trusted
    assert rows_of(events.trades()) == trades_of(records)
    # The prices that a trade met must be known when it is told.
    is_last = (events.flags & int(BookFlag.LAST)) > 0
    assert is_last.tolist() == (events.action == BookAction.TRADE).tolist()

    policy = Watches(events.symbol)
    tw.backtest(policy, events, cash=1e6)
    assert policy.seen == [(int(r.ts_recv), state_of(r)) for r in records]


@pytest.mark.parametrize(
    ("name", "traded"),
    [("es-futures-trades-2024-07-01", 120), ("equs-mini.trades", 4), ("glbx-mdp3.trades", 4)],
)
def test_trades_are_those_of_the_records(name: str, traded: int, recorded: Path, tmp_path: Path) -> None:
    path = recorded / f"{name}.dbn.zst"
    trades = rows_of(imported(path, tmp_path, "trades"))
    assert trades == trades_of(records_of(path))
    assert len(trades) == traded
