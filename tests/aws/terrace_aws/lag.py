"""Eventual consistency: for `lag` scaled seconds a new resource is neither listed nor found by its id.

https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html. Natural keys still conflict while the resource is
unseen, because a create is checked where the resource was made. A test may also hide a resource for as long as it likes.
"""

from collections.abc import Iterator
from typing import Any

from .account import Account
from .call import Call
from .fault import Fault
from .kinds import KINDS, Kind

_CREATES = {(kind.service, action): (kind, path) for kind in KINDS for action, path in kind.creates}
_LISTS = {(kind.service, action): (kind, path, member) for kind in KINDS for action, path, member in kind.lists}


def _key(kind: Kind, name: str) -> str:
    return f"{kind.name}/{name}" if kind.lookups else name


def unseen(account: Account) -> set[str]:
    """The keys that the account does not see at this moment."""
    if account.births:
        oldest = account.now() - account.settings.lag
        for key in [key for key, born in account.births.items() if born <= oldest]:
            del account.births[key]
    return account.births.keys() | account.hidden


def check(call: Call) -> None:
    """Refuses a call that names a resource which is not seen yet."""
    account = call.account
    if not account.births and not account.hidden:
        return
    hidden = unseen(account)
    if not hidden:
        return
    named = {part for text in strings(call.params) for part in text.split(",")}
    for kind in KINDS:
        if kind.lookups:
            if kind.service != call.service or any(action == call.action for action, _ in kind.creates):
                continue
            for lookup in kind.lookups:
                name = call.params.get(lookup)
                if isinstance(name, str) and f"{kind.name}/{name}" in hidden:
                    raise Fault(kind.missing[0], kind.missing[1].format(name))
            # RDS names a resource to tag by its ARN.
            tail = str(call.params.get("ResourceName", "")).rpartition(":")[2]
            if f"{kind.name}/{tail}" in hidden and _RDS_ARNS.get(kind.name, "?") in call.params["ResourceName"]:
                raise Fault(kind.missing[0], kind.missing[1].format(tail))
            continue
        for text in named & hidden:
            if is_of(kind, text) and not _is_filter(call, text):
                code = kind.missing[0] if kind.service == call.service else _foreign(call.service, kind)
                code = _IN_CALL.get((call.action, kind.name), code)
                raise Fault(code, kind.missing[1].format(text))


def _foreign(service: str, kind: Kind) -> str:
    """The code for a missing resource of another service."""
    fallback = {"rds": "InvalidParameterValue"}.get(service, "ValidationError")
    return _FOREIGN.get((service, kind.name), fallback)


_FOREIGN = {
    ("elasticloadbalancing", "subnet"): "SubnetNotFound",
    ("elasticloadbalancing", "security-group"): "InvalidSecurityGroup",
    ("rds", "subnet"): "InvalidSubnet",
}
#: Codes that differ from the kind's own in one operation.
_IN_CALL = {
    ("CreateRoute", "nat-gateway"): "InvalidNatGatewayID.NotFound",
    ("ReplaceRoute", "nat-gateway"): "InvalidNatGatewayID.NotFound",
}
_RDS_ARNS = {
    "db-subnet-group": ":subgrp:",
    "db-parameter-group": ":pg:",
    "db-instance": ":db:",
    "db-snapshot": ":snapshot:",
}


_PREFIXES = {
    "vpc": "vpc-", "subnet": "subnet-", "internet-gateway": "igw-", "elastic-ip": "eipalloc-", "nat-gateway": "nat-",
    "route-table": "rtb-", "security-group": "sg-", "vpc-endpoint": "vpce-", "launch-template": "lt-",
    "network-interface": "eni-", "instance": "i-", "volume": "vol-",
}  # fmt: skip
_ARNS = {
    "target-group": ":targetgroup/",
    "load-balancer": ":loadbalancer/",
    "listener": ":listener/",
    "rule": ":listener-rule/",
}


def is_of(kind: Kind, text: str) -> bool:
    """Whether this id is one of this kind's."""
    if kind.name in _ARNS:
        return _ARNS[kind.name] in text
    return text.startswith(_PREFIXES[kind.name])


def _is_filter(call: Call, text: str) -> bool:
    """Naming an unseen id in a filter finds nothing, but is no error."""
    return any(text in item.get("Values", ()) for item in call.params.get("Filters") or () if isinstance(item, dict))


def strings(value: Any) -> Iterator[str]:
    """Every string in the parameters."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from strings(item)


def apply(call: Call, result: dict[str, Any]) -> None:
    """Notes what the call made, and takes what is not seen yet out of what it lists."""
    account = call.account
    if account.settings.lag > 0 and not call.replayed:
        made = _CREATES.get((call.service, call.action))
        if made is not None:
            kind, path = made
            name = _at(result, path) if path else call.params.get(kind.lookups[0])
            if name:
                account.births.setdefault(_key(kind, name), account.now())
    if not account.births and not account.hidden:
        return
    hidden = unseen(account)
    also = _ALSO.get(call.action) if call.service == "ec2" else None
    if also is not None:
        result[also[0]] = [row for row in result[also[0]] if row.get(also[1]) not in hidden]
        return
    listed = _LISTS.get((call.service, call.action))
    if listed is None:
        return
    kind, path, member = listed
    dropped = ""
    left = 0
    for items in lists(result, path.split(".")):
        seen = []
        for item in items:
            if _key(kind, item.get(member, "")) in hidden:
                dropped = item[member]
            else:
                seen.append(item)
        items[:] = seen
        left += len(seen)
    if "Reservations" in result:
        result["Reservations"] = [item for item in result["Reservations"] if item.get("Instances")]
    if dropped and not left and kind.describe_fails and _names_one(call):
        if call.params.get("LaunchTemplateNames"):
            raise Fault("InvalidLaunchTemplateName.NotFoundException",
                        "At least one of the launch templates specified in the request does not exist.")  # fmt: skip
        raise Fault(kind.missing[0], kind.missing[1].format(dropped))


#: Lists of parts of a resource, which are unseen with it: the list and the member that names the resource.
_ALSO = {
    "DescribeTags": ("Tags", "ResourceId"),
    "DescribeSecurityGroupRules": ("SecurityGroupRules", "GroupId"),
    "DescribeLaunchTemplateVersions": ("LaunchTemplateVersions", "LaunchTemplateId"),
}


def _names_one(call: Call) -> bool:
    return any(
        value
        and name
        not in ("Filters", "MaxResults", "MaxRecords", "PageSize", "Marker", "NextToken", "PathPrefix", "Scope")
        for name, value in call.params.items()
    )


def _at(data: Any, path: str) -> Any:
    for part in path.split("."):
        try:
            data = data[int(part)] if part.isdigit() else data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def lists(data: Any, path: list[str]) -> Iterator[list[Any]]:
    """The lists of a result that a path with `*` leads to."""
    if not path:
        if isinstance(data, list):
            yield data
        return
    if path[0] == "*":
        for item in data:
            yield from lists(item, path[1:])
    elif isinstance(data, dict) and path[0] in data:
        yield from lists(data[path[0]], path[1:])


def pause(account: Account) -> tuple[Any, ...]:
    """Makes all there is visible, and nothing else, for the server's own look (the inventory); give the result to `resume`."""
    kept = (account.births, account.hidden, account.ghosts, account.stale)
    account.births, account.hidden, account.ghosts, account.stale = {}, set(), {}, {}
    return kept


def resume(account: Account, kept: tuple[Any, ...]) -> None:
    """Puts back what `pause` took."""
    account.births, account.hidden, account.ghosts, account.stale = kept
