"""The public face of the matching engine: what goes in, what is refused, what the frames say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import tradewright as tw
from tradewright.sim import MatchingEngine
from tradewright.sim.matching import UNCHANGED, Op, OutcomeKind, Quote, Reject, Side, Tif, Top

if TYPE_CHECKING:
    from collections.abc import Callable

MAX = 2**53


@pytest.fixture
def engine() -> MatchingEngine:
    engine = MatchingEngine()
    for order_id, price, size in ((1, 101, 5), (2, 102, 5)):
        assert engine.limit(order_id, Side.SELL, price, size) == 0
    assert engine.limit(3, Side.BUY, 99, 4) == 0
    return engine


BAD: list[tuple[Reject, Callable[[MatchingEngine], int]]] = [
    (Reject.DUPLICATE_ID, lambda engine: engine.limit(1, Side.BUY, 90, 1)),
    (Reject.DUPLICATE_ID, lambda engine: engine.market(1, Side.BUY, 1)),
    (Reject.DUPLICATE_ID, lambda engine: engine.stop(1, Side.BUY, 110, 1)),
    (Reject.UNKNOWN_ID, lambda engine: engine.cancel(9)),
    (Reject.UNKNOWN_ID, lambda engine: engine.amend(9, 100)),
    (Reject.SIZE, lambda engine: engine.limit(9, Side.BUY, 90, 0)),
    (Reject.SIZE, lambda engine: engine.limit(9, Side.BUY, 90, -1)),
    (Reject.SIZE, lambda engine: engine.market(9, Side.BUY, MAX + 1)),
    (Reject.SIZE, lambda engine: engine.amend(1, None, 0)),
    (Reject.PRICE, lambda engine: engine.limit(9, Side.BUY, MAX + 1, 1)),
    (Reject.PRICE, lambda engine: engine.limit(9, Side.BUY, -(2**63), 1)),
    (Reject.PRICE, lambda engine: engine.stop(9, Side.BUY, 2**63 - 1, 1)),
    (Reject.PRICE, lambda engine: engine.amend(1, MAX + 1)),
    (Reject.PEAK, lambda engine: engine.limit(9, Side.BUY, 90, 1, 0, Tif.GTC, -1)),
    (Reject.PEAK, lambda engine: engine.limit(9, Side.BUY, 90, 1, 0, Tif.IOC, 1)),
    (Reject.WOULD_TAKE, lambda engine: engine.limit(9, Side.BUY, 101, 1, 0, Tif.POST_ONLY)),
    (Reject.UNFILLABLE, lambda engine: engine.limit(9, Side.BUY, 101, 6, 0, Tif.FOK)),
    (Reject.BELOW_FILLED, lambda engine: (engine.market(8, Side.BUY, 2), engine.amend(1, None, 2))[1]),
    (Reject.NOT_APPLICABLE, lambda engine: engine.amend(1, stop=90)),
    (Reject.NOT_APPLICABLE, lambda engine: (engine.stop(8, Side.BUY, 110, 1), engine.amend(8, 110))[1]),
    (Reject.MALFORMED, lambda engine: engine.limit(-1, Side.BUY, 90, 1)),
    (Reject.MALFORMED, lambda engine: engine.limit(9, 2, 90, 1)),
    (Reject.MALFORMED, lambda engine: engine.limit(9, Side.BUY, 90, 1, -1)),
    (Reject.MALFORMED, lambda engine: engine.limit(9, Side.BUY, 90, 1, 2**32)),
    (Reject.MALFORMED, lambda engine: engine.limit(9, Side.BUY, 90, 1, 0, 4)),
    (Reject.MALFORMED, lambda engine: engine.cancel(-1)),
]


@pytest.mark.parametrize(("reject", "call"), BAD)
def test_what_cannot_be_done_changes_nothing(
    reject: Reject, call: Callable[[MatchingEngine], int], engine: MatchingEngine
) -> None:
    assert call(engine) == -reject
    assert engine.reject is reject
    assert engine.fills() == []
    commands = engine.commands
    assert engine.l1().bid == Quote(99, 4, 1)
    assert engine.cancel(3) == 0
    assert engine.reject is None
    assert engine.commands == commands + 1


def test_a_full_level_ends_the_order() -> None:
    engine = MatchingEngine()
    for order_id in range(1_024):
        engine.limit(order_id, Side.SELL, 7, MAX)
    (outcome,) = engine.outcomes()
    assert (outcome.order_id, outcome.kind, outcome.size) == (1_023, OutcomeKind.FULL, MAX)
    assert engine.resting == 1_023
    assert [engine.stop(5_000 + number, Side.BUY, 9, MAX) for number in range(1_024)][-1] == -Reject.FULL


@pytest.mark.parametrize("value", [1.5, "1", None])
def test_only_integers(value: Any, engine: MatchingEngine) -> None:
    with pytest.raises(TypeError):
        engine.limit(9, Side.BUY, value, 1)
    with pytest.raises(OverflowError):
        engine.limit(9, Side.BUY, 2**63, 1)
    assert engine.commands == 3


def test_self_trade_is_one_of_the_rules() -> None:
    with pytest.raises(ValueError, match='self_trade "never" is not one of allow, cancel_newest'):
        MatchingEngine(self_trade="never")


def test_columns_that_do_not_fit(engine: MatchingEngine) -> None:
    with pytest.raises(ValueError, match="price has 1 values beside 2 kinds"):
        engine.run([0, 0], [8, 9], [1, 1], [1], [1, 1])
    with pytest.raises(ValueError, match=r"peak has shape \(1, 1\)"):
        engine.run([0], [8], [1], [1], [1], peak=[[1]])
    with pytest.raises(TypeError, match="price has values of type float64"):
        engine.run([0], [8], [1], [1.5], [1])
    assert engine.commands == 3


def test_codes_in_columns_never_wrap(engine: MatchingEngine) -> None:
    huge = np.array([2**64 - 99], np.uint64)
    malformed = [
        engine.run([256], [8], [1], [90], [1]),
        engine.run([0], [8], [257], [90], [1]),
        engine.run([0], [8], [1], [90], [1], tif=[-255]),
        engine.run([7], [8], [1], [90], [1]),
        engine.run([Op.STOP], [8], [1], [90], [1]),
        engine.run([Op.CANCEL], [-1], [1], [90], [1]),
    ]
    assert [result.status.tolist() for result in malformed] == [[-Reject.MALFORMED]] * 6
    assert engine.run([0], [8], [1], huge, [1]).status.tolist() == [-Reject.PRICE]
    assert engine.resting == 3


def test_a_batch_says_what_each_operation_did(engine: MatchingEngine) -> None:
    result = engine.run(
        [Op.LIMIT, Op.CANCEL, Op.AMEND, Op.MARKET, Op.CANCEL],
        [4, 77, 2, 5, 3],
        [Side.BUY, 0, 0, Side.BUY, 0],
        [101, 0, UNCHANGED, 0, 0],
        [2, 0, 3, 20, 0],
    )
    assert result.status.tolist() == [1, -Reject.UNKNOWN_ID, 0, 2, 0]
    assert result.fills.command.tolist() == [3, 6, 6]
    assert list(zip(result.fills.maker, result.fills.price, result.fills.size, strict=True)) == [
        (1, 101, 2),
        (1, 101, 3),
        (2, 102, 3),
    ]
    assert result.outcomes.order_id.tolist() == [5]
    assert result.outcomes.size.tolist() == [14]
    assert engine.l1() == Top(None, None)
    assert [fill.maker for fill in engine.fills()] == [1, 1, 2]


def test_slices_and_numbers_of_any_width_are_columns(engine: MatchingEngine) -> None:
    wide = np.arange(20, dtype=np.int32)[::2]
    result = engine.run(wide * 0, wide + 100, wide * 0 == 0, wide, wide // wide.clip(1) + 1)
    assert result.status.tolist() == [0] * 10
    assert engine.resting == 13


def test_without_history_only_the_latest_call_is_kept() -> None:
    engine = MatchingEngine(keep_history=False)
    for order_id in range(3):
        engine.limit(order_id, Side.SELL, 10, 1)
        engine.market(10 + order_id, Side.BUY, 1)
        assert [fill.command for fill in engine.fills()] == [2 * order_id + 1]
        assert engine.fill_history().height == 1
    engine.cancel(5)
    assert engine.fills() == []
    assert (engine.trades, engine.volume) == (3, 3)


@pytest.mark.parametrize("pieces", [[3], [700, 5, 1], [1, 2_000, 3, 0, 4]])
def test_history_is_what_calls_and_batches_returned(pieces: list[int]) -> None:
    """Calls and batches by turns, more trades than the first page of the history has room for."""
    engine = MatchingEngine()
    expected: list[tuple[int, ...]] = []
    for rows in pieces:
        for _ in range(rows):
            at = engine.commands
            assert [engine.limit(at, Side.SELL, at, 2), engine.market(at + 1, Side.BUY, 1)] == [0, 1]
            expected += [(at + 1, at + 1, at, at, 1, Side.BUY)]
            assert [fill.command for fill in engine.fills()] == [at + 1]
            assert engine.cancel(at) == 0
            assert engine.fills() == []
        ids = np.arange(rows * 2) + engine.commands
        result = engine.run(
            np.arange(rows * 2) % 2 * Op.MARKET, ids, ids % 2 == ids[:1] % 2, ids, ids * 0 + 1
        )
        batch = list(zip(*(column.tolist() for column in result.fills), strict=True))
        assert [row[0] for row in batch] == ids[1::2].tolist()
        assert [(fill.command, fill.maker, fill.side) for fill in engine.fills()] == [
            (row[0], row[2], row[5]) for row in batch
        ]
        expected += batch
    assert list(zip(*(column.tolist() for column in engine.fill_columns().values()), strict=True)) == expected
    assert len(expected) == engine.trades
    engine.clear_history()
    assert engine.fills() == []
    assert engine.fill_history().height == 0


def test_trades_of_a_batch_cannot_be_rewritten(engine: MatchingEngine) -> None:
    result = engine.run([Op.MARKET], [8], [Side.BUY], [0], [3])
    with pytest.raises(ValueError, match="read-only"):
        result.fills.size[0] = 7
    copy = engine.fill_columns()["size"]
    copy[0] = 7
    assert engine.fill_columns()["size"].tolist() == [3]


def test_prices_through_an_instrument() -> None:
    instrument = tw.Instrument(symbol="X", price_unit=0.01, lot_size=0.1)
    engine = MatchingEngine(deltas=True)
    engine.limit(1, Side.SELL, instrument.price_ticks(0.57), instrument.size_lots(30.3))
    engine.market(2, Side.BUY, instrument.size_lots(0.3))
    assert engine.fill_history(instrument).select("price", "size", "side").row(0) == (0.57, 0.3, "buy")
    assert engine.fill_history().select("price", "size").row(0) == (57, 3)
    assert engine.l2(instrument=instrument).row(0) == ("sell", 0.57, 30.0, 1)
    assert engine.l3(instrument).row(0) == ("sell", 1, 0.57, 30.0, 0)
    assert engine.level_deltas(instrument)["size"].to_list() == [30.3, 30.0]


def test_frames_of_an_empty_book() -> None:
    engine = MatchingEngine()
    assert engine.l2().columns == ["side", "price", "size", "orders"]
    assert engine.l3().columns == ["side", "order_id", "price", "size", "owner"]
    assert engine.fill_history().columns == ["command", "taker", "maker", "price", "size", "side"]
    assert engine.outcome_history().columns == ["command", "order_id", "kind", "size"]
    assert engine.order_deltas().columns == ["command", "action", "order_id", "side", "price", "size"]
    assert engine.order(1) is None
    assert engine.queue_ahead(1) is None
    assert engine.best(Side.BUY) is None
    with pytest.raises(ValueError, match="side 2 is neither"):
        engine.best(2)


def test_depth_and_queue() -> None:
    engine = MatchingEngine()
    for order_id, price in enumerate((10, 9, 9, 8)):
        engine.limit(order_id, Side.BUY, price, 2 + order_id)
    assert engine.l2(2).rows() == [("buy", 10, 2, 1), ("buy", 9, 7, 2)]
    assert engine.queue_ahead(2) == 3
    order = engine.order(2)
    assert order is not None
    assert (order.price, order.open, order.shown, order.tif) == (9, 4, 4, Tif.GTC)
