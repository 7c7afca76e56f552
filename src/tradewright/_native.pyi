"""The typed surface of the compiled core, checked against the binary by ``mypy.stubtest``.

Indices (``symbol``, ``policy``, ``currency``) count from 0 in the order of the run; times are ns since the
epoch, UTC. Docstrings stand here because an editor cannot read those of a binary.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self, TypeAlias, final, type_check_only

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from tradewright.core.execution import ExecutionReport
from tradewright.core.features.watched import Watched
from tradewright.core.instrument import Instrument
from tradewright.core.order import Order
from tradewright.core.position import Position

_NodeSpec: TypeAlias = tuple[str, list[int], list[float], list[int], int | None, int | None]
"""Operation, inputs, numbers, integers, symbol, callable."""
_Series: TypeAlias = tuple[Any, ...]
"""What `sim.streaming.plain` makes: kind, symbol, receive times or ``None``, event times, values.

Of a series in parts: kind, symbol and an object with the rows of all as ``len``, which gives for each pass
the ``(name, rows before, series)`` of its parts.
"""
_BookColumns: TypeAlias = tuple[Any, ...]
"""Action, side, flags (bytes), price, size (float64), order id (uint64), sequence (int64)."""
_Record: TypeAlias = tuple[Any, ...]
"""A record of a step: an event of `sim.build.plain_event`, or one of

