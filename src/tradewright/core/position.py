"""What is held of one instrument."""

from __future__ import annotations

import msgspec


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What is held of one instrument at one moment; `PortfolioState.holding` makes it, and it stays valid.

    Attributes:
        symbol: The instrument.
        size: Signed; negative is short, 0 flat.
        average_price: Of what is held, for display: the ledger keeps the total cost. NaN when flat.
        value: Signed, at the mark, in the instrument's currency.
        unrealised_pnl: Profit at the mark, in the instrument's currency.
    """

    symbol: str
    size: float
    average_price: float
    value: float
    unrealised_pnl: float
