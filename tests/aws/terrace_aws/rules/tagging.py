"""The Resource Groups Tagging API over everything that has tags, as misleading as AWS's.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html: it "returns all the tagged or
previously tagged resources", so what is deleted stays listed for a while; Auto Scaling groups and IAM roles are never listed.
"""

from typing import Any

from .. import inventory, rds
from ..call import Call, operation
from ..fault import Fault

_EC2 = {"nat-gateway": "natgateway"}
_RDS = {"db-instance": "db", "db-subnet-group": "subgrp", "db-parameter-group": "pg", "db-snapshot": "snapshot"}
_ELB = ("load-balancer", "target-group", "listener", "rule")
_NETWORK = ("vpc", "subnet", "internet-gateway", "elastic-ip", "nat-gateway", "route-table", "security-group", "vpc-endpoint",
            "launch-template", "network-interface", "instance", "volume")  # fmt: skip


def _arn(call: Call, kind: str, name: str) -> str | None:
    if kind in _NETWORK:
        return f"arn:aws:ec2:{call.region}:{call.account.name}:{_EC2.get(kind, kind)}/{name}"
    if kind in _RDS:
        return rds.arn(call, _RDS[kind], name)
    return name if kind in _ELB else None


def _tags(call: Call, kind: str, row: dict[str, Any], arn: str) -> dict[str, str]:
    if kind in _ELB:
        table = {"load-balancer": "balancer", "target-group": "group", "listener": "listener", "rule": "rule"}[kind]
        return call.table(f"elb.{table}")[arn]["tags"]
    if kind in _RDS:
        return rds.tagged(call, arn)["tags"]
    return row["tags"]


def _now(call: Call) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for kind, rows in inventory.take(call.account).get(call.region, {}).items():
        for row in rows:
            arn = _arn(call, kind, row["id"])
            tags = _tags(call, kind, row, arn) if arn else {}
            if arn and tags:
                found[arn] = dict(tags)
    return found


@operation("tagging", "GetResources")
def get_resources(call: Call) -> dict:
    now = call.account.now()
    kept = call.table("tagging")
    for arn, tags in _now(call).items():
        kept[arn] = (tags, now)
    for arn in [arn for arn, (_, seen) in kept.items() if now - seen > call.account.settings.deleted_listed]:
        del kept[arn]
    rows = sorted((arn, tags) for arn, (tags, _) in kept.items())
    wanted = call.get("ResourceARNList")
    kinds = call.get("ResourceTypeFilters") or []
    for one in call.get("TagFilters") or []:
        values = one.get("Values") or []
        rows = [(arn, tags) for arn, tags in rows if one["Key"] in tags and (not values or tags[one["Key"]] in values)]
    rows = [
        (arn, tags)
        for arn, tags in rows
        if (not wanted or arn in wanted) and (not kinds or any(_is(arn, kind) for kind in kinds))
    ]
    size = call.get("ResourcesPerPage", 100)
    if not 1 <= size <= 100:
        raise Fault("InvalidParameterException", "ResourcesPerPage must be from 1 to 100")
    start = int(call.get("PaginationToken") or 0)
    return {
        "ResourceTagMappingList": [
            {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            for arn, tags in rows[start : start + size]
        ],
        "PaginationToken": str(start + size) if start + size < len(rows) else "",
    }


def _is(arn: str, kind: str) -> bool:
    service, _, part = kind.partition(":")
    parts = arn.split(":", 5)
    return parts[2] == service and (not part or parts[5].replace(":", "/").split("/")[0] == part)


@operation("tagging", "TagResources", "UntagResources")
def change_tags(call: Call) -> dict:
    """Each resource on its own: what fails is reported, the rest is done."""
    adding = call.action == "TagResources"
    failed: dict[str, dict[str, Any]] = {}
    for arn in call.params["ResourceARNList"]:
        service = arn.split(":")[2]
        tags = [{"Key": key, "Value": value} for key, value in (call.get("Tags") or {}).items()]
        keys = call.get("TagKeys") or []
        try:
            match service:
                case "ec2":
                    gone = [{"Key": key} for key in keys]
                    call.other(
                        "ec2",
                        "CreateTags" if adding else "DeleteTags",
                        Resources=[arn.rpartition("/")[2]],
                        Tags=tags if adding else gone,
                    )
                case "elasticloadbalancing":
                    call.other(
                        service,
                        "AddTags" if adding else "RemoveTags",
                        ResourceArns=[arn],
                        **({"Tags": tags} if adding else {"TagKeys": keys}),
                    )
                case "rds":
                    name = "AddTagsToResource" if adding else "RemoveTagsFromResource"
                    call.other(service, name, ResourceName=arn, **({"Tags": tags} if adding else {"TagKeys": keys}))
                case _:
                    raise Fault("InvalidParameterException", f"the test server cannot tag {arn}")
        except Fault as fault:
            failed[arn] = {
                "StatusCode": fault.status or 400,
                "ErrorCode": "InvalidParameterException",
                "ErrorMessage": f"{fault.code}: {fault.message}",
            }
    return {"FailedResourcesMap": failed}
