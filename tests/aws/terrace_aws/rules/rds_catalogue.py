"""What RDS offers: engine versions and orderable instance classes."""

from .. import rds
from ..call import Call, operation

_CLASSES = ("db.t3.micro", "db.t3.small", "db.t3.medium", "db.t4g.micro", "db.t4g.small", "db.t4g.medium", "db.t4g.large",
            "db.m6g.large", "db.m6g.xlarge", "db.m7g.large", "db.m7g.xlarge", "db.r6g.large", "db.r6g.xlarge", "db.r7g.large")  # fmt: skip


@operation("rds", "DescribeDBEngineVersions")
def describe_versions(call: Call) -> dict:
    engine, asked = call.get("Engine"), call.get("EngineVersion")
    rows = []
    for name, (_, majors, logs) in rds.ENGINES.items():
        for major, full in majors.items():
            if engine in (None, name) and asked in (None, major, full):
                rows.append({
                    "Engine": name, "EngineVersion": full, "MajorEngineVersion": major, "DBParameterGroupFamily": f"{name}{major}",
                    "ExportableLogTypes": list(logs), "Status": "available", "SupportsLogExportsToCloudwatchLogs": True,
                    "ValidUpgradeTarget": [
                        {"Engine": name, "EngineVersion": other, "IsMajorVersionUpgrade": True}
                        for other in list(majors.values())[list(majors).index(major) + 1 :]
                    ],
                })  # fmt: skip
    return {"DBEngineVersions": rows}


@operation("rds", "DescribeOrderableDBInstanceOptions")
def describe_options(call: Call) -> dict:
    engine, kind = call.params["Engine"], call.get("DBInstanceClass")
    if engine not in rds.ENGINES:
        raise rds.bad(f"Invalid DB engine: {engine}")
    zones = [{"Name": call.region + letter} for letter in "abc"]
    return {"OrderableDBInstanceOptions": [
        {"Engine": engine, "EngineVersion": full, "DBInstanceClass": name, "MultiAZCapable": True, "StorageType": "gp3",
         "SupportsStorageEncryption": True, "AvailabilityZones": zones, "Vpc": True}
        for full in rds.ENGINES[engine][1].values() if call.get("EngineVersion") in (None, full)
        for name in _CLASSES if kind in (None, name)
    ]}  # fmt: skip
