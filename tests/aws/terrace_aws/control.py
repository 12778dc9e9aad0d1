"""The control endpoint, `/_terrace/…`: what a test sets and asks, in JSON. `account` is a query parameter or body member.

POST settings, reset, advance, fail, hide, show, health, maintenance, forget-calls · GET settings, calls, inventory, ping
"""

import json
from typing import Any
from urllib.parse import parse_qsl

from . import inventory
from .account import Account, Accounts
from .bridge import backend
from .fault import Fault

Answer = tuple[int, dict[str, Any]]


def answer(accounts: Accounts, method: str, target: str, body: bytes) -> Answer:
    """Status and data for one request to the control endpoint."""
    path, _, query = target.partition("?")
    name = path.removeprefix("/_terrace/").strip("/")
    try:
        values: dict[str, Any] = dict(parse_qsl(query))
        if body:
            values |= json.loads(body)
        if name == "ping":
            return 200, {"ok": True}
        if name == "reset" and "account" not in values:
            for account in accounts.all():
                account.reset()
            return 200, {"ok": True}
        account = accounts[str(values.pop("account", "123456789012"))]
        handler = _HANDLERS.get((method, name))
        if handler is None:
            return 404, {"error": f"no {method} {path} here", "known": sorted(f"{m} {n}" for m, n in _HANDLERS)}
        return 200, handler(account, values)
    except (ValueError, KeyError, TypeError) as error:
        return 400, {"error": str(error)}
    except Fault as fault:
        return 400, {"error": f"{fault.code}: {fault.message}"}


def _settings(account: Account, values: dict[str, Any]) -> dict[str, Any]:
    account.change_settings(values)
    return vars(account.settings)


def _show_settings(account: Account, _values: dict[str, Any]) -> dict[str, Any]:
    return vars(account.settings)


def _reset(account: Account, values: dict[str, Any]) -> dict[str, Any]:
    account.reset()
    # Making EC2's backend costs some 30 ms (default VPC, images): better here than in the next call.
    backend("ec2", account.name, str(values.get("region", "us-east-1")))
    backend("iam", account.name, "us-east-1")
    return {"ok": True}


def _calls(account: Account, values: dict[str, Any]) -> dict[str, Any]:
    since = int(values.get("since", 0))
    out: dict[str, Any] = {"total": sum(account.counts.values()), "counts": dict(sorted(account.counts.items()))}
    if values.get("log", "true") in (True, "true", "1"):
        out["log"] = [
            {"at": round(at, 3), "call": call, "outcome": outcome} for at, call, outcome in list(account.log)[since:]
        ]
    return out


def _forget_calls(account: Account, _values: dict[str, Any]) -> dict[str, Any]:
    account.counts.clear()
    account.log.clear()
    return {"ok": True}


def _inventory(account: Account, values: dict[str, Any]) -> dict[str, Any]:
    return inventory.take(account) if values.get("full") else inventory.flat(account)


def _advance(account: Account, values: dict[str, Any]) -> dict[str, Any]:
    account.advance(float(values["seconds"]))
    return {"now": account.now()}


def _fail(account: Account, values: dict[str, Any]) -> dict[str, Any]:
    account.failures.append({
        "action": values["action"],
        "code": values.get("code", "InternalFailure"),
        "message": values.get("message", "injected by the test"),
        "status": values.get("status"),
        "times": int(values.get("times", 1)),
    })  # fmt: skip
    return {"ok": True}


def _hide(account: Account, values: dict[str, Any]) -> dict[str, Any]:
    account.hidden |= set(values["ids"])
    return {"hidden": sorted(account.hidden)}


def _show(account: Account, values: dict[str, Any]) -> dict[str, Any]:
    account.hidden -= set(values.get("ids", account.hidden))
    return {"hidden": sorted(account.hidden)}


def _health(account: Account, values: dict[str, Any]) -> dict[str, Any]:
    """Marks instances healthy or unhealthy for their target groups: `{"ids": [...], "healthy": false}`.

    An id `lt-…:2` is a version of a launch template: refreshes to it fail.
    """
    table = account.table("unhealthy")
    for name in values["ids"]:
        if values.get("healthy", False):
            table.pop(name, None)
        else:
            table[name] = True
    return {"unhealthy": sorted(table)}


def _maintenance(account: Account, values: dict[str, Any]) -> dict[str, Any]:
    """The databases' maintenance window comes: pending changes are applied."""
    from .call import Call
    from .rules.rds_modify import maintain

    maintain(Call(account, "rds", str(values.get("region", "us-east-1")), "", None, {}))
    return {"ok": True}


_HANDLERS = {
    ("POST", "settings"): _settings,
    ("GET", "settings"): _show_settings,
    ("POST", "reset"): _reset,
    ("GET", "calls"): _calls,
    ("POST", "forget-calls"): _forget_calls,
    ("GET", "inventory"): _inventory,
    ("POST", "advance"): _advance,
    ("POST", "fail"): _fail,
    ("POST", "hide"): _hide,
    ("POST", "show"): _show,
    ("POST", "health"): _health,
    ("POST", "maintenance"): _maintenance,
}
