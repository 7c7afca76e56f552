"""Whether the data can feed what the policies declared: what would be silent throughout is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewright.core.features import Condition, Node, OnReport, OnSource
from tradewright.core.features.watched import label
from tradewright.core.stream import columns_of
from tradewright.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradewright.core.policy import Setup
    from tradewright.core.stream import AnySeries
    from tradewright.sim.config import Fills

_BARS, _QUOTES, _TRADES, _BOOK = "bars", "quotes or a book", "trades or a book", "a book"
_FEEDS = {
    _BARS: {"bars"},
    _QUOTES: {"quotes", "book"},
    _TRADES: {"trades", "book"},
    _BOOK: {"book"},
}
_WAKES = {"bar": _BARS, "quote": _QUOTES, "trade": _TRADES, "book": _BOOK}
_SOURCES = {
    **dict.fromkeys(("open", "high", "low", "close", "volume"), _BARS),
    **dict.fromkeys(("bid", "ask", "mid", "bid_size", "ask_size", "quoted_spread"), _QUOTES),
    **dict.fromkeys(("last", "trade_size", "trade_side", "signed_size"), _TRADES),
    **dict.fromkeys(("bid_depth", "ask_depth", "book_imbalance", "microprice"), _BOOK),
}
_NAMES = {"book_imbalance": "imbalance", "microprice": "weighted_mid"}
"""What users call an operation, where that is another name."""


def check_feeds(name: str, ctx: Setup, series: Sequence[AnySeries], warnings: list[str]) -> None:
    """Warns of what a policy declared and the data never brings.

    Args:
        name: Of the policy.
        ctx: What it declared.
        series: The data.
        warnings: Where the warnings go.

    Raises:
        DataError: Nothing that could wake the policy is in the data.
    """
    kinds: dict[str, set[str]] = {}
    for one in series:
        kinds.setdefault(one.symbol, set()).add("book" if one.kind.startswith("book") else one.kind)

    def lacks(symbol: str | None, need: str) -> bool:
        return symbol in kinds and not kinds[symbol] & _FEEDS[need]

    def has(symbol: str | None) -> str:
        return ", ".join(sorted(kinds[symbol or ""]))

    silent = [
        wake for wake in ctx.wakes if isinstance(wake, OnSource) and lacks(wake.symbol, _WAKES[wake.kind])
    ]
    others = [wake for wake in ctx.wakes if not isinstance(wake, OnReport) and wake not in silent]
    if silent and not others:
        wake = silent[0]
        raise DataError(
            f"{label(wake)} needs {_WAKES[wake.kind]}, and the data has {has(wake.symbol)}: "
            f"nothing would ever wake {name}.",
            source=wake.symbol,
        )
    warnings.extend(
        f"{name}: {label(wake)} never wakes it: that needs {_WAKES[wake.kind]}, and the data of "
        f"{wake.symbol} is {has(wake.symbol)}."
        for wake in silent
    )
    roots = [*ctx.watched, *(wake for wake in ctx.wakes if isinstance(wake, Condition))]
    for op, symbol in dict.fromkeys((node.op, node.symbol) for node in _sources(roots)):
        if lacks(symbol, _SOURCES[op]):
            warnings.append(
                f"{name}: features.{_NAMES.get(op, op)}({symbol!r}) is NaN throughout: it needs "
                f"{_SOURCES[op]}, and the data of {symbol} is {has(symbol)}."
            )


def check_volume(series: Sequence[AnySeries], fills: Fills, warnings: list[str]) -> None:
    """Warns of bars in which nothing can fill, because nothing was traded in them."""
    if fills.participation_max == "unlimited" or fills.zero_volume_fills:
        return
    warnings.extend(
        f"The volume of {one.symbol} is 0 in every bar, so nothing can fill there: fills may take at "
        "most participation_max of it. Leave the volume out where it is not known, or set "
        'venue.fills.zero_volume_fills or participation_max = "unlimited".'
        for one in series
        # The first bar tells of nearly all series that they are others, without a look at the rest.
        if one.kind == "bars"
        and all(volume[0] == 0 and bool((volume == 0).all()) for volume in columns_of(one, "volume"))
    )


def _sources(roots: Iterable[Node]) -> Iterable[Node]:
    """The nodes that read records, each once; shared inputs are walked once."""
    seen: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.op in _SOURCES and node.symbol is not None:
            yield node
        stack.extend(node.inputs)
