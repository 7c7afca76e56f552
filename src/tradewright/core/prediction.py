"""What a model says of one instrument, so that a policy or a feature can read it."""

from __future__ import annotations

import math

import msgspec


class ModelPrediction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One prediction, with the moment from which it may be used.

    Attributes:
        symbol: Instrument.
        model: Name and version of the model.
        ts_recv_ns: When the prediction was there, ns since the epoch, UTC; never the time that it speaks of.
        horizon_ns: How far ahead it looks.
        expected_return: Expected simple return over the horizon; NaN if the model does not say.
        probability: Probability of the event that the model predicts, in [0, 1]; NaN if it does not say.
        confidence: The model's own confidence in [0, 1]; NaN if it does not say.
    """

    symbol: str
    model: str
    ts_recv_ns: int
    horizon_ns: int
    expected_return: float = math.nan
    probability: float = math.nan
    confidence: float = math.nan

    def __post_init__(self) -> None:
        if self.horizon_ns <= 0:
            raise ValueError(
                f"{self.symbol}: horizon_ns is {self.horizon_ns}; a prediction looks ahead, so it is positive"
            )
        for name, value in (("probability", self.probability), ("confidence", self.confidence)):
            if not math.isnan(value) and not 0.0 <= value <= 1.0:
                raise ValueError(f"{self.symbol}: {name} is {value}; it lies in [0, 1]")
        if math.isinf(self.expected_return):
            raise ValueError(f"{self.symbol}: expected_return is infinite")
