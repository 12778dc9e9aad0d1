"""DB subnet groups, and the tags and snapshots of RDS.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html and the errors named there.
"""

from typing import Any

from .. import ec2, elb, rds
from ..call import Call, operation
from ..fault import Fault


def _subnets(call: Call) -> tuple[str, list[dict[str, Any]]]:
    names = list(dict.fromkeys(call.params["SubnetIds"]))
    found = []
    for name in names:
        try:
            found.append(ec2.subnet(call, name))
        except Fault:
            raise Fault("InvalidSubnet", f"Some input subnets in :[{name}] are invalid.") from None
    if len({subnet.vpc_id for subnet in found}) > 1:
        raise Fault(
            "InvalidSubnet", "The DB subnet group doesn't meet the requirement that all subnets are in the same VPC."
        )
    zones = sorted({subnet.availability_zone for subnet in found})
    if len(zones) < 2:
        raise Fault("DBSubnetGroupDoesNotCoverEnoughAZs", "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
                                                          f"Current AZ coverage: {', '.join(zones)}. Add subnets to cover at least 2 AZs.")  # fmt: skip
    rows = [{"SubnetIdentifier": subnet.id, "SubnetAvailabilityZone": {"Name": subnet.availability_zone}, "SubnetOutpost": {},
             "SubnetStatus": "Active"} for subnet in found]  # fmt: skip
    return found[0].vpc_id, rows


@operation("rds", "CreateDBSubnetGroup")
def create_subnet_group(call: Call) -> dict:
    name = call.params["DBSubnetGroupName"].lower()
    if name == "default" or not 1 <= len(name) <= 255:
        raise rds.bad(f"The parameter DBSubnetGroupName is not valid: {name}")
    if name in rds.subnet_groups(call):
        raise Fault("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists.")
    tags = rds.tags_of(call)
    vpc, subnets = _subnets(call)
    row = {
        "DBSubnetGroupName": name, "DBSubnetGroupDescription": call.params["DBSubnetGroupDescription"], "VpcId": vpc,
        "SubnetGroupStatus": "Complete", "Subnets": subnets, "DBSubnetGroupArn": rds.arn(call, "subgrp", name),
        "SupportedNetworkTypes": ["IPV4"],
    }  # fmt: skip
    rds.subnet_groups(call)[name] = {"row": row, "tags": tags}
    return {"DBSubnetGroup": row}


@operation("rds", "DescribeDBSubnetGroups")
def describe_subnet_groups(call: Call) -> dict:
    name = call.get("DBSubnetGroupName")
    chosen = [rds.subnet_group(call, name)] if name else list(rds.subnet_groups(call).values())
    return {"DBSubnetGroups": [held["row"] for held in chosen]}


def _users(call: Call, name: str) -> list[dict[str, Any]]:
    return [held for held in rds.instances(call).values() if held["subnet_group"] == name]


@operation("rds", "ModifyDBSubnetGroup")
def modify_subnet_group(call: Call) -> dict:
    """A subnet that an instance stands in cannot leave: `SubnetAlreadyInUse`."""
    held = rds.subnet_group(call, call.params["DBSubnetGroupName"])
    vpc, subnets = _subnets(call)
    if vpc != held["row"]["VpcId"]:
        raise Fault("InvalidSubnet", "The specified DB subnet group and the new subnets are in different VPCs.")
    kept = {row["SubnetIdentifier"] for row in subnets}
    used = {name for user in _users(call, held["row"]["DBSubnetGroupName"]) for name in user["subnets"]}
    if used - kept:
        raise Fault(
            "SubnetAlreadyInUse",
            f"Subnets {sorted(used - kept)} are in use and cannot be removed from the DB subnet group.",
        )
    held["row"]["Subnets"] = subnets
    if "DBSubnetGroupDescription" in call.params:
        held["row"]["DBSubnetGroupDescription"] = call.params["DBSubnetGroupDescription"]
    return {"DBSubnetGroup": held["row"]}


@operation("rds", "DeleteDBSubnetGroup")
def delete_subnet_group(call: Call) -> None:
    from .rds_instance import settle

    settle(call)
    name = rds.subnet_group(call, call.params["DBSubnetGroupName"])["row"]["DBSubnetGroupName"]
    users = _users(call, name)
    if users:
        raise Fault("InvalidDBSubnetGroupStateFault", f"Cannot delete the subnet group '{name}' because at least one database instance: "
                                                      f"{users[0]['row']['DBInstanceIdentifier']} is still using it.")  # fmt: skip
    del rds.subnet_groups(call)[name]


