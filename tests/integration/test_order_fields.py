"""Every combination of the fields of an order: which pass, and with which words the others are refused."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pytest

import tradewright as tw
from runs import bars, quotes
from tradewright import features as f
from tradewright.errors import PolicyError
from tradewright.sim import GeneratedExchange, PoissonFlow

if TYPE_CHECKING:
    from collections.abc import Sequence

TYPES = ("market", "limit", "stop", "stop_limit", "trailing_stop")
TIFS = ("gtc", "ioc", "fok", "day")
PRICES: dict[str, dict[str, float]] = {
    "market": {},
    "limit": {"limit": 90.0},
    "stop": {"stop": 120.0},
    "stop_limit": {"stop": 120.0, "limit": 125.0},
    "trailing_stop": {"stop": 5.0},
}
"""What each type takes; prices that rest where the market is around 100."""

Data = Literal["bars", "quotes", "exchange"]


@dataclass
class Once(tw.Policy):
    """Submits everything at its first wake."""

    orders: Sequence[tw.Submit]
    wake: Any

    def setup(self, ctx: tw.Setup) -> None:
        ctx.wake(self.wake)
        self.is_done = False

    def decide(self, market: tw.MarketSnapshot, portfolio: tw.PortfolioState) -> tw.Intents:
        if self.is_done:
            return None
        self.is_done = True
        return list(self.orders)


def run(data: Data, orders: Sequence[tw.Submit]) -> list[tuple[str, str, str]]:
    """Status, reason and detail of each order."""
    instrument = tw.Instrument(symbol="X", price_unit=0.01)
    if data == "exchange":
        market: Any = GeneratedExchange(
            PoissonFlow(price=100.0), instrument=instrument, duration="30s", seed=3
        )
        wake = f.every("1s")
    elif data == "quotes":
        market, wake = quotes([(99.99, 100.01)] * 5, size=1e6, instrument=instrument), f.on_quote("X")
    else:
        market, wake = bars([100.0] * 5, instrument=instrument), f.on_bar("X")
    result = tw.backtest(
        Once(orders, wake), market, cash=1e9, risk=tw.Risk(order_value_max=None, gross_max=None)
    )
    assert result.meta.counters.reviews == result.meta.counters.sent + result.meta.counters.refused
    return result.orders.select("status", "reason", "detail").rows()


def submit(**fields: Any) -> tw.Submit:
    return tw.Submit(symbol="X", side="buy", size=1.0, **fields)


def contradicts(type_: str, tif: str, post_only: bool) -> str:
    """The rule in words: what post-only cannot be together with."""
    if not post_only:
        return ""
    if type_ not in ("limit", "stop_limit"):
        return "post_only forbids it to take"
    return "forbid the order to rest" if tif in ("ioc", "fok") else ""


@pytest.mark.parametrize("data", ["bars", "quotes", "exchange"])
def test_every_combination_of_type_time_in_force_and_flags(data: Data) -> None:
    rows = list(itertools.product(TYPES, TIFS, (False, True), (False, True)))
    orders = [
        submit(type=type_, tif=tif, post_only=post_only, reduce_only=reduce_only, **PRICES[type_])
        for type_, tif, post_only, reduce_only in rows
    ]
    found = run(data, orders)
    assert len(found) == len(rows) == 80
    for (type_, tif, post_only, reduce_only), (status, reason, detail) in zip(rows, found, strict=True):
        told = (type_, tif, post_only, reduce_only, status, reason, detail)
        if words := contradicts(type_, tif, post_only):
            assert (status, reason) == ("refused", "contradiction"), told
            assert words in detail, told
            assert "needs a limit order that may rest" in detail, told
            continue
        assert status != "refused", told
        if data == "exchange" and (
            type_ == "trailing_stop"
            or tif == "day"
            or (type_ in ("market", "stop") and tif == "fok" and not (type_ == "market" and reduce_only))
            or (reduce_only and (type_ not in ("market", "limit") or (type_ == "limit" and tif == "gtc")))
        ):
            assert (status, reason) == ("rejected", "venue"), told  # it knows no such orders, and says so
        elif reduce_only and type_ == "market":
            assert (status, reason) in {(end, "nothing_to_reduce") for end in ("rejected", "cancelled")}, told
        elif type_ == "market":
            assert (status, reason) == ("filled", ""), told
        elif data == "exchange" and reduce_only:
            assert (status, reason) == ("rejected", "nothing_to_reduce"), told
        elif tif in ("ioc", "fok") and type_ == "limit":
            unfilled = {"ioc": "ioc_remainder", "fok": "fok_unfilled"}[tif]
            assert (status, reason) in {("cancelled", unfilled), ("rejected", unfilled)}, told
        else:  # it stands, away from the market, until the run ends or its day does
            assert status in ("accepted", "pending", "cancelled", "expired"), told
            assert reason in ("", "run_ended", "day_ended", "instrument_ended", "nothing_to_reduce"), told


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("given", [(), ("limit",), ("stop",), ("stop", "limit")])
def test_prices_that_a_type_lacks_or_does_not_take(type_: str, given: tuple[str, ...]) -> None:
    prices = {"limit": 90.0, "stop": 120.0}
    fields = {name: prices[name] for name in given}
    wanted = set(PRICES[type_])
    missing, extra = sorted(wanted - set(given)), sorted(set(given) - wanted)
    order = submit(type=type_, **fields)
    if not missing and not extra:
        assert run("bars", [order])[0][0] != "refused"
        return
    with pytest.raises(PolicyError) as raised:
        run("bars", [order])
    expected = [f"a {type_} order takes no {name}; got {prices[name]:g}" for name in extra]
    expected += [f"a {type_} order needs {name}=" for name in missing]
    assert any(text in str(raised.value) for text in expected), str(raised.value)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"size": 0.0}, "bad_size"),
        ({"size": -1.0}, "bad_size"),
        ({"size": NAN}, "bad_size"),
        ({"size": INF}, "bad_size"),
        ({"size": 0.5}, "bad_size"),
        ({"type": "limit", "limit": NAN}, "off_grid"),
        ({"type": "limit", "limit": INF}, "off_grid"),
        ({"type": "limit", "limit": 0.0}, "out_of_bounds"),
        ({"type": "limit", "limit": -5.0}, "out_of_bounds"),
        ({"type": "limit", "limit": 90.005}, "off_grid"),
        ({"type": "stop", "stop": NAN}, "off_grid"),
        ({"type": "stop", "stop": 0.0}, "out_of_bounds"),
        ({"type": "stop_limit", "stop": 120.0, "limit": NAN}, "off_grid"),
        ({"type": "stop_limit", "stop": NAN, "limit": 125.0}, "off_grid"),
        ({"type": "trailing_stop", "stop": 0.0}, "out_of_bounds"),
        ({"type": "trailing_stop", "stop": -1.0}, "out_of_bounds"),
        ({"type": "trailing_stop", "stop": NAN}, "off_grid"),
    ],
)
def test_numbers_that_no_order_can_have(fields: dict[str, Any], reason: str) -> None:
    given: dict[str, Any] = {"size": 1.0} | fields
    order = tw.Submit(symbol="X", side="buy", **given)
    ((status, found, detail),) = run("bars", [order])
    assert (status, found) == ("refused", reason)
    assert detail


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"side": "hold"}, 'side is "hold"; use'),
        ({"tif": "gtd"}, 'tif is "gtd"; use'),
        ({"type": "iceberg"}, 'order type is "iceberg"; use'),
        ({"size": "many"}, "size of Submit"),
    ],
)
def test_words_that_no_order_knows(fields: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {"symbol": "X", "side": "buy", "size": 1.0} | fields
    order = tw.Submit(**given)
    with pytest.raises(PolicyError) as raised:
        run("bars", [order])
    assert words in str(raised.value)
