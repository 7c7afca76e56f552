"""A run described in TOML: decoded once, by msgspec, into frozen structs.

An unknown or impossible field is refused with its path and the nearest valid name. Secrets never stand in a
configuration: adapters take them from the environment.
"""

from __future__ import annotations

import copy
import datetime as dt
import inspect
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from msgspec import Meta, Struct, to_builtins

from tradewright.core.instrument import Instrument
from tradewright.core.limits import Risk
from tradewright.core.presets import PRESETS
from tradewright.core.times import duration_ns
from tradewright.data.importing import IMPORTERS
from tradewright.data.options import ReadOptions
from tradewright.decoding import convert, nearest
from tradewright.errors import ConfigError, TradewrightError
from tradewright.sim.config import Account, Venue
from tradewright.sim.flow import Flow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SOURCES = ("sp500", "nasdaq")
"""Data sets that come with the package; names of functions in ``tradewright.data``."""


Moment = Annotated[dt.datetime, Meta(tz=True)]
"""A time with its zone."""


class Use(Struct, frozen=True, kw_only=True):
    """A class to construct: a policy or a risk manager.

    Attributes:
        use: ``"package.module:Class"``; a module beside the configuration's file is found too.
        parameters: The dataclass's fields: the other keys of the table.
    """

    use: str
    parameters: dict[str, Any] = {}


class Exchange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A market that is generated while the policies trade in it; see `tradewright.sim.GeneratedExchange`.

    Attributes:
        symbol: What is traded; its instrument stands in ``data.instruments``.
        flow: Who else trades: ``{ type = "poisson", … }``, ``"hawkes"`` or ``"informed"``.
        duration: How long it is open, such as ``"1h"``.
        seed: Of the market's randomness.
        start: When it opens: a date-time with its zone.
    """

    symbol: str
    flow: Flow
    duration: str
    seed: Annotated[int, Meta(ge=0)]
    start: Moment | None = None

    def __post_init__(self) -> None:
        duration_ns(self.duration, name="duration")


class Data(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to run over: exactly one of ``source``, ``files``, ``store`` and ``exchanges``.

    Paths are relative to the configuration's folder.

    Attributes:
        source: Data that comes with the package: ``"sp500"``, ``"nasdaq"``, or a list of them.
        files: CSV or Parquet files, one instrument each.
        store: Folder of a Parquet store, as ``tradewright import`` fills it.
        exchanges: Generated markets, in which our orders are orders in the book.
        symbols: Which instruments of a store; names of the files' instruments, in their order.
        timeframe: Bars of a store, such as ``"1d"`` or ``"1m"``.
        start: First time, included: a date-time with its zone, or a date, which is its midnight UTC.
        end: Last time, excluded, written like the start.
        kind: What the files hold, or what of a store is read. A book's public trades are read with it.
        format: Who recorded the files, as ``tradewright import`` names it: ``"binance"``, ``"bybit"``, …;
            left out for tables with a header (CSV, Parquet). A book is in recordings only.
        read: How to read the files: time zone, label, columns; see `ReadOptions`.
        instruments: What is traded, by symbol: price unit, lot, multiplier, fees; see `Instrument`. The
            symbol itself need not be repeated. ``preset = "kalshi_binary"``, or another function of
            ``tradewright.instruments``, takes that function's arguments too and gives the rest.
    """

    source: str | list[str] | None = None
    files: list[str] | None = None
    store: str | None = None
    exchanges: list[Exchange] = []
    symbols: list[str] = []
    timeframe: str | None = None
    start: Moment | None = None
    end: Moment | None = None
    kind: Literal["bars", "quotes", "trades", "book_l2", "book_l3"] = "bars"
    format: str | None = None
    read: ReadOptions = ReadOptions()
    instruments: dict[str, Instrument] = {}

    def __post_init__(self) -> None:
        given = [name for name in ("source", "files", "store") if getattr(self, name) is not None]
        given += ["exchanges"] if self.exchanges else []
        if len(given) != 1:
            stands = " and ".join(given) or "none of them"
            raise ValueError(f"give exactly one of source, files, store and exchanges; there is {stands}.")
        if self.exchanges:
            self._check_exchanges()
        elif given != ["files"]:
            if self.read != ReadOptions():
                raise ValueError(f"read: is about files; there is {given[0]}.")
            if self.instruments:
                raise ValueError(f"instruments: is about files; {given[0]} has its own.")
            if self.source is not None and self.symbols:
                raise ValueError("symbols: what comes with the package has its own.")
            if self.source is not None and self.timeframe is not None:
                raise ValueError("timeframe: what comes with the package is daily bars.")
            if self.kind != "bars" and self.source is not None:
                raise ValueError("kind: what comes with the package is bars.")
            if self.format is not None:
                raise ValueError(f"format: is about files; there is {given[0]}.")
        elif self.timeframe is not None:
            raise ValueError("timeframe: is about a store; say read.timeframe for files.")
        elif self.format is not None and self.format not in IMPORTERS:
            raise ValueError(f"format: {self.format!r} is unknown. {nearest(self.format, IMPORTERS)}")
        elif self.kind.startswith("book") and self.format is None:
            raise ValueError('kind: books are in recordings; say whose, such as format = "binance".')
        if self.read.instrument is not None:
            raise ValueError("read: instruments stand in data.instruments, by symbol.")
        if self.files is not None and not self.files:
            raise ValueError("files: names no file.")
        if self.files and self.symbols and len(self.files) != len(self.symbols):
            raise ValueError(
                f"symbols: {len(self.symbols)} names for {len(self.files)} files. Give each file one."
            )
        for name in self.sources:
            if name not in SOURCES:
                raise ValueError(f"source: {name!r} does not come with the package. {nearest(name, SOURCES)}")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError(f"end: {self.end} is not after the start, {self.start}.")

    def _check_exchanges(self) -> None:
        plain = Data(exchanges=[], source="sp500")
        for name in self.__struct_fields__:
            if name in ("exchanges", "instruments", "source"):
                continue
            if getattr(self, name) != getattr(plain, name):
                raise ValueError(f"{name}: is about recorded data; an exchange makes its own.")
        symbols = [one.symbol for one in self.exchanges]
        for symbol in symbols:
            if symbols.count(symbol) > 1:
                raise ValueError(f"exchanges: two of them trade {symbol!r}. Give each a symbol of its own.")
            if symbol not in self.instruments:
                raise ValueError(f"instruments: {symbol!r} is missing. Say what is traded there.")
        for symbol in self.instruments:
            if symbol not in symbols:
                raise ValueError(f"instruments: no exchange trades {symbol!r}. {nearest(symbol, symbols)}")

    @property
    def sources(self) -> list[str]:
        """The packaged data sets asked for."""
        if self.source is None:
            return []
        return [self.source] if isinstance(self.source, str) else list(self.source)


class ResultOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the result is read.

    Attributes:
        benchmark: Symbol whose price stands beside the equity in the report.
        periods_per_year: For annualisation: 252 for exchanges that close, 365 for those that do not.
    """

    benchmark: str | None = None
    periods_per_year: Annotated[int, Meta(ge=1)] | None = None


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run.

    Attributes:
        engine: ``"sim"``; ``"paper"`` and ``"live"`` are refused in this release.
        policies: What trades, at least one.
        data: What it trades on.
        venue: The simulated venue: fills, costs, latency.
        account: Cash, and cash or margin rules.
        risk: Hard limits.
        managers: Risk managers of your own; they follow the hard limits and can only tighten.
        seed: Where all randomness comes from.
        result: How the result is read.
    """

    engine: Literal["sim", "paper", "live"] = "sim"
    policies: Annotated[list[Use], Meta(min_length=1)]
    data: Data
    venue: Venue = Venue()
    account: Account = Account()
    risk: Risk = Risk()
    managers: list[Use] = []
    seed: Annotated[int, Meta(ge=0)] = 0
    result: ResultOptions = ResultOptions()


class Loaded(Struct, frozen=True, kw_only=True):
    """A configuration and where it stands, for relative paths and messages.

    Attributes:
        config: The configuration.
        name: The file's name.
        folder: Its folder.
        raw: The plain values, overrides applied; what the run folder keeps.
    """

    config: Config
    name: str
    folder: Path
    raw: dict[str, Any]


def load(path: str | Path, *, overrides: Sequence[str] = ()) -> Loaded:
    """Reads a configuration file.

    Args:
        path: The TOML file.
        overrides: ``"key.path=value"`` each, applied before decoding; see `override`.

    Raises:
        ConfigError: no such file, not TOML, or an unknown, impossible or missing field.
    """
    file = Path(path)
    if file.suffix == ".py":
        beside = file.with_suffix(".toml")
        raise ConfigError(
            "is Python, not a configuration.",
            source=str(path),
            remedy=f"Give {beside if beside.is_file() else 'the TOML file that uses it'}.",
        )
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            "no such file.", source=str(path), remedy="`tradewright new NAME` writes a first one."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}.", source=str(path)) from None
    return loads(text, name=file.name, folder=file.resolve().parent, overrides=overrides)


