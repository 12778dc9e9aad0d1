"""Reads that lag behind writes: for `stale` scaled seconds a changed EC2 or IAM resource is still described as it was.

https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html: "the result of an API command you run that affects
your resources might not be immediately visible to all subsequent commands". Creates are `lag.py`'s. What is deleted stays listed
for as long, as a ghost: it is described as it was, and every call that uses it says that it does not exist.
"""

import copy
from typing import Any

from .call import Call, perform
from .kinds import KINDS, Kind
from .lag import is_of, lists, strings

_READS = ("Describe", "List", "Get", "Search", "Simulate")
Rows = dict[tuple[str, str, str], dict[str, Any]]
_LISTS = {(kind.service, action): (kind, path, member) for kind in KINDS for action, path, member in kind.lists}


def before(call: Call) -> Rows:
    """The rows of what the call is about to change."""
    if call.account.settings.stale <= 0 or call.service not in ("ec2", "iam") or call.action.startswith(_READS):
        return {}
    named = {part for text in strings(call.params) for part in text.split(",")}
    rows: Rows = {}
    for kind in KINDS:
        if kind.service != call.service:
            continue
        wanted = _named(kind, call, named)
        if wanted:
            rows |= _rows(call, kind, wanted)
    return rows


def _named(kind: Kind, call: Call, named: set[str]) -> set[str]:
    if kind.lookups:
        return {call.params[lookup] for lookup in kind.lookups if isinstance(call.params.get(lookup), str)}
    return {text for text in named if is_of(kind, text)}


def _rows(call: Call, kind: Kind, wanted: set[str]) -> Rows:
    found: Rows = {}
    for action, path, member in kind.lists:
        params = {"Filter": ["Role"]} if action == "GetAccountAuthorizationDetails" else {}
        result = perform(Call(call.account, call.service, call.region, action, None, params))
        for items in lists(result, path.split(".")):
            for item in items:
                if item.get(member) in wanted:
                    found[(call.region, action, item[member])] = copy.deepcopy(item)
    return found


#: Deletes that leave a ghost, with the kind they delete.
_DELETES = {
    "DeleteVpc": "vpc",
    "DeleteSubnet": "subnet",
    "DeleteInternetGateway": "internet-gateway",
    "ReleaseAddress": "elastic-ip",
    "DeleteRouteTable": "route-table",
    "DeleteSecurityGroup": "security-group",
}


def ghosts(call: Call, kind: str) -> dict[str, dict[str, Any]]:
    """What is deleted but still listed, by id."""
    held = call.account.ghosts.get((call.region, kind))
    if not held:
        return {}
    oldest = call.account.now() - call.account.settings.stale
    return {name: copy.deepcopy(row) for name, (row, gone) in held.items() if gone > oldest}


def after(call: Call, rows: Rows) -> None:
    """The call has succeeded: what it changed is stale from now on, unless it is already."""
    now = call.account.now()
    deleted = _DELETES.get(call.action)
    if deleted is not None:
        listed = next(kind.lists[0][0] for kind in KINDS if kind.name == deleted)
        for (region, action, name), row in rows.items():
            if action == listed:
                call.account.ghosts.setdefault((region, deleted), {})[name] = (row, now)
        return
    for key, row in rows.items():
        known = call.account.stale.get(key)
        if known is None or now >= known[1] + call.account.settings.stale:
            call.account.stale[key] = (row, now)


def apply(call: Call, result: dict[str, Any]) -> None:
    """Puts the old rows into what the call lists."""
    held = call.account.stale
    listed = _LISTS.get((call.service, call.action))
    if not held or listed is None:
        return
    _, path, member = listed
    oldest = call.account.now() - call.account.settings.stale
    for items in lists(result, path.split(".")):
        for index, item in enumerate(items):
            known = held.get((call.region, call.action, item.get(member)))
            if known is not None and known[1] > oldest:
                items[index] = known[0]
