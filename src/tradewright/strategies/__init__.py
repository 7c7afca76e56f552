"""Policies that ship with tradewright, written on its public API alone."""

from __future__ import annotations

from tradewright.strategies.cointegration import EngleGranger, engle_granger
from tradewright.strategies.market_making import (
    AdaptiveSpreadMaker,
    AvellanedaStoikovMaker,
    BinaryEventMaker,
    GueantLehalleMaker,
    InventorySkewMaker,
    QueueAwareMaker,
    RegimeMaker,
    Stance,
    SymmetricMaker,
)
from tradewright.strategies.momentum import Momentum
from tradewright.strategies.pairs import Pairs
from tradewright.strategies.selection import CandidatePair, PairSelection, select_pairs

__all__ = [
    "AdaptiveSpreadMaker",
    "AvellanedaStoikovMaker",
    "BinaryEventMaker",
    "CandidatePair",
    "EngleGranger",
    "GueantLehalleMaker",
    "InventorySkewMaker",
    "Momentum",
    "PairSelection",
    "Pairs",
    "QueueAwareMaker",
    "RegimeMaker",
    "Stance",
    "SymmetricMaker",
    "engle_granger",
    "select_pairs",
]