def loads(
    text: str, *, name: str = "configuration", folder: Path | None = None, overrides: Sequence[str] = ()
) -> Loaded:
    """Reads a configuration from its text; the same as `load` otherwise."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not TOML: {error}.", source=name) from None
    for one in overrides:
        raw = override(raw, one)
    config = decode(raw, source=name)
    return Loaded(config=config, name=name, folder=folder or Path.cwd(), raw=raw)


def decode(raw: Mapping[str, Any], *, source: str = "configuration") -> Config:
    """Plain values, as TOML gives them, into a configuration.

    Raises:
        ConfigError: with path and remedy; also for an engine that this release does not have.
    """
    plain = dict(raw)
    for key in ("policies", "managers"):
        if key in plain:
            plain[key] = _uses(plain[key], key, source)
    if "data" in plain:
        plain["data"] = _data(plain["data"], source)
    config = convert(plain, Config, source=source)
    if config.engine != "sim":
        raise ConfigError(
            f"{config.engine!r} is not in this release, which backtests only.",
            source=source,
            path="engine",
            remedy='Use engine = "sim".',
        )
    return config


def override(raw: Mapping[str, Any], assignment: str) -> dict[str, Any]:
    """Sets one value by its path; the given values stay as they are.

    Args:
        raw: Plain values.
        assignment: ``"risk.drawdown_max=0.1"``, ``"policies[0].fast=10"``. The value is read as TOML, and
            as plain text where it is none (``engine=sim``).

    Returns:
        A changed copy.

    Raises:
        ConfigError: not of the form ``key=value``, or a path through what is no table or list.
    """
    path, equals, text = assignment.partition("=")
    keys = [key for key in re.split(r"\.|\[(\d+)\]", path.strip()) if key]
    if not equals or not keys:
        raise ConfigError(
            f"{assignment!r} sets nothing.", source="--set", remedy="Write it as risk.drawdown_max=0.1."
        )
    try:
        value: object = tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    changed = copy.deepcopy(dict(raw))
    node: Any = changed
    for depth, key in enumerate(keys[:-1]):
        if isinstance(node, dict):
            node = cast("dict[str, Any]", node).setdefault(key, {})
        else:
            node = cast("list[Any]", node)[_index(node, key, keys[: depth + 1])]
    last = keys[-1]
    if isinstance(node, dict):
        node[last] = value
    else:
        cast("list[Any]", node)[_index(node, last, keys)] = value
    return changed


def _index(node: object, key: str, keys: Sequence[str]) -> int:
    path = ".".join(keys)
    if not isinstance(node, list):
        raise ConfigError(f"{node!r} has no fields.", source="--set", path=path)
    count = len(cast("list[object]", node))
    if not key.isdigit() or int(key) >= count:
        raise ConfigError(
            f"no entry {key!r} among {count}.",
            source="--set",
            path=path,
            remedy="Count from 0, as in policies[0].fast.",
        )
    return int(key)


def _uses(value: object, key: str, source: str) -> list[dict[str, Any]]:
    """Tables of ``use`` and parameters; a manager without parameters may be its text alone."""
    if not isinstance(value, list):
        raise ConfigError(
            f"{value!r} is not possible.", source=source, path=key, remedy=f"Write [[{key}]] tables."
        )
    uses: list[dict[str, Any]] = []
    for index, entry in enumerate(cast("list[object]", value)):
        if isinstance(entry, str):
            uses.append({"use": entry})
        elif isinstance(entry, dict):
            table = cast("dict[str, Any]", entry)
            parameters = {name: given for name, given in table.items() if name != "use"}
            if "use" not in table:
                raise ConfigError(
                    "is missing.",
                    source=source,
                    path=f"{key}[{index}].use",
                    remedy='Write use = "package.module:Class".',
                )
            uses.append({"use": table["use"], "parameters": parameters})
        else:
            raise ConfigError(f"{entry!r} is not a table.", source=source, path=f"{key}[{index}]")
    return uses


def _data(value: object, source: str) -> object:
    """The data table with plain dates as their midnight UTC, and each instrument with its symbol."""
    if not isinstance(value, dict):
        return value
    table = dict(cast("dict[str, Any]", value))
    for name in ("start", "end"):
        day = table.get(name)
        if isinstance(day, dt.date) and not isinstance(day, dt.datetime):
            table[name] = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    instruments = table.get("instruments")
    if isinstance(instruments, dict):
        entries = cast("dict[str, Any]", instruments)
        table["instruments"] = {
            symbol: _instrument(symbol, cast("dict[str, Any]", entry), source)
            if isinstance(entry, dict)
            else entry
            for symbol, entry in entries.items()
        }
    return table


def _instrument(symbol: str, entry: dict[str, Any], source: str) -> dict[str, Any]:
    """An instrument's fields; of a preset those it sets, and what stands beside it."""
    given = {"symbol": symbol, **entry}
    if "preset" not in given:
        return given
    path = f"data.instruments.{symbol}"
    name = given.pop("preset")
    if name not in PRESETS:
        remedy = nearest(str(name), PRESETS)
        raise ConfigError(f"{name!r} is not possible.", source=source, path=f"{path}.preset", remedy=remedy)
    preset = PRESETS[name]
    takes = inspect.signature(preset).parameters
    arguments = {key: given.pop(key) for key in takes if key in given and key not in ("grid", "fees")}
    for key, parameter in takes.items():
        if parameter.default is parameter.empty and key not in arguments:
            remedy = f"The preset {name} needs it."
            raise ConfigError("is missing.", source=source, path=f"{path}.{key}", remedy=remedy)
    try:
        made = preset(**arguments)
    except (TradewrightError, TypeError, ValueError) as error:
        raise ConfigError(str(error), source=source, path=path) from error
    return {**to_builtins(made), **given}
