"""EC2 tags: on resources that exist, at most fifty, no reserved keys.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
"""

from .. import ec2
from ..call import Call, operation
from ..fault import Fault
from ..kinds import KINDS

_PREFIXES = {
    "vpc-": "vpc", "subnet-": "subnet", "igw-": "internet-gateway", "eipalloc-": "elastic-ip", "nat-": "nat-gateway",
    "rtb-": "route-table", "sg-": "security-group", "vpce-": "vpc-endpoint", "lt-": "launch-template",
    "eni-": "network-interface", "i-": "instance", "vol-": "volume",
}  # fmt: skip
_TYPES = {"nat-gateway": "natgateway"}


def _exists(call: Call, name: str) -> bool:
    backend = call.ec2
    match name.split("-")[0]:
        case "vpc":
            return name in backend.vpcs
        case "subnet":
            return name in ec2.subnets(call)
        case "igw":
            return name in backend.internet_gateways
        case "eipalloc":
            return any(item.allocation_id == name for item in backend.addresses)
        case "nat":
            return name in backend.nat_gateways
        case "rtb":
            return name in backend.route_tables
        case "sg":
            return any(group.id == name for group in ec2.groups(call))
        case "sgr":
            return any(
                rule.id == name for group in ec2.groups(call) for rule in (*group.ingress_rules, *group.egress_rules)
            )
        case "vpce":
            return name in backend.vpc_end_points
        case "lt":
            return name in call.table("launch-template")
        case "eni":
            return name in backend.enis
        case "i":
            return any(item.id == name for item in ec2.live_instances(call))
        case "vol":
            return name in backend.volumes
    return True


def _kind(name: str) -> str:
    return next((kind for prefix, kind in _PREFIXES.items() if name.startswith(prefix)), "")


def _check(call: Call) -> list[str]:
    for name in call.params["Resources"]:
        if not _exists(call, name):
            kind = _kind(name)
            raise ec2.missing(kind, name) if kind else Fault("InvalidID", f"The ID '{name}' is not valid")
        if "-" not in name:
            raise Fault("InvalidID", f"The ID '{name}' is not valid")
    return call.params["Resources"]


@operation("ec2", "CreateTags")
def create_tags(call: Call) -> None:
    for name in _check(call):
        tags = call.ec2.tags[name]
        for tag in call.params["Tags"]:
            ec2.check_tag(tag.get("Key", ""), tag.get("Value", ""))
        if len(tags.keys() | {tag["Key"] for tag in call.params["Tags"]}) > 50:
            raise Fault("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
        for tag in call.params["Tags"]:
            tags[tag["Key"]] = tag.get("Value", "")


@operation("ec2", "DeleteTags")
def delete_tags(call: Call) -> None:
    """A tag given with a value goes only if it has that value; no tags given means all of them."""
    for name in _check(call):
        tags = call.ec2.tags[name]
        asked = call.get("Tags")
        if not asked:
            tags.clear()
        for tag in asked or []:
            if "Value" not in tag or tags.get(tag["Key"]) == tag["Value"]:
                tags.pop(tag["Key"], None)


@operation("ec2", "DescribeTags")
def describe_tags(call: Call) -> dict:
    rows = [
        {"ResourceId": name, "ResourceType": _TYPES.get(_kind(name), _kind(name)), "Key": key, "Value": value}
        for name, tags in call.ec2.tags.items()
        if tags and _exists(call, name)
        for key, value in tags.items()
    ]
    on_tags, others = ec2.split(call.get("Filters"))
    for name, values in on_tags:
        rows = [row for row in rows if name[4:] == row["Key"] and ec2.matches(values, row["Value"])]
    return {"Tags": ec2.keep(rows, others, {
        "key": "Key", "value": "Value", "resource-id": "ResourceId", "resource-type": "ResourceType",
    })}  # fmt: skip


assert {kind.name for kind in KINDS if kind.service == "ec2"} <= set(_PREFIXES.values())
