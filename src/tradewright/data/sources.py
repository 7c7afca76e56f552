"""Market data that comes with the installed packages: no network, no key, no file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tradewright.errors import DataError

if TYPE_CHECKING:
    from tradewright.core.series import Bars


def sp500() -> Bars:
    """The S&P 500 index: 5,031 daily bars from 1999-01-04 to 2018-12-31, as the ``arch`` package ships them.

    Prices are index points, stored as 32-bit floats and rounded here to the index's 0.01 (``price_shift_max``
    says by how much); sessions are those of the New York Stock Exchange, early closes included; the volume is
    that of the shares in the index. An index pays no dividends and has no splits: nothing is adjusted.
    """
    return _index_bars("sp500", "SPX")


def nasdaq() -> Bars:
    """The Nasdaq Composite index: daily bars from 1999-01-04 to 2018-12-31; otherwise like `sp500`."""
    return _index_bars("nasdaq", "IXIC")


def _index_bars(name: str, symbol: str) -> Bars:
    from tradewright.core.presets import index
    from tradewright.data.files import read_bars

    bars = read_bars(
        _shipped(name), symbol, instrument=index(symbol), drop_empty=True, time_format="%m/%d/%Y"
    )
    if isinstance(bars, list):
        raise DataError(
            "holds several symbols.", source=f"arch.data.{name}", remedy="Install arch 7.2 or later."
        )
    return bars


def _shipped(name: str) -> Path:
    """The file inside ``arch``, read directly: importing the package takes seconds, for its models."""
    from importlib.util import find_spec

    spec = find_spec("arch")
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    for folder in folders:
        path = Path(folder) / "data" / name / f"{name}.csv.gz"
        if path.is_file():
            return path
    raise DataError("is not installed.", source=f"arch.data.{name}", remedy="Install the package: arch>=7.2.")
