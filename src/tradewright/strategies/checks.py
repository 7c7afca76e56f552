"""Parameters of a policy in the ranges that their types name, also where Python made them."""

from __future__ import annotations

import dataclasses
import typing
from numbers import Integral, Real
from typing import Any

import msgspec


def check_fields(policy: Any, kind: type[Any]) -> None:
    """Refuses a value that a configuration could not give either.

    Args:
        policy: What was constructed.
        kind: The dataclass that has the fields; a subclass of yours checks its own.

    Raises:
        ValueError: Naming field, value and range. No number is in no range.
    """
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        value: Any = getattr(policy, field.name)
        plain: Any = value
        if not isinstance(value, bool) and isinstance(value, Real):  # NumPy's numbers are numbers
            plain = int(value) if isinstance(value, Integral) else float(value)
            if plain != plain:
                raise ValueError(f"{field.name} = {value!r} is no number.")
        try:
            msgspec.convert(plain, hints[field.name])
        except msgspec.ValidationError as error:
            wanted = str(error).partition(" - at")[0].replace("`", "")
            raise ValueError(f"{field.name} = {value!r} is not possible. {wanted}.") from None
