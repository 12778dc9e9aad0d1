"""DB instances: create, read, reboot, delete, and their slow states.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html and the errors named there;
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html#Overview.DBInstance.Status (states).
"""

import json
import re
import secrets
import uuid
from typing import Any

from moto.iam.models import iam_backends

from .. import ec2, elb, interfaces, rds
from ..call import Call, operation
from ..fault import Fault
from .ec2_endpoint import ec2_default_group
from .rds_groups import snapshot
from .rds_parameters import group as parameter_group

#: Scaled seconds each state lasts.
SECONDS = {"creating": 480.0, "creating-multi-az": 720.0, "modifying": 240.0, "rebooting": 60.0, "deleting": 180.0}
_AUTHORITIES = ("rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1")
_WINDOW = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$")
_WEEK = re.compile(r"^(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):([0-5]\d)-(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):([0-5]\d)$")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

#: Members that are kept as they come, with the defaults of the API.
PLAIN: dict[str, Any] = {
    "BackupRetentionPeriod": 1, "AutoMinorVersionUpgrade": True, "PubliclyAccessible": False, "MultiAZ": False,
    "CopyTagsToSnapshot": False, "IAMDatabaseAuthenticationEnabled": False, "DeletionProtection": False, "MonitoringInterval": 0,
    "PerformanceInsightsEnabled": False, "NetworkType": "IPV4", "DedicatedLogVolume": False,
    "EngineLifecycleSupport": "open-source-rds-extended-support",
}  # fmt: skip


def storage(row: dict[str, Any], asked: dict[str, Any]) -> None:
    """Storage, its IOPS and throughput. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html"""
    size, kind = row["AllocatedStorage"], row["StorageType"]
    engine = row["Engine"]
    least = 100 if kind in ("io1", "io2") else 20
    if kind not in ("gp2", "gp3", "io1", "io2", "standard"):
        raise rds.bad(f"Invalid storage type: {kind}")
    if not least <= size <= 65536:
        raise rds.bad(f"Invalid storage size for engine name {engine} and storage type {kind}: {size}")
    row.pop("Iops", None)
    row.pop("StorageThroughput", None)
    if kind == "gp3":
        big = size >= 400
        if not big and ("Iops" in asked and asked["Iops"] != 3000 or "StorageThroughput" in asked and asked["StorageThroughput"] != 125):
            raise rds.clash(f"You can't specify IOPS or storage throughput for engine {engine} and a storage size less than 400.")
        row["Iops"] = asked.get("Iops", 12000 if big else 3000)
        row["StorageThroughput"] = asked.get("StorageThroughput", 500 if big else 125)
        if big and not (12000 <= row["Iops"] <= 64000 and 500 <= row["StorageThroughput"] <= 4000):
            raise rds.clash(f"Invalid iops {row['Iops']} or throughput {row['StorageThroughput']} for gp3 storage of {size} GiB")
    elif kind in ("io1", "io2"):
        if "Iops" not in asked:
            raise rds.clash(f"You must specify Iops for storage type {kind}.")
        row["Iops"] = asked["Iops"]
    elif "Iops" in asked or "StorageThroughput" in asked:
        raise rds.clash(f"You can't specify IOPS or storage throughput for storage type {kind}.")
    if row.get("MaxAllocatedStorage") and row["MaxAllocatedStorage"] <= size:
        raise rds.clash("Invalid max storage size: it must be greater than the allocated storage")


