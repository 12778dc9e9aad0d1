"""Stopping, starting and restoring DB instances, and what little is asked about RDS besides.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceFromDBSnapshot.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StopDBInstance.html
"""

from .. import rds
from ..call import Call, operation
from ..fault import Fault
from .rds_checks import AUTHORITIES
from .rds_instance import SECONDS, available, create, settle, show
from .rds_parameters import parameters_of


@operation("rds", "RestoreDBInstanceFromDBSnapshot")
def restore(call: Call) -> dict:
    """A new instance with the snapshot's engine, storage and master user; encrypted if the snapshot is."""
    name = call.params.get("DBSnapshotIdentifier", "").rpartition(":")[2].lower()
    held = rds.snapshots(call).get(name)
    if held is None:
        raise Fault("DBSnapshotNotFound", f"DBSnapshot {name} not found.")
    source = held["row"]
    asked = {key: value for key, value in call.params.items() if key != "DBSnapshotIdentifier"}
    if asked.get("Engine", source["Engine"]) != source["Engine"]:
        raise rds.clash("The engine of the snapshot cannot be changed by a restore")
    if asked.get("AllocatedStorage", source["AllocatedStorage"]) < source["AllocatedStorage"]:
        raise rds.bad("The allocated storage must not be smaller than that of the snapshot")
    taken = ("Engine", "EngineVersion", "AllocatedStorage", "StorageType", "MasterUsername", "KmsKeyId")
    params = {member: source[member] for member in taken if member in source} | asked
    params["StorageEncrypted"] = source["Encrypted"]
    if not params.get("ManageMasterUserPassword"):
        params["MasterUserPassword"] = "as-in-the-snapshot"
    return create(Call(call.account, "rds", call.region, "CreateDBInstance", None, params))


@operation("rds", "StopDBInstance", "StartDBInstance")
def stop_or_start(call: Call) -> dict:
    settle(call)
    held = rds.instance(call, call.params["DBInstanceIdentifier"])
    name = held["row"]["DBInstanceIdentifier"]
    if call.action == "StopDBInstance":
        available(held)
        held["status"], held["until"] = "stopped", float("inf")
    elif held["status"] != "stopped":
        raise Fault("InvalidDBInstanceState", f"Instance {name} is not stopped")
    else:
        held["status"], held["until"] = "starting", call.account.due(SECONDS["rebooting"])
    return {"DBInstance": show(call, held)}


@operation("rds", "DescribeCertificates")
def describe_certificates(call: Call) -> dict:
    wanted = call.get("CertificateIdentifier")
    names = [name for name in AUTHORITIES if wanted in (None, name)]
    if not names:
        raise Fault("CertificateNotFound", f"CertificateIdentifier {wanted} not found.")
    return {"Certificates": [{"CertificateIdentifier": name, "CertificateType": "CA"} for name in names]}


@operation("rds", "DescribeEngineDefaultParameters")
def describe_defaults(call: Call) -> dict:
    family = call.params["DBParameterGroupFamily"]
    if family not in rds.families():
        raise rds.bad(f"ParameterGroupFamily {family} is not a valid parameter group family")
    rows = [
        {"ParameterName": name, "ApplyType": kind, "Source": "engine-default", "IsModifiable": True}
        for name, kind in sorted(parameters_of(family).items())
    ]
    return {"EngineDefaults": {"DBParameterGroupFamily": family, "Parameters": rows}}


@operation("rds", "DescribePendingMaintenanceActions", "DescribeEvents")
def describe_nothing(call: Call) -> dict:
    """Nothing happens here by itself."""
    return {"PendingMaintenanceActions": []} if call.action == "DescribePendingMaintenanceActions" else {"Events": []}
