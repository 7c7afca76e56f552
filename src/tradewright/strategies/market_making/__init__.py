"""Market makers, one file each. `quoting` holds their formulas.

They run on quotes and trades, where the simulated venue has no queue and a resting order fills once the
market crosses it, and on books, where it has one. None of them is a claim that anything will be earned. A
maker is paid by those who trade for reasons of their own and pays those who know more; which of
them a market has more of decides.
"""

from __future__ import annotations

from tradewright.strategies.market_making.adaptive_spread import AdaptiveSpreadMaker
from tradewright.strategies.market_making.avellaneda_stoikov import AvellanedaStoikovMaker
from tradewright.strategies.market_making.binary_event import BinaryEventMaker
from tradewright.strategies.market_making.gueant_lehalle import GueantLehalleMaker
from tradewright.strategies.market_making.inventory_skew import InventorySkewMaker
from tradewright.strategies.market_making.queue_aware import QueueAwareMaker
from tradewright.strategies.market_making.regime_switching import RegimeMaker, Stance
from tradewright.strategies.market_making.symmetric import SymmetricMaker

__all__ = [
    "AdaptiveSpreadMaker",
    "AvellanedaStoikovMaker",
    "BinaryEventMaker",
    "GueantLehalleMaker",
    "InventorySkewMaker",
    "QueueAwareMaker",
    "RegimeMaker",
    "Stance",
    "SymmetricMaker",
]
