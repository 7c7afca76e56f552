"""The result of a run: frames, a summary, a page, a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from tradewright.research import schema
from tradewright.research.meta import Counters, PolicyMeta, ResultMeta, SeriesMeta

if TYPE_CHECKING:
    import datetime as dt
    from os import PathLike
    from pathlib import Path

    import polars as pl

    from tradewright.core.stream import AnySeries
    from tradewright.core.times import Duration
    from tradewright.research.making import MarketMaking
    from tradewright.research.summary import Summary
    from tradewright.sim.flow import GeneratedMarket

    FrameSource = pl.DataFrame | Callable[[], pl.DataFrame]

HORIZON = "10s"
HORIZONS = ("100ms", "1s", "10s", "60s")

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

    def parts(self, symbol: str) -> Iterator[pl.DataFrame]:
        """The frame; in parts, where it would be built of a series that is read in parts."""
        from tradewright.core.stream import Stream
        from tradewright.research.frames import PriceFrame, price_parts

        source = self._sources[symbol]
        if (
            symbol not in self._frames
            and isinstance(source, PriceFrame)
            and isinstance(source.series, Stream)
        ):
            return price_parts(source.series)
        return iter((self[symbol],))

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
        ledger: What each policy made of each symbol, exactly.
        amendments: Amendments of orders that were sent.
        books: Events of the order books that the run was on, by symbol; the report draws them.
        positions: Positions after each change, with what changed them; by default after each fill.
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
        ledger: FrameSource | None = None,
        amendments: FrameSource | None = None,
        positions: FrameSource | None = None,
        books: Mapping[str, AnySeries] | None = None,
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
        if ledger is not None:
            self._sources["ledger"] = ledger
        if amendments is not None:
            self._sources["amendments"] = amendments
        if positions is not None:
            self._sources["positions"] = positions
        self.books = dict(books or {})
        self._frames: dict[str, pl.DataFrame] = {}
        self._summary: Summary | None = None

    def _frame(self, name: str) -> pl.DataFrame:
        if name not in self._frames:
            self._frames[name] = schema.checked(name, self._sources[name])
        return self._frames[name]

    @property
    def orders(self) -> pl.DataFrame:
        """Every order with its state, fills and reason, in the order they were made.

        ``size`` and ``price`` are those after amendments; ``size_decided`` and ``price_decided``, where the
        result has them, those before any. A target that is refused again and again for the same reason is one
        row: ``repeats`` says how often more, and ``updated_at`` when last.
        """
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
    def ledger(self) -> pl.DataFrame:
        """What each policy made of each symbol, as the ledger holds it; empty if the result does not know.

        ``realised`` (before fees), ``unrealised``, ``fees``, ``cash_flows``: exact decimals. ``borrow`` is
        the part of the cash flows that short positions paid; ``half_spread`` and ``impact`` are what the
        cost model of the simulated venue added to prices, which is inside of the profit.
        """
        return self._frame("ledger") if "ledger" in self._sources else schema.empty("ledger")

    @property
    def amendments(self) -> pl.DataFrame:
        """Amendments that were sent, in that order, and what became of each; empty where there were none.

        ``order_id``, ``price`` and ``size`` (the order's new total), ``status`` (``amended``, ``rejected``,
        or ``pending`` where nothing was heard), ``decided_at``, ``answered_at``.
        """
        return self._frame("amendments") if "amendments" in self._sources else schema.empty("amendments")

    @property
    def positions(self) -> pl.DataFrame:
        """Position of each policy and symbol after each change, by the venue's time of it.

        ``policy``, ``symbol``, ``at``, ``size``; ``event`` is ``fill``, ``settlement``, ``refund`` or
        ``split``, and ``numerator`` new units came for ``denominator`` old ones (1 and 1 without a split).
        """
        if "positions" not in self._frames and "positions" not in self._sources:
            self._frames["positions"] = schema.positions_of(self.fills)
        return self._frame("positions")

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

    def market_making(
        self,
        data: object = None,
        *,
        horizon: Duration | None = HORIZON,
        policy: str | None = None,
        symbol: str | None = None,
    ) -> MarketMaking:
        """Profit in parts, fills, inventory, quotes, queue and spreads, in one value.

        Args:
            data: Books or quotes of the run, as in `markouts`.
            horizon: How long after a fill its adverse selection is measured; ``None`` leaves that part out:
                inventory is then the position times each move of the mid.
            policy: Of one policy only.
            symbol: Of one instrument only; sizes and prices of several are undefined.

        Raises:
            DataError: The policy or the symbol is not of this run, or the result does not know its units.
        """
        from tradewright.research.making import market_making

        return market_making(self, data, horizon, policy, symbol)

    def pnl_parts(self, data: object = None, *, horizon: Duration | None = HORIZON) -> pl.DataFrame:
        """Profit of each policy and symbol in parts that sum to it exactly, to the last 10⁻¹².

        ``spread_capture`` (fill price against the mid just before), ``adverse_selection`` (the mid's move in
        the horizon after each fill), ``inventory`` (the rest of mark to market), ``fees``, ``rebates``,
        ``cash_flows``, ``total``: exact decimals. ``fills_without_mid`` and ``fills_without_markout`` count
        the fills that could not be taken apart; what they made is in ``inventory``.

        Args:
            data: Books or quotes of the run, as in `markouts`.
            horizon: How long after a fill its adverse selection is measured; ``None`` leaves that part out:
                inventory is then the position times each move of the mid.

        Raises:
            DataError: The result does not know its ledger or its units: it was written by an earlier version.

        Source:
            Huang and Stoll (1996), "Dealer versus auction markets"; Menkveld (2013), "High frequency trading
            and the new market makers".
        """
        from tradewright.research.markouts import pnl_parts

        return pnl_parts(self, data, horizon)

    def markouts(self, data: object = None, *, horizons: Sequence[Duration] = HORIZONS) -> pl.DataFrame:
        """What the mid did after each fill, by the venue's time.

        The mid at a fill is the one just before it: what the simulated venue saw, or else the last one with
        an earlier venue time. After the fill it is the last one at or before the horizon's end; null, and
        never 0, where the data ends before.

        Args:
            data: Books or quotes of the run: a series, a list of them, or a dict by symbol; by default the
                run's own ``prices``, which a run folder keeps too.
            horizons: How long after each fill.

        Returns:
            A row a fill: its columns, ``mid``, ``spread_capture`` in money, and for each horizon ``mid_1s``,
            ``adverse_1s`` (what the mid's move made) and ``markout_1s`` (both together), positive where we
            gained.

        Raises:
            DataError: ``data`` has neither books nor quotes, or the result does not know its units.
        """
        from tradewright.research.markouts import markouts

        return markouts(self, data, horizons)

    def markout_curve(self, data: object = None, *, horizons: Sequence[Duration] = HORIZONS) -> pl.DataFrame:
        """Mean markouts in bps of the value traded, weighted by it, for all fills, buys and sells.

        Args:
            data: As in `markouts`.
            horizons: How long after each fill.

        Returns:
            ``side``, ``horizon`` (``fill`` is the spread capture), ``horizon_s``, ``fills``, ``mean_bps``,
            ``error_bps``.
        """
        from tradewright.research.markouts import markout_curve

        return markout_curve(self.markouts(data, horizons=horizons), horizons)

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

    def book_picture(
        self,
        path: str | PathLike[str],
        events: AnySeries | None = None,
        start: int | str | dt.date | None = None,
        end: int | str | dt.date | None = None,
    ) -> Path:
        """Write a page with the book as a picture: displayed size by time and price, our quotes, our fills.

        Args:
            path: File to write; folders above it are made.
            events: The book, from its beginning; by default the one that the run was on, of the symbol with
                most fills. A run folder keeps no books: give it again.
            start: Begin of the window, by the venue's time; by default it is around the busiest fills.
            end: End of the window.

        Returns:
            The file.

        Raises:
            DataError: There is no book, or none with both sides in the window.
        """
        from tradewright.research.picture import book_with_most_fills
        from tradewright.research.report import write_picture

        return write_picture(self, path, events or book_with_most_fills(self), start, end)

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
