"""DB instances: create, read, reboot, delete, and their slow states.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html and the errors named there;
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html#Overview.DBInstance.Status (states).
"""

import json
import secrets
import uuid
from typing import Any

from .. import ec2, elb, interfaces, rds
from ..call import Call, operation
from ..fault import Fault
from .ec2_endpoint import ec2_default_group
from .rds_checks import AUTHORITIES, check, check_family, key, password, storage
from .rds_groups import snapshot
from .rds_parameters import group as parameter_group

#: Scaled seconds each state lasts.
SECONDS = {"creating": 480.0, "creating-multi-az": 720.0, "modifying": 240.0, "rebooting": 60.0, "deleting": 180.0}

#: Members that are kept as they come, with the defaults of the API.
PLAIN: dict[str, Any] = {
    "BackupRetentionPeriod": 1, "AutoMinorVersionUpgrade": True, "PubliclyAccessible": False, "MultiAZ": False,
    "CopyTagsToSnapshot": False, "IAMDatabaseAuthenticationEnabled": False, "DeletionProtection": False, "MonitoringInterval": 0,
    "PerformanceInsightsEnabled": False, "NetworkType": "IPV4", "DedicatedLogVolume": False,
    "EngineLifecycleSupport": "open-source-rds-extended-support",
}  # fmt: skip


def managed_secret(call: Call, row: dict[str, Any], key_id: str | None) -> dict[str, str]:
    """Makes the secret that holds a managed master password.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
    """
    made = call.backend("secretsmanager").create_managed_secret(
        service_name="rds", secret_id=f"rds!db-{uuid.uuid4()}",
        secret_string=json.dumps({"username": row["MasterUsername"], "password": secrets.token_urlsafe(21)}),
        description=f"The secret associated with the primary RDS DB instance: {row['DBInstanceArn']}",
        tags=[{"Key": "aws:rds:primaryDBInstanceArn", "Value": row["DBInstanceArn"]}], kms_key_id=key_id or key(call),
    )  # fmt: skip
    return {"SecretArn": made.arn, "SecretStatus": "active", "KmsKeyId": key_id or key(call)}


def drop_secret(call: Call, row: dict[str, Any]) -> None:
    """The managed secret goes with its instance, or with the management."""
    secret = row.pop("MasterUserSecret", None)
    if secret:
        call.backend("secretsmanager").delete_secret(secret["SecretArn"], None, True)


