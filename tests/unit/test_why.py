"""The story of one order: from results made by hand, and from real runs with a journal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from order_runs import BEGAN as BEGAN_NS
from order_runs import Script, quotes, run

import tradewright as tw
from tradewright.cli import main, why
from tradewright.errors import ConfigError, DataError
from tradewright.research import schema
from tradewright.research.journal import Journal
from tradewright.research.result import Result, ResultMeta
from tradewright.research.story import NO_JOURNAL, story

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BEGAN = datetime(2024, 3, 1, 14, 30, tzinfo=UTC)


def order(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "order_id": f"4c1f-{number}",
        "policy": "Maker",
        "symbol": "ABC",
        "side": "buy",
        "type": "limit",
        "tif": "gtc",
        "size": 10.0,
        "price": 101.5,
        "stop_price": None,
        "status": "filled",
        "filled_size": 10.0,
        "average_price": 101.5,
        "fee": 0.1,
        "reason": "",
        "detail": "",
        "intent": "bid 10 @ 101.5",
        "decided_at": BEGAN,
        "updated_at": BEGAN + timedelta(seconds=3),
        **changes,
    }


def fill(order_id: str, size: float) -> dict[str, Any]:
    return {
        "fill_id": 1,
        "order_id": order_id,
        "policy": "Maker",
        "symbol": "ABC",
        "side": "buy",
        "size": size,
        "price": 101.5,
        "value": size * 101.5,
        "fee": 0.1,
        "currency": "USD",
        "liquidity": "maker",
        "realised_pnl": 0.0,
        "position": size,
        "ts_event": BEGAN + timedelta(seconds=2),
        "ts_recv": BEGAN + timedelta(seconds=2, milliseconds=5),
    }


def frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    empty = schema.empty(name)
    if not rows:
        return empty
    return pl.DataFrame(
        [{column: row.get(column) for column in empty.columns} for row in rows], schema=empty.schema
    )


def result(*orders: dict[str, Any], fills: list[dict[str, Any]] | None = None) -> Result:
    meta = ResultMeta(policies=[], symbols=["ABC"], start_ns=0, end_ns=1, cash={"USD": 1.0}, currency="USD")
    return Result(
        orders=frame("orders", list(orders)),
        fills=frame("fills", fills or []),
        round_trips=frame("round_trips", []),
        equity=frame("equity", []),
        meta=meta,
    )


def test_a_filled_order_is_told_in_order() -> None:
    told = why.text(story(result(order(1), fills=[fill("4c1f-1", 10.0)]), "4c1f-1"))
    assert told.splitlines() == [
        "2024-03-01",
        "  14:30:00.000  decide    Maker",
        "  14:30:00.000  intent    bid 10 @ 101.5",
        "  14:30:00.000  order     buy 10 ABC limit @ 101.5 gtc",
        "  14:30:02.005  filled    buy 10 @ 101.5 as maker, fee 0.10 USD; position 10",
        f"                note      {NO_JOURNAL}",
    ]


def test_a_refused_order_has_its_reason_and_a_remedy() -> None:
    refused = order(
        2, status="refused", filled_size=0.0, reason="price_collar", detail="101.5 is 6 % away, limit 5 %"
    )
    lines = story(result(order(1), refused), "4c1f-2")
    assert [line.label for line in lines] == ["decide", "intent", "order", "refused", "remedy", "note"]
    assert lines[3].text == "price_collar: 101.5 is 6 % away, limit 5 %"
    assert "risk.price_collar" in lines[4].text
    assert lines[4].at is None


def test_an_order_that_still_works_says_how_much_traded() -> None:
    working = order(3, status="partially_filled", filled_size=4.0)
    assert story(result(working), "4c1f-3")[-2].text == "4 of 10 traded when the data ended"


def test_the_beginning_of_an_id_is_enough_where_only_one_has_it() -> None:
    run = result(order(1), order(17), order(2))
    assert story(run, "4c1f-2")[0].text == "Maker"
    assert story(run, "4c1f-1")[2].text.startswith("buy 10")  # whole ids win over longer ones
    assert story(run, "17") == story(run, "4c1f-17")  # its number in the run
    with pytest.raises(ConfigError, match="3 orders begin with '4c1f'"):
        story(run, "4c1f")
    with pytest.raises(ConfigError, match=r"no order '4c1f-18'\. Nearest: 4c1f-1"):
        story(run, "4c1f-18")
    with pytest.raises(ConfigError, match="The run sent no order"):
        story(result(), "4c1f-1")


def test_the_listing_shows_the_last_orders() -> None:
    listed = why.listing(result(*[order(number) for number in range(30)])).splitlines()
    assert listed[0] == "30 orders, the last 20:"
    assert listed[-1].startswith("4c1f-29  2024-03-01 14:30:00  Maker: buy 10 ABC limit @ 101.5 gtc; filled")
    assert len(listed) == 21
    assert why.listing(result()) == "no orders"


# With a journal ---------------------------------------------------------------------------------------------


def submit(**fields: Any) -> tw.Submit:
    return tw.Submit(symbol="BTC", **fields)


def told(folder: Path, number: int) -> list[str]:
    """The story as the command prints it, without the date above."""
    journal = Journal.of(folder)
    assert journal is not None
    return why.text(story(Result.load(folder), str(number), journal)).splitlines()[1:]


def test_a_target_that_fills(tmp_path: Path) -> None:
    script = {0: tw.TargetPosition("BTC", 1.0), 2: tw.TargetPosition("BTC", 0.0)}
    run(tmp_path, script, quotes(100, 101, 102, 103), latency_ns=100_000_000)
    # Bought at the ask half a unit above the middle, 100 ms there and 100 ms back.
    assert told(tmp_path, 1) == [
        "  14:30:00.000  decide    Script woken by on_quote(BTC); fair 100, held 0",
        "  14:30:00.000  intent    hold 1",
        "  14:30:00.000  sent      buy 1 BTC market gtc",
        "  14:30:00.200  filled    buy 1 @ 100.5 as taker, fee 0.00 USD; position 1; "
        "at the venue 2024-03-01 14:30:00.100",
    ]
    assert told(tmp_path, 2)[0] == "  14:30:02.000  decide    Script woken by on_quote(BTC); fair 102, held 1"


def test_a_quote_beyond_the_collar_is_refused_as_the_guide_shows(tmp_path: Path) -> None:
    script = {
        0: tw.TargetPosition("BTC", 0.04),
        1: tw.TargetQuotes("BTC", ask=(61_572.0, 0.01)),
    }
    run(tmp_path, script, quotes(61_204, 61_204.5), risk=tw.Risk(price_collar="0.5%"))
    # (61,572 - 61,204.5) / 61,204.5 = 0.6004 %
    assert told(tmp_path, 2) == [
        "  14:30:01.000  decide    Script woken by on_quote(BTC); fair 61,204.5, held 0.04",
        "  14:30:01.000  intent    ask 0.01 @ 61,572",
        "  14:30:01.000  refused   price_collar: 61,572 is 0.6 % from the mark, limit 0.5 %",
        "                remedy    Quote nearer to the last price, or raise risk.price_collar between runs.",
    ]


def test_quotes_are_amended_and_withdrawn(tmp_path: Path) -> None:
    script = {
        0: tw.TargetQuotes("BTC", bid=(99.0, 1.0), ask=(102.0, 1.0)),
        1: tw.TargetQuotes("BTC", bid=(99.0, 0.5), ask=(103.0, 1.0), replace="amend"),
        3: tw.CancelAll(),
    }
    run(tmp_path, script, quotes(100, 100, 100, 100, 100), latency_ns=100_000_000)
    assert told(tmp_path, 2)[1:] == [
        "  14:30:00.000  intent    ask 1 @ 102",
        "  14:30:00.000  sent      sell 1 BTC limit @ 102 gtc post-only",
        "  14:30:00.200  accepted  at the venue 2024-03-01 14:30:00.100",
        "  14:30:01.000  amend     asked for: 1 @ 103",
        "  14:30:01.200  amended   1 @ 103; at the venue 2024-03-01 14:30:01.100",
        "  14:30:03.000  cancel    asked for: policy_cancelled",
        "  14:30:03.200  cancelled at the venue 2024-03-01 14:30:03.100",
        "                remedy    Nothing to do: the policy withdrew it.",
    ]


def test_submits_of_one_decision_keep_their_own_words(tmp_path: Path) -> None:
    script = {
        0: [
            submit(side="buy", size=9.0, type="limit", limit=100.5, tif="ioc"),
            submit(side="buy", size=9.0, type="limit", limit=100.5, tif="fok"),
            submit(side="buy", size=0.001),
            submit(side="buy", size=1.0, type="limit", limit=99.99),
        ],
        1: submit(side="buy", size=1.0, type="limit", limit=105.0, post_only=True),
    }
    run(tmp_path, script, quotes(100, 100, 100, size=5.0))
    ioc, fok, dust, off_grid, post_only = (told(tmp_path, number) for number in range(1, 6))
    assert ioc[1].endswith("intent    buy 9 limit @ 100.5 ioc")
    assert "filled    buy 5 @ 100.5" in ioc[3]  # five are shown
    assert "cancelled ioc_remainder" in ioc[4]
    assert fok[1].endswith("intent    buy 9 limit @ 100.5 fok")
    assert "cancelled fok_unfilled" in fok[3]
    assert dust[1].endswith("intent    buy 0.001 market gtc")
    assert "bad_size: size 0.001 is not a positive multiple of the lot size" in dust[2]
    assert off_grid[1].endswith("intent    buy 1 limit @ 99.99 gtc")
    assert "off_grid: price 99.99 is not a multiple of the price unit 0.5" in off_grid[2]
    assert "rejected  post_only_would_take" in post_only[3]


def test_a_refused_amendment_leaves_the_order_working(tmp_path: Path) -> None:
    def amend(**fields: float) -> Callable[[tw.PortfolioState], tw.Amend]:
        def intent(portfolio: tw.PortfolioState) -> tw.Amend:
            return tw.Amend(portfolio.open_orders()[0].order_id, **fields)

        return intent

    script = {
        0: submit(side="buy", size=1.0, type="limit", limit=95.0),
        1: amend(limit=50.0),
        2: amend(limit=96.0, size=0.5),
    }
    run(tmp_path, script, quotes(100, 100, 100, 95), risk=tw.Risk(price_collar="20%"))
    lines = told(tmp_path, 1)
    assert lines[4] == (
        "  14:30:01.000  refused   amendment: price_collar: the price is 50 % from the mark, limit 20 %"
    )
    assert "amend     asked for: 0.5 @ 96" in lines[6]
    assert "filled    buy 0.5 @ 96 as maker" in lines[8]


def test_what_a_reconsidered_target_sends_goes_back_to_its_decision(tmp_path: Path) -> None:
    # The first order is still on its way when the target turns: only its end lets the second one go.
    script = {0: tw.TargetPosition("BTC", 1.0), 1: tw.TargetPosition("BTC", -1.0)}
    run(tmp_path, script, quotes(100, 100, 100, 100, 100, 100, 100), latency_ns=1_200_000_000)
    lines = told(tmp_path, 2)
    assert lines[0].startswith("  14:30:01.000  decide    Script woken by on_quote(BTC); fair 100, held 0")
    assert lines[1].endswith("intent    hold -1")
    assert lines[2] == "  14:30:02.400  again     the target still stands, and this much is missing"
    assert lines[3] == "  14:30:02.400  sent      sell 2 BTC market gtc"


def test_a_margin_call_has_no_intent(tmp_path: Path) -> None:
    fall = quotes(100, 100, 60, 60, 40, 40, size=500.0)
    run(tmp_path, {0: tw.TargetPosition("BTC", 150.0)}, fall, cash=10_000.0)
    assert told(tmp_path, 2)[:2] == [
        "  14:30:04.000  decide    margin call: Script is closed out at the market",
        "  14:30:04.000  sent      sell 150 BTC market gtc reduce-only",
    ]


def test_a_split_moves_what_is_held(tmp_path: Path) -> None:
    data = quotes(100, 100, 100, 50, 50)
    split = tw.market.Split(
        symbol="BTC", ts_event_ns=int(data.ts_event_ns[3]), ts_recv_ns=int(data.ts_event_ns[3]), numerator=2
    )
    buys = {at: submit(side="buy", size=1.0) for at in (0, 1, 4)}
    tw.backtest(Script(buys), data, events=[split], periods_per_year=365, out=tmp_path)
    assert told(tmp_path, 2)[0].endswith("held 1")
    assert told(tmp_path, 3)[0].endswith("; fair 50, held 4")
    assert told(tmp_path, 1)[-1] == "  14:30:03.000  split     2 for 1; position 2 became 4"


class Halves(tw.RiskManager):
    """A risk manager that lets half of every order pass."""

    def review(
        self, order: tw.Order, market: tw.MarketSnapshot, portfolio: tw.PortfolioState
    ) -> tw.Allow | tw.Shrink:
        return tw.Shrink(order.size / 2) if order.size > 1 else tw.Allow()


def test_an_order_that_a_manager_made_smaller_says_so(tmp_path: Path) -> None:
    def amend(portfolio: tw.PortfolioState) -> tw.Amend:
        return tw.Amend(portfolio.open_orders()[0].order_id, limit=96.0, size=6.0)

    script = {0: submit(side="buy", size=8.0, type="limit", limit=95.0), 1: amend}
    made = tw.backtest(
        Script(script), quotes(100, 100, 100), managers=[Halves()], periods_per_year=365, out=tmp_path
    )
    lines = told(tmp_path, 1)
    assert lines[1:4] == [
        "  14:30:00.000  intent    buy 8 limit @ 95 gtc",
        "  14:30:00.000  shrunk    Halves lets 4 pass of 8",
        "  14:30:00.000  sent      buy 4 BTC limit @ 95 gtc",
    ]
    assert "  14:30:01.000  shrunk    Halves lets 3 pass of 6" in lines
    assert "  14:30:01.000  amend     asked for: 3 @ 96" in lines
    assert made.orders["detail"][0] == "Halves made it smaller: 8 was asked for"
    assert "Halves made it smaller" in why.text(story(made, "1"))  # without the journal too


def test_quotes_that_a_manager_made_smaller_stand(tmp_path: Path) -> None:
    both = tw.TargetQuotes("BTC", bid=(95.0, 8.0), ask=(105.0, 4.0), replace="amend")
    moved = tw.TargetQuotes("BTC", bid=(96.0, 8.0), ask=(105.0, 4.0), replace="amend")
    script = {0: both, 1: both, 2: moved, 3: moved, 4: moved}
    made = tw.backtest(Script(script), quotes(100, 100, 100, 100, 100), managers=[Halves()])
    assert made.meta.counters.sent == 3  # two quotes and one amendment: the same quotes send nothing
    assert made.amendments.select("size", "price", "status").rows() == [(4.0, 96.0, "amended")]


def test_a_target_that_is_refused_again_is_counted(tmp_path: Path) -> None:
    script = {
        **dict.fromkeys(range(40), tw.TargetPosition("BTC", 3.0)),
        50: tw.TargetPosition("BTC", 1.0),
        60: tw.TargetPosition("BTC", 3.0),
        70: submit(side="buy", size=9.0),
        71: submit(side="buy", size=9.0),
    }
    made = run(tmp_path, script, quotes(*[100] * 80), risk=tw.Risk(position_max=2.0))
    rows = made.orders.select("size", "status", "reason", "repeats").rows()
    assert rows == [
        (3.0, "refused", "position_max", 49),  # a target stands at wakes that say nothing
        (1.0, "filled", "", 0),
        (2.0, "refused", "position_max", 17),  # and waits a wake where a submit of the policy is refused
        (9.0, "refused", "position_max", 0),  # submits are orders of their own
        (9.0, "refused", "position_max", 0),
    ]
    counters = made.meta.counters
    assert counters.reviews == counters.sent + counters.refused == 1 + 50 + 18 + 2
    assert told(tmp_path, 1)[3:] == [
        "  14:30:49.000  again     refused 49 times more for the same reason, the last time now",
        "                remedy    Aim for a smaller position, or raise risk.position_max between runs.",
    ]
    assert "refused 4: position_max, 2024-03-01, asked for 70 times" in str(made)


def test_quotes_that_are_refused_again_are_counted_a_side() -> None:
    script = dict.fromkeys(range(10), tw.TargetQuotes("BTC", bid=(50.0, 1.0), ask=(200.0, 1.0)))
    script[10] = tw.TargetQuotes("BTC", bid=(51.0, 1.0), ask=(200.0, 1.0))
    made = tw.backtest(Script(script), quotes(*[100] * 11), risk=tw.Risk(price_collar="20%"))
    rows = made.orders.select("side", "price", "repeats").rows()
    assert rows == [("buy", 50.0, 9), ("sell", 200.0, 10), ("buy", 51.0, 0)]


def test_an_amendment_that_is_refused_again_is_counted(tmp_path: Path) -> None:
    near = tw.TargetQuotes("BTC", bid=(95.0, 1.0), ask=(105.0, 1.0), replace="amend")
    far = tw.TargetQuotes("BTC", bid=(50.0, 1.0), ask=(200.0, 1.0), replace="amend")
    made = run(tmp_path, {0: near, 1: far}, quotes(*[100] * 10), risk=tw.Risk(price_collar="20%"))
    assert made.orders.select("side", "price", "repeats").rows() == [("buy", 95.0, 8), ("sell", 105.0, 8)]
    assert made.meta.counters.refused == 18
    lines = told(tmp_path, 1)
    assert [line.split()[1] for line in lines].count("refused") == 1
    assert any("again     amendments were refused 8 times more for the same reason" in line for line in lines)


def test_a_journal_of_another_run_is_refused(tmp_path: Path) -> None:
    run(tmp_path / "a", {0: tw.TargetPosition("BTC", 1.0)}, quotes(100, 100))
    other = run(tmp_path / "b", {0: tw.TargetPosition("BTC", 2.0)}, quotes(100, 100))
    with pytest.raises(DataError, match="the journal of another run"):
        story(other, "1", Journal.of(tmp_path / "a"))


def test_the_command_lists_tells_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = run(
        tmp_path, {0: tw.TargetPosition("BTC", 1.0), 1: tw.TargetPosition("BTC", 2.0)}, quotes(100, 101, 102)
    )
    assert main(["why", str(tmp_path), "--last", "1"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed[0] == "2 orders, the last 1:"
    assert listed[1].endswith("Script: buy 1 BTC market gtc; filled")
    assert main(["why", str(tmp_path), made.orders["order_id"][1], "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)
    assert [line["label"] for line in lines] == ["decide", "intent", "sent", "filled"]
    assert np.datetime64(lines[0]["at"].rstrip("Z"), "ns").astype(int) == BEGAN_NS + 1_000_000_000
    assert main(["why", str(tmp_path), "9"]) == 2
    assert "Nearest:" in capsys.readouterr().err
    (tmp_path / "journal.bin").unlink()
    (tmp_path / "journal.json").unlink()
    assert main(["why", str(tmp_path), "1"]) == 0
    assert "--out DIR" in capsys.readouterr().out
