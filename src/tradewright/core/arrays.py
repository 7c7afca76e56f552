"""Arrays in memory as the columns of a series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from tradewright.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    FloatColumn: TypeAlias = NDArray[np.float64]
    TimeColumn: TypeAlias = NDArray[np.int64]


class ArrayColumns:
    """Checks shapes and types of the arrays of one series against its times."""

    def __init__(self, symbol: str, ts: ArrayLike) -> None:
        self._source = f"arrays of {symbol}"
        self._rows: int | None = None
        self.event_ns = self.times("ts", ts)

    def times(self, name: str, values: ArrayLike) -> TimeColumn:
        """A column of times: integers as they are, datetime64 as ns since the epoch."""
        import numpy as np

        array = np.asarray(values)
        if array.dtype.kind == "M":
            array = array.astype("datetime64[ns]", copy=False).view(np.int64)
        elif array.dtype.kind not in "iu" and array.size:
            self._refuse(
                name,
                f"times of type {array.dtype}.",
                "Give int64 nanoseconds since the epoch, or datetime64.",
            )
        return np.ascontiguousarray(self.shaped(name, array), dtype=np.int64)

    def floats(self, name: str, values: ArrayLike) -> FloatColumn:
        """A column of numbers as float64."""
        import numpy as np

        array = np.asarray(values)
        if array.dtype.kind not in "fiu" and array.size:
            self._refuse(name, f"values of type {array.dtype}.", "Give an array of float64.")
        return np.ascontiguousarray(self.shaped(name, array), dtype=np.float64)

    def shaped(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        """The array itself, if it has one dimension and as many values as there are times."""
        if array.ndim != 1:
            self._refuse(name, f"shape {array.shape}.", "Give a one-dimensional array.")
        if self._rows is None:
            self._rows = len(array)
        if len(array) != self._rows:
            self._refuse(
                name, f"{len(array):,} values beside {self._rows:,} times.", "Give one value a time."
            )
        return array

    def unknown(self) -> FloatColumn:
        """A column of NaN: it was not recorded."""
        import numpy as np

        return np.full(len(self.event_ns), np.nan)

    def _refuse(self, name: str, problem: str, remedy: str) -> None:
        raise DataError(problem, source=self._source, field=name, remedy=remedy)