@operation("rds", "CreateDBInstance")
def create(call: Call) -> dict:
    settle(call)
    params = call.params
    name = rds.check_name("DBInstanceIdentifier", params["DBInstanceIdentifier"])
    if name in rds.instances(call):
        raise Fault("DBInstanceAlreadyExists", "DB instance already exists")
    engine = params["Engine"]
    if engine not in rds.ENGINES:
        raise rds.bad(f"Invalid DB engine: {engine}")
    tags = rds.tags_of(call)
    managed = params.get("ManageMasterUserPassword", False)
    if managed and "MasterUserPassword" in params:
        raise rds.clash("You can't specify MasterUserPassword for an instance with ManageMasterUserPassword enabled.")
    if not params.get("MasterUsername"):
        raise Fault("InvalidParameterValue", "The parameter MasterUsername must be provided and must not be blank.")
    if not managed:
        if not params.get("MasterUserPassword"):
            raise Fault(
                "InvalidParameterValue", "The parameter MasterUserPassword must be provided and must not be blank."
            )
        password(params["MasterUserPassword"])
    place = rds.subnet_group(call, params.get("DBSubnetGroupName") or "default")
    vpc = place["row"]["VpcId"]
    version = rds.version(engine, params.get("EngineVersion"))
    family = rds.family(engine, version)
    group = parameter_group(call, params.get("DBParameterGroupName") or f"default.{family}")
    check_family(group, family)
    row: dict[str, Any] = {
        member: params.get(member, default)
        for member, default in PLAIN.items()
        if member != "IAMDatabaseAuthenticationEnabled"
    }
    row["IAMDatabaseAuthenticationEnabled"] = params.get("EnableIAMDatabaseAuthentication", False)
    row["PerformanceInsightsEnabled"] = params.get("EnablePerformanceInsights", False)
    for member in ("MonitoringRoleArn", "PerformanceInsightsRetentionPeriod", "PerformanceInsightsKMSKeyId", "MaxAllocatedStorage",
                   "DBName", "CharacterSetName", "Timezone", "Domain"):  # fmt: skip
        if member in params:
            row[member] = params[member]
    if params.get("EnableCloudwatchLogsExports"):
        row["EnabledCloudwatchLogsExports"] = params["EnableCloudwatchLogsExports"]
    groups = params.get("VpcSecurityGroupIds") or [ec2_default_group(call, vpc)]
    row |= {
        "DBInstanceIdentifier": name, "DBInstanceClass": params["DBInstanceClass"], "Engine": engine, "EngineVersion": version,
        "MasterUsername": params["MasterUsername"], "AllocatedStorage": params.get("AllocatedStorage", 20),
        "StorageType": params.get("StorageType", "io1" if "Iops" in params else "gp3"),
        "LicenseModel": "postgresql-license" if engine == "postgres" else "general-public-license",
        "PreferredBackupWindow": params.get("PreferredBackupWindow", "06:14-06:44"),
        "PreferredMaintenanceWindow": params.get("PreferredMaintenanceWindow", "sun:09:20-sun:09:50"),
        "CACertificateIdentifier": params.get("CACertificateIdentifier", AUTHORITIES[0]),
        "StorageEncrypted": params.get("StorageEncrypted", False), "DBSecurityGroups": [], "ReadReplicaDBInstanceIdentifiers": [],
        "VpcSecurityGroups": [{"VpcSecurityGroupId": one, "Status": "active"} for one in groups],
        "OptionGroupMemberships": [{"OptionGroupName": f"default:{engine}-{family[len(engine):].replace('.', '-')}", "Status": "in-sync"}],
        "DBInstanceArn": rds.arn(call, "db", name), "DbiResourceId": "db-" + secrets.token_hex(13).upper(),
        "InstanceCreateTime": elb.stamp(), "DbInstancePort": 0, "BackupTarget": params.get("BackupTarget", "region"),
        "CustomerOwnedIpEnabled": False, "ActivityStreamStatus": "stopped", "AssociatedRoles": [], "DomainMemberships": [],
        "DatabaseInsightsMode": params.get("DatabaseInsightsMode", "standard"),
    }  # fmt: skip
    if row["StorageEncrypted"]:
        row["KmsKeyId"] = params.get("KmsKeyId") or key(call)
    check(call, row, vpc)
    storage(row, params)
    port = params.get("Port", rds.ENGINES[engine][0])
    if not 1150 <= port <= 65535:
        raise rds.bad(f"Invalid port value: {port}. Must be between 1150 and 65535.")
    held: dict[str, Any] = {
        "row": row, "tags": tags, "subnet_group": place["row"]["DBSubnetGroupName"], "parameter_group": group["row"]["DBParameterGroupName"],
        "apply": "in-sync", "pending": {}, "port": port, "status": "creating", "token": secrets.token_hex(6),
    }  # fmt: skip
    zones(call, held, params.get("AvailabilityZone"))
    if managed:
        row["MasterUserSecret"] = managed_secret(call, row, params.get("MasterUserSecretKmsKeyId"))
    held["until"] = call.account.due(SECONDS["creating-multi-az" if row["MultiAZ"] else "creating"])
    rds.instances(call)[name] = held
    shown = show(call, held)
    shown["DBInstanceStatus"] = "creating"
    shown.pop("Endpoint", None)
    return {"DBInstance": shown}


def zones(call: Call, held: dict[str, Any], asked: str | None = None) -> None:
    """Where the instance stands, and its standby; puts a network interface into each subnet."""
    row = held["row"]
    place = rds.subnet_groups(call)[held["subnet_group"]]["row"]
    by_zone: dict[str, str] = {}
    for subnet in place["Subnets"]:
        by_zone.setdefault(subnet["SubnetAvailabilityZone"]["Name"], subnet["SubnetIdentifier"])
    if asked and row["MultiAZ"]:
        raise rds.clash("Requesting a specific availability zone is not valid for Multi-AZ instances.")
    if asked and asked not in by_zone:
        raise Fault("InvalidVPCNetworkStateFault", f"The DB subnet group does not cover the availability zone {asked}")
    here = asked or row.get("AvailabilityZone") or sorted(by_zone)[0]
    here = here if here in by_zone else sorted(by_zone)[0]
    row["AvailabilityZone"] = here
    if row["MultiAZ"]:
        there = row.get("SecondaryAvailabilityZone")
        row["SecondaryAvailabilityZone"] = (
            there if there in by_zone and there != here else next(z for z in sorted(by_zone) if z != here)
        )
    else:
        row.pop("SecondaryAvailabilityZone", None)
    held["subnets"] = [by_zone[zone] for zone in (here, row.get("SecondaryAvailabilityZone")) if zone]
    groups = [item["VpcSecurityGroupId"] for item in row["VpcSecurityGroups"]]
    interfaces.place(call, f"RDSNetworkInterface {row['DbiResourceId']}", held["subnets"], groups, "interface")