def windows(row: dict[str, Any]) -> None:
    """The backup and the maintenance window: their form, at least half an hour, not overlapping."""
    backup = row["PreferredBackupWindow"]
    week = row["PreferredMaintenanceWindow"] = row["PreferredMaintenanceWindow"].lower()
    daily, weekly = _WINDOW.match(backup), _WEEK.match(week)
    if daily is None:
        raise rds.bad(f"Invalid backup window format: {backup}. Should be specified as a range hh24:mi-hh24:mi (24H Clock UTC).")
    if weekly is None:
        raise rds.bad(f"Invalid maintenance window format: {week}. Should be specified as a range ddd:hh24:mi-ddd:hh24:mi (24H Clock UTC).")
    day = 24 * 60
    start = int(daily[1]) * 60 + int(daily[2])
    length = (int(daily[3]) * 60 + int(daily[4]) - start) % day
    begin = _DAYS.index(weekly[1]) * day + int(weekly[2]) * 60 + int(weekly[3])
    last = (_DAYS.index(weekly[4]) * day + int(weekly[5]) * 60 + int(weekly[6]) - begin) % (7 * day)
    if length < 30 or last < 30:
        raise rds.bad("The backup and maintenance windows must be at least 30 minutes.")
    for minute in range(begin, begin + last):
        if (minute % day - start) % day < length:
            raise rds.clash("The backup window and maintenance window must not overlap.")


def check(call: Call, row: dict[str, Any], vpc: str) -> None:
    """What holds for an instance whether it is made or changed."""
    rds.check_class(row["DBInstanceClass"])
    windows(row)
    if not 0 <= row["BackupRetentionPeriod"] <= 35:
        raise rds.bad(f"Invalid backup retention period: {row['BackupRetentionPeriod']}. Must be between 0 and 35.")
    if row["CACertificateIdentifier"] not in _AUTHORITIES:
        raise Fault("CertificateNotFound", f"CertificateIdentifier {row['CACertificateIdentifier']} not found.")
    if row["MonitoringInterval"] not in (0, 1, 5, 10, 15, 30, 60):
        raise rds.bad(f"Invalid monitoring interval: {row['MonitoringInterval']}")
    if row["MonitoringInterval"] and not row.get("MonitoringRoleArn"):
        raise rds.clash("A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.")
    if row.get("MonitoringRoleArn") and row["MonitoringInterval"]:
        roles = {role.arn for role in iam_backends[call.account.name]["aws"].roles.values()}
        if row["MonitoringRoleArn"] not in roles:
            raise rds.bad("IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING")
    logs = rds.ENGINES[row["Engine"]][2]
    unknown = [name for name in row.get("EnabledCloudwatchLogsExports", []) if name not in logs]
    if unknown:
        raise rds.clash(f"You cannot use the log types '{', '.join(unknown)}' with engine version {row['Engine']} {row['EngineVersion']}.")
    if row["PerformanceInsightsEnabled"]:
        days = row.setdefault("PerformanceInsightsRetentionPeriod", 7)
        if days not in (7, 731) and not (days % 31 == 0 and 31 <= days <= 31 * 23):
            raise rds.bad(f"Invalid Performance Insights retention period: {days}")
        row.setdefault("PerformanceInsightsKMSKeyId", key(call))
    else:
        row.pop("PerformanceInsightsRetentionPeriod", None)
        row.pop("PerformanceInsightsKMSKeyId", None)
    rds.check_groups(call, [item["VpcSecurityGroupId"] for item in row["VpcSecurityGroups"]], vpc)


def key(call: Call) -> str:
    """The account's default key for RDS."""
    digits = f"{int(call.account.name):012d}"
    return f"arn:aws:kms:{call.region}:{call.account.name}:key/00000000-0000-0000-0000-{digits}"


