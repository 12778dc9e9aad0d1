"""Changing a DB instance: what takes effect at once, and what waits for the maintenance window.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.DBInstance.Modifying.html#USER_ModifyInstance.Settings
"""

import json
import secrets
import uuid
from typing import Any

from .. import rds
from ..call import Call, operation
from ..fault import Fault
from .rds_checks import check, check_family, password, storage
from .rds_instance import SECONDS, available, drop_secret, managed_secret, settle, show, zones
from .rds_parameters import group as parameter_group

#: Parameters that wait for the window unless ApplyImmediately is given, by their name in PendingModifiedValues.
_WAITING = {
    "DBInstanceClass": "DBInstanceClass", "AllocatedStorage": "AllocatedStorage", "EngineVersion": "EngineVersion",
    "MultiAZ": "MultiAZ", "StorageType": "StorageType", "Iops": "Iops", "StorageThroughput": "StorageThroughput",
    "CACertificateIdentifier": "CACertificateIdentifier", "LicenseModel": "LicenseModel",
    "DBSubnetGroupName": "DBSubnetGroupName", "NewDBInstanceIdentifier": "DBInstanceIdentifier",
    "DedicatedLogVolume": "DedicatedLogVolume",
    "BackupRetentionPeriod": "BackupRetentionPeriod",
}  # fmt: skip
#: Parameters that are taken over at once, by their name in the instance.
_AT_ONCE = {
    "BackupRetentionPeriod": "BackupRetentionPeriod", "PreferredBackupWindow": "PreferredBackupWindow",
    "PreferredMaintenanceWindow": "PreferredMaintenanceWindow", "AutoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
    "PubliclyAccessible": "PubliclyAccessible", "CopyTagsToSnapshot": "CopyTagsToSnapshot", "DeletionProtection": "DeletionProtection",
    "EnableIAMDatabaseAuthentication": "IAMDatabaseAuthenticationEnabled", "MonitoringInterval": "MonitoringInterval",
    "MonitoringRoleArn": "MonitoringRoleArn", "EnablePerformanceInsights": "PerformanceInsightsEnabled",
    "PerformanceInsightsRetentionPeriod": "PerformanceInsightsRetentionPeriod",
    "PerformanceInsightsKMSKeyId": "PerformanceInsightsKMSKeyId", "MaxAllocatedStorage": "MaxAllocatedStorage",
    "NetworkType": "NetworkType", "DatabaseInsightsMode": "DatabaseInsightsMode",
}  # fmt: skip


@operation("rds", "ModifyDBInstance")
def modify(call: Call) -> dict:
    settle(call)
    held = rds.instance(call, call.params["DBInstanceIdentifier"])
    available(held)
    params = call.params
    row = dict(held["row"])
    vpc = rds.subnet_groups(call)[held["subnet_group"]]["row"]["VpcId"]
    _at_once(call, held, row, params)
    waiting = {name: params[name] for name in _WAITING if name in params and name != "BackupRetentionPeriod"}
    days, had = params.get("BackupRetentionPeriod"), held["row"]["BackupRetentionPeriod"]
    if days is not None and (days == 0) != (had == 0):
        # Turning backups on or off waits; from one number of days to another does not.
        row["BackupRetentionPeriod"] = had
        waiting["BackupRetentionPeriod"] = days
    _check_waiting(call, row, waiting)
    if params.get("ApplyImmediately", False):
        waiting = held["pending"].get("_", {}) | waiting
    group = params.get("DBParameterGroupName")
    if group:
        full = waiting.get("EngineVersion", row["EngineVersion"])
        check_family(parameter_group(call, group), rds.family(row["Engine"], rds.version(row["Engine"], full)))
    _password(call, row, params)
    check(call, row, vpc)
    held["row"] = row
    if group and group.lower() != held["parameter_group"]:
        held["parameter_group"] = group.lower()
        held["apply"] = "pending-reboot"
    if params.get("DBPortNumber", held["port"]) != held["port"]:
        # "your database restarts regardless of the value of the ApplyImmediately parameter"
        held["port"] = params["DBPortNumber"]
        held["status"], held["until"] = "modifying", call.account.due(SECONDS["rebooting"])
    shown: dict[str, Any] | None = None
    if waiting and params.get("ApplyImmediately", False):
        held["pending"] = {_WAITING[name]: value for name, value in waiting.items()}
        shown = show(call, held)
        _apply(call, held, waiting)
        held["status"], held["until"] = "modifying", call.account.due(SECONDS["modifying"])
    elif waiting:
        kept = held["pending"].get("_", {}) | waiting
        held["pending"] = {_WAITING[name]: value for name, value in kept.items()} | {"_": kept}
    zones(call, held)
    return {"DBInstance": shown or show(call, held)}


def _at_once(call: Call, held: dict[str, Any], row: dict[str, Any], params: dict[str, Any]) -> None:
    for name, member in _AT_ONCE.items():
        if name in params:
            row[member] = params[name]
    if "VpcSecurityGroupIds" in params:
        row["VpcSecurityGroups"] = [
            {"VpcSecurityGroupId": one, "Status": "active"} for one in params["VpcSecurityGroupIds"]
        ]
    logs = params.get("CloudwatchLogsExportConfiguration")
    if logs:
        kept = [
            name for name in row.get("EnabledCloudwatchLogsExports", []) if name not in logs.get("DisableLogTypes", [])
        ]
        row["EnabledCloudwatchLogsExports"] = kept + [
            name for name in logs.get("EnableLogTypes", []) if name not in kept
        ]
    if params.get("BackupRetentionPeriod") == 0 and held["row"].get("ReadReplicaDBInstanceIdentifiers"):
        raise rds.clash("Backups cannot be turned off while there are read replicas")