- ``("bar", symbol, recv, event, open_ns, open, high, low, close, volume)``
- ``("quote", symbol, recv, event, bid, ask, bid_size, ask_size)``
- ``("trade", symbol, recv, event, price, size, aggressor)``
"""

__all__ = [
    "Approved",
    "Balance",
    "Kernel",
    "L2Book",
    "L3Book",
    "Ledger",
    "LedgerEntry",
    "LedgerTrip",
    "MarketSnapshot",
    "MatchFill",
    "MatchOrder",
    "MatchOutcome",
    "MatchingEngine",
    "MessageSequence",
    "PortfolioState",
    "SessionState",
    "SimVenue",
    "compute_features",
    "compute_recorded",
    "default_limits",
    "generate_flow",
    "reasons",
    "run_exchanges",
]

@type_check_only
class Columns(dict[str, Any]):
    """Columns of equal length by name: numbers as arrays, names as indices; ``run`` prefixes order ids."""

_Generated: TypeAlias = tuple[Columns, NDArray[np.int64], NDArray[np.float64], dict[str, Any], Columns | None]
"""Columns of `BookEvents.from_arrays`; times and ticks of the value, empty without informed traders; counts;
columns of the single orders, if they were kept."""

def generate_flow(flow: dict[str, Any]) -> _Generated:
    """A generated market from `tradewright.sim.flow.Plan.plain`; `sim.generate` is the function to use.

    Raises:
        ValueError: impossible parameters; the message says which.
    """

def run_exchanges(
    kernel: Kernel,
    flows: Sequence[dict[str, Any]],
    venue: dict[str, Any],
    events: list[_Record],
    pulse: Callable[[int, int], object] | None = None,
) -> tuple[bool, int, list[_Generated]]:
    """Runs a kernel in generated markets, one for each of its instruments; `sim.exchange.run` is the caller.

    Returns:
        Whether their end was reached, how many orders they could not take, and the markets.
    """

def compute_features(
    specs: list[_NodeSpec],
    wanted: list[int],
    callables: list[Callable[..., float]],
    instruments: list[tuple[str, str]],
    series: list[tuple[int, str, NDArray[np.int64], list[NDArray[np.float64]]]],
) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]:
    """Evaluates a graph over series merged by receive time: time of each step, and a column a wanted node."""

def compute_recorded(
    specs: list[_NodeSpec],
    wanted: list[int],
    callables: list[Callable[..., float]],
    instruments: list[tuple[str, str, str]],
    series: list[tuple[Any, ...]],
    sources: list[str],
) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]:
    """Evaluates a graph over series as `Kernel.run` takes them, by the kernel's steps without a policy.

    Instruments are symbol, price unit and lot size.
    """

def reasons() -> dict[str, str]:
    """Every reason that an order can end with, and what to do about it."""

def default_limits() -> dict[str, tuple[float, bool]]:
    """The limits that an account has unless told otherwise: value and whether it is a fraction of equity."""

@final
class Kernel:
    """All between a feed and an execution engine: market state, features, policies, risk gate, ledger."""

    def __new__(cls, config: dict[str, Any]) -> Kernel: ...
    @property
    def next_timer_ns(self) -> int:
        """When the next timer is due; 2**63 - 1 if none is."""

    @property
    def open_orders(self) -> int:
        """How many orders may still trade."""

    @property
    def cash(self) -> dict[str, int]:
        """Cash by currency, exactly: in 10⁻¹² of it."""

    @property
    def counters(self) -> dict[str, int]:
        """Counts of what the run did."""

    @property
    def faults(self) -> list[str]:
        """What could not be booked, in words."""

    @property
    def book_offences(self) -> list[tuple[str, str, int]]:
        """What the books of the run were told that cannot be: symbol, name of the offence, how often."""

    @property
    def price_shifts(self) -> list[float]:
        """Largest rounding of a price in each series of `run`, in price units."""

    def run(
        self,
        series: Sequence[_Series],
        sources: Sequence[str],
        venue: dict[str, Any],
        pulse: Callable[[int, int], object] | None = None,
        venue_series: Sequence[_Series | None] | None = None,
    ) -> bool:
        """Runs whole series through the simulated venue; whether their end was reached.

        ``venue_series`` are the same records by the venue's time, for a venue with a clock of its own;
        ``None`` for the events of a book, which are put in that order here.

        ``pulse(rows, now_ns)`` is called now and then. Ctrl-C ends a run early and keeps what it has.
        """

    def step(
        self, now_ns: int, records: Sequence[_Record], reports: Sequence[ExecutionReport]
    ) -> list[Approved | str]:
        """One step: all that arrived at one time. Returns what to submit or amend, and ids to cancel."""

    def end(self, reports: Sequence[ExecutionReport]) -> None:
        """Takes the venue's last reports when a run ends; nobody is asked for decisions."""

    def check(self, series: Sequence[_Series], sources: Sequence[str]) -> None:
        """Reads whole series as `run` would and refuses what it refuses; then `price_shifts` is known."""

    def venue(self, config: dict[str, Any], series: Sequence[_Series]) -> SimVenue:
        """A simulated venue for this kernel's instruments, to be driven a step at a time."""

    def halt(self, text: str) -> list[Approved | str]:
        """Halts trading until `rearm`: cancels all, lets only reducing orders pass. Returns the commands."""

    def rearm(self) -> bool:
        """Ends a halt of everything; whether there was one."""

    def tighten(self, values: dict[str, tuple[float, bool]], policy: str | None = None) -> None:
        """Narrows limits of the account or of a policy; refuses to widen one."""

    def flush(self) -> None:
        """Writes what the journal has buffered."""

    def orders(self) -> Columns: ...
    def fills(self) -> Columns: ...
    def amendments(self) -> Columns:
        """Amendments that were sent, in that order."""

    def ledger(self) -> Columns:
        """What each policy made of each instrument; money in 10⁻¹² of its currency, exactly."""

    def positions(self) -> Columns:
        """Positions after each fill, settlement, refund and split."""

    def flows(self) -> Columns:
        """Deposits and withdrawals as booked, in the account's currency at the rate of their time."""

    def round_trips(self) -> Columns: ...
    def equity(self) -> Columns: ...

@final
class SimVenue:
    """The simulated venue, driven from outside: what the native loop does, a step at a time."""

    @property
    def next_ns(self) -> int:
        """When the venue next has something to do; 2**63 - 1 for never."""

    @property
    def next_report_ns(self) -> int:
        """When the next report is due; 2**63 - 1 if none is."""

    @property
    def next_arrival_ns(self) -> int:
        """When the next request arrives; 2**63 - 1 if none is under way."""

    def send(self, approved: Approved, now_ns: int) -> None:
        """Hands over an approved order or change."""

    def cancel(self, order_id: str, now_ns: int) -> None:
        """Asks for a cancellation."""

    def on_records(self, kernel: Kernel, records: Sequence[_Record]) -> None:
        """Shows the venue the records of a step, before the kernel sees them."""

    def on_time(self, kernel: Kernel, now_ns: int) -> None:
        """Does what is due by the clock alone."""

    def arrive(self, kernel: Kernel, now_ns: int) -> None:
        """Lets the requests that have arrived by now meet the market as it stands."""

    def end_run(self, kernel: Kernel) -> list[ExecutionReport]:
        """The run is over: cancels what is left. Returns the reports, whenever they are due."""

    def reports(self, kernel: Kernel, now_ns: int) -> list[ExecutionReport]:
        """The reports that are due by now, in order."""

