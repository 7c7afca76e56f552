"""Which column of a source is which field, by the names that vendors use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from tradewright.data.options import Label
from tradewright.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


# The field's own name first: it wins over the others, which must not stand beside each other.
_TIME = (
    "time",
    "timestamp",
    "datetime",
    "date",
    "ts",
    "tsevent",
    "eventtime",
    "exchangetime",
    "transacttime",
)
_NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "bars": {
        "time": _TIME,
        "open_time": ("opentime", "tsopen"),
        "open": ("open", "openprice", "pxopen", "first", "o"),
        "high": ("high", "highprice", "pxhigh", "h"),
        "low": ("low", "lowprice", "pxlow", "l"),
        "close": ("close", "closeprice", "last", "lastprice", "pxlast", "price", "c"),
        "volume": ("volume", "vol", "totalvolume", "tickvolume", "pxvolume", "v"),
    },
    "quotes": {
        "time": _TIME,
        "bid": ("bid", "bidprice", "bidpx", "bestbid", "bestbidprice", "bidpx00"),
        "ask": ("ask", "askprice", "askpx", "bestask", "bestaskprice", "askpx00", "offer", "offerprice"),
        "bid_size": (
            "bidsize",
            "bidqty",
            "bidvolume",
            "bidvol",
            "bidsz",
            "bestbidqty",
            "bestbidsize",
            "bidsz00",
        ),
        "ask_size": (
            "asksize",
            "askqty",
            "askvolume",
            "askvol",
            "asksz",
            "bestaskqty",
            "bestasksize",
            "asksz00",
        ),
    },
    "trades": {
        "time": _TIME,
        "price": ("price", "px", "tradeprice", "last", "p"),
        "size": ("size", "quantity", "qty", "amount", "volume", "sz", "q"),
        "aggressor": ("aggressor", "aggressorside", "takerside", "side", "isbuyermaker"),
    },
}
_ANY = {
    "ts_recv": ("tsrecv", "recvtime", "receivetime", "receivedat", "localtime", "localtimestamp"),
    "symbol": ("symbol", "ticker", "instrument"),
}
_REQUIRED = {"bars": ("time", "close"), "quotes": ("time", "bid", "ask"), "trades": ("time", "price", "size")}
_CLOSES = ("closetime", "tsclose")
_ADJUSTED = ("adjclose", "adjustedclose", "closeadj")
# What other columns of a bar file may be called without it being a file of one column a ticker.
_OTHER = {
    "dividends",
    "stocksplits",
    "openinterest",
    "openint",
    "vwap",
    "trades",
    "count",
    "spread",
    "amount",
}


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Where the fields stand in a source.

    Attributes:
        fields: Field to column name.
        clock: Column with the time of day, where the date has one of its own.
        label: What the name of the time column says about bars.
        tz: What the name of the time column says about the zone.
        is_adjusted: The close is an adjusted close.
        tickers: Columns that are one ticker's closes each, in a wide source; empty otherwise.
    """

    fields: dict[str, str]
    clock: str | None = None
    label: Label | None = None
    tz: str | None = None
    is_adjusted: bool = False
    tickers: tuple[str, ...] = ()


def plain_name(name: str) -> str:
    """A column's name without case, spaces, underscores and other signs."""
    return re.sub(r"[^0-9a-z]", "", name.lower())


def find_layout(
    kind: str, names: Sequence[str], given: Mapping[str, str], *, source: str, symbol: str | None = None
) -> Layout:
    """Recognises the columns of a source.

    Args:
        kind: ``bars``, ``quotes`` or ``trades``.
        names: The source's column names.
        given: Field to column name, from the user; these are taken as they are.
        source: For messages.
        symbol: The one symbol that is wanted, where that is known: it has to be a column of a wide source,
            so that unknown columns of prices are not taken for tickers.

    Raises:
        DataError: a column that is missing, or several that could be meant; the text lists the columns found.
    """
    search = _Search(kind, names, given, source)
    fields = {
        field: column
        for field, aliases in search.aliases.items()
        if (column := given.get(field) or (field != "time" and search.one_of(field, aliases)))
    }
    layout = search.time(fields)
    if kind == "bars" and "close" not in fields:
        if column := search.one_of("close", _ADJUSTED):
            fields["close"] = column
            layout = msgspec.structs.replace(layout, is_adjusted=True)
        elif (tickers := search.tickers(fields)) and (symbol is None or symbol in tickers):
            fields.setdefault("time", names[0])
            return msgspec.structs.replace(layout, tickers=tickers)
    search.require(fields)
    return layout