def settle(call: Call) -> None:
    """Brings every instance's state up to now."""
    now = call.account.now()
    for name, held in list(rds.instances(call).items()):
        if held["status"] != "available" and now >= held["until"]:
            if held["status"] == "deleting":
                del rds.instances(call)[name]
                drop_secret(call, held["row"])
                interfaces.drop(call, f"RDSNetworkInterface {held['row']['DbiResourceId']}", 0)
                continue
            held["status"] = "available"


def show(call: Call, held: dict[str, Any]) -> dict[str, Any]:
    """An instance as the API shows it."""
    row = dict(held["row"])
    row["DBInstanceStatus"] = held["status"]
    row["DBSubnetGroup"] = rds.subnet_groups(call)[held["subnet_group"]]["row"]
    row["DBParameterGroups"] = [
        {"DBParameterGroupName": held["parameter_group"], "ParameterApplyStatus": held["apply"]}
    ]
    row["PendingModifiedValues"] = {name: value for name, value in held["pending"].items() if name != "_"}
    row["TagList"] = rds.tag_list(held["tags"])
    row["CertificateDetails"] = {"CAIdentifier": row["CACertificateIdentifier"], "ValidTill": "2061-05-26T00:00:00Z"}
    if held["status"] != "creating":
        address = f"{row['DBInstanceIdentifier']}.{held['token']}.{call.region}.rds.amazonaws.com"
        row["Endpoint"] = {"Address": address, "Port": held["port"], "HostedZoneId": "Z2R2ITUGPM61AM"}
        row["LatestRestorableTime"] = row["InstanceCreateTime"]
    if row["MonitoringInterval"] and row.get("MonitoringRoleArn"):
        row["EnhancedMonitoringResourceArn"] = (
            f"arn:aws:logs:{call.region}:{call.account.name}:log-group:RDSOSMetrics:log-stream:{row['DbiResourceId']}"
        )
    return row


@operation("rds", "DescribeDBInstances")
def describe(call: Call) -> dict:
    settle(call)
    name = call.get("DBInstanceIdentifier")
    chosen = [rds.instance(call, name)] if name else list(rds.instances(call).values())
    rows = [show(call, held) for held in chosen]
    filters = [(item["Name"], item["Values"]) for item in call.get("Filters") or []]
    return {"DBInstances": ec2.keep(rows, filters, {
        "db-instance-id": lambda row: [row["DBInstanceIdentifier"], row["DBInstanceArn"]],
        "dbi-resource-id": "DbiResourceId",
        "engine": "Engine",
    })}  # fmt: skip


def available(held: dict[str, Any]) -> None:
    """Refuses to change an instance that is busy."""
    if held["status"] != "available":
        name = held["row"]["DBInstanceIdentifier"]
        raise Fault(
            "InvalidDBInstanceState", f"Database instance is not in available state: {name} is {held['status']}"
        )


@operation("rds", "RebootDBInstance")
def reboot(call: Call) -> dict:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RebootDBInstance.html: a forced failover swaps the zones."""
    settle(call)
    held = rds.instance(call, call.params["DBInstanceIdentifier"])
    available(held)
    row = held["row"]
    if call.get("ForceFailover"):
        if not row["MultiAZ"]:
            raise rds.clash("Cannot force failover because the DB instance is not configured for Multi-AZ")
        row["AvailabilityZone"], row["SecondaryAvailabilityZone"] = (
            row["SecondaryAvailabilityZone"],
            row["AvailabilityZone"],
        )
    held["apply"] = "in-sync"
    held["status"], held["until"] = "rebooting", call.account.due(SECONDS["rebooting"])
    return {"DBInstance": show(call, held)}


@operation("rds", "DeleteDBInstance")
def delete(call: Call) -> dict:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html: a final snapshot is named, or skipped."""
    settle(call)
    held = rds.instance(call, call.params["DBInstanceIdentifier"])
    name, final, skip = (
        held["row"]["DBInstanceIdentifier"],
        call.get("FinalDBSnapshotIdentifier"),
        call.get("SkipFinalSnapshot", False),
    )
    if held["status"] == "deleting":
        raise Fault("InvalidDBInstanceState", f"Instance {name} is already being deleted.")
    if held["row"]["DeletionProtection"]:
        raise rds.clash("Cannot delete protected DB Instance, please disable deletion protection and try again.")
    if skip and final:
        raise rds.clash("FinalDBSnapshotIdentifier cannot be specified when SkipFinalSnapshot is enabled")
    if not skip and not final:
        raise rds.clash("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
    if final:
        if held["status"] == "creating":
            raise Fault(
                "InvalidDBInstanceState", f"Instance {name} is currently creating - a final snapshot cannot be taken."
            )
        snapshot(call, final, held, "manual")
    held["status"], held["until"] = "deleting", call.account.due(SECONDS["deleting"])
    shown = show(call, held)
    settle(call)
    return {"DBInstance": shown}


ec2.SETTLERS.append(settle)