@operation("rds", "AddTagsToResource")
def add_tags(call: Call) -> None:
    held = rds.tagged(call, call.params["ResourceName"])
    tags = rds.tags_of(call)
    if len(held["tags"].keys() | tags.keys()) > 50:
        raise rds.bad("A resource can have at most 50 tags")
    held["tags"].update(tags)


@operation("rds", "RemoveTagsFromResource")
def remove_tags(call: Call) -> None:
    held = rds.tagged(call, call.params["ResourceName"])
    for key in call.params["TagKeys"]:
        held["tags"].pop(key, None)


@operation("rds", "ListTagsForResource")
def list_tags(call: Call) -> dict:
    return {"TagList": rds.tag_list(rds.tagged(call, call.params["ResourceName"])["tags"])}


def snapshot(call: Call, name: str, held: dict[str, Any], kind: str) -> dict[str, Any]:
    """Makes a snapshot of an instance."""
    name = rds.check_name("DBSnapshotIdentifier", name)
    if name in rds.snapshots(call):
        raise Fault(
            "DBSnapshotAlreadyExists",
            f"Cannot create the snapshot because a snapshot with the identifier {name} already exists.",
        )
    source = held["row"]
    row = {
        "DBSnapshotIdentifier": name, "DBInstanceIdentifier": source["DBInstanceIdentifier"], "SnapshotCreateTime": elb.stamp(),
        "Engine": source["Engine"], "EngineVersion": source["EngineVersion"], "AllocatedStorage": source["AllocatedStorage"],
        "Status": "available", "Port": held["port"], "AvailabilityZone": source["AvailabilityZone"],
        "VpcId": rds.subnet_groups(call)[held["subnet_group"]]["row"]["VpcId"], "MasterUsername": source["MasterUsername"], "SnapshotType": kind,
        "StorageType": source["StorageType"], "Encrypted": source["StorageEncrypted"], "PercentProgress": 100,
        "DBSnapshotArn": rds.arn(call, "snapshot", name), "DbiResourceId": source["DbiResourceId"],
    }  # fmt: skip
    if "KmsKeyId" in source:
        row["KmsKeyId"] = source["KmsKeyId"]
    tags = dict(held["tags"]) if source["CopyTagsToSnapshot"] else {}
    rds.snapshots(call)[name] = {"row": row, "tags": tags}
    return row


@operation("rds", "CreateDBSnapshot")
def create_snapshot(call: Call) -> dict:
    from .rds_instance import settle

    settle(call)
    held = rds.instance(call, call.params["DBInstanceIdentifier"])
    if held["status"] != "available":
        raise Fault(
            "InvalidDBInstanceState", f"Instance {held['row']['DBInstanceIdentifier']} is not in available state"
        )
    row = snapshot(call, call.params["DBSnapshotIdentifier"], held, "manual")
    rds.snapshots(call)[row["DBSnapshotIdentifier"]]["tags"].update(rds.tags_of(call))
    return {"DBSnapshot": row}


@operation("rds", "DescribeDBSnapshots")
def describe_snapshots(call: Call) -> dict:
    name, owner = call.get("DBSnapshotIdentifier"), call.get("DBInstanceIdentifier")
    rows = [held["row"] | {"TagList": rds.tag_list(held["tags"])} for held in rds.snapshots(call).values()]
    if name:
        rows = [row for row in rows if name.rpartition(":")[2].lower() == row["DBSnapshotIdentifier"]]
        if not rows:
            raise Fault("DBSnapshotNotFound", f"DBSnapshot {name} not found.")
    return {"DBSnapshots": [row for row in rows if not owner or row["DBInstanceIdentifier"] == owner]}


@operation("rds", "DeleteDBSnapshot")
def delete_snapshot(call: Call) -> dict:
    held = rds.snapshots(call).pop(call.params["DBSnapshotIdentifier"].lower(), None)
    if held is None:
        raise Fault("DBSnapshotNotFound", f"DBSnapshot {call.params['DBSnapshotIdentifier']} not found.")
    return {"DBSnapshot": held["row"] | {"Status": "deleted"}}