class _Search:
    def __init__(self, kind: str, names: Sequence[str], given: Mapping[str, str], source: str) -> None:
        self.kind, self.names, self.given, self.source = kind, names, given, source
        self.aliases = _NAMES[kind] | _ANY
        taken = set(given.values())
        self.plain = [(plain_name(name), name) for name in names if name not in taken]
        for field, column in given.items():
            if field not in self.aliases:
                self._refuse(
                    f"columns= names the field {field!r}.", f"The fields are {', '.join(self.aliases)}."
                )
            if column not in names:
                self._refuse(
                    f"columns= says that {field!r} is {column!r}, which is not there.", self._found()
                )

    def one_of(self, field: str, aliases: Sequence[str]) -> str | None:
        """The column of a field; its own name wins over the others, of which there may be one."""
        own = [name for plain, name in self.plain if plain == aliases[0]]
        found = own or [name for plain, name in self.plain if plain in aliases]
        if len(found) > 1:
            listed = " and ".join(repr(name) for name in found)
            self._refuse(
                f"{listed} could both be {field!r}.", f"Say which: columns={{{field!r}: {found[0]!r}}}."
            )
        return found[0] if found else None

    def time(self, fields: dict[str, str]) -> Layout:
        """Adds the time to the fields, and says what the names of its columns tell."""
        if "time" in fields:
            return Layout(fields=fields, label="close" if "open_time" in fields else None)
        dates = [name for plain, name in self.plain if plain == "date"]
        clocks = [name for plain, name in self.plain if plain in {"time", "timeofday"}]
        if len(dates) == 1 and len(clocks) == 1:
            fields["time"] = dates[0]
            return Layout(fields=fields, clock=clocks[0])
        closes = _CLOSES if self.kind == "bars" else ()
        zoned = {alias + "utc" for alias in _TIME}
        found = [(plain, name) for plain, name in self.plain if plain in {*_TIME, *zoned, *closes}]
        if len(found) > 1:
            listed = " and ".join(repr(name) for _, name in found)
            self._refuse(
                f"{listed} could both be 'time'.", f"Say which: columns={{'time': {found[0][1]!r}}}."
            )
        if found:
            plain, fields["time"] = found[0]
            is_close = plain in closes or "open_time" in fields
            return Layout(
                fields=fields, label="close" if is_close else None, tz="UTC" if plain in zoned else None
            )
        if "open_time" in fields:
            fields["time"] = fields.pop("open_time")
            return Layout(fields=fields, label="open")
        # A letter says little, and may be a ticker: it has to stand beside all else that is needed.
        letters = [name for plain, name in self.plain if plain == "t"]
        if len(letters) == 1 and all(field in fields for field in _REQUIRED[self.kind] if field != "time"):
            fields["time"] = letters[0]
        return Layout(fields=fields)

    def tickers(self, fields: Mapping[str, str]) -> tuple[str, ...]:
        """Columns of closes, one a ticker, if the source is of that form."""
        known = {alias for aliases in self.aliases.values() for alias in aliases if len(alias) > 1}
        time = fields.get("time", self.names[0])
        rest = [(plain, name) for plain, name in self.plain if name != time]
        if any(plain in known | _OTHER or not re.search("[a-z]", plain) for plain, _ in rest):
            return ()
        return tuple(name for _, name in rest)

    def require(self, fields: Mapping[str, str]) -> None:
        """Refuses a source without the columns that its kind needs."""
        missing = [field for field in _REQUIRED[self.kind] if field not in fields]
        partly = [field for field in ("open", "high", "low") if field not in fields]
        if self.kind == "bars" and 0 < len(partly) < 3:
            missing += partly
        if not missing:
            return
        example = ", ".join(f"{field!r}: …" for field in missing)
        remedy = f"{self._found()} Say which is which with columns={{{example}}}."
        if any(re.fullmatch(r"[-+\d.,: ]+", name) for name in self.names):
            remedy = f"{self._found()} It seems to have no header: name its columns with columns=[…]."
        listed = " and ".join(repr(field) for field in missing)
        self._refuse(f"no column for {listed} of {self.kind}.", remedy)

    def _found(self) -> str:
        return f"The columns are {', '.join(repr(name) for name in self.names)}."

    def _refuse(self, problem: str, remedy: str) -> None:
        raise DataError(problem, source=self.source, remedy=remedy)
