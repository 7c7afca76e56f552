"""Recorded books of orders: the native venue beside the slow one, on Nasdaq's and CME's own events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from order_streams import MS
from plain_queue import PlainVenue
from test_order_venue import Trades, filled, requests_of

import tradewright as tw
from tradewright import features as f
from tradewright.core.books import L3Book

if TYPE_CHECKING:
    from pathlib import Path

    from tradewright.core.book_events import BookEvents

MINUTE_NS = 60_000_000_000


@pytest.fixture(scope="module")
def aapl(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> BookEvents:
    """Five minutes from the open, 2012-06-21."""
    folder = shared_data / "l3_lobster"
    store = tw.data.Store(tmp_path_factory.mktemp("aapl"))
    store.import_files(
        "lobster",
        [folder / "AAPL_2012-06-21_34200000_37800000_message_50.csv.gz"],
        opening_book=str(folder / "AAPL_2012-06-21_first999_orderbook_10.csv.gz"),
    )
    events: Any = store.read("AAPL", "book_l3")
    return events.between(None, int(events.ts_recv_ns[0]) + 5 * MINUTE_NS)


@pytest.fixture(scope="module")
def esh4(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> BookEvents:
    """The S&P future of 2023-12-25 with the instrument that it was, from its snapshot on."""
    pytest.importorskip("databento_dbn")
    store = tw.data.Store(tmp_path_factory.mktemp("esh4"))
    store.import_files("databento", [shared_data / "l3_databento" / "esh4_glbx_mdp3_20231225.mbo.dbn.zst"])
    events: Any = store.read("ESH4", "book_l3")
    from dataclasses import replace

    contract = tw.Instrument(symbol="ESH4", price_unit=0.25, lot_size=1, multiplier=50)
    return replace(events, instrument=contract)


def run(events: BookEvents, policy: Trades, entry_ns: int, **venue: Any) -> tuple[Any, PlainVenue]:
    instrument = events.instrument
    assert instrument is not None
    configured = tw.Venue(latency=tw.ConstantLatency(entry_ns=entry_ns, response_ns=2 * MS), **venue)
    result = tw.backtest(policy, events, cash=1e10, venue=configured)
    slow = PlainVenue()
    unit, lot = float(instrument.price_unit), float(instrument.lot_size)
    policy.unit = unit
    slow.run(events, requests_of(policy, result, entry_ns), clock=configured.clock, unit=unit, lot=lot)
    return result, slow


@pytest.mark.parametrize("clock", ["causal", "venue"])
def test_nasdaq(aapl: BookEvents, clock: Any) -> None:
    policy = Trades(1, symbol="AAPL", period="250ms", unit=0.01, lot=1.0, size_max=200)
    result, slow = run(aapl, policy, 3 * MS, clock=clock)
    assert aapl.instrument is not None
    seen = filled(result, float(aapl.instrument.price_unit), 1.0)
    assert sorted(seen) == sorted(slow.fills)
    assert len([fill for fill in seen if fill[-1] == "maker"]) > 100


class AfterTheOpen(Trades):
    """`Trades` from a second after the opening auction on: before it the book is crossed."""

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return super().decide(market, portfolio) if market.now_ns > 1_703_545_201_000_000_000 else None


@pytest.mark.parametrize("clock", ["causal", "venue"])
def test_cme(esh4: BookEvents, clock: Any) -> None:
    policy = AfterTheOpen(2, symbol="ESH4", period="1s", unit=0.25, lot=1.0, size_max=6)
    result, slow = run(esh4, policy, 1 * MS, clock=clock)
    seen = filled(result, 0.25, 1.0)
    assert sorted(seen) == sorted(slow.fills)
    assert len([fill for fill in seen if fill[-1] == "maker"]) > 100


def test_features_of_a_book_of_orders_are_those_of_its_replay(aapl: BookEvents) -> None:
    class Reads(tw.Policy):
        def setup(self, ctx: tw.Setup) -> None:
            nodes = [f.mid("AAPL"), f.imbalance("AAPL", 3), f.bid_depth("AAPL", 2), f.bid_size("AAPL")]
            self.nodes = [ctx.watch(node) for node in nodes]
            self.seen: list[tuple[float, ...]] = []
            ctx.wake(f.on_book("AAPL"))

        def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
            self.seen.append((float(market.now_ns), *(market[node] for node in self.nodes)))
            return None

    policy = Reads()
    tw.backtest(policy, aapl)
    replayed = L3Book(aapl.instrument).replay(aapl, levels=3)
    bids = [replayed[f"bid_size_{at}"].to_numpy() for at in (1, 2, 3)]
    asks = [replayed[f"ask_size_{at}"].to_numpy() for at in (1, 2, 3)]
    mid = (replayed["bid_1"] + replayed["ask_1"]).to_numpy() / 2
    columns = [mid, (sum(bids) - sum(asks)) / (sum(bids) + sum(asks)), bids[0] + bids[1], bids[0]]
    at = replayed["ts_recv"].cast(int).to_numpy()
    final = np.flatnonzero(np.r_[at[1:] != at[:-1], True])  # the last message of each receive time
    expected = np.column_stack([at, *columns])[final]
    found = np.array(policy.seen)
    same = np.isin(expected[:, 0], found[:, 0])
    np.testing.assert_allclose(found, expected[same], rtol=1e-12)
    assert same.sum() > 7_000
