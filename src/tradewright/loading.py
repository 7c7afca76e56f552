"""From a configuration to the objects it names: policies, managers, data, the arguments of a run."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import sys
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tradewright.decoding import convert, nearest
from tradewright.errors import ConfigError, DataError, TradewrightError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradewright.config import Data, Loaded, Use
    from tradewright.core.policy import Policy
    from tradewright.core.risk import RiskManager
    from tradewright.core.series import Series
    from tradewright.core.stream import AnySeries
    from tradewright.data.dataset import Dataset
    from tradewright.data.options import ReadOptions
    from tradewright.research.result import Result
    from tradewright.sim.exchange import GeneratedExchange

    SeriesT = typing.TypeVar("SeriesT", bound=AnySeries)


def policies(loaded: Loaded) -> list[Policy]:
    """Fresh policies, one for each ``[[policies]]`` table.

    Raises:
        ConfigError: a class that cannot be found, an unknown or impossible parameter, or a limit for a policy
            that the configuration does not have.
    """
    made: list[Policy] = [
        construct(use, hooks=("decide",), folder=loaded.folder, source=loaded.name, path=f"policies[{index}]")
        for index, use in enumerate(loaded.config.policies)
    ]
    known = names(made)
    for name in loaded.config.risk.per_policy:
        if name not in known:
            raise ConfigError(
                "no policy has this name.",
                source=loaded.name,
                path=f"risk.per_policy.{name}",
                remedy=nearest(name, known),
            )
    return made


def managers(loaded: Loaded) -> list[RiskManager]:
    """Fresh risk managers, one for each ``[[managers]]`` table."""
    return [
        construct(
            use,
            hooks=("review", "on_mark"),
            folder=loaded.folder,
            source=loaded.name,
            path=f"managers[{index}]",
        )
        for index, use in enumerate(loaded.config.managers)
    ]


def exchanges(loaded: Loaded) -> list[GeneratedExchange]:
    """The generated markets of the run; empty where it reads data.

    Raises:
        ConfigError: a flow that does not fit the instrument or the duration.
    """
    from tradewright.sim.exchange import GeneratedExchange
    from tradewright.sim.flow import START

    wanted = loaded.config.data
    made: list[GeneratedExchange] = []
    for index, one in enumerate(wanted.exchanges):
        start = START if one.start is None else one.start.isoformat()
        instrument = wanted.instruments[one.symbol]
        try:
            made.append(
                GeneratedExchange(
                    one.flow, instrument=instrument, duration=one.duration, seed=one.seed, start=start
                )
            )
        except (TradewrightError, ValueError) as error:
            path = f"data.exchanges[{index}]"
            raise ConfigError(str(error), source=loaded.name, path=path) from error
    return made


def data(loaded: Loaded) -> Dataset:
    """What the run reads.

    Raises:
        ConfigError: it reads nothing, and trades on generated exchanges.
        DataError: a file or store that cannot be read, naming file, row, field and reason.
    """
    import tradewright as tw

    wanted = loaded.config.data
    if wanted.exchanges:
        raise ConfigError(
            "a generated exchange makes its data while policies trade in it; there is nothing recorded.",
            source=loaded.name,
            path="data.exchanges",
            remedy="Give files or a store, such as a recording of tradewright.sim.generate.",
        )
    if wanted.store is not None:
        store = tw.data.Store(loaded.folder / wanted.store)
        span: dict[str, Any] = {"start": wanted.start, "end": wanted.end}
        stored: list[AnySeries] = []
        # Bars are few, and in many small files where there are many symbols.
        read = store.read if wanted.kind == "bars" else store.stream
        for symbol in wanted.symbols or store.symbols(wanted.kind):
            stored.append(read(symbol, wanted.kind, wanted.timeframe, **span))
            if wanted.kind.startswith("book") and symbol in store.symbols("trades"):
                stored += _beside(stored[-1], read(symbol, "trades", **span))
        if not stored:
            raise DataError(
                f"holds no {wanted.kind}.", source=str(store.path), remedy="`tradewright import` fills it."
            )
        return _not_empty(tw.data.Dataset.of(stored), loaded)
    if wanted.files is not None:
        options = msgspec.structs.replace(wanted.read, instrument=wanted.instruments or None)
        symbols = wanted.symbols or [None] * len(wanted.files)
        series: list[Any] = [
            _read(wanted, loaded.folder / file, symbol, options)
            for file, symbol in zip(wanted.files, symbols, strict=True)
        ]
        read = [one.symbol for part in series for one in part]
        for symbol in wanted.instruments:
            if symbol not in read:
                raise ConfigError(
                    "no file holds this instrument.",
                    source=loaded.name,
                    path=f"data.instruments.{symbol}",
                    remedy=nearest(symbol, dict.fromkeys(read)),
                )
    else:
        series = [getattr(tw.data, name)() for name in wanted.sources]
    return _not_empty(tw.data.Dataset.of(series).between(wanted.start, wanted.end), loaded)


def _not_empty(dataset: Dataset, loaded: Loaded) -> Dataset:
    """The data, unless its period leaves nothing of a series."""
    wanted = loaded.config.data
    for one in dataset.series:
        if len(one) or (wanted.start is None and wanted.end is None):
            continue
        start, end = wanted.start or "its beginning", wanted.end or "its end"
        raise ConfigError(
            f"nothing of {one.symbol} ({one.kind}) lies between data.start = {start} and data.end = {end}.",
            source=loaded.name,
            path="data.start" if wanted.start is not None else "data.end",
            remedy="Give a period that the data has.",
        )
    return dataset


def _read(wanted: Data, file: Path, symbol: str | None, options: ReadOptions) -> list[Series]:
    """What a file holds of the wanted kind, and of a book the public trades."""
    from tradewright.data.files import read_file
    from tradewright.data.importing import IMPORTERS

    if wanted.format is None:
        found = read_file(wanted.kind, file, symbol, options)
        return found if isinstance(found, list) else [found]
    if not file.is_file():
        raise DataError("no such file.", source=str(file))
    read = IMPORTERS[wanted.format].read
    if not wanted.kind.startswith("book"):
        return read(wanted.kind, file, symbol, options)
    everything = read(None, file, symbol, options)
    books = [one for one in everything if one.kind == wanted.kind]
    if not books:
        there = ", ".join(sorted({one.kind for one in everything}))
        raise DataError(f"holds no {wanted.kind}.", source=file.name, remedy=f"It has {there}.")
    trades = {one.symbol: one for one in everything if one.kind == "trades"}
    return [
        series
        for book in books
        for series in [book, *(_beside(book, trades[book.symbol]) if book.symbol in trades else [])]
    ]


def _beside(book: SeriesT, trades: SeriesT) -> list[SeriesT]:
    """The trades, unless there are none or the book's events tell them already."""
    from tradewright.core.stream import has_prints

    return [] if not len(trades) or has_prints(book) else [trades]