@final
class Approved:
    """What the gate let pass: a new order or a change of one. Only the gate makes it."""

    @property
    def action(self) -> Literal["submit", "amend"]: ...
    @property
    def order_id(self) -> str: ...
    @property
    def policy(self) -> str: ...
    @property
    def symbol(self) -> str: ...
    @property
    def side(self) -> Literal["buy", "sell"]: ...
    @property
    def size(self) -> float:
        """Size, or the new total size of a change."""

    @property
    def type(self) -> Literal["market", "limit", "stop", "stop_limit", "trailing_stop"]: ...
    @property
    def limit(self) -> float | None:
        """Price bound, or the new one of a change."""

    @property
    def stop(self) -> float | None:
        """Trigger price, or the distance of a trailing stop."""

    @property
    def tif(self) -> Literal["gtc", "ioc", "fok", "day"]: ...
    @property
    def post_only(self) -> bool: ...
    @property
    def reduce_only(self) -> bool: ...
    @property
    def decided_ns(self) -> int: ...

@final
class MarketSnapshot:
    """The market at the moment of a decision: a view, valid during the call; `copy` keeps it.

    A price is NaN before its first record, or while its side of the book is empty.
    """

    def __getitem__(self, watched: Watched, /) -> float:
        """Value of a feature declared with ``ctx.watch``; NaN until it is ready."""

    @property
    def now_ns(self) -> int:
        """Time of the step, ns since the epoch, UTC."""

    @property
    def woken_by(self) -> tuple[str, ...]:
        """Labels of the policy's wake conditions that fired."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol of the run."""

    def open(self, symbol: str) -> float:
        """Open of the latest bar."""

    def high(self, symbol: str) -> float:
        """High of the latest bar."""

    def low(self, symbol: str) -> float:
        """Low of the latest bar."""

    def close(self, symbol: str) -> float:
        """Close of the latest bar."""

    def volume(self, symbol: str) -> float:
        """Volume of the latest bar; NaN where none was recorded."""

    def bid(self, symbol: str) -> float:
        """Best bid."""

    def ask(self, symbol: str) -> float:
        """Best ask."""

    def bid_size(self, symbol: str) -> float:
        """Size at the best bid."""

    def ask_size(self, symbol: str) -> float:
        """Size at the best ask."""

    def mid(self, symbol: str) -> float:
        """Middle of bid and ask."""

    def last(self, symbol: str) -> float:
        """Price of the latest public trade."""

    def mark(self, symbol: str) -> float:
        """The price at which positions are valued: the latest mid, close or trade."""

    def status(self, symbol: str) -> Literal["open", "paused", "closed", "resolved"]:
        """Whether the instrument trades."""

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol."""

    def session(self, symbol: str) -> SessionState:
        """The trading session at this moment."""

    def copy(self) -> MarketSnapshot:
        """A value of what is known now, which stays valid."""

@final
class SessionState:
    """A trading session as of one moment."""

    @property
    def is_open(self) -> bool:
        """Whether the instrument trades now."""

    @property
    def open_ns(self) -> int | None:
        """Start of the session in progress; ``None`` when closed or around the clock."""

    @property
    def close_ns(self) -> int | None:
        """Its end."""

    @property
    def seconds_to_close(self) -> float:
        """Seconds until the session ends; infinite around the clock, 0 when closed."""

    @property
    def seconds_since_open(self) -> float:
        """Seconds since the session began; infinite around the clock, 0 when closed."""

@final
class PortfolioState:
    """Positions and money of a policy, or of the account: a view, valid during the call; `copy` keeps it."""

    def position(self, symbol: str) -> float:
        """Signed size held; negative is short."""

    def average_price(self, symbol: str) -> float:
        """Average price of what is held, for display; NaN when flat."""

    def value(self, symbol: str) -> float:
        """Signed value of what is held, at the mark."""

    def holding(self, symbol: str) -> Position:
        """Size, average price, value and profit of what is held, as a value that stays valid."""

    @property
    def positions(self) -> dict[str, float]:
        """Signed sizes that are not 0, by symbol."""

    @property
    def equity(self) -> float:
        """Equity of the account, in its currency: what there is to size on."""

    @property
    def realised_pnl(self) -> float:
        """Profit realised by this policy (or the account), before fees."""

    @property
    def unrealised_pnl(self) -> float:
        """Profit of what is held, at the marks."""

    @property
    def fees(self) -> float:
        """Fees paid less rebates."""

    @property
    def gross(self) -> float:
        """Sum of absolute position values."""

    @property
    def net(self) -> float:
        """Long less short position values."""

    @property
    def buying_power(self) -> float:
        """What the account may still commit, in its currency; open orders are not counted."""

    @property
    def locked(self) -> float:
        """Cash of the account, in its currency, set aside for what binaries sold short owe at their worst."""

    @property
    def cash(self) -> dict[str, float]:
        """Cash of the account, by currency."""

    @property
    def account(self) -> PortfolioState:
        """The whole account."""

    def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Orders that may still trade, oldest first; of one symbol or all."""

    def copy(self) -> PortfolioState:
        """A value of what is held now, which stays valid."""

