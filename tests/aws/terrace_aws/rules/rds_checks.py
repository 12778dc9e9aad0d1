"""What a DB instance must be, whether it is made or changed: storage, windows, class, logs, groups.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html (constraints of each parameter)
"""

import re
from typing import Any

from moto.iam.models import iam_backends

from .. import rds
from ..call import Call
from ..fault import Fault

#: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
AUTHORITIES = ("rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1")
_WINDOW = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$")
_WEEK = re.compile(
    r"^(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):([0-5]\d)-(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):([0-5]\d)$"
)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


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
        if not big and (
            ("Iops" in asked and asked["Iops"] != 3000)
            or ("StorageThroughput" in asked and asked["StorageThroughput"] != 125)
        ):
            raise rds.clash(
                f"You can't specify IOPS or storage throughput for engine {engine} and a storage size less than 400."
            )
        row["Iops"] = asked.get("Iops", 12000 if big else 3000)
        row["StorageThroughput"] = asked.get("StorageThroughput", 500 if big else 125)
        if big and not (12000 <= row["Iops"] <= 64000 and 500 <= row["StorageThroughput"] <= 4000):
            raise rds.clash(
                f"Invalid iops {row['Iops']} or throughput {row['StorageThroughput']} for gp3 storage of {size} GiB"
            )
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
        raise rds.bad(
            f"Invalid backup window format: {backup}. Should be specified as a range hh24:mi-hh24:mi (24H Clock UTC)."
        )
    if weekly is None:
        raise rds.bad(
            f"Invalid maintenance window format: {week}. Should be specified as a range ddd:hh24:mi-ddd:hh24:mi (24H Clock UTC)."
        )
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
    if row["CACertificateIdentifier"] not in AUTHORITIES:
        raise Fault("CertificateNotFound", f"CertificateIdentifier {row['CACertificateIdentifier']} not found.")
    if row["MonitoringInterval"] not in (0, 1, 5, 10, 15, 30, 60):
        raise rds.bad(f"Invalid monitoring interval: {row['MonitoringInterval']}")
    if row["MonitoringInterval"] and not row.get("MonitoringRoleArn"):
        raise rds.clash("A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.")
    if row.get("MonitoringRoleArn") and row["MonitoringInterval"]:
        roles = {role.arn for role in iam_backends[call.account.name]["aws"].roles.values()}
        if row["MonitoringRoleArn"] not in roles:
            raise rds.bad(
                "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING"
            )
    logs = rds.ENGINES[row["Engine"]][2]
    unknown = [name for name in row.get("EnabledCloudwatchLogsExports", []) if name not in logs]
    if unknown:
        raise rds.clash(
            f"You cannot use the log types '{', '.join(unknown)}' with engine version {row['Engine']} {row['EngineVersion']}."
        )
    if row["PerformanceInsightsEnabled"]:
        days = row.setdefault("PerformanceInsightsRetentionPeriod", 7)
        if days not in (7, 731) and not (days % 31 == 0 and 31 <= days <= 31 * 23):
            raise rds.bad(f"Invalid Performance Insights retention period: {days}")
        row.setdefault("PerformanceInsightsKMSKeyId", key(call))
    else:
        row.pop("PerformanceInsightsRetentionPeriod", None)
        row.pop("PerformanceInsightsKMSKeyId", None)
    if row["PubliclyAccessible"]:
        gateways = call.ec2.internet_gateways.values()
        if not any(item.vpc is not None and item.vpc.id == vpc for item in gateways):
            raise Fault(
                "InvalidVPCNetworkStateFault",
                f"Cannot create a publicly accessible DBInstance. The specified VPC {vpc} has no internet gateway attached.",
            )
    rds.check_groups(call, [item["VpcSecurityGroupId"] for item in row["VpcSecurityGroups"]], vpc)


def key(call: Call) -> str:
    """The account's default key for RDS."""
    digits = f"{int(call.account.name):012d}"
    return f"arn:aws:kms:{call.region}:{call.account.name}:key/00000000-0000-0000-0000-{digits}"


def password(text: str) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html (MasterUserPassword)"""
    if len(text) < 8:
        raise rds.bad(
            "The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters."
        )
    if any(sign in text for sign in '/"@ '):
        raise rds.bad(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '\"', ' ' may be used."
        )


def check_family(group: dict[str, Any], family: str) -> None:
    """The parameter group must be of the engine's family."""
    row = group["row"]
    if row["DBParameterGroupFamily"] != family:
        raise rds.clash(f"The Parameter Group {row['DBParameterGroupName']} with DBParameterGroupFamily {row['DBParameterGroupFamily']} "
                        f"cannot be used for this instance. Please use a Parameter Group with DBParameterGroupFamily {family}")  # fmt: skip
