from collections.abc import Callable
import numpy as np
from numpy.typing import NDArray
def compute_features(
    specs: list[tuple[str, list[int], list[float], list[int], int | None, int | None]],
    wanted: list[int],
    callables: list[Callable[..., float]],
    instruments: list[tuple[str, str]],
    series: list[tuple[int, str, NDArray[np.int64], list[NDArray[np.float64]]]],
) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]: ...
