"""Market records: what they hold, and what they refuse."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from tradewright.core import market
from tradewright.core.grid import TickGrid
from tradewright.errors import DataError

AT: dict[str, Any] = {"ts_event_ns": 10, "ts_recv_ns": 12}
X: dict[str, Any] = AT | {"symbol": "X"}
BAR: dict[str, Any] = X | {"open_ns": 0, "open": 2.0, "high": 3.0, "low": 1.0, "close": 2.5, "volume": 7.0}

RECORDS: list[market.MarketEvent | market.CashEvent] = [
    market.Bar(**BAR),
    market.Quote(**X, bid=1.0, ask=1.5, bid_size=3.0, ask_size=4.0),
    market.Quote(**X, bid=None, ask=1.5, ask_size=4.0),
    market.Trade(**X, price=1.25, size=2.0, aggressor="buy", trade_id="7"),
    market.BookDelta(**X, side="bid", price=1.0, size=0.0, sequence=4),
    market.BookSnapshot(**X, bids=((1.0, 2.0), (0.9, 1.0)), asks=((1.1, 2.0), (1.2, 1.0)), sequence=3),
    market.MarketStatus(**X, status="paused"),
    market.TickGridChange(**X, grid=TickGrid.tapered_deci_cent()),
    market.Settlement(**X, price=1.0),
    market.Dividend(**X, amount=0.25),
    market.Split(**X, numerator=4),
    market.Funding(**X, rate=-0.0001),
    market.Deposit(**AT, currency="USD", amount=-500.0),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_records_are_values_that_survive_json(record: market.MarketEvent | market.CashEvent) -> None:
    union = market.MarketEvent | market.CashEvent
    assert msgspec.json.decode(msgspec.json.encode(record), type=union) == record
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=union) == record
    assert hash(record) == hash(msgspec.structs.replace(record))
    with pytest.raises(AttributeError):
        record.ts_recv_ns = 0  # pyright: ignore[reportAttributeAccessIssue] - it is frozen


@pytest.mark.parametrize(
    ("kind", "fields", "field", "message"),
    [
        (market.Bar, BAR | {"open": math.nan}, "open", "Bar of X, open: nan is not a finite number."),
        (market.Bar, BAR | {"high": math.inf}, "high", "inf is not a finite number"),
        (market.Bar, BAR | {"volume": -1.0}, "volume", "-1.0 is negative"),
        (market.Bar, BAR | {"high": 0.5}, "high", "0.5 is below the low 1"),
        (market.Bar, BAR | {"close": 3.5}, "close", "3.5 is outside of the bar's 1 to 3"),
        (market.Bar, BAR | {"open": 0.5}, "open", "0.5 is outside of the bar's 1 to 3"),
        (market.Bar, BAR | {"open_ns": 11}, "open_ns", "11 is after the bar's close at 10"),
        (market.Bar, BAR | {"symbol": ""}, "symbol", "Name the instrument"),
        (market.Bar, BAR | {"ts_event_ns": 1.5}, "ts_event_ns", "1.5 is not a time"),
        (market.Bar, BAR | {"ts_recv_ns": 2**63}, "ts_recv_ns", "is not a time"),
        (market.Quote, X | {"bid": math.nan, "ask": 1.0}, "bid", "nan is not a finite number"),
        (market.Quote, X | {"bid": 1.0, "ask": 1.0, "ask_size": -2.0}, "ask_size", "-2.0 is negative"),
        (market.Quote, X | {"bid": None, "ask": 1.0, "bid_size": 2.0}, "bid_size", "2.0 has no bid price"),
        (market.Trade, X | {"price": math.inf, "size": 1.0}, "price", "inf is not a finite number"),
        (market.Trade, X | {"price": 1.0, "size": 0.0}, "size", "0.0 is not positive"),
        (market.BookDelta, X | {"side": "bid", "price": 1.0, "size": -1.0}, "size", "-1.0 is negative"),
        (market.BookSnapshot, X | {"bids": ((1.0, 1.0), (1.1, 1.0))}, "bids[1].price", "in falling order"),
        (market.BookSnapshot, X | {"asks": ((1.0, 1.0), (1.0, 1.0))}, "asks[1].price", "in rising order"),
        (market.BookSnapshot, X | {"asks": ((1.0, 0.0),)}, "asks[0].size", "0.0 is not positive"),
        (market.Settlement, X | {"price": math.nan}, "price", "nan is not a finite number"),
        (market.Dividend, X | {"amount": -1.0}, "amount", "-1.0 is not positive"),
        (market.Split, X | {"numerator": 0}, "numerator", "0 is not positive"),
        (market.Split, X | {"numerator": 1, "denominator": -2}, "denominator", "-2 is not positive"),
        (market.Funding, X | {"rate": 1.0}, "rate", "1.0 is the whole value or more"),
        (market.Funding, X | {"rate": math.nan}, "rate", "nan is not a finite number"),
        (market.Deposit, AT | {"currency": "", "amount": 1.0}, "currency", "Name one, such as 'USD'"),
        (market.Deposit, AT | {"currency": "USD", "amount": 0.0}, "amount", "0.0 moves nothing"),
        (market.Deposit, AT | {"currency": "USD", "amount": math.nan}, "amount", "nan is not a finite"),
    ],
)
def test_impossible_records_are_refused(
    kind: type[Any], fields: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        kind(**fields)
    assert message in str(caught.value)
    assert caught.value.field == field
    assert caught.value.remedy


def test_unknown_words_are_refused_when_decoded() -> None:
    line = (
        b'{"kind":"trade","ts_event_ns":1,"ts_recv_ns":1,"symbol":"X","price":1,"size":1,"aggressor":"hold"}'
    )
    with pytest.raises(msgspec.ValidationError, match=r"Invalid enum value 'hold' - at `\$\.aggressor`"):
        msgspec.json.decode(line, type=market.Trade)


def test_a_crossed_quote_and_a_negative_price_are_records_too() -> None:
    assert market.Quote(**X, bid=2.0, ask=1.0).bid == 2.0
    assert market.Trade(**X, price=-37.63, size=1.0).price == -37.63
