"""A folder of Parquet files: series in, series, lazy frames and SQL out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import msgspec

from tradewright.core.book_events import BookEvents
from tradewright.core.series import Bars, Quotes, Series, Trades
from tradewright.core.times import duration_ns, duration_text
from tradewright.data.importing import IMPORTERS, ImportSummary
from tradewright.data.layout import DESCRIPTION, MIXED, Description, SeriesKey
from tradewright.data.merge import writing
from tradewright.data.options import ReadKeywords, StoredInstruments, read_options
from tradewright.data.streaming import Rows, StoredStream
from tradewright.data.times import clamped_span
from tradewright.errors import DataError, UnknownSymbolError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import polars as pl

    from tradewright.core.instrument import Instrument
    from tradewright.core.stream import Stream


class Store:
    """Series of market records in a folder.

    Rows lie in ``venue=…/symbol=…/kind=…/timeframe=…/`` as Parquet, compressed with zstd: a file a year for
    daily bars, a month for shorter ones, a day for quotes, trades and book events. Beside them
    ``series.json`` has the instrument and what the prices were adjusted for. Any tool that reads Hive
    partitions reads the rows.

    What is written is written whole or not at all, and twice is once.

    Attributes:
        path: The folder; made by the first write.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}, {len(self.series())} series)"

    def write(
        self, series: Series | Iterable[Series], *, venue: str | None = None, replace: bool = False
    ) -> ImportSummary:
        """Adds the rows of one series or several.

        Rows that are there already change nothing. For quotes and trades, equal rows at one time count as
        often as one write has them.

        Args:
            series: What to write.
            venue: Where it was recorded; the instrument's venue if left out.
            replace: Let new values replace those stored at the same time, instead of refusing.

        Raises:
            DataError: values that contradict stored ones, naming the first row; the store stays as it was.
        """
        parts = [series] if isinstance(series, Series) else list(series)
        summary = ImportSummary()
        with writing(self.path, replace=replace) as merge:
            for part in parts:
                summary = summary.plus(merge.stage(part, venue))
        return summary

    def import_files(
        self,
        source: str,
        files: Iterable[str | Path],
        *,
        symbol: str | Sequence[str] | None = None,
        kind: str | None = None,
        venue: str | None = None,
        replace: bool = False,
        on_file: Callable[[Path, ImportSummary], None] | None = None,
        **options: Unpack[ReadKeywords],
    ) -> ImportSummary:
        """Adds the rows of files: all of them, or if one is refused none.

        Args:
            source: A name in `IMPORTERS`, such as ``"csv"``.
            files: Their paths.
            symbol: The instrument's symbol, or one for each file; each file's name up to the first dot if
                left out.
            kind: ``bars``, ``quotes``, ``trades``, ``book_l2`` or ``book_l3``; if left out, all that a
                recording holds, and ``bars`` of sources whose files hold one kind.
            venue: Where they were recorded; the instrument's venue if left out.
            replace: Let new values replace those stored at the same time, instead of refusing.
            on_file: Called when a file was read and checked. It is in the store only when all of them are.
            **options: How to read them; see `ReadOptions`.

        Raises:
            DataError: a file that cannot be used as it is, or contradicts the store; names file, row and
                field.
            ValueError: an unknown source or kind, or not one symbol for each file.
        """
        paths = [Path(file) for file in files]
        symbols = [symbol] * len(paths) if symbol is None or isinstance(symbol, str) else list(symbol)
        if len(symbols) != len(paths):
            raise ValueError(f"{len(symbols)} symbols for {len(paths)} files. Give each file one.")
        if source not in IMPORTERS:
            raise ValueError(f"no source {source!r} to import from. There are: {', '.join(IMPORTERS)}.")
        importer = IMPORTERS[source]
        kind = kind or importer.kind
        if kind is not None and kind not in _KINDS:
            raise ValueError(f"no kind of data {kind!r}. There are: {', '.join(_KINDS)}.")
        reading = read_options(options)
        summary = ImportSummary()
        with writing(self.path, replace=replace) as merge:
            if importer.infers_instrument and reading.instrument is None:
                reading = msgspec.structs.replace(reading, instrument=self._stored_instruments(venue))
            for path, name in zip(paths, symbols, strict=True):
                of_file = ImportSummary(files=1)
                for series in importer.read(kind, path, name, reading):
                    of_file = of_file.plus(merge.stage(series, venue))
                summary = summary.plus(of_file)
                if on_file is not None:
                    on_file(path, of_file)
        return summary

    def _stored_instruments(self, venue: str | None) -> StoredInstruments:
        found = ((key, self._description(key).decoded_instrument()) for key in self.series())
        return StoredInstruments(
            venue, {(key.venue, key.symbol): one for key, one in found if one is not None}
        )

    def series(self) -> list[SeriesKey]:
        """What the store has, in order of venue, symbol and kind."""
        found = self.path.glob(f"venue=*/symbol=*/kind=*/**/{DESCRIPTION}")
        return sorted(SeriesKey.from_folder(path.parent.relative_to(self.path)) for path in found)

    def symbols(self, kind: str | None = None) -> list[str]:
        """The symbols of one kind of series, or of all."""
        return list(dict.fromkeys(sorted(key.symbol for key in self.series() if kind in (None, key.kind))))

    def instrument(self, symbol: str) -> Instrument | None:
        """The instrument stored with a symbol's series, if any.

        Raises:
            UnknownSymbolError: the store has no such symbol.
        """
        keys = [key for key in self.series() if key.symbol == symbol]
        if not keys:
            raise UnknownSymbolError(symbol, self.symbols())
        found = (self._description(key).decoded_instrument() for key in keys)
        return next((instrument for instrument in found if instrument is not None), None)

    def scan(
        self,
        symbol: str,
        kind: str = "bars",
        timeframe: str | int | None = None,
        venue: str | None = None,
    ) -> pl.LazyFrame:
        """A lazy frame of a series, in the order of receive times; nothing is read until it is collected.

        Columns are those of `Series.to_frame`: ``symbol``, ``ts_event``, ``ts_recv`` (ns, UTC), for bars
        ``ts_open``, then the values.

        Args:
            symbol: The instrument's symbol.
            kind: ``bars``, ``quotes``, ``trades``, ``book_l2`` or ``book_l3``.
            timeframe: Length of a bar, where the store has several.
            venue: Where it was recorded, where the store has several.

        Raises:
            UnknownSymbolError: the store has no such symbol.
            DataError: no such series, or several; the text lists what there is.
        """
        return self._scan(self._key(symbol, kind, timeframe, venue))

    def read(
        self,
        symbol: str,
        kind: str = "bars",
        timeframe: str | int | None = None,
        venue: str | None = None,
        *,
        start: int | str | dt.date | None = None,
        end: int | str | dt.date | None = None,
    ) -> Series:
        """A series, or what of it was received from ``start`` on and before ``end``.

        Arguments and errors are those of `scan`.
        """
        import polars as pl

        key = self._key(symbol, kind, timeframe, venue)
        rows = self._scan(key)
        time = pl.Datetime("ns", "UTC")
        start_ns, end_ns = clamped_span(start, end)
        if start_ns is not None:
            rows = rows.filter(pl.col("ts_recv") >= pl.lit(start_ns).cast(time))
        if end_ns is not None:
            rows = rows.filter(pl.col("ts_recv") < pl.lit(end_ns).cast(time))
        return _series(key, self._description(key), rows.collect(), str(self.path))

    def stream(
        self,
        symbol: str,
        kind: str = "bars",
        timeframe: str | int | None = None,
        venue: str | None = None,
        *,
        start: int | str | dt.date | None = None,
        end: int | str | dt.date | None = None,
    ) -> Stream:
        """A series that is read in parts, for data larger than memory: `tradewright.backtest` takes it.

        It is what `read` returns, except that a run has about a million of its rows in memory at a time. The
        files must stay as they are until the run is over. Arguments and errors are those of `read`.
        """
        key = self._key(symbol, kind, timeframe, venue)
        description = self._description(key)
        is_bars = key.kind == "bars"
        stream = StoredStream.of(
            [Rows.of(file) for file in self._files(key)],
            lambda frame, source: _series(key, description, frame, source),
            symbol=key.symbol,
            kind=key.kind,
            instrument=description.decoded_instrument(),
            adjusted=description.adjusted,
            price_shift_max=description.price_shift_max,
            clock_shift_ns=description.clock_shift_ns,
            timeframe_ns=description.timeframe_ns if is_bars else None,
            grade=description.grade if is_bars else "ohlc",
            source=str(self.path),
        )
        return stream.between(start, end)

    def read_days(
        self,
        symbol: str,
        kind: str,
        venue: str | None = None,
        *,
        timeframe: str | int | None = None,
        start: int | str | dt.date | None = None,
        end: int | str | dt.date | None = None,
    ) -> Iterator[Series]:
        """The files of a series, one after the other: for quotes, trades and book events a day each.

        Only one of them is in memory at a time, however many there are. Arguments and errors are those of
        `read`; a file without rows between ``start`` and ``end`` is left out.
        """
        import polars as pl

        key = self._key(symbol, kind, timeframe, venue)
        description = self._description(key)
        for file in self._files(key):
            series = _series(key, description, pl.read_parquet(file, memory_map=False), str(file))
            if start is not None or end is not None:
                series = series.between(*clamped_span(start, end))
            if len(series):
                yield series

    def read_bars(
        self,
        symbol: str,
        timeframe: str | int | None = None,
        venue: str | None = None,
        *,
        start: int | str | dt.date | None = None,
        end: int | str | dt.date | None = None,
    ) -> Bars:
        """Bars; arguments and errors are those of `read`."""
        found = self.read(symbol, "bars", timeframe, venue, start=start, end=end)
        assert isinstance(found, Bars)  # noqa: S101 - the kind says so
        return found

    def remove(
        self, symbol: str, kind: str = "bars", timeframe: str | int | None = None, venue: str | None = None
    ) -> SeriesKey:
        """Takes a series out of the store, with all its rows; arguments and errors are those of `scan`.

        Returns:
            What was removed.
        """
        with writing(self.path, replace=False) as merge:
            key = self._key(symbol, kind, timeframe, venue)
            merge.remove(key)
        return key

    def sql(self, query: str) -> pl.DataFrame:
        """The answer of DuckDB to a query over a view of each kind, such as ``bars`` or ``book_l2``.

        Each view has the columns of `scan` beside ``venue``, ``symbol``, ``kind`` and, for bars,
        ``timeframe``: ``store.sql("select symbol, max(high) from bars group by symbol")``. Its times are
        whole microseconds, for which DuckDB has functions; ``ts_event_ns`` and ``ts_recv_ns`` are exact.

        Raises:
            DataError: DuckDB refuses the query; the text is its own.
        """
        import tempfile

        import duckdb
        import polars as pl

        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for kind in _KINDS:
                if files := sorted(self.path.glob(f"venue=*/symbol=*/kind={kind}/**/*.parquet")):
                    connection.execute(_view(kind, files))
            # By a file: Arrow's stream leaves objects behind, which DuckDB then reports at exit.
            with tempfile.TemporaryDirectory() as folder:
                answer = Path(folder) / "answer.parquet"
                try:
                    connection.sql(query).write_parquet(str(answer))
                except duckdb.Error as error:
                    raise DataError(str(error), source="query") from None
                frame = pl.read_parquet(answer, memory_map=False)
        zoned = [
            name for name, dtype in frame.schema.items() if getattr(dtype, "time_zone", None) is not None
        ]
        return frame.with_columns(pl.col(name).cast(pl.Datetime("ns", "UTC")) for name in zoned)

    def _key(self, symbol: str, kind: str, timeframe: str | int | None, venue: str | None) -> SeriesKey:
        known = self.series()
        if kind not in _KINDS:
            raise ValueError(f"no kind of data {kind!r}. There are: {', '.join(_KINDS)}.")
        of_symbol = [key for key in known if key.symbol == symbol]
        if not of_symbol:
            raise UnknownSymbolError(symbol, self.symbols())
        wanted = MIXED if timeframe == MIXED else None
        if timeframe is not None and wanted is None:
            wanted = duration_text(duration_ns(timeframe, name="timeframe"))
        found = [
            key
            for key in of_symbol
            if key.kind == kind and wanted in (None, key.timeframe) and venue in (None, key.venue)
        ]
        if len(found) != 1:
            there = "; ".join(str(key) for key in of_symbol)
            asked = " ".join(
                word for word in (symbol, wanted, kind, f"of {venue}" if venue else None) if word
            )
            raise DataError(
                f"{'several series are' if found else 'no series is'} {asked}.",
                source=str(self.path),
                remedy=f"There are: {there}. Choose with kind=, timeframe= and venue=.",
            )
        return found[0]

    def _description(self, key: SeriesKey) -> Description:
        return Description.load(self.path / key.folder / DESCRIPTION)

    def _files(self, key: SeriesKey) -> list[Path]:
        return sorted((self.path / key.folder).glob("*.parquet"))

    def _scan(self, key: SeriesKey) -> pl.LazyFrame:
        import polars as pl

        files = self._files(key)
        rows = pl.scan_parquet(files, hive_partitioning=False, glob=False)
        return rows.select(pl.lit(key.symbol).alias("symbol"), pl.all())


