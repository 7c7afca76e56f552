"""Sources: the numbers that records bring. `price`, which a symbol stands for, is beside `Node`."""

from __future__ import annotations

from tradewright.core.features.node import Node
from tradewright.core.features.parameters import checked_symbol


def open(symbol: str) -> Node:  # noqa: A001 - the field's own name
    """First price of the latest bar. Source: bars. Ready from the first bar."""
    return Node("open", symbol=checked_symbol(symbol))


def high(symbol: str) -> Node:
    """Highest price of the latest bar. Source: bars. Ready from the first bar."""
    return Node("high", symbol=checked_symbol(symbol))


def low(symbol: str) -> Node:
    """Lowest price of the latest bar. Source: bars. Ready from the first bar."""
    return Node("low", symbol=checked_symbol(symbol))


def close(symbol: str) -> Node:
    """Last price of the latest bar. Source: bars. Ready from the first bar."""
    return Node("close", symbol=checked_symbol(symbol))


def volume(symbol: str) -> Node:
    """Traded size of the latest bar. Source: bars. Ready from the first bar."""
    return Node("volume", symbol=checked_symbol(symbol))


def bid(symbol: str) -> Node:
    """Best bid. Source: quotes. NaN while that side is empty.

    Ready from the first quote that has it.
    """
    return Node("bid", symbol=checked_symbol(symbol))


def ask(symbol: str) -> Node:
    """Best ask. Source: quotes. NaN while that side is empty.

    Ready from the first quote that has it.
    """
    return Node("ask", symbol=checked_symbol(symbol))


def mid(symbol: str) -> Node:
    """Half of best bid plus best ask. Source: quotes. NaN while a side is empty.

    Ready from the first quote that has it.
    """
    return Node("mid", symbol=checked_symbol(symbol))


def bid_size(symbol: str) -> Node:
    """Size at the best bid. Source: quotes. NaN while that side is empty.

    Ready from the first quote that has it.
    """
    return Node("bid_size", symbol=checked_symbol(symbol))


def ask_size(symbol: str) -> Node:
    """Size at the best ask. Source: quotes. NaN while that side is empty.

    Ready from the first quote that has it.
    """
    return Node("ask_size", symbol=checked_symbol(symbol))


def quoted_spread(symbol: str) -> Node:
    """Best ask minus best bid. Source: quotes. NaN while a side is empty.

    Ready from the first quote that has it.
    """
    return Node("quoted_spread", symbol=checked_symbol(symbol))


def last(symbol: str) -> Node:
    """Price of the latest public trade. Source: trades, each of them a sample.

    Ready from the first trade.
    """
    return Node("last", symbol=checked_symbol(symbol))


def trade_size(symbol: str) -> Node:
    """Size of the latest public trade. Source: trades, each of them a sample.

    Ready from the first trade.
    """
    return Node("trade_size", symbol=checked_symbol(symbol))


def trade_side(symbol: str) -> Node:
    """Whose order took in the latest public trade: 1 the buyer's, -1 the seller's. Source: trades.

    NaN where that is unknown.

    Ready from the first trade whose aggressor is known.
    """
    return Node("trade_side", symbol=checked_symbol(symbol))


def signed_size(symbol: str) -> Node:
    """Size of the latest public trade, negative where the seller's order took. Source: trades.

    NaN where the aggressor is unknown.

    Ready from the first trade whose aggressor is known.
    """
    return Node("signed_size", symbol=checked_symbol(symbol))


def imbalance(symbol: str, depth: int = 1) -> Node:
    """``(bids - asks) / (bids + asks)`` of the sizes in the best ``depth`` levels. Source: the book.

    In [-1, 1]; NaN for an empty book.

    Ready from the first record of the book.

    Raises:
        ValueError: a depth that is not at least 1.

    Source:
        Cartea, Jaimungal and Penalva (2015), "Algorithmic and High-Frequency Trading", section 3.4.
    """
    return _of_book("book_imbalance", symbol, depth)


def bid_depth(symbol: str, depth: int = 1) -> Node:
    """Size in the best ``depth`` bid levels. Source: the book.

    Ready from the first record of the book.

    Raises:
        ValueError: a depth that is not at least 1.
    """
    return _of_book("bid_depth", symbol, depth)


def ask_depth(symbol: str, depth: int = 1) -> Node:
    """Size in the best ``depth`` ask levels. Source: the book.

    Ready from the first record of the book.

    Raises:
        ValueError: a depth that is not at least 1.
    """
    return _of_book("ask_depth", symbol, depth)


def weighted_mid(symbol: str) -> Node:
    """The mid weighted by the size on the other side of the touch. Source: the book.

    NaN while a side is empty.

    Ready from the first record of the book.

    Source:
        Gatheral and Oomen (2010), "Zero-intelligence realized variance estimation", who call it the
        microprice; Stoikov's (2018) microprice adjusts it by what is estimated from data.
    """
    return Node("microprice", symbol=checked_symbol(symbol))


def _of_book(op: str, symbol: str, depth: int) -> Node:
    if depth < 1:
        raise ValueError(f"depth = {depth!r} is not at least 1 level.")
    return Node(op, symbol=checked_symbol(symbol), ints=(int(depth),))
