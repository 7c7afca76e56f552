"""The story of one order, from a result made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from tradewright.cli import why
from tradewright.errors import ConfigError
from tradewright.research import schema
from tradewright.research.result import Result, ResultMeta

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
    told = why.text(why.story(result(order(1), fills=[fill("4c1f-1", 10.0)]), "4c1f-1"))
    assert told.splitlines() == [
        "2024-03-01",
        "  14:30:00.000  decide    Maker",
        "  14:30:00.000  intent    bid 10 @ 101.5",
        "  14:30:00.000  order     buy 10.0 ABC limit @ 101.5 gtc",
        "  14:30:02.005  fill      buy 10.0 @ 101.5 as maker, fee 0.10 USD; position 10.0",
    ]


def test_a_refused_order_has_its_reason_and_a_remedy() -> None:
    refused = order(
        2, status="refused", filled_size=0.0, reason="price_collar", detail="101.5 is 6 % away, limit 5 %"
    )
    lines = why.story(result(order(1), refused), "4c1f-2")
    assert [line.label for line in lines] == ["decide", "intent", "order", "refused", "remedy"]
    assert lines[3].text == "price_collar: 101.5 is 6 % away, limit 5 %"
    assert "risk.price_collar" in lines[4].text
    assert lines[4].at is None


def test_an_order_that_still_works_says_how_much_traded() -> None:
    working = order(3, status="partially_filled", filled_size=4.0)
    assert why.story(result(working), "4c1f-3")[-1].text == "4.0 of 10.0 traded"


def test_the_beginning_of_an_id_is_enough_where_only_one_has_it() -> None:
    run = result(order(1), order(17), order(2))
    assert why.story(run, "4c1f-2")[0].text == "Maker"
    assert why.story(run, "4c1f-1")[0].text == "Maker"  # whole ids win over longer ones
    with pytest.raises(ConfigError, match="3 orders begin with '4c1f'"):
        why.story(run, "4c1f")
    with pytest.raises(ConfigError, match=r"no order '4c1f-18'\. Nearest: 4c1f-1"):
        why.story(run, "4c1f-18")
    with pytest.raises(ConfigError, match="The run sent no order"):
        why.story(result(), "4c1f-1")


def test_the_listing_shows_the_last_orders() -> None:
    listed = why.listing(result(*[order(number) for number in range(30)])).splitlines()
    assert listed[0] == "30 orders, the last 20:"
    assert listed[-1].startswith(
        "4c1f-29  2024-03-01 14:30:00  Maker: buy 10.0 ABC limit @ 101.5 gtc; filled"
    )
    assert len(listed) == 21
    assert why.listing(result()) == "no orders"
