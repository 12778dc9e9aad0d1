"""What every service checks before its own rules: required members, enumerations, lengths and ranges of its model.

Codes: EC2 https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (MissingParameter, InvalidParameterValue,
DryRunOperation); the query services https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html (ValidationError).
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from .fault import Fault

Check = Callable[[Any, str], None]


def check(service: str, operation: Any, params: dict[str, Any]) -> None:
    """Refuses parameters that the operation's model refuses, and answers a dry run."""
    shape = operation.input_shape
    if shape is None:
        return
    checker = _checker(shape, service)
    if checker is not None:
        checker(params, "")
    if service == "ec2" and params.get("DryRun") is True and operation.name != "RunInstances":
        raise Fault("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)


def _missing(service: str, path: str) -> Fault:
    if service in ("ec2", "rds"):
        return Fault("MissingParameter", f"The request must contain the parameter {path}")
    name = path[:1].lower() + path[1:]
    code = "ValidationException" if service == "ssm" else "ValidationError"
    return Fault(code, f"1 validation error detected: Value null at '{name}' failed to satisfy constraint: "
                       "Member must not be null")  # fmt: skip


def _bad(service: str, path: str, value: Any, constraint: str) -> Fault:
    if service in ("ec2", "rds"):
        return Fault("InvalidParameterValue", f"Value ({value}) for parameter {path} is invalid. {constraint}.")
    name = path[:1].lower() + path[1:]
    code = "ValidationException" if service == "ssm" else "ValidationError"
    return Fault(
        code, f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {constraint}"
    )


@cache
def _checker(shape: Any, service: str, depth: int = 0) -> Check | None:
    if depth > 8:
        return None
    kind = shape.type_name
    if kind == "structure":
        required = tuple(shape.required_members)
        members: dict[str, Check] = {}
        for name, member in shape.members.items():
            found = _checker(member, service, depth + 1)
            if found is not None:
                members[name] = found
        if not required and not members:
            return None

        def structure(value: Any, path: str) -> None:
            for name in required:
                if name not in value:
                    raise _missing(service, path + name)
            for name, item in value.items():
                member = members.get(name)
                if member is not None:
                    member(item, path + name + ("." if isinstance(item, dict) else ""))

        return structure
    if kind == "list":
        item_check = _checker(shape.member, service, depth + 1)
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if item_check is None and least is None and most is None:
            return None

        def sequence(value: Any, path: str) -> None:
            if most is not None and len(value) > most:
                raise _bad(service, path, value, f"Member must have length less than or equal to {most}")
            if least is not None and len(value) < least:
                raise _bad(service, path, value, f"Member must have length greater than or equal to {least}")
            if item_check is not None:
                for index, item in enumerate(value):
                    item_check(item, f"{path}.{index + 1}" + ("." if isinstance(item, dict) else ""))

        return sequence
    if kind == "string":
        allowed = frozenset(getattr(shape, "enum", ()) or ())
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if not allowed and least is None and most is None:
            return None

        def text(value: Any, path: str) -> None:
            if allowed and value not in allowed:
                few = ", ".join(sorted(allowed)) if len(allowed) < 40 else "…"
                raise _bad(service, path, value, f"Member must satisfy enum value set: [{few}]")
            if most is not None and len(value) > most:
                raise _bad(service, path, value, f"Member must have length less than or equal to {most}")
            if least is not None and len(value) < least:
                raise _bad(service, path, value, f"Member must have length greater than or equal to {least}")

        return text
    if kind in ("integer", "long", "float", "double"):
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if least is None and most is None:
            return None

        def number(value: Any, path: str) -> None:
            if most is not None and value > most:
                raise _bad(service, path, value, f"Member must have value less than or equal to {most}")
            if least is not None and value < least:
                raise _bad(service, path, value, f"Member must have value greater than or equal to {least}")

        return number
    return None