@final
class Balance:
    @property
    def initial(self) -> int: ...
    @property
    def deposits(self) -> int: ...
    @property
    def realised(self) -> int: ...
    @property
    def fees(self) -> int: ...
    @property
    def cash_flows(self) -> int: ...
    @property
    def cash(self) -> int: ...
    @property
    def unrealised(self) -> int: ...
    @property
    def equity(self) -> int: ...
    @property
    def gross(self) -> int: ...
    @property
    def net(self) -> int: ...

@final
class LedgerEntry:
    @property
    def policy(self) -> int: ...
    @property
    def symbol(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def fill_id(self) -> int | None: ...
    @property
    def lots(self) -> int: ...
    @property
    def price_ticks(self) -> int: ...
    @property
    def amount(self) -> int: ...
    @property
    def realised(self) -> int: ...
    @property
    def lots_after(self) -> int: ...
    @property
    def ts_event_ns(self) -> int: ...
    @property
    def is_reversed(self) -> bool: ...

@final
class LedgerTrip:
    @property
    def policy(self) -> int: ...
    @property
    def symbol(self) -> int: ...
    @property
    def direction(self) -> int: ...
    @property
    def size_max_lots(self) -> int: ...
    @property
    def entry_ns(self) -> int: ...
    @property
    def exit_ns(self) -> int | None: ...
    @property
    def entry_lots(self) -> int: ...
    @property
    def entry_price_lots(self) -> int: ...
    @property
    def exit_lots(self) -> int: ...
    @property
    def exit_price_lots(self) -> int: ...
    @property
    def fees(self) -> int: ...
    @property
    def pnl(self) -> int: ...
    @property
    def mae(self) -> int: ...
    @property
    def mfe(self) -> int: ...

@final
class Ledger:
    def __new__(
        cls,
        instruments: Sequence[Mapping[str, object]],
        *,
        policies: int,
        balances: Sequence[int],
        kind: Literal["cash", "margin"] = "margin",
        currency: int = 0,
        leverage_max_e10: int = 10_000_000_000,  # noqa: PYI054  # as in the binary
        initial_e10: int = 0,
        maintenance_e10: int = 0,
        day_ends_ns: int = 0,
        netting: Literal["market", "collateral_return", "group"] = "market",
    ) -> Ledger: ...
    def fill(
        self,
        policy: int | None,
        symbol: int,
        side: Literal["buy", "sell"],
        *,
        fill_id: int,
        price_ticks: int,
        lots: int,
        fee: int = 0,
        ts_event_ns: int = 0,
    ) -> int: ...
    def reverse(self, fill_id: int) -> int: ...
    def mark(self, symbol: int, mark_x2: int) -> None: ...
    def mark_range(self, symbol: int, low_ticks: int, high_ticks: int) -> None: ...
    def dividend(self, symbol: int, amount: int, ts_event_ns: int) -> None: ...
    def split(self, symbol: int, numerator: int, denominator: int, ts_event_ns: int) -> None: ...
    def funding(self, symbol: int, rate_e10: int, ts_event_ns: int) -> None: ...
    def settle(self, symbol: int, price_ticks: int, ts_event_ns: int, *, void: bool = False) -> None: ...
    def refund(self, symbol: int, ts_event_ns: int) -> None: ...
    def deposit(self, currency: int, amount: int) -> None: ...
    def accrue_borrow(self, now_ns: int, rate_e10: int) -> None: ...
    def on_time(self, now_ns: int) -> None: ...
    def set_rate(self, currency: int, rate_e12: int) -> None: ...
    def balance(self, currency: int, policy: int | None = None) -> Balance: ...
    def equity(self, currency: int) -> int: ...
    def equity_total(self) -> int | None: ...
    def standing(self, policy: int | None = None) -> tuple[int, int, int] | None: ...
    def position(self, policy: int | None, symbol: int) -> tuple[int, int, int]: ...
    def account_lots(self, symbol: int) -> int: ...
    def buying_power(self, currency: int) -> int: ...
    def locked(self, currency: int) -> int: ...
    def margin_used(self, currency: int) -> int: ...
    def below_maintenance(self) -> bool: ...
    def entries(self) -> list[LedgerEntry]: ...
    def trips(self) -> list[LedgerTrip]: ...

@final
class L2Book:
    def __new__(cls, price_unit: str, lot_size: str, *, window: int) -> L2Book: ...
    def apply(self, columns: _BookColumns) -> None: ...
    def replay(
        self, columns: _BookColumns, levels: int
    ) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]: ...
    def levels(self, side: str, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def level_count(self, side: str) -> int: ...
    def size_at(self, side: str, price: float) -> float: ...
    def microprice(self) -> float | None: ...
    def imbalance(self, levels: int) -> float | None: ...
    def integrity(self) -> tuple[tuple[int, str, list[int]] | None, list[tuple[str, int]], int, bool]: ...

@final
class L3Book:
    def __new__(cls, price_unit: str, lot_size: str, *, window: int, priority: str) -> L3Book: ...
    def order_count(self) -> int: ...
    def order(self, order_id: int) -> tuple[Literal["bid", "ask"], float, float] | None: ...
    def queue_ahead(self, order_id: int) -> float | None: ...
    def queue(self, side: str, price: float) -> list[tuple[int, float]]: ...
    def apply(self, columns: _BookColumns) -> None: ...
    def replay(
        self, columns: _BookColumns, levels: int
    ) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]: ...
    def levels(self, side: str, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def level_count(self, side: str) -> int: ...
    def size_at(self, side: str, price: float) -> float: ...
    def microprice(self) -> float | None: ...
    def imbalance(self, levels: int) -> float | None: ...
    def integrity(self) -> tuple[tuple[int, str, list[int]] | None, list[tuple[str, int]], int, bool]: ...

@final
class MessageSequence:
    def __new__(cls, rule: Literal["contiguous", "range", "linked"]) -> MessageSequence: ...
    def snapshot(self, last: int) -> None: ...
    def follow(self, first: int, last: int, previous: int = 0) -> Literal["yes", "stale", "gap"]: ...

@final
class MatchFill:
    """A trade, at the maker's price."""

    @property
    def command(self) -> int:
        """Number of the operation in which it happened, from 0."""

    @property
    def taker(self) -> int:
        """Id of the order that came in."""

    @property
    def maker(self) -> int:
        """Id of the order that rested."""

    @property
    def price(self) -> int:
        """In ticks."""

    @property
    def size(self) -> int:
        """In lots."""

    @property
    def side(self) -> int:
        """Side of the taker: 1 buys, 0 sells."""

@final
class MatchOutcome:
    """Something that happened to an order beside trades and its own operations."""

    @property
    def command(self) -> int:
        """Number of the operation in which it happened, from 0."""

    @property
    def order_id(self) -> int: ...
    @property
    def kind(self) -> int:
        """A `tradewright.sim.matching.OutcomeKind`."""

    @property
    def size(self) -> int:
        """How many of its open lots it concerns."""

@final
class MatchOrder:
    """A live order, all of it."""

    @property
    def order_id(self) -> int: ...
    @property
    def side(self) -> int:
        """1 buys, 0 sells."""

    @property
    def price(self) -> int | None:
        """Limit, in ticks; ``None`` for a waiting stop without one."""

    @property
    def stop(self) -> int | None:
        """Trigger, in ticks, while it waits."""

    @property
    def size(self) -> int:
        """All its lots, those included that have traded."""

    @property
    def open(self) -> int:
        """Lots that may still trade."""

    @property
    def shown(self) -> int:
        """Lots that show; 0 while it waits."""

    @property
    def peak(self) -> int:
        """Lots that show after a refresh; 0 for all."""

    @property
    def owner(self) -> int: ...
    @property
    def tif(self) -> int:
        """A `tradewright.sim.matching.Tif`."""

@disjoint_base
class MatchingEngine:
    """A limit order book that matches; `tradewright.sim.MatchingEngine` is the class to use.

    An operation returns how many trades it made, or, where it changed nothing, the negative code of a
    `tradewright.sim.matching.Reject`.
    """

    def __new__(
        cls, *, self_trade: str = "allow", keep_history: bool = True, deltas: bool = False
    ) -> Self: ...
    def limit(
        self,
        order_id: int,
        side: int,
        price: int,
        size: int,
        owner: int = 0,
        tif: int = 0,
        peak: int = 0,
    ) -> int:
        """A limit order: ``peak`` makes it an iceberg that shows so many lots at a time."""

    def market(self, order_id: int, side: int, size: int, owner: int = 0) -> int:
        """A market order: what finds no other side is cancelled."""

    def stop(self, order_id: int, side: int, stop: int, size: int, owner: int = 0) -> int:
        """A market order that waits for a trade at ``stop`` or beyond."""

    def stop_limit(
        self,
        order_id: int,
        side: int,
        stop: int,
        price: int,
        size: int,
        owner: int = 0,
        tif: int = 0,
        peak: int = 0,
    ) -> int:
        """A limit order that waits for a trade at ``stop`` or beyond."""

    def cancel(self, order_id: int) -> int:
        """Takes an order out, resting or waiting."""

    def amend(
        self,
        order_id: int,
        price: int | None = None,
        size: int | None = None,
        stop: int | None = None,
    ) -> int:
        """Changes an order; ``size`` is the total, traded lots included.

        At the same price a size that is no larger keeps the place in the queue; any other change loses it,
        and one that crosses trades.
        """

    @property
    def reject_code(self) -> int:
        """Code of the reason for which the latest call changed nothing; 0 if it did."""

    def fills(self) -> list[MatchFill]:
        """Trades of the latest call."""

    def outcomes(self) -> list[MatchOutcome]:
        """What else happened in the latest call."""

    def run_columns(
        self,
        kind: NDArray[np.int8],
        order_id: NDArray[np.int64],
        side: NDArray[np.int8],
        price: NDArray[np.int64],
        size: NDArray[np.int64],
        owner: NDArray[np.int64] | None,
        tif: NDArray[np.int8] | None,
        peak: NDArray[np.int64] | None,
        stop: NDArray[np.int64] | None,
    ) -> tuple[NDArray[np.int32], Columns, Columns]:
        """Operations in order: the status of each, and the columns of fills and of outcomes."""

    def fill_columns(self) -> Columns:
        """All trades that are kept."""

    def outcome_columns(self) -> Columns:
        """All outcomes that are kept."""

    def clear_history(self) -> None:
        """Forgets trades and outcomes; the book stays as it is."""

    def take_level_deltas(self) -> Columns:
        """Level changes since the last time."""

    def take_order_deltas(self) -> Columns:
        """Changes of displayed orders since the last time."""

    def best(self, side: int) -> tuple[int, int, int] | None:
        """Price, displayed size and number of orders of a side's best level; ``None`` if it is empty."""

    def level_columns(self, side: int, depth: int | None = None) -> Columns:
        """Levels of a side, best first."""

    def order_columns(self, side: int) -> Columns:
        """Resting orders of a side, best price first, in their queue's order."""

    def waiting_ids(self, side: int) -> NDArray[np.int64]:
        """Ids of a side's waiting stops, the first to be triggered first."""

    def order(self, order_id: int) -> MatchOrder | None:
        """A live order; ``None`` if there is none of this id."""

    def queue_ahead(self, order_id: int) -> int | None:
        """Displayed lots before a resting order at its price; ``None`` if no such order rests."""

    @property
    def last_price(self) -> int | None:
        """Price of the last trade, in ticks."""

    @property
    def resting(self) -> int:
        """How many orders rest in the book."""

    @property
    def waiting(self) -> int:
        """How many stops wait."""

    @property
    def commands(self) -> int:
        """How many operations there were, rejected ones included: the number of the next one."""

    @property
    def trades(self) -> int:
        """How many trades there were."""

    @property
    def volume(self) -> int:
        """Lots traded."""
