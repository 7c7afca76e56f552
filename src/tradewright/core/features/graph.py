"""The graph as the native core takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tradewright.errors import UnknownSymbolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tradewright.core.features.node import Node

NodeSpec: TypeAlias = "tuple[str, list[int], list[float], list[int], int | None, int | None]"
"""One node for the core: operation, inputs, numbers, integers, symbol id, index of its callable."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A graph as the core takes it.

    Attributes:
        specs: Nodes, each after its inputs.
        ids: Index of each node in ``specs``.
        callables: Python functions that ``specs`` refer to: of floats for ``apply``, of arrays for ``expr``.
    """

    specs: list[NodeSpec]
    ids: Mapping[Node, int]
    callables: list[Callable[..., float]]


def compile(nodes: Iterable[Node], symbols: Mapping[str, int]) -> Compiled:  # noqa: A001 - as re.compile
    """Flattens nodes into the list that the core builds its graph from; equal nodes become one.

    Args:
        nodes: What is watched and what wakes.
        symbols: Id of each instrument of the run.

    Raises:
        UnknownSymbolError: a source of an instrument that is not in ``symbols``.
    """
    specs: list[NodeSpec] = []
    ids: dict[Node, int] = {}
    callables: list[Callable[..., float]] = []
    for root in nodes:
        stack = [root]
        while stack:
            node = stack[-1]
            if node in ids:
                stack.pop()
                continue
            missing = [x for x in node.inputs if x not in ids]
            if missing:
                stack.extend(reversed(missing))
                continue
            stack.pop()
            if node.symbol is not None and node.symbol not in symbols:
                raise UnknownSymbolError(node.symbol, list(symbols))
            symbol = None if node.symbol is None else symbols[node.symbol]
            index = None
            if node.function is not None:
                index = len(callables)
                callables.append(node.function)
            ids[node] = len(specs)
            specs.append(
                (node.op, [ids[x] for x in node.inputs], list(node.numbers), list(node.ints), symbol, index)
            )
    return Compiled(specs, ids, callables)
