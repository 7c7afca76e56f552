"""Errors that name what was wrong, what would be right, and what to do next.

Each carries its values as fields for code; the text is for people.
"""

from __future__ import annotations


class TradewrightError(Exception):
    """Base of every error that tradewright raises on purpose."""


class DataError(TradewrightError):
    """Recorded data that cannot be used as it is.

    Attributes:
        source: File, frame or series that holds it.
        row: Row of the first offence, counted from 1 without the header; ``None`` if it is not about a row.
        field: Column or field, in the source's own spelling; ``None`` if it is not about one.
        value: The offending value, as text.
        remedy: What would be right, or what to call.
    """

    def __init__(
        self,
        problem: str,
        *,
        source: str,
        row: int | None = None,
        field: str | None = None,
        value: object = None,
        remedy: str = "",
    ) -> None:
        self.problem = problem
        self.source = source
        self.row = row
        self.field = field
        self.value = None if value is None else str(value)
        self.remedy = remedy
        where = source + (f", row {row:,}" if row is not None else "") + (f", {field}" if field else "")
        super().__init__(f"{where}: {problem}" + (f" {remedy}" if remedy else ""))


class ConfigError(TradewrightError):
    """A configuration with an unknown, impossible or missing value.

    Attributes:
        source: File or object that holds it.
        path: Path of the field, such as ``risk.drawdown_max``.
        remedy: The nearest valid name, or the range of valid values.
    """

    def __init__(self, problem: str, *, source: str = "", path: str = "", remedy: str = "") -> None:
        self.problem = problem
        self.source = source
        self.path = path
        self.remedy = remedy
        where = ": ".join(part for part in (source, path) if part)
        super().__init__((f"{where}: " if where else "") + problem + (f" {remedy}" if remedy else ""))


class InstrumentError(TradewrightError):
    """An instrument that contradicts itself, or a price or size that does not fit it.

    Attributes:
        symbol: The instrument.
        field: ``price``, ``size`` or a field of the instrument.
        value: The offending value.
    """

    def __init__(self, message: str, *, symbol: str, field: str = "", value: object = None) -> None:
        self.symbol = symbol
        self.field = field
        self.value = value
        super().__init__(f"{symbol}: {message}")


class UnknownSymbolError(TradewrightError):
    """A symbol that the data does not have.

    Attributes:
        symbol: What was asked for.
        known: What there is.
    """

    def __init__(self, symbol: str, known: list[str]) -> None:
        import difflib

        self.symbol = symbol
        self.known = known
        near = difflib.get_close_matches(symbol, known, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        listed = ", ".join(known[:8]) + (", …" if len(known) > 8 else "")
        super().__init__(f"unknown symbol {symbol!r}.{hint} The data has: {listed or 'nothing'}.")


class PolicyError(TradewrightError):
    """A policy, risk manager or callable node raised, or returned what is not an intent.

    Attributes:
        policy: Name of the policy.
        now_ns: Time of the step, ns since the epoch, UTC.
    """

    def __init__(self, message: str, *, policy: str, now_ns: int | None = None) -> None:
        self.policy = policy
        self.now_ns = now_ns
        super().__init__(f"{policy}: {message}")


class StaleViewError(TradewrightError):
    """A market or portfolio view was touched after the call that it was valid for."""
