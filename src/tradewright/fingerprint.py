"""What identifies a policy as the one that was tested: code, parameters, limits, our minor version."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tradewright.core.limits import Risk

if TYPE_CHECKING:
    from collections.abc import Sequence

UNAVAILABLE = "source unavailable"
"""Stands for the code of a policy typed into a prompt: such a policy has no reproducible fingerprint."""


def fingerprint(policies: Sequence[object], risk: Risk | None = None) -> str:
    """SHA-256 in hexadecimal over each policy's module source and parameters, the limits, our minor version.

    Comments in the module count: code that was not read again is not the code that passed. The order of the
    policies counts too, as it decides who comes first in a step.

    Args:
        policies: The policies, in the order of the run.
        risk: The limits; ``None`` is the same as `Risk()`.
    """
    digest = hashlib.sha256()
    parts = [
        {"use": name_of(policy), "source": source_of(type(policy)), "parameters": parameters_of(policy)}
        for policy in policies
    ]
    stated = {"version": minor_version(), "policies": parts, "risk": risk or Risk()}
    digest.update(msgspec.json.encode(stated, order="sorted"))
    return digest.hexdigest()


def name_of(policy: object) -> str:
    """``package.module:Class``, as a configuration would say it."""
    kind = type(policy)
    return f"{kind.__module__}:{kind.__qualname__}"


def source_of(kind: type) -> str:
    """Text of the module that defines a class; of the class alone in a notebook."""
    module = sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None)
    if file is not None and Path(file).suffix == ".py":
        return Path(file).read_text(encoding="utf-8")
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        return UNAVAILABLE


def parameters_of(policy: object) -> dict[str, object]:
    """A policy's parameters: the fields that its constructor takes, as plain values.

    A value that has no plain form (a model, a function) is stated by its name or type.
    """
    if not dataclasses.is_dataclass(policy):
        return {}
    fields = [field for field in dataclasses.fields(policy) if field.init]
    return {
        field.name: msgspec.to_builtins(
            getattr(policy, field.name), str_keys=True, order="sorted", enc_hook=_stated
        )
        for field in fields
    }


@functools.cache
def minor_version() -> str:
    """``"0.1"`` of ``"0.1.3"``."""
    return ".".join(metadata.version("tradewright").split(".")[:2])


def _stated(value: object) -> str:
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{getattr(named, '__module__', '')}:{getattr(named, '__qualname__', '')}"
