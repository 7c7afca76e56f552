"""What a recording lacks, or gets wrong, and a run must neither refuse nor hide."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tradewright as tw
from runs import MINUTE_NS, START_NS, check_sound


class Holds(tw.Policy):
    """Wants a position of this size from its first wake on."""

    def __init__(self, size: float, symbol: str = "X") -> None:
        self.size = size
        self.symbol = symbol

    def decide(self, market: Any, portfolio: Any) -> Any:
        return tw.TargetPosition(self.symbol, self.size)


def times(rows: int) -> Any:
    return START_NS + MINUTE_NS * np.arange(rows, dtype=np.int64)


def quotes(rows: int = 4, **sizes: Any) -> tw.Quotes:
    return tw.Quotes.from_arrays(
        "X", ts=times(rows), bid=np.full(rows, 99.0), ask=np.full(rows, 101.0), **sizes
    )


def test_quotes_without_sizes_fill_without_a_cap() -> None:
    result = check_sound(tw.backtest(Holds(7_000), quotes(), cash=1e6))
    assert result.fills.select("size", "price").rows() == [(7_000.0, 101.0)]


def test_a_size_that_is_known_caps_and_one_that_is_not_does_not() -> None:
    result = check_sound(tw.backtest(Holds(7), quotes(ask_size=[2.0, 3.0, np.nan, 50.0]), cash=1e6))
    assert result.fills["size"].to_list() == [2.0, 3.0, 2.0]


def test_features_of_sizes_that_were_not_recorded_are_nan() -> None:
    seen = list[tuple[float, float]]()

    class Looks(tw.Policy):
        def setup(self, ctx: Any) -> None:
            self.size = ctx.watch(tw.features.ask_size("X"))
            self.flow = ctx.watch(tw.features.ofi_event("X"))

        def decide(self, market: Any, portfolio: Any) -> None:
            seen.append((market[self.size], market[self.flow]))

    tw.backtest(Looks(), quotes())
    assert len(seen) == 4
    assert np.isnan(seen).all()


@pytest.mark.parametrize("size", [-1.0, np.inf])
def test_a_size_that_is_none_is_refused(size: float) -> None:
    with pytest.raises(tw.errors.DataError, match="row 2, bid_size: .* is not a size"):
        tw.backtest(Holds(1), quotes(bid_size=[1.0, size, 1.0, 1.0]))
