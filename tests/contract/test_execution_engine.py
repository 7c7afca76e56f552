"""What an execution engine in Python may rely on, and what it must not do."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

import tradewright as tw
from runs import MINUTE_NS, START_NS, bars, check_sound
from tradewright import features as f
from tradewright.simulation import prepare

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tradewright.sim.build import Run

CLOSES = [100.0, 101.0, 103.0, 102.0, 99.0, 98.5, 101.25, 104.0, 103.5, 103.5]


class LastClose:
    """A third party's engine: fills market orders at the last close that it was shown, for 10 cents each."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tw.ExecutionReport] = asyncio.Queue()
        self.received: list[object] = []
        self.cancelled: list[str] = []
        self.closes: dict[str, tuple[float, int]] = {}

    def on_market(self, record: Any) -> None:
        if isinstance(record, tw.market.Bar):
            self.closes[record.symbol] = record.close, record.ts_recv_ns

    def submit(self, order: tw.Approved) -> None:
        self.received.append(order)
        price, now_ns = self.closes[order.symbol]
        fill = tw.Fill(fill_id=len(self.received), price=price, size=order.size, fee=0.1)
        self.report(order.order_id, "accepted", now_ns)
        self.report(order.order_id, "filled", now_ns, fill)

    def report(self, order_id: str, kind: Any, now_ns: int, fill: tw.Fill | None = None) -> None:
        report = tw.ExecutionReport(
            order_id=order_id, kind=kind, ts_event_ns=now_ns, ts_recv_ns=now_ns, fill=fill
        )
        self.queue.put_nowait(report)

    def amend(self, change: tw.Approved) -> None:
        self.received.append(change)

    def cancel(self, order_id: tw.OrderId) -> None:
        self.cancelled.append(order_id)

    async def reports(self) -> AsyncIterator[tw.ExecutionReport]:
        while True:
            yield await self.queue.get()

    async def account(self) -> tw.AccountSnapshot:
        return tw.AccountSnapshot()


@dataclass
class Flip(tw.Policy):
    """Long above 101, short below: trades at every crossing."""

    seen: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]], init=False)

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.on_bar("X"))

    def on_report(self, report: tw.ExecutionReport) -> None:
        self.seen.append((report.ts_recv_ns, report.kind))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        return tw.TargetPosition("X", 2 if market.close("X") > 101 else -2)


def test_a_policy_trades_through_a_third_partys_engine(tmp_path: Path) -> None:
    engine, policy = LastClose(), Flip()
    result = tw.drive(policy, bars(CLOSES), engine, cash=10_000, out=tmp_path / "run")
    fills = result.fills.select("side", "size", "price", "fee").rows()
    assert fills == [
        ("sell", 2.0, 100.0, 0.1),
        ("buy", 4.0, 103.0, 0.1),
        ("sell", 4.0, 99.0, 0.1),
        ("buy", 4.0, 101.25, 0.1),
    ]
    check_sound(result)
    assert len(engine.received) == result.meta.counters.sent == 4
    assert all(type(order) is tw.Approved for order in engine.received)
    assert engine.cancelled == []
    bar_ns = [START_NS + MINUTE_NS * row for row in range(1, 11)]
    assert policy.seen == [(bar_ns[row], kind) for row in (0, 2, 4, 6) for kind in ("accepted", "filled")]
    assert result.meta.grade == "fills by LastClose"
    assert result.meta.config["engine"].endswith("test_execution_engine:LastClose")
    assert tw.Result.load(tmp_path / "run", verify=True).digest() == result.digest()


def test_equal_engines_give_equal_runs(tmp_path: Path) -> None:
    results = [
        tw.drive(Flip(), bars(CLOSES), LastClose(), out=tmp_path / name, seed=3) for name in ("one", "two")
    ]
    assert results[0].digest() == results[1].digest()
    journals = [(tmp_path / name / "journal.bin").read_bytes() for name in ("one", "two")]
    assert journals[0] == journals[1] != b""


