"""Plain values into typed ones by msgspec, with errors that name the field and the nearest valid name."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

import msgspec
from msgspec import inspect

from tradewright.errors import ConfigError

T = TypeVar("T")

_MESSAGE = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_SEGMENT = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+|\.\.\.)\]")
_FIELD = re.compile(r"^Object (?P<problem>contains unknown|missing required) field `(?P<name>.*)`$")
_INVALID = re.compile(r"^Invalid (?:enum )?value .*$")


def convert(raw: object, kind: type[T], *, source: str = "", path: str = "") -> T:
    """Converts plain values (as decoded from TOML) to ``kind``.

    Args:
        raw: Dictionaries, lists, numbers, texts, dates.
        kind: What to make of them: a struct, a dataclass, or any type msgspec knows.
        source: Named in the error, such as ``maker.toml``.
        path: Where ``raw`` stands in the source, such as ``policies[0]``.

    Raises:
        ConfigError: with the field's path and the nearest valid name or the valid values.
    """
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise explain(error, raw, kind, source=source, path=path) from None
    except TypeError as error:  # msgspec refuses the type itself, not the value
        raise ConfigError(
            f"{kind.__name__} cannot be read from text: {error}.", source=source, path=path
        ) from error


def explain(
    error: msgspec.ValidationError, raw: object, kind: object, *, source: str = "", path: str = ""
) -> ConfigError:
    """Says what msgspec found, in terms of the source: path, value, nearest valid name."""
    match = _MESSAGE.match(str(error))
    what, steps = (match["what"], match["path"] or "") if match else (str(error), "")
    here, value, node = _walk(raw, kind, steps, path, message=str(error))
    if field := _FIELD.match(what):
        name = field["name"]
        valid = _field_names(node, value)
        if field["problem"] == "contains unknown":
            return ConfigError(
                "unknown field.", source=source, path=_join(here, name), remedy=nearest(name, valid)
            )
        return ConfigError("is missing.", source=source, path=_join(here, name), remedy="It has no default.")
    if _INVALID.match(what):
        valid = _valid_values(node)
        return ConfigError(
            f"{value!r} is not possible.", source=source, path=here, remedy=nearest(str(value), valid)
        )
    if what.startswith("Expected"):
        # TOML has tables where msgspec has objects, and strings where it has str.
        words = re.sub(r"\bobject\b", "a table", what.replace("`", ""))
        return ConfigError(f"{value!r} is not possible.", source=source, path=here, remedy=words + ".")
    # A __post_init__ of ours: "field: what is wrong. What would be right."
    name, colon, rest = what.partition(": ")
    if colon and name in _field_names(node, value):
        return ConfigError(rest, source=source, path=_join(here, name))
    return ConfigError(what, source=source, path=here)


def nearest(name: str, valid: Iterable[str]) -> str:
    """``Did you mean 'x'?`` where something is near, else what there is."""
    names = list(valid)
    near = difflib.get_close_matches(name.lower(), [option.lower() for option in names], n=1, cutoff=0.6)
    if near:
        found = next(option for option in names if option.lower() == near[0])
        return f"Did you mean {found!r}?"
    if not names:
        return "Nothing is expected here."
    return f"Valid: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}."


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _walk(raw: object, kind: object, steps: str, path: str, message: str) -> tuple[str, object, inspect.Type]:
    """Follows msgspec's path through the values and the types at once."""
    node: inspect.Type = inspect.type_info(kind)
    root = value = copy.deepcopy(raw)
    for segment in _SEGMENT.finditer(steps):
        owner, node = node, _choose(node, value)
        name, index = segment["name"], segment["index"]
        if name is not None:
            found = next((field for field in _fields(node) if field.encode_name == name), None)
            # The tag of a union is no field of its variants: what is valid there is the union's own.
            node = found.type if found is not None else owner
            path, value = _join(path, name), _get(value, name)
        elif index != "...":
            rows = cast("Sequence[object]", value)
            node = getattr(node, "item_type", inspect.AnyType())
            path, value = f"{path}[{index}]", rows[int(index)]
        else:
            node = getattr(node, "value_type", inspect.AnyType())
            table = cast("dict[str, object]", value)
            key = _culprit(root, kind, table, message)
            path, value = _join(path, key), table[key]
    return path, value, _choose(node, value)


def _culprit(root: object, kind: Any, table: dict[str, object], message: str) -> str:
    """The key of a table's refused entry; msgspec says ``[...]`` for any. The table is left with it alone."""
    entries = dict(table)
    for key, value in entries.items():
        table.clear()
        table[key] = value
        try:
            msgspec.convert(root, kind)
        except msgspec.ValidationError as error:
            if str(error) == message:
                break
    return next(iter(table))


def _get(value: object, name: str) -> object:
    return cast("Mapping[str, object]", value).get(name) if isinstance(value, Mapping) else None


def _choose(node: inspect.Type, value: object) -> inspect.Type:
    """The variant of a union that the value's tag names, or the only one with fields."""
    if not isinstance(node, inspect.UnionType):
        return node
    records = [option for option in node.types if isinstance(option, inspect.StructType)]
    if isinstance(value, Mapping):
        table = cast("Mapping[str, object]", value)
        for option in records:
            if option.tag_field is not None and table.get(option.tag_field) == option.tag:
                return option
        if len(records) == 1:
            return records[0]
    return node


def _fields(node: inspect.Type) -> Sequence[inspect.Field]:
    return node.fields if isinstance(node, inspect.StructType | inspect.DataclassType) else ()


def _field_names(node: inspect.Type, value: object) -> list[str]:
    return [field.encode_name for field in _fields(_choose(node, value))]


def _valid_values(node: inspect.Type) -> list[str]:
    if isinstance(node, inspect.LiteralType):
        return [str(option) for option in node.values]
    if isinstance(node, inspect.EnumType):
        return [str(option.value) for option in cast("Iterable[Any]", node.cls)]
    if isinstance(node, inspect.UnionType):
        found: list[str] = []
        for option in node.types:
            if isinstance(option, inspect.StructType) and option.tag is not None:
                found.append(str(option.tag))
            else:
                found += _valid_values(option)
        return found
    if isinstance(node, inspect.StructType) and node.tag is not None:
        return [str(node.tag)]
    return []