def _check_waiting(call: Call, row: dict[str, Any], waiting: dict[str, Any]) -> None:
    if "DBInstanceClass" in waiting:
        rds.check_class(waiting["DBInstanceClass"])
    if waiting.get("AllocatedStorage", row["AllocatedStorage"]) < row["AllocatedStorage"]:
        raise rds.clash(
            f"Invalid storage size for engine name {row['Engine']}: {waiting['AllocatedStorage']}. Storage cannot be reduced."
        )
    if (
        "AllocatedStorage" in waiting
        and row["AllocatedStorage"] < waiting["AllocatedStorage"] < row["AllocatedStorage"] * 1.1
    ):
        # "Values that are not at least 10% greater than the existing value are rounded up"
        waiting["AllocatedStorage"] = -(-row["AllocatedStorage"] * 11 // 10)
    if "EngineVersion" in waiting:
        full = waiting["EngineVersion"] = rds.version(row["Engine"], waiting["EngineVersion"])
        have = [int(part) for part in row["EngineVersion"].split(".")]
        want = [int(part) for part in full.split(".")]
        if want < have:
            raise rds.clash(f"Cannot upgrade {row['Engine']} from {row['EngineVersion']} to {full}")
        if rds.family(row["Engine"], full) != rds.family(row["Engine"], row["EngineVersion"]) and not call.get(
            "AllowMajorVersionUpgrade"
        ):
            raise rds.clash("The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.")
    if any(name in waiting for name in ("AllocatedStorage", "StorageType", "Iops", "StorageThroughput")):
        storage(row | {name: waiting[name] for name in ("AllocatedStorage", "StorageType") if name in waiting}, waiting)


def _password(call: Call, row: dict[str, Any], params: dict[str, Any]) -> None:
    managed = params.get("ManageMasterUserPassword")
    if "MasterUserPassword" in params:
        if managed or (managed is None and "MasterUserSecret" in row):
            raise rds.clash(
                "You can't specify MasterUserPassword for an instance with ManageMasterUserPassword enabled."
            )
        password(params["MasterUserPassword"])
    if params.get("RotateMasterUserPassword"):
        if "MasterUserSecret" not in row or not params.get("ApplyImmediately"):
            raise rds.clash("RotateMasterUserPassword needs a managed master password and ApplyImmediately")
        value = json.dumps({"username": row["MasterUsername"], "password": secrets.token_urlsafe(21)})
        store = call.backend("secretsmanager")
        name = store.secrets[row["MasterUserSecret"]["SecretArn"]].name
        store.put_secret_value(name, value, None, str(uuid.uuid4()), ["AWSCURRENT"])
    if managed and "MasterUserSecret" not in row:
        row["MasterUserSecret"] = managed_secret(call, row, params.get("MasterUserSecretKmsKeyId"))
    elif managed is False and "MasterUserSecret" in row:
        if "MasterUserPassword" not in params:
            raise rds.clash("A MasterUserPassword must be specified when ManageMasterUserPassword is disabled.")
        drop_secret(call, row)


def _apply(call: Call, held: dict[str, Any], waiting: dict[str, Any]) -> None:
    """What was waiting takes effect."""
    row = held["row"]
    for name, member in _WAITING.items():
        if name in waiting and name not in (
            "DBPortNumber",
            "DBSubnetGroupName",
            "NewDBInstanceIdentifier",
            "Iops",
            "StorageThroughput",
        ):
            row[member] = waiting[name]
    if any(name in waiting for name in ("AllocatedStorage", "StorageType", "Iops", "StorageThroughput")):
        storage(row, waiting)
    if "DBSubnetGroupName" in waiting:
        held["subnet_group"] = rds.subnet_group(call, waiting["DBSubnetGroupName"])["row"]["DBSubnetGroupName"]
    if "NewDBInstanceIdentifier" in waiting:
        _rename(call, held, rds.check_name("NewDBInstanceIdentifier", waiting["NewDBInstanceIdentifier"]))
    full = row["EngineVersion"]
    if parameter_group(call, held["parameter_group"])["row"]["DBParameterGroupFamily"] != rds.family(
        row["Engine"], full
    ):
        held["parameter_group"] = parameter_group(call, f"default.{rds.family(row['Engine'], full)}")["row"][
            "DBParameterGroupName"
        ]
    held["pending"] = {}


def _rename(call: Call, held: dict[str, Any], name: str) -> None:
    if name in rds.instances(call):
        raise Fault("DBInstanceAlreadyExists", "DB instance already exists")
    del rds.instances(call)[held["row"]["DBInstanceIdentifier"]]
    held["row"] |= {"DBInstanceIdentifier": name, "DBInstanceArn": rds.arn(call, "db", name)}
    rds.instances(call)[name] = held


def maintain(call: Call) -> None:
    """The maintenance window of every instance comes: what waits is applied."""
    for held in list(rds.instances(call).values()):
        if held["pending"].get("_"):
            _apply(call, held, held["pending"]["_"])
            zones(call, held)