_KINDS: dict[str, type[Series]] = {
    "bars": Bars,
    "quotes": Quotes,
    "trades": Trades,
    "book_l2": BookEvents,
    "book_l3": BookEvents,
}


def _view(kind: str, files: list[Path]) -> str:
    """The statement that makes the view of one kind."""
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
    times = ["ts_event", "ts_recv"] + ["ts_open"] * (kind == "bars")
    rounded = ", ".join(f"{name}::TIMESTAMPTZ AS {name}" for name in times)
    # The names are ours and the paths quoted.
    return (
        f"CREATE VIEW {kind} AS SELECT * REPLACE ({rounded}), "  # noqa: S608 # nosec B608
        "epoch_ns(ts_event) AS ts_event_ns, epoch_ns(ts_recv) AS ts_recv_ns "
        f"FROM read_parquet([{listed}], hive_partitioning=true, hive_types_autocast=false)"
    )


def _series(key: SeriesKey, description: Description, frame: pl.DataFrame, source: str) -> Series:
    """A series of stored rows."""
    import polars as pl

    columns: dict[str, Any] = {}
    for name in frame.columns:
        if name == "symbol":
            continue
        if name.startswith("ts_"):
            field = "starts_ns" if name == "ts_open" else name + "_ns"
            columns[field] = frame[name].cast(pl.Int64).to_numpy()
        else:
            columns[name] = frame[name].to_numpy()
    if frame["ts_event"].equals(frame["ts_recv"]):
        columns["ts_recv_ns"] = columns["ts_event_ns"]
    if key.is_book:
        columns["model"] = key.kind.removeprefix("book_")
    if key.kind == "bars":
        columns |= {"timeframe_ns": description.timeframe_ns, "grade": description.grade}
    return _KINDS[key.kind](
        symbol=key.symbol,
        instrument=description.decoded_instrument(),
        adjusted=description.adjusted,
        price_shift_max=description.price_shift_max,
        clock_shift_ns=description.clock_shift_ns,
        source=source,
        **columns,
    )
