"""Writes plain data as the XML or JSON that the output model describes.

Decides element names and scalar formats; refuses to know where the data came from.
"""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.utils import parse_to_aware_datetime

Writer = Callable[[Any, list[str]], None]


def escape(text: str) -> str:
    """Text as it may stand between two XML tags."""
    if "&" in text or "<" in text or ">" in text:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\r", "&#xD;") if "\r" in text else text


def instant(value: Any) -> str:
    """A time in the ISO 8601 form of the query protocols."""
    if isinstance(value, str) and value.endswith("Z") and "T" in value:
        return value
    if isinstance(value, (int, float)):
        value = datetime.fromtimestamp(value, UTC)
    if not isinstance(value, datetime):
        value = parse_to_aware_datetime(value)
    return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"


def _scalar(kind: str) -> Callable[[Any], str]:
    if kind == "boolean":
        return lambda value: "true" if value else "false"
    if kind == "timestamp":
        return instant
    if kind == "blob":
        return lambda value: base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
    if kind in ("float", "double"):
        return lambda value: repr(float(value))
    return lambda value: escape(value if isinstance(value, str) else str(value))


@cache
def inner(shape: Any) -> Writer:
    """The function that appends the content of one element of this shape."""
    kind = shape.type_name
    if kind == "structure":
        members: dict[str, Writer] = {}

        def structure(value: Any, out: list[str]) -> None:
            for name, item in value.items():
                if item is None:
                    continue
                write = members.get(name)
                if write is None:
                    member = shape.members.get(name)
                    if member is None:
                        raise KeyError(f"{shape.name} has no member {name}")
                    write = members[name] = element(member, member.serialization.get("name", name))
                write(item, out)

        return structure
    if kind == "list":
        item_name = shape.member.serialization.get("name", "member")
        item: list[Writer] = []

        def sequence(value: Any, out: list[str]) -> None:
            if not item:
                item.append(element(shape.member, item_name))
            for each in value:
                item[0](each, out)

        return sequence
    if kind == "map":
        key_tag = shape.key.serialization.get("name", "key")
        value_tag = shape.value.serialization.get("name", "value")

        def mapping(value: Any, out: list[str]) -> None:
            value_writer = element(shape.value, value_tag)
            for key, each in value.items():
                if not shape.serialization.get("flattened"):
                    out.append("<entry>")
                out.append(f"<{key_tag}>{escape(str(key))}</{key_tag}>")
                value_writer(each, out)
                if not shape.serialization.get("flattened"):
                    out.append("</entry>")

        return mapping
    scalar = _scalar(kind)
    return lambda value, out: out.append(scalar(value))


def element(shape: Any, tag: str) -> Writer:
    """The function that appends one whole element."""
    if shape.type_name == "list" and shape.serialization.get("flattened"):
        flat_tag = shape.member.serialization.get("name", tag)
        item = element(shape.member, flat_tag)

        def flattened(value: Any, out: list[str]) -> None:
            for each in value:
                item(each, out)

        return flattened
    opening, closing = f"<{tag}>", f"</{tag}>"
    if shape.type_name in ("structure", "list", "map"):
        write = inner(shape)

        def nested(value: Any, out: list[str]) -> None:
            out.append(opening)
            write(value, out)
            out.append(closing)

        return nested
    scalar = _scalar(shape.type_name)
    return lambda value, out: out.append(f"{opening}{scalar(value)}{closing}")


def xml_reply(operation: Any, protocol: str, result: dict[str, Any] | None, request: str) -> bytes:
    """A successful reply of the `query` or `ec2` protocol."""
    model = operation.service_model
    name = operation.name
    output = operation.output_shape
    out = [f'<{name}Response xmlns="{model.metadata.get("xmlNamespace", _NAMESPACE_EC2)}">']
    if protocol == "ec2":
        out.append(f"<requestId>{request}</requestId>")
        if output is not None and result:
            inner(output)(result, out)
    else:
        if output is not None:
            wrapper = output.serialization.get("resultWrapper", f"{name}Result")
            out.append(f"<{wrapper}>")
            inner(output)(result or {}, out)
            out.append(f"</{wrapper}>")
        out.append(f"<ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata>")
    out.append(f"</{name}Response>")
    return "".join(out).encode()


def xml_error(protocol: str, code: str, message: str, status: int, request: str) -> bytes:
    """An error reply of the `query` or `ec2` protocol."""
    if protocol == "ec2":
        return (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
            f"<RequestID>{request}</RequestID></Response>"
        ).encode()
    fault = "Receiver" if status >= 500 else "Sender"
    return (
        f"<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        f"<RequestId>{request}</RequestId></ErrorResponse>"
    ).encode()


def plain_json(shape: Any, value: Any, instant_of: Callable[[float], Any] = float) -> Any:
    """The same data for the JSON and CBOR protocols; `instant_of` writes a time given as epoch seconds."""
    kind = shape.type_name
    if kind == "structure":
        return {
            name: plain_json(shape.members[name], item, instant_of) for name, item in value.items() if item is not None
        }
    if kind == "list":
        return [plain_json(shape.member, item, instant_of) for item in value]
    if kind == "map":
        return {key: plain_json(shape.value, item, instant_of) for key, item in value.items()}
    if kind == "timestamp":
        return instant_of(value if isinstance(value, (int, float)) else parse_to_aware_datetime(value).timestamp())
    if kind == "blob":
        return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
    return value


_NAMESPACE_EC2 = "http://ec2.amazonaws.com/doc/2016-11-15/"
