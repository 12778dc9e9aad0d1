"""What the RDS rules share: the rows they keep, engines and classes, names and ARNs.

Moto's backend is not used for these kinds: there a modified subnet group disappears, a failover changes nothing, and no
state takes time.
"""

import re
from typing import Any

from . import ec2
from .call import Call
from .fault import Fault

Row = dict[str, Any]

#: Engine: default port, the default minor of each major version, exportable logs.
#: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
ENGINES: dict[str, tuple[int, dict[str, str], tuple[str, ...]]] = {
    "postgres": (5432, {"12": "12.22", "13": "13.22", "14": "14.19", "15": "15.14", "16": "16.10", "17": "17.6", "18": "18.1"},
                 ("postgresql", "upgrade", "iam-db-auth-error")),
    "mysql": (3306, {"5.7": "5.7.44", "8.0": "8.0.43", "8.4": "8.4.7"}, ("audit", "error", "general", "slowquery", "iam-db-auth-error")),
    "mariadb": (3306, {"10.6": "10.6.23", "10.11": "10.11.14", "11.4": "11.4.8", "11.8": "11.8.3"},
                ("audit", "error", "general", "slowquery", "iam-db-auth-error")),
}  # fmt: skip
_CLASS = re.compile(
    r"^db\.((t2|t3|t4g)\.(micro|small|medium|large|xlarge|2xlarge)"
    r"|(m5|m5d|m6g|m6gd|m6i|m6id|m6idn|m6in|m7g|m7gd|m7i|m8g|m8gd|r5|r5b|r5d|r6g|r6gd|r6i|r6id|r6idn|r6in|r7g|r7gd|r7i|r8g|r8gd|"
    r"x1|x1e|x2g|x2idn|x2iedn|x2iezn|z1d|c6gd)\.(medium|large|xlarge|2xlarge|4xlarge|8xlarge|12xlarge|16xlarge|24xlarge|32xlarge|48xlarge))$"
)
_NAME = re.compile(r"^[a-z](?!.*--)[a-z0-9-]{0,62}(?<!-)$")


def instances(call: Call) -> dict[str, Row]:
    """DB instances by identifier."""
    return call.table("rds.instance")


def subnet_groups(call: Call) -> dict[str, Row]:
    """DB subnet groups by name."""
    return call.table("rds.subnet-group")


def parameter_groups(call: Call) -> dict[str, Row]:
    """DB parameter groups by name."""
    return call.table("rds.parameter-group")


def snapshots(call: Call) -> dict[str, Row]:
    """DB snapshots by identifier."""
    return call.table("rds.snapshot")


def instance(call: Call, name: str) -> Row:
    """A DB instance by identifier or ARN, or the AWS error."""
    key = name.rpartition(":")[2].lower()
    found = instances(call).get(key)
    if found is None:
        raise Fault("DBInstanceNotFound", f"DBInstance {key} not found.")
    return found


def subnet_group(call: Call, name: str) -> Row:
    """A DB subnet group, or the AWS error."""
    found = subnet_groups(call).get(name.lower())
    if found is None:
        raise Fault("DBSubnetGroupNotFoundFault", f"DB subnet group '{name}' does not exist.")
    return found


def arn(call: Call, kind: str, name: str) -> str:
    """`kind` is `db`, `subgrp`, `pg` or `snapshot`."""
    return f"arn:aws:rds:{call.region}:{call.account.name}:{kind}:{name}"


def bad(text: str) -> Fault:
    """`InvalidParameterValue`."""
    return Fault("InvalidParameterValue", text)


def clash(text: str) -> Fault:
    """`InvalidParameterCombination`."""
    return Fault("InvalidParameterCombination", text)


def check_name(what: str, name: str) -> str:
    """The name in lower case, as RDS keeps it; refuses what it may not be."""
    low = name.lower()
    if not _NAME.match(low):
        raise bad(f"The parameter {what} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII "
                  "letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.")  # fmt: skip
    return low


def check_class(name: str) -> None:
    """The DB instance class must be one there is."""
    if not _CLASS.match(name):
        raise bad(f"Invalid DB Instance class: {name}")


def version(engine: str, asked: str | None) -> str:
    """The full version: a major version alone means its default minor."""
    _, majors, _ = ENGINES[engine]
    if asked is None:
        return list(majors.values())[-2]
    if asked in majors:
        return majors[asked]
    if not any(re.fullmatch(re.escape(major) + r"\.\d+", asked) for major in majors):
        raise clash(f"Cannot find version {asked} for {engine}")
    return asked


def family(engine: str, full: str) -> str:
    """The parameter group family of a version."""
    major = next(major for major in ENGINES[engine][1] if full == major or full.startswith(major + "."))
    return f"{engine}{major}"


def families() -> list[str]:
    """Every parameter group family."""
    return [f"{engine}{major}" for engine, (_, majors, _) in ENGINES.items() for major in majors]


def tags_of(call: Call) -> dict[str, str]:
    """The tags of a create, checked."""
    tags = {}
    for tag in call.get("Tags") or []:
        if tag["Key"].lower().startswith(("aws:", "rds:")):
            raise bad(f"Tag keys starting with aws: or rds: are reserved: {tag['Key']}")
        tags[tag["Key"]] = tag.get("Value", "")
    if len(tags) > 50:
        raise bad("A resource can have at most 50 tags")
    return tags


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as the API shows them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tagged(call: Call, name: str) -> Row:
    """The row that an ARN names."""
    parts = name.split(":")
    if len(parts) != 7 or not name.startswith(f"arn:aws:rds:{call.region}:{call.account.name}:"):
        raise bad(f"The specified resource name does not match an RDS resource in this region: {name}")
    match parts[5]:
        case "db":
            return instance(call, parts[6])
        case "subgrp":
            return subnet_group(call, parts[6])
        case "pg":
            from .rules.rds_parameters import group

            return group(call, parts[6])
        case "snapshot" if parts[6] in snapshots(call):
            return snapshots(call)[parts[6]]
    raise Fault("DBSnapshotNotFound", f"DBSnapshot {parts[6]} not found.")


def check_groups(call: Call, names: list[str], vpc: str) -> None:
    """The security groups must be there, in the VPC of the instance."""
    for name in names:
        try:
            held = ec2.group(call, name)
        except Fault:
            raise bad(f"Invalid security group , groupId= {name}, groupName=.") from None
        if held.vpc_id != vpc:
            raise clash("The DB instance and EC2 security group are in different VPCs. "
                        f"The DB instance is in {vpc} and the EC2 security group is in {held.vpc_id}")  # fmt: skip
