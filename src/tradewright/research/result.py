"""The result of a run: frames, a summary, a page, a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from tradewright.research import schema
from tradewright.research.meta import Counters, PolicyMeta, ResultMeta, SeriesMeta

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    import polars as pl

    from tradewright.research.summary import Summary
    from tradewright.sim.flow import GeneratedMarket

    FrameSource = pl.DataFrame | Callable[[], pl.DataFrame]

__all__ = ["Counters", "PolicyMeta", "Prices", "Result", "ResultMeta", "SeriesMeta"]


class Prices(Mapping[str, "pl.DataFrame"]):
    """Prices by symbol; each frame is built when it is first read."""

    def __init__(self, sources: Mapping[str, FrameSource]) -> None:
        self._sources = dict(sources)
        self._frames: dict[str, pl.DataFrame] = {}

    def __getitem__(self, symbol: str) -> pl.DataFrame:
        if symbol not in self._frames:
            self._frames[symbol] = schema.checked("prices", self._sources[symbol])
        return self._frames[symbol]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


class Result:
    """What a run did and how it ended.

    Frames are built when first read and then kept. Times are ``Datetime("ns", "UTC")``; the columns of each
    frame are in :mod:`tradewright.research.schema`.

    Args:
        orders: Every order, refused ones included, with its reason; a frame, or a callable that builds it.
        fills: Executions.
        round_trips: From flat to flat, by policy and symbol; the last may be open.
        equity: Value of the account over time, in ``meta.currency``.
        meta: Where the result comes from.
        prices: By symbol, what the report draws trades on and the benchmark is made of.
        flows: External deposits (+) and withdrawals (-), columns ``at`` and ``amount``, in ``meta.currency``;
            returns leave them out.
        timing: Wall times by name, in seconds; never part of the compared bytes.
    """

    def __init__(
        self,
        *,
        orders: FrameSource,
        fills: FrameSource,
        round_trips: FrameSource,
        equity: FrameSource,
        meta: ResultMeta,
        prices: Mapping[str, FrameSource] | None = None,
        flows: FrameSource | None = None,
        timing: Mapping[str, float] | None = None,
    ) -> None:
        self.meta = meta
        self.prices = Prices(prices or {})
        self.timing = dict(timing or {})
        self._sources: dict[str, FrameSource] = {
            "orders": orders,
            "fills": fills,
            "round_trips": round_trips,
            "equity": equity,
        }
        if flows is not None:
            self._sources["flows"] = flows
        self._frames: dict[str, pl.DataFrame] = {}
        self._summary: Summary | None = None

    def _frame(self, name: str) -> pl.DataFrame:
        if name not in self._frames:
            self._frames[name] = schema.checked(name, self._sources[name])
        return self._frames[name]

    @property
    def orders(self) -> pl.DataFrame:
        """Every order with its state, fills and reason, in the order they were made."""
        return self._frame("orders")

    @property
    def fills(self) -> pl.DataFrame:
        """Every execution, in the order of receipt."""
        return self._frame("fills")

    @property
    def round_trips(self) -> pl.DataFrame:
        """Entries and their exits: holding time, P&L net of fees, worst and best unrealised P&L."""
        return self._frame("round_trips")

    @property
    def equity(self) -> pl.DataFrame:
        """Value of the account over time: ``at``, ``equity``."""
        return self._frame("equity")

    @property
    def flows(self) -> pl.DataFrame:
        """External deposits and withdrawals: ``at``, ``amount``; empty when there were none."""
        return self._frame("flows") if "flows" in self._sources else schema.empty("flows")

    @property
    def positions(self) -> pl.DataFrame:
        """Position of each policy and symbol after each fill: ``policy``, ``symbol``, ``at``, ``size``."""
        if "positions" not in self._frames:
            self._frames["positions"] = schema.positions_of(self.fills)
        return self._frames["positions"]

    @property
    def daily(self) -> pl.DataFrame:
        """Each day's end: ``date``, ``equity_index`` (1 at the start, without deposits), ``daily_return``."""
        if "daily" not in self._frames:
            from tradewright.research.summary import daily_frame

            self._frames["daily"] = daily_frame(self)
        return self._frames["daily"]

    @property
    def summary(self) -> Summary:
        """Every metric; one that has no value is ``None``, with the reason in ``summary.undefined``."""
        if self._summary is None:
            from tradewright.research.summary import summarise

            self._summary = summarise(self)
        return self._summary

    def report(
        self,
        path: str | PathLike[str],
        benchmark: str | pl.DataFrame | None = None,
        *,
        title: str | None = None,
    ) -> Path:
        """Write one self-contained HTML page that opens without a network; equal results, equal bytes.

        Args:
            path: File to write; folders above it are made.
            benchmark: Symbol to buy and hold, or a frame with ``at`` and ``close`` (or ``equity``);
                by default ``meta.benchmark``, or else the first symbol with prices.
            title: Title of the page; by default the names of the policies.

        Returns:
            The file.
        """
        from tradewright.research.report import write_report

        return write_report({title or self.meta.name: self}, path, benchmark=benchmark, title=title)

    def write(self, folder: str | PathLike[str]) -> Path:
        """Write frames, metadata and summary into a run folder; the same result gives the same bytes.

        Wall times go to ``run.json``, the only file that may differ between two equal runs.
        """
        from tradewright.research.folder import write_folder

        return write_folder(self, folder)

    @classmethod
    def load(cls, folder: str | PathLike[str], *, verify: bool = False) -> Result:
        """Read what `write` wrote. Frames are read when first used.

        Args:
            folder: The run folder.
            verify: Read every frame now and compare the digest with the one that was written.

        Raises:
            DataError: A file is missing, cannot be read or (with `verify`) was changed; it is named.
        """
        from tradewright.research.folder import load_folder

        return load_folder(folder, verify=verify)

    def digest(self) -> str:
        """SHA-256 over orders, fills, positions, equity and summary in canonical bytes."""
        from tradewright.research.folder import digest_of

        return digest_of(self)

    markets: Mapping[str, GeneratedMarket] = MappingProxyType({})
    """Of a run on generated exchanges: each market as it became, by symbol. No run folder keeps them."""

    def to_dict(self) -> dict[str, Any]:
        """The summary, the counters and the warnings as JSON values."""
        return {
            "name": self.meta.name,
            "policies": [policy.name for policy in self.meta.policies],
            "symbols": self.meta.symbols,
            "currency": self.meta.currency,
            "grade": self.meta.grade,
            "counters": msgspec.to_builtins(self.meta.counters),
            "warnings": self.meta.warnings,
            "summary": msgspec.to_builtins(self.summary),
        }

    def to_json(self) -> str:
        """`to_dict` as one line of JSON, keys in a fixed order."""
        return msgspec.json.encode(self.to_dict()).decode()

    def __str__(self) -> str:
        from tradewright.research.table import summary_table

        return summary_table({self.meta.name: self})

    __repr__ = __str__
