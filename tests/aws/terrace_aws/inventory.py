"""What exists in an account, by kind: what a test asks to say "nothing is left" or "there is no duplicate".

Leaves out what AWS makes by itself (the default VPC and what is in it, each VPC's default group, ACL and main route table)
and what is gone but still listed (deleted NAT gateways, terminated instances).
"""

from collections.abc import Iterator
from typing import Any

from moto.ec2.models import ec2_backends

from . import lag
from .account import Account
from .call import Call, perform
from .kinds import KINDS

Found = dict[str, list[dict[str, Any]]]


def take(account: Account) -> dict[str, Found]:
    """By region and kind: id, name, tags and phase of everything there is. Global kinds are under `global`."""
    kept = lag.pause(account)
    try:
        regions = list(ec2_backends[account.name].keys()) if dict.__contains__(ec2_backends, account.name) else []
        regions += [name.rpartition("@")[2] for name in account.tables if "@" in name]
        found = {
            region: _regional(account, region) for region in sorted(set(regions) - {"global", ""}) or ["us-east-1"]
        }
        found["global"] = _collect(account, "us-east-1", "iam")
        return {region: kinds for region, kinds in found.items() if kinds}
    finally:
        lag.resume(account, kept)


def flat(account: Account) -> dict[str, list[str]]:
    """By kind: the ids of everything there is, over all regions."""
    out: dict[str, list[str]] = {}
    for kinds in take(account).values():
        for kind, items in kinds.items():
            out.setdefault(kind, []).extend(item["id"] for item in items)
    return {kind: sorted(ids) for kind, ids in sorted(out.items())}


def _regional(account: Account, region: str) -> Found:
    found: Found = {}
    for service in ("ec2", "elasticloadbalancing", "autoscaling", "rds", "ssm", "secretsmanager"):
        found.update(_collect(account, region, service))
    return found


def _collect(account: Account, region: str, service: str) -> Found:
    found: Found = {}
    ask = _Asker(account, region)
    if service == "ssm":
        names = [item["Name"] for item in ask("ssm", "DescribeParameters").get("Parameters", [])]
        return {"ssm-parameter": [{"id": name} for name in sorted(names)]} if names else {}
    if service == "secretsmanager":
        from moto.secretsmanager.models import secretsmanager_backends

        if not dict.__contains__(secretsmanager_backends, account.name):
            return {}
        secrets = secretsmanager_backends[account.name][region].secrets.values()
        rows = [{"id": secret.arn, "name": secret.name} for secret in secrets if not secret.is_deleted()]
        return {"secret": rows} if rows else {}
    own = _own_to_aws(ask) if service == "ec2" else set()
    for kind in KINDS:
        if kind.service != service:
            continue
        rows = []
        for item, member in _items(ask, kind):
            if item[member] in own or _gone(kind.name, item):
                continue
            rows.append(_row(item, member))
        if rows:
            found[kind.name] = sorted(rows, key=lambda row: row["id"])
    return found


class _Asker:
    """Calls a list operation and returns its result."""

    def __init__(self, account: Account, region: str):
        self.account = account
        self.region = region

    def __call__(self, service: str, action: str, **params: Any) -> dict[str, Any]:
        return perform(Call(self.account, service, self.region, action, None, params))


def _items(ask: _Asker, kind: Any) -> Iterator[tuple[dict[str, Any], str]]:
    action, path, member = kind.lists[0]
    if kind.name == "listener":
        for balancer in ask("elasticloadbalancing", "DescribeLoadBalancers")["LoadBalancers"]:
            for item in ask("elasticloadbalancing", action, LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
                yield item, member
        return
    if kind.name == "rule":
        for listener, _ in _items(ask, _LISTENER):
            for item in ask("elasticloadbalancing", action, ListenerArn=listener["ListenerArn"])["Rules"]:
                if not item.get("IsDefault"):
                    yield item, member
        return
    params = {"Scope": "Local"} if kind.name == "policy" else {}
    for items in lag.lists(ask(kind.service, action, **params), path.split(".")):
        for item in items:
            if member in item:
                yield item, member


_LISTENER = next(kind for kind in KINDS if kind.name == "listener")


def _own_to_aws(ask: _Asker) -> set[str]:
    defaults = {vpc["VpcId"] for vpc in ask("ec2", "DescribeVpcs")["Vpcs"] if vpc.get("IsDefault")}
    own = set(defaults)
    own |= {
        item["SubnetId"]
        for item in ask("ec2", "DescribeSubnets")["Subnets"]
        if item["VpcId"] in defaults and item.get("DefaultForAz")
    }
    own |= {
        item["GroupId"]
        for item in ask("ec2", "DescribeSecurityGroups")["SecurityGroups"]
        if item["GroupName"] == "default"
    }
    for table in ask("ec2", "DescribeRouteTables")["RouteTables"]:
        if any(link.get("Main") for link in table.get("Associations", [])):
            own.add(table["RouteTableId"])
    for gateway in ask("ec2", "DescribeInternetGateways")["InternetGateways"]:
        if any(link.get("VpcId") in defaults for link in gateway.get("Attachments", [])):
            own.add(gateway["InternetGatewayId"])
    return own


def _gone(kind: str, item: dict[str, Any]) -> bool:
    if kind == "nat-gateway":
        return item.get("State") in ("deleted", "failed")
    if kind == "vpc-endpoint":
        return item.get("State") == "deleted"
    if kind == "network-interface":
        # An interface of a service or an instance goes with its owner.
        return bool(item.get("RequesterManaged") or item.get("Attachment", {}).get("InstanceId")
                    or item.get("InterfaceType") not in (None, "interface"))  # fmt: skip
    if kind == "instance":
        return item.get("State", {}).get("Name") == "terminated"
    # Every engine's `default.…` groups belong to AWS.
    return kind in ("db-parameter-group", "db-subnet-group") and str(
        item.get(f"DB{kind[3:].title().replace('-', '')}Name", "")
    ).startswith("default")


def _row(item: dict[str, Any], member: str) -> dict[str, Any]:
    row: dict[str, Any] = {"id": item[member]}
    tags = item.get("Tags") or item.get("TagList") or []
    row["tags"] = {tag["Key"]: tag.get("Value", "") for tag in tags if "Key" in tag}
    state = item.get("State") or item.get("DBInstanceStatus") or item.get("Status")
    if isinstance(state, dict):
        state = state.get("Name") or state.get("Code")
    if state:
        row["phase"] = state
    return row
