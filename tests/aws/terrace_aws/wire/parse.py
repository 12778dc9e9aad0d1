"""Reads a query or EC2-query request into the nested parameters its model describes.

Decides how a flat `Filter.1.Value.2=x` becomes `{"Filters": [{"Values": [..]}]}`; refuses to know what any operation
means. Closures are compiled once per shape, so a request costs one walk over the parameters it really carries.
Unknown parameters are refused, as the services do.
"""

import base64
from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.utils import parse_timestamp

from ..fault import Fault

Reader = Callable[[Any, str], Any]


def tree(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Splits dotted names into nested dicts: `A.1.B=x` becomes `{"A": {"1": {"B": "x"}}}`."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        if "." not in name:
            root[name] = value
            continue
        node = root
        parts = name.split(".")
        for part in parts[:-1]:
            below = node.get(part)
            if not isinstance(below, dict):
                below = node[part] = {}
            node = below
        node[parts[-1]] = value
    return root


def _input_name(shape: Any, member: str, ec2: bool) -> str:
    names = shape.serialization
    if ec2:
        if "queryName" in names:
            return names["queryName"]
        name = names.get("name")
        return name[0].upper() + name[1:] if name else member
    if shape.type_name == "list" and names.get("flattened"):
        # A flattened list is sent under its member's name when that has one.
        return shape.member.serialization.get("name") or names.get("name", member)
    return names.get("name", member)


def _bool(value: Any, path: str) -> bool:
    low = str(value).lower()
    if low not in ("true", "false"):
        raise Fault("InvalidParameterValue", f"Value ({value}) for parameter {path} is invalid. Invalid boolean value.")
    return low == "true"


def _int(value: Any, path: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise Fault("InvalidParameterValue", f"Value ({value}) for parameter {path} is invalid.") from None


def _time(value: Any, _path: str) -> Any:
    stamp = parse_timestamp(value)
    from datetime import UTC

    return stamp.astimezone(UTC).replace(tzinfo=None)


def _indexed(node: dict[str, Any]) -> list[Any]:
    return [node[key] for key in sorted(node, key=int)] if len(node) > 1 else list(node.values())


@cache
def reader(shape: Any, ec2: bool) -> Reader:
    """The function that reads one shape from its part of the parameter tree."""
    kind = shape.type_name
    if kind == "structure":
        table: dict[str, tuple[str, Any]] = {
            _input_name(member, name, ec2): (name, member) for name, member in shape.members.items()
        }
        readers: dict[str, tuple[str, Reader]] = {}

        def structure(node: Any, path: str) -> Any:
            if not isinstance(node, dict):
                return {}
            out = {}
            for key, value in node.items():
                found = readers.get(key)
                if found is None:
                    member = table.get(key)
                    if member is None:
                        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
                        raise Fault("UnknownParameter", f"The parameter {path}{key} is not recognized")
                    found = readers[key] = (member[0], reader(member[1], ec2))
                out[found[0]] = found[1](value, f"{path}{key}.")
            return out

        return structure
    if kind == "list":
        wrapper = (
            None if ec2 or shape.serialization.get("flattened") else shape.member.serialization.get("name", "member")
        )
        item: Reader | None = None

        def sequence(node: Any, path: str) -> Any:
            nonlocal item
            if not isinstance(node, dict):
                return []  # the query protocol sends an empty list as an empty string
            if wrapper is not None:
                node = node.get(wrapper, {})
                if not isinstance(node, dict):
                    return []
            item = item or reader(shape.member, ec2)
            return [item(value, path) for value in _indexed(node)]

        return sequence
    if kind == "map":
        flat = shape.serialization.get("flattened")
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")

        def mapping(node: Any, path: str) -> Any:
            if not isinstance(node, dict):
                return {}
            entries = node if flat else node.get("entry", {})
            value_reader = reader(shape.value, ec2)
            return {entry[key_name]: value_reader(entry.get(value_name), path) for entry in _indexed(entries)}

        return mapping
    if kind == "boolean":
        return _bool
    if kind in ("integer", "long"):
        return _int
    if kind in ("float", "double"):
        return lambda value, path: float(value)
    if kind == "timestamp":
        return _time
    if kind == "blob":
        return lambda value, path: base64.b64decode(value)
    return lambda value, path: value