def test_a_report_waits_for_its_receive_time() -> None:
    class Late(LastClose):
        def submit(self, order: tw.Approved) -> None:
            self.received.append(order)
            price, now_ns = self.closes[order.symbol]
            late_ns = now_ns + MINUTE_NS // 2
            self.queue.put_nowait(
                tw.ExecutionReport(
                    order_id=order.order_id,
                    kind="filled",
                    ts_event_ns=now_ns,
                    ts_recv_ns=late_ns,
                    fill=tw.Fill(fill_id=len(self.received), price=price, size=order.size),
                )
            )

    result = tw.drive(Flip(), bars(CLOSES), Late())
    at = result.fills["ts_recv"].cast(int).to_list()
    assert at == [START_NS + MINUTE_NS * row + MINUTE_NS // 2 for row in (1, 3, 5, 7)]
    assert [row for row in result.equity["at"].cast(int).to_list() if row in at] == at


def test_an_error_of_the_engine_reaches_the_caller() -> None:
    class Broken(LastClose):
        def submit(self, order: tw.Approved) -> None:
            raise ConnectionError("no route")

    with pytest.raises(ConnectionError, match="no route"):
        tw.drive(Flip(), bars(CLOSES), Broken())

    class BrokenReports(LastClose):
        async def reports(self) -> AsyncIterator[tw.ExecutionReport]:
            raise ConnectionError("stream lost")
            yield await self.queue.get()

    with pytest.raises(ConnectionError, match="stream lost"):
        tw.drive(Flip(), bars(CLOSES), BrokenReports())


def test_a_running_loop_is_told_what_to_await() -> None:
    from tradewright.stepping import drive_async

    async def inside() -> tw.Result:
        with pytest.raises(RuntimeError, match=r"await tradewright.stepping.drive_async"):
            tw.drive(Flip(), bars(CLOSES), LastClose())
        return await drive_async(Flip(), bars(CLOSES), LastClose(), cash=10_000)

    result = asyncio.run(inside())
    assert result.digest() == tw.drive(Flip(), bars(CLOSES), LastClose(), cash=10_000).digest()


def test_the_entry_point_stays_a_function_after_a_drive() -> None:
    tw.drive(Flip(), bars(CLOSES), LastClose())
    assert callable(tw.backtest)
    assert tw.backtest(Flip(), bars(CLOSES)).meta.counters.fills


# --- a step at a time ------------------------------------------------------------------------------------


@dataclass
class Scripted(tw.Policy):
    """Returns what the test put in, one entry a wake."""

    script: list[tw.Intents]

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(f.on_bar("X"))

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        self.open = [order.status for order in portfolio.open_orders("X")]
        return self.script.pop(0) if self.script else None


class Bench:
    """A kernel to step by hand."""

    def __init__(self, *script: tw.Intents, instrument: tw.Instrument | None = None) -> None:
        self.policy = Scripted(list(script))
        series = bars([100.0] * 4, instrument=instrument)
        self.run: Run = prepare(self.policy, series, cash=10_000, engine=object()).run
        self.now_ns = START_NS
        self.step()

    def step(self, *reports: tw.ExecutionReport, price: float | None = 100.0) -> list[Any]:
        """A step with a bar of one price, or with the reports alone."""
        self.now_ns += MINUTE_NS
        records = []
        if price is not None:
            now_ns = self.now_ns
            records = [("bar", 0, now_ns, now_ns, now_ns - MINUTE_NS, price, price, price, price, 1e6)]
        self.commands: list[Any] = self.run.kernel.step(self.now_ns, records, list(reports))
        return self.commands

    def report(self, order: str, kind: Any, **fields: Any) -> tw.ExecutionReport:
        given: dict[str, Any] | None = fields.pop("fill", None)
        values: dict[str, Any] = {"fill_id": 1, "price": 100.0, "size": 1.0, **(given or {})}
        fill = None if given is None else tw.Fill(**values)
        return tw.ExecutionReport(
            order_id=order, kind=kind, ts_event_ns=self.now_ns, ts_recv_ns=self.now_ns, fill=fill, **fields
        )

    def hear(self, order: str, kind: Any, **fields: Any) -> list[Any]:
        return self.step(self.report(order, kind, **fields), price=None)

    @property
    def cash(self) -> Fraction:
        return Fraction(self.run.kernel.cash["USD"], 10**12)

    def status(self, row: int = 0) -> str:
        return self.run.kernel.orders()["status"][row]


BUY = tw.TargetPosition("X", 1)


def test_nobody_else_can_approve() -> None:
    with pytest.raises(TypeError, match=r"No constructor defined|cannot create"):
        tw.Approved()
    with pytest.raises(TypeError):
        object.__new__(tw.Approved)
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Forged", (tw.Approved,), {})
    bench = Bench(BUY)
    (order,) = bench.commands
    for name in ("size", "symbol", "order_id"):
        with pytest.raises(AttributeError):
            setattr(order, name, 1)
    import copy
    import pickle

    for forge in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            forge(order)


def test_what_an_approved_order_says() -> None:
    bench = Bench(
        tw.Submit(
            symbol="X", side="sell", size=2, type="stop_limit", stop=90, limit=89, tif="day", reduce_only=True
        )
    )
    (order,) = bench.commands
    assert (order.side, order.type, order.stop, order.limit) == ("sell", "stop_limit", 90.0, 89.0)
    assert (order.tif, order.reduce_only) == ("day", True)
    bench = Bench(tw.Submit(symbol="X", side="buy", size=2, type="limit", limit=99.5, post_only=True))
    (order,) = bench.commands
    said = (
        order.action,
        order.symbol,
        order.side,
        order.size,
        order.type,
        order.limit,
        order.stop,
        order.tif,
    )
    assert said == ("submit", "X", "buy", 2.0, "limit", 99.5, None, "gtc")
    assert order.post_only
    assert not order.reduce_only
    assert order.policy == "Scripted"
    assert order.decided_ns == bench.now_ns


Change = Callable[[Bench, str], tw.ExecutionReport]


def said(kind: str, **fields: Any) -> Change:
    return lambda bench, order: bench.report(order, kind, **fields)


IMPOSSIBLE: list[tuple[Change, str]] = [
    (lambda bench, order: bench.report("zzzz-1", "accepted"), r'"zzzz-1": no such order in this run'),
    (lambda bench, order: bench.report(order[:-1] + "9", "accepted"), r'-9": no such order in this run'),
    (said("filled", fill={"fee": math.nan}), r"fill\.fee nan is not a finite amount"),
    (
        said("filled", fill={"fee": Decimal("Infinity")}),
        r"fill\.fee Infinity is not a finite",
    ),
    (
        said("filled", fill={"price": 100.0000001}),
        r"fill\.price 100\.0000001 is not a multiple",
    ),
    (said("filled", fill={"price": math.nan}), r"fill\.price NaN is not a multiple"),
    (
        said("filled", fill={"size": 0.5}),
        r"fill\.size 0\.5 is not a positive multiple",
    ),
    (
        said("filled", fill={"size": -1.0}),
        r"fill\.size -1 is not a positive multiple",
    ),
    (said("filled"), r"a filled report needs fill="),
    (said("amended", limit=1.0), r"an amended report needs size="),
    (said("vanished"), r'"vanished" is no kind of report'),
]


@pytest.mark.parametrize(("change", "message"), IMPOSSIBLE)
def test_impossible_reports_are_refused_and_nothing_is_booked(change: Change, message: str) -> None:
    bench = Bench(BUY)
    (order,) = bench.commands
    good = bench.report(order.order_id, "accepted")
    with pytest.raises(ValueError, match=message):
        bench.step(good, change(bench, order.order_id), price=None)
    assert bench.status() == "pending"  # the good one of the same step was not half applied either
    assert bench.cash == 10_000
    bench.hear(order.order_id, "filled", fill={})  # the kernel is as good as before
    assert bench.cash == 9_900


def test_drive_refuses_an_impossible_report() -> None:
    class Liar(LastClose):
        def submit(self, order: tw.Approved) -> None:
            self.queue.put_nowait(
                tw.ExecutionReport(order_id="nobody-7", kind="accepted", ts_event_ns=1, ts_recv_ns=1)
            )

    with pytest.raises(ValueError, match='"nobody-7": no such order in this run'):
        tw.drive(Flip(), bars(CLOSES), Liar())


def test_an_unknown_order_blocks_its_side_until_there_is_evidence() -> None:
    bench = Bench(BUY, tw.TargetPosition("X", 3), tw.TargetPosition("X", 3), tw.TargetPosition("X", 3))
    (order,) = bench.commands
    bench.hear(order.order_id, "unknown")
    assert bench.status() == "unknown"
    assert bench.step() == []  # 3 are wanted, one may have filled or not: nothing goes to that side
    assert bench.policy.open == ["unknown"]
    bench.hear(order.order_id, "filled", fill={})  # evidence: it had filled
    assert bench.status() == "filled"
    (more,) = bench.commands or bench.step()
    assert (more.side, more.size) == ("buy", 2.0)


def test_an_unknown_order_may_turn_out_never_to_have_been() -> None:
    bench = Bench(BUY, BUY, BUY)
    (order,) = bench.commands
    bench.hear(order.order_id, "unknown")
    assert bench.step() == []
    bench.hear(order.order_id, "rejected", reason="venue")
    assert bench.status() == "rejected"
    (again,) = bench.step()
    assert (again.side, again.size) == ("buy", 1.0)


def test_an_unknown_order_blocks_submits_of_its_side_at_the_gate() -> None:
    submit = tw.Submit(symbol="X", side="buy", size=1, type="limit", limit=90)
    bench = Bench(BUY, [submit, tw.Submit(symbol="X", side="sell", size=1, type="limit", limit=110)])
    (order,) = bench.commands
    bench.hear(order.order_id, "unknown")
    commands = bench.step()
    assert [command.side for command in commands] == ["sell"]
    orders = bench.run.kernel.orders()
    assert orders["reason"][1] == "unknown_blocks"


def test_a_fill_is_booked_once() -> None:
    bench = Bench(tw.TargetPosition("X", 3))
    (order,) = bench.commands
    for _ in range(3):
        bench.hear(order.order_id, "filled", fill={"fill_id": 77, "fee": 0.25})
    assert bench.cash == Fraction("9899.75")
    assert bench.status() == "partially_filled"
    bench.hear(order.order_id, "filled", fill={"fill_id": 12, "fee": 0.25})  # an older id, but a new one
    assert bench.cash == Fraction("9799.5")
    assert len(bench.run.kernel.fills()["fill_id"]) == 2


def test_a_fill_after_the_end_is_booked_and_flagged() -> None:
    bench = Bench(tw.TargetPosition("X", 2), tw.CancelAll())
    (order,) = bench.commands
    assert bench.step() == [order.order_id]
    bench.hear(order.order_id, "cancelled")
    assert bench.status() == "cancelled"
    bench.hear(order.order_id, "filled", fill={"size": 1.0})
    assert bench.cash == 9_900
    assert bench.status() == "cancelled"
    columns = bench.run.kernel.orders()
    assert columns["filled_size"][0] == 1.0
    assert "after" in columns["detail"][0]


def test_more_than_was_ordered_is_booked_and_flagged() -> None:
    bench = Bench(BUY)
    (order,) = bench.commands
    bench.hear(order.order_id, "filled", fill={"size": 3.0})
    assert bench.cash == 9_700
    assert bench.run.kernel.orders()["detail"][0] != ""


def test_a_reversal_restores_the_money() -> None:
    bench = Bench(BUY)
    (order,) = bench.commands
    bench.hear(order.order_id, "filled", fill={"fill_id": 5, "fee": 0.5})
    assert bench.cash == Fraction("9899.5")
    (again,) = bench.hear(order.order_id, "fill_reversed", fill={"fill_id": 5})
    assert bench.cash == 10_000
    assert (again.side, again.size) == ("buy", 1.0)  # the target still stands
    bench.hear(order.order_id, "fill_reversed", fill={"fill_id": 5})  # a second time: a fault, and no money
    assert bench.cash == 10_000
    assert len(bench.run.kernel.faults) == 1


def test_fees_cross_to_the_last_unit() -> None:
    bench = Bench(BUY)
    (order,) = bench.commands
    fee = Decimal("8191.123456789012")
    bench.hear(order.order_id, "filled", fill={"fee": fee})
    assert bench.cash == Fraction(9_900) - Fraction(fee)


def test_an_engines_refusals_have_their_reasons() -> None:
    bench = Bench(BUY, None, BUY)
    (order,) = bench.commands
    assert bench.hear(order.order_id, "rejected", reason="market_closed") == []
    (again,) = bench.step()  # after a rejection it waits for the next wake
    bench.hear(again.order_id, "rejected", reason="the broker's own words")
    columns = bench.run.kernel.orders()
    assert list(columns["reason"]) == ["market_closed", "venue"]
