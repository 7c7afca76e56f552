"""The typed surface of the compiled core."""

from collections.abc import Mapping, Sequence
from typing import Literal, final

@final
class Balance:
    initial: int
    deposits: int
    realised: int
    fees: int
    cash_flows: int
    cash: int
    unrealised: int
    equity: int
    gross: int
    net: int

@final
class LedgerEntry:
    policy: int
    symbol: int
    kind: str
    fill_id: int | None
    lots: int
    price_ticks: int
    amount: int
    realised: int
    lots_after: int
    ts_event_ns: int
    is_reversed: bool

@final
class LedgerTrip:
    policy: int
    symbol: int
    direction: int
    size_max_lots: int
    entry_ns: int
    exit_ns: int | None
    entry_lots: int
    entry_price_lots: int
    exit_lots: int
    exit_price_lots: int
    fees: int
    pnl: int
    mae: int
    mfe: int

@final
class Ledger:
    def __new__(
        cls,
        instruments: Sequence[Mapping[str, object]],
        *,
        policies: int,
        balances: Sequence[int],
        kind: str = "margin",
        currency: int = 0,
        leverage_max_e10: int = 10_000_000_000,
        initial_e10: int = 0,
        maintenance_e10: int = 0,
        day_ends_ns: int = 0,
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
    def margin_used(self, currency: int) -> int: ...
    def below_maintenance(self) -> bool: ...
    def entries(self) -> list[LedgerEntry]: ...
    def trips(self) -> list[LedgerTrip]: ...
def compute_features(
    specs: list[tuple[str, list[int], list[float], list[int], int | None, int | None]],
    wanted: list[int],
    callables: list[Callable[..., float]],
    instruments: list[tuple[str, str]],
    series: list[tuple[int, str, NDArray[np.int64], list[NDArray[np.float64]]]],
) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]: ...
