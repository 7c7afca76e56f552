"""A set of series and cash events: what a run is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack, cast

from tradewright.core.series import Series
from tradewright.core.stream import AnySeries, Stream
from tradewright.data.options import read_options
from tradewright.data.times import clamped_ns
from tradewright.errors import ConfigError, DataError, UnknownSymbolError

if TYPE_CHECKING:
    import datetime as dt

    from tradewright.data.options import ReadKeywords


@dataclass(frozen=True, slots=True)
class Dataset:
    """Series of market records and cash events, merged by receive time when a run reads them.

    Attributes:
        series: At least one, in memory or read in parts; at equal times their order is that of their records.
        events: Dividends, splits, funding, deposits: structs of `tradewright.core.market` with
            ``ts_recv_ns``.
    """

    series: tuple[AnySeries, ...]
    events: tuple[Any, ...] = ()

    @classmethod
    def of(
        cls,
        data: object,
        *,
        symbol: str | None = None,
        events: Iterable[Any] = (),
        **options: Unpack[ReadKeywords],
    ) -> Dataset:
        """A data set of what users give.

        Args:
            data: A series or a stream; a list of them; a `Dataset`; a frame of bars; or a dict of symbol to
                frame or series.
            symbol: Symbol of a frame that does not say its own.
            events: Cash events beside those of ``data``.
            **options: How to read frames; see `ReadOptions`.

        Raises:
            DataError: nothing, something else, two series of one kind, timeframe and symbol, or a series
                under another symbol than its own.
            ConfigError: how to read frames, where there is none.
        """
        given = {name: value for name, value in options.items() if value is not None}
        if given:
            read_options(given)
        frames: list[object] = []
        if isinstance(data, Dataset):
            series = tuple(_all_series(data.series, symbol, options, frames))
            events = (*data.events, *events)
        else:
            series = tuple(_all_series(data, symbol, options, frames))
        if given and series and not frames:
            raise ConfigError(
                "says how to read a frame, and the data is series already.",
                path=next(iter(given)),
                remedy="Leave it out, or give it to what made the series.",
            )
        if not series:
            raise DataError(
                "is empty.", source="data", remedy="Give bars, quotes, trades or a frame of bars."
            )
        seen: set[tuple[str, str, int | None]] = set()
        for one in series:
            key = (one.symbol, one.kind, getattr(one, "timeframe_ns", None))
            if key in seen:
                raise DataError(
                    f"{one.kind} of {one.symbol} are there twice.",
                    source="data",
                    remedy="Give one series of each.",
                )
            seen.add(key)
        return cls(series, tuple(events))

    @property
    def symbols(self) -> list[str]:
        """The symbols, each once, in the order of the series."""
        return list(dict.fromkeys(one.symbol for one in self.series))

    def before(self, moment: int | str | dt.date) -> Dataset:
        """What had been received before a moment."""
        moment_ns = clamped_ns(moment)
        events = tuple(event for event in self.events if event.ts_recv_ns < moment_ns)
        return Dataset(tuple(one.before(moment_ns) for one in self.series), events)

    def between(self, start: int | str | dt.date | None, end: int | str | dt.date | None) -> Dataset:
        """What was received from ``start`` on and before ``end``; ``None`` leaves that side open."""
        start_ns = None if start is None else clamped_ns(start)
        kept = self if end is None else self.before(end)
        events = tuple(event for event in kept.events if start_ns is None or event.ts_recv_ns >= start_ns)
        return Dataset(tuple(one.between(start_ns, None) for one in kept.series), events)

    def __getitem__(self, symbol: str) -> AnySeries:
        """The first series of a symbol."""
        for one in self.series:
            if one.symbol == symbol:
                return one
        raise UnknownSymbolError(symbol, self.symbols)

    def __len__(self) -> int:
        """Records in all series."""
        return sum(len(one) for one in self.series)


def _all_series(
    data: Any, symbol: str | None, options: ReadKeywords, frames: list[object]
) -> Iterable[AnySeries]:
    """The series of whatever was given; the frames that were read for them are noted in ``frames``."""
    if isinstance(data, Series | Stream):
        if symbol not in (None, data.symbol):
            raise DataError(
                f"is given as {symbol!r}, and is a series of {data.symbol!r}.",
                source="data",
                field="symbol",
                value=symbol,
                remedy="Call it by its own symbol, or make the series with another.",
            )
        return [data]
    if isinstance(data, Mapping):
        named = cast("Mapping[str, Any]", data)
        if all(_is_table(value) for value in named.values()):
            return [one for name, value in named.items() for one in _all_series(value, name, options, frames)]
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        parts = cast("Sequence[Any]", data)
        return [one for part in parts for one in _all_series(part, symbol, options, frames)]
    from tradewright.data.frames import bars_from_frame

    frames.append(cast("object", data))
    found = bars_from_frame(cast("object", data), symbol, source="data", **options)
    return found if isinstance(found, list) else [found]


def _is_table(value: object) -> bool:
    """Whether a value in a dict is a table or series of its own, and not a column."""
    return isinstance(value, Series | Stream | Mapping) or hasattr(value, "columns")