def runner(
    loaded: Loaded, *, progress: Callable[[float], None] | None = None, out: Path | None = None
) -> Callable[[Any, Any], Result]:
    """Runs policies over data as the configuration says; for each run with fresh risk managers.

    Args:
        loaded: The configuration.
        progress: Told the fraction done, now and then.
        out: Folder to write the run to, with its journal.
    """
    from tradewright.simulation import backtest

    config = loaded.config

    def run(policies: Any, data: Any) -> Result:
        return backtest(
            policies,
            data,
            venue=config.venue,
            account=config.account,
            risk=config.risk,
            managers=managers(loaded),
            seed=config.seed,
            benchmark=config.result.benchmark,
            periods_per_year=config.result.periods_per_year,
            progress=progress,
            out=out,
            config=msgspec.to_builtins(loaded.raw),
        )

    return run


def backtest(
    loaded: Loaded, *, progress: Callable[[float], None] | None = None, out: Path | None = None
) -> Result:
    """Runs a configuration.

    Args:
        loaded: The configuration.
        progress: Told the fraction done, now and then.
        out: Folder to write the run to, with its journal.
    """
    return runner(loaded, progress=progress, out=out)(policies(loaded), exchanges(loaded) or data(loaded))


def names(made: Sequence[object]) -> list[str]:
    """What each policy is called in limits and results: its class; a second one of a class is ``Class-2``."""
    seen: dict[str, int] = {}
    called: list[str] = []
    for policy in made:
        name = type(policy).__name__
        seen[name] = seen.get(name, 0) + 1
        called.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return called


