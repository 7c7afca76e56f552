"""What a run is given, checked before it starts: a wrong argument is refused, never left out in silence."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from tradewright.core import market as records
from tradewright.core.policy import Policy, overrides
from tradewright.core.risk import RiskManager
from tradewright.decoding import nearest
from tradewright.errors import ConfigError, DataError

if TYPE_CHECKING:
    from tradewright.core.stream import AnySeries

_EVENTS: tuple[type[Any], ...] = (
    *sorted(get_args(records.CashEvent), key=lambda kind: kind.__name__),
    records.MarketStatus,
    records.TickGridChange,
)
_SEED_END = 2**64
_Given = TypeVar("_Given")


def policies_of(given: object) -> list[Policy]:
    """One policy, or several in any iterable.

    Raises:
        ConfigError: Nothing, a class, or an object without ``decide``.
    """
    alone = hasattr(given, "decide") or not isinstance(given, Iterable)
    chosen: list[object] = [given] if alone else list(cast("Iterable[object]", given))
    if not chosen:
        raise ConfigError("is empty.", path="policies", remedy="Give at least one policy.")
    for index, one in enumerate(chosen):
        path = "policies" if alone else f"policies[{index}]"
        _refuse_class(one, path)
        if not overrides(one, Policy, "decide"):
            raise ConfigError(
                f"{_named(one)} does not define decide.",
                path=path,
                remedy=_near(one, ("decide",)) or "Give an object with decide(market, portfolio).",
            )
    return cast("list[Policy]", chosen)


def managers_of(given: object) -> list[RiskManager]:
    """Risk managers, each with at least one of its two methods.

    Raises:
        ConfigError: A class, or an object that would allow everything because it defines neither.
    """
    if not isinstance(given, Iterable):
        raise ConfigError(
            f"{given!r} is no list of risk managers.", path="managers", remedy="Write managers=[…]."
        )
    chosen = list(cast("Iterable[object]", given))
    for index, one in enumerate(chosen):
        path = f"managers[{index}]"
        _refuse_class(one, path)
        if not any(overrides(one, RiskManager, hook) for hook in ("review", "on_mark")):
            raise ConfigError(
                f"{_named(one)} defines neither review nor on_mark, so it would allow everything.",
                path=path,
                remedy=_near(one, ("review", "on_mark")) or "Define either of them.",
            )
    return cast("list[RiskManager]", chosen)


def of_kind(path: str, given: object, kind: type[_Given]) -> _Given:
    """An argument of a type of ours, or its default where it is ``None``.

    Raises:
        ConfigError: Something else, such as a dict.
    """
    if given is None:
        return kind()
    if not isinstance(given, kind):
        raise ConfigError(
            f"{_named(given)} is no tradewright.{kind.__name__}.",
            path=path,
            remedy=f"Write {path}=tradewright.{kind.__name__}(…).",
        )
    return given


def events_of(given: Iterable[Any]) -> list[Any]:
    """Events of the feed.

    Raises:
        DataError: Something that is no event, naming its place.
    """
    events = list(given)
    for index, event in enumerate(events):
        if not isinstance(event, _EVENTS):
            raise DataError(
                f"{event!r} is no event.",
                source=f"events[{index}]",
                remedy=f"There are: {', '.join(kind.__name__ for kind in _EVENTS)}.",
            )
    return events


def check_keywords(read: Iterable[str]) -> None:
    """Refuses a keyword that neither a run nor a reader of frames has.

    Raises:
        TypeError: Naming the nearest, as Python does of functions that take no other keywords.
    """
    from tradewright.data.options import ReadOptions
    from tradewright.simulation import backtest

    for name in read:
        if name not in ReadOptions.__struct_fields__:
            own = inspect.signature(backtest).parameters.values()
            keywords = [one.name for one in own if one.kind is inspect.Parameter.KEYWORD_ONLY]
            known = (*keywords, *ReadOptions.__struct_fields__)
            raise TypeError(f"backtest has no argument {name!r}. {nearest(name, known)}")


def seed_of(seed: object) -> int:
    """A seed that the core can have.

    Raises:
        ConfigError: No whole number from 0 to 2**64 - 1.
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= int(seed) < _SEED_END:
        raise ConfigError(
            f"{seed!r} is no seed.", path="seed", remedy="Give a whole number from 0 to 2**64 - 1."
        )
    return int(seed)


def check_periods(periods_per_year: object) -> None:
    """Refuses what no year has.

    Raises:
        ConfigError: No whole number of at least 1.
    """
    given = periods_per_year
    if given is None:
        return
    if isinstance(given, bool) or not isinstance(given, Integral) or int(given) < 1:
        raise ConfigError(
            f"{given!r} is no number of days in a year.",
            path="periods_per_year",
            remedy="Give 252 or 365, or leave it out.",
        )


def check_cash(cash: object) -> None:
    """Refuses starting cash that is no amount, or no amounts by currency.

    Raises:
        ConfigError: Naming the currency, the value and what would be right.
    """
    if isinstance(cash, Mapping):
        given = cast("Mapping[object, object]", cash)
        if not given:
            raise ConfigError(
                "names no currency.", path="cash", remedy='Write cash={"USD": 100_000} or a number.'
            )
        amounts = {f"cash.{currency}": amount for currency, amount in given.items()}
    else:
        amounts = {"cash": cash}
    for path, amount in amounts.items():
        value = math.nan if isinstance(amount, bool) or not isinstance(amount, Real) else float(amount)
        if not 0 <= value < 1e24:
            raise ConfigError(
                f"{amount!r} is no starting cash.", path=path, remedy="Give a number of at least 0."
            )


def check_benchmark(benchmark: object, series: Sequence[AnySeries]) -> None:
    """Refuses a benchmark that the run has no prices of, before the run.

    Raises:
        ConfigError: Naming the nearest symbol.
    """
    if benchmark is None:
        return
    priced = list(dict.fromkeys(one.symbol for one in series if one.kind != "trades"))
    if benchmark not in priced:
        raise ConfigError(
            f"the run has no prices of {benchmark!r}.",
            path="benchmark",
            remedy=nearest(str(benchmark), priced),
        )


def _refuse_class(given: object, path: str) -> None:
    if inspect.isclass(given):
        name = given.__name__
        raise ConfigError(f"{name} is a class.", path=path, remedy=f"Construct it: {name}(…).")


def _named(given: object) -> str:
    return repr(given) if given is None or isinstance(given, str | int | float) else type(given).__name__


def _near(given: object, hooks: Sequence[str]) -> str:
    """What a misspelt method of an object should be called."""
    own = [name for name in dir(type(given)) if not name.startswith("_") and name not in hooks]
    for name in own:
        if (hint := nearest(name, hooks)).startswith("Did you mean"):
            return f"It has {name}. {hint}"
    return ""
