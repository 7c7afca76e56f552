"""What the functions that make nodes check of their arguments."""

from __future__ import annotations

from typing import TypeAlias

from tradewright.core.times import duration_ns

Window: TypeAlias = "int | str"
"""A count of samples, or a length of time as text."""


def checked_symbol(symbol: str) -> str:
    """The symbol itself.

    Raises:
        ValueError: it is no text, or empty.
    """
    if not isinstance(symbol, str) or not symbol:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"symbol {symbol!r} is not the name of an instrument. Use text such as 'SPX'.")
    return symbol


def sample_count(n: int, name: str = "n", least: int = 1) -> int:
    """The count itself.

    Raises:
        ValueError: it is no integer, below ``least``, or beyond 2**30.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < least or n > 2**30:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"{name} = {n!r} is not a count of samples. Use an integer of at least {least}.")
    return n


def window_ints(window: Window, name: str = "window", least: int = 1) -> tuple[int, int]:
    """A window as a node keeps it: ``(count, 0)`` or ``(0, span_ns)``.

    Raises:
        ValueError: a count below ``least``, or text that is no length of time.
    """
    if isinstance(window, str):
        return (0, duration_ns(window, name=name))
    return (sample_count(window, name, least), 0)