def construct(use: Use, *, hooks: tuple[str, ...], folder: Path, source: str = "", path: str = "") -> Any:
    """Imports a class and constructs it with its parameters, converted and checked against its fields' types.

    Args:
        use: The class and its parameters.
        hooks: Methods of which the class must have one: ``decide`` of a policy, ``review`` or ``on_mark``
            of a risk manager.
        folder: Where a module that is not installed may stand.
        source: Named in errors.
        path: Of the table, in the source.

    Raises:
        ConfigError: with the path of what is wrong.
    """
    kind = find(use.use, hooks=hooks, folder=folder, source=source, path=f"{path}.use")
    parameters = _parameters(kind, use.parameters, source, path)
    try:
        return kind(**parameters)
    except TradewrightError:
        raise
    except Exception as error:
        raise ConfigError(
            f"{kind.__name__} cannot be constructed: {type(error).__name__}: {error}.",
            source=source,
            path=path,
        ) from error


def _parameters(kind: type[Any], given: dict[str, Any], source: str, path: str) -> dict[str, Any]:
    """The given parameters, converted to the types of the dataclass's fields."""
    fields = (
        [field for field in dataclasses.fields(kind) if field.init] if dataclasses.is_dataclass(kind) else []
    )
    names = [field.name for field in fields]
    for name in given:
        if name not in names:
            raise ConfigError(
                f"{kind.__name__} has no such field.",
                source=source,
                path=f"{path}.{name}",
                remedy=nearest(name, names)
                if names
                else f"Make {kind.__name__} a dataclass to give it fields.",
            )
    for field in fields:
        defaults = (field.default, field.default_factory)
        if field.name not in given and all(default is dataclasses.MISSING for default in defaults):
            raise ConfigError(
                "is missing.", source=source, path=f"{path}.{field.name}", remedy="It has no default."
            )
    try:
        types = typing.get_type_hints(kind, include_extras=True) if given else {}
    except NameError as error:
        raise ConfigError(
            f"the types of {kind.__name__}'s fields cannot be read: {error}.",
            source=source,
            path=path,
            remedy="Import them outside of TYPE_CHECKING.",
        ) from error
    return {
        name: convert(value, types[name], source=source, path=f"{path}.{name}")
        for name, value in given.items()
    }


def find(use: str, *, hooks: tuple[str, ...], folder: Path, source: str = "", path: str = "") -> type[Any]:
    """The class that ``"package.module:Class"`` names; a module in ``folder`` goes first."""
    module_name, colon, class_name = use.partition(":")
    if not colon or not module_name or not class_name:
        raise ConfigError(
            f"{use!r} names no class.", source=source, path=path, remedy='Write it as "package.module:Class".'
        )
    module = _import(module_name, folder, source, path)
    kind = getattr(module, class_name, None)
    if not isinstance(kind, type):
        classes = [
            name
            for name, value in vars(module).items()
            if inspect.isclass(value) and any(hasattr(value, hook) for hook in hooks)
        ]
        lazy: Sequence[str] = getattr(module, "__all__", ())
        raise ConfigError(
            f"{module_name} has no class {class_name!r}.",
            source=source,
            path=path,
            remedy=nearest(class_name, dict.fromkeys([*classes, *lazy])),
        )
    if not any(callable(getattr(kind, hook, None)) for hook in hooks):
        wanted = " or ".join(map(repr, hooks))
        raise ConfigError(f"{class_name} has no method {wanted}.", source=source, path=path)
    return kind


def _import(name: str, folder: Path, source: str, path: str) -> object:
    local = folder.joinpath(*name.split(".")).with_suffix(".py")
    cached = sys.modules.get(name)
    if cached is not None and local.is_file() and Path(cached.__file__ or "").resolve() != local.resolve():
        del sys.modules[name]  # another folder's module of the same name
    importlib.invalidate_caches()
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise ConfigError(
                f"no module {error.name!r}.",
                source=source,
                path=path,
                remedy=f"Put {local.name} beside the configuration, or install the package that has it.",
            ) from None
        raise ConfigError(
            f"{name} needs {error.name!r}, which is not installed.", source=source, path=path
        ) from error
    except Exception as error:
        raise ConfigError(
            f"{name} cannot be imported: {type(error).__name__}: {error}.", source=source, path=path
        ) from error
    finally:
        sys.path.remove(str(folder))