def password(text: str) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html (MasterUserPassword)"""
    if len(text) < 8:
        raise rds.bad("The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.")
    if any(sign in text for sign in '/"@ '):
        raise rds.bad("The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '\"', ' ' may be used.")


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
            raise Fault("InvalidParameterValue", "The parameter MasterUserPassword must be provided and must not be blank.")
        password(params["MasterUserPassword"])
    place = rds.subnet_group(call, params.get("DBSubnetGroupName") or "default")
    vpc = place["row"]["VpcId"]
    version = rds.version(engine, params.get("EngineVersion"))
    family = rds.family(engine, version)
    group = parameter_group(call, params.get("DBParameterGroupName") or f"default.{family}")
    check_family(group, family)
    row: dict[str, Any] = {member: params.get(member, default) for member, default in PLAIN.items() if member != "IAMDatabaseAuthenticationEnabled"}
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
        "StorageType": params.get("StorageType", "io1" if "Iops" in params else "gp2"),
        "LicenseModel": "postgresql-license" if engine == "postgres" else "general-public-license",
        "PreferredBackupWindow": params.get("PreferredBackupWindow", "06:14-06:44"),
        "PreferredMaintenanceWindow": params.get("PreferredMaintenanceWindow", "sun:09:20-sun:09:50"),
        "CACertificateIdentifier": params.get("CACertificateIdentifier", _AUTHORITIES[0]),
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


def check_family(group: dict[str, Any], family: str) -> None:
    """The parameter group must be of the engine's family."""
    row = group["row"]
    if row["DBParameterGroupFamily"] != family:
        raise rds.clash(f"The Parameter Group {row['DBParameterGroupName']} with DBParameterGroupFamily {row['DBParameterGroupFamily']} "
                        f"cannot be used for this instance. Please use a Parameter Group with DBParameterGroupFamily {family}")  # fmt: skip


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
        row["SecondaryAvailabilityZone"] = there if there in by_zone and there != here else next(z for z in sorted(by_zone) if z != here)
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
    row["DBInstanceStatus"] = held["row"]["DBInstanceStatus"] = held["status"]
    row["DBSubnetGroup"] = held["row"]["DBSubnetGroup"] = rds.subnet_groups(call)[held["subnet_group"]]["row"]
    row["DBParameterGroups"] = [{"DBParameterGroupName": held["parameter_group"], "ParameterApplyStatus": held["apply"]}]
    row["PendingModifiedValues"] = {name: value for name, value in held["pending"].items() if name != "_"}
    row["TagList"] = rds.tag_list(held["tags"])
    row["CertificateDetails"] = {"CAIdentifier": row["CACertificateIdentifier"], "ValidTill": "2061-05-26T00:00:00Z"}
    if held["status"] != "creating":
        address = f"{row['DBInstanceIdentifier']}.{held['token']}.{call.region}.rds.amazonaws.com"
        row["Endpoint"] = {"Address": address, "Port": held["port"], "HostedZoneId": "Z2R2ITUGPM61AM"}
        row["LatestRestorableTime"] = row["InstanceCreateTime"]
    if row["MonitoringInterval"] and row.get("MonitoringRoleArn"):
        row["EnhancedMonitoringResourceArn"] = f"arn:aws:logs:{call.region}:{call.account.name}:log-group:RDSOSMetrics:log-stream:{row['DbiResourceId']}"
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
        raise Fault("InvalidDBInstanceState", f"Database instance is not in available state: {name} is {held['status']}")


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
        row["AvailabilityZone"], row["SecondaryAvailabilityZone"] = row["SecondaryAvailabilityZone"], row["AvailabilityZone"]
    held["apply"] = "in-sync"
    held["status"], held["until"] = "rebooting", call.account.due(SECONDS["rebooting"])
    return {"DBInstance": show(call, held)}


@operation("rds", "DeleteDBInstance")
def delete(call: Call) -> dict:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html: a final snapshot is named, or skipped."""
    settle(call)
    held = rds.instance(call, call.params["DBInstanceIdentifier"])
    name, final, skip = held["row"]["DBInstanceIdentifier"], call.get("FinalDBSnapshotIdentifier"), call.get("SkipFinalSnapshot", False)
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
            raise Fault("InvalidDBInstanceState", f"Instance {name} is currently creating - a final snapshot cannot be taken.")
        show(call, held)
        snapshot(call, final, held, "manual")
    held["status"], held["until"] = "deleting", call.account.due(SECONDS["deleting"])
    shown = show(call, held)
    settle(call)
    return {"DBInstance": shown}


ec2.SETTLERS.append(settle)
