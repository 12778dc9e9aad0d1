"""DB instances, subnet groups and parameter groups."""

import json

import pytest


@pytest.fixture
def net(cloud):
    """A VPC with two subnets, a subnet group over them and a security group."""
    vpc = cloud.vpc()
    subnets = cloud.two_subnets(vpc)
    cloud.rds.create_db_subnet_group(DBSubnetGroupName="db", DBSubnetGroupDescription="db", SubnetIds=subnets)
    return {"vpc": vpc, "subnets": subnets, "group": cloud.group(vpc)}


def ask(net, **more):
    return {
        "DBInstanceIdentifier": "main", "Engine": "postgres", "EngineVersion": "16", "DBInstanceClass": "db.t4g.micro",
        "AllocatedStorage": 20, "StorageType": "gp3", "MasterUsername": "boss", "ManageMasterUserPassword": True,
        "DBSubnetGroupName": "db", "VpcSecurityGroupIds": [net["group"]], "StorageEncrypted": True,
    } | more  # fmt: skip


def read(cloud):
    return cloud.rds.describe_db_instances(DBInstanceIdentifier="main")["DBInstances"][0]


def delete(cloud, **more):
    return cloud.rds.delete_db_instance(DBInstanceIdentifier="main", **more or {"SkipFinalSnapshot": True})


def test_a_database_is_kept_whole(cloud, net):
    plain = {
        "BackupRetentionPeriod": 14, "PreferredBackupWindow": "01:00-02:00", "PreferredMaintenanceWindow": "Sun:03:00-Sun:04:00",
        "MultiAZ": True, "CopyTagsToSnapshot": True, "AutoMinorVersionUpgrade": False, "DeletionProtection": True,
        "MaxAllocatedStorage": 100, "CACertificateIdentifier": "rds-ca-ecc384-g1", "DBName": "app", "PubliclyAccessible": False,
    }  # fmt: skip
    cloud.rds.create_db_instance(**ask(
        net, **plain, EnablePerformanceInsights=True, PerformanceInsightsRetentionPeriod=31, EnableCloudwatchLogsExports=["postgresql"],
        EnableIAMDatabaseAuthentication=True, Port=5433, Tags=[{"Key": "a", "Value": "b"}],
    ))  # fmt: skip
    row = read(cloud)
    assert {key: row[key] for key in plain} == plain | {"PreferredMaintenanceWindow": "sun:03:00-sun:04:00"}
    assert (row["EngineVersion"], row["Iops"], row["StorageThroughput"]) == ("16.10", 3000, 125)
    assert (row["PerformanceInsightsRetentionPeriod"], row["EnabledCloudwatchLogsExports"]) == (31, ["postgresql"])
    assert (row["IAMDatabaseAuthenticationEnabled"], row["Endpoint"]["Port"], row["TagList"]) == (
        True,
        5433,
        [{"Key": "a", "Value": "b"}],
    )
    assert {row["AvailabilityZone"], row["SecondaryAvailabilityZone"]} == {"us-east-1a", "us-east-1b"}
    assert row["DBParameterGroups"] == [
        {"DBParameterGroupName": "default.postgres16", "ParameterApplyStatus": "in-sync"}
    ]
    assert row["KmsKeyId"].startswith("arn:aws:kms:")


def test_bad_databases_are_refused(cloud, refused, net):
    make = cloud.rds.create_db_instance
    refused("InvalidParameterValue", make, **ask(net, DBInstanceClass="db.t99.huge"))
    refused("InvalidParameterCombination", make, **ask(net, EngineVersion="99"))
    refused("InvalidParameterValue", make, **ask(net, AllocatedStorage=5))
    refused("InvalidParameterCombination", make, **ask(net, Iops=4000))
    refused("InvalidParameterValue", make, **ask(net, ManageMasterUserPassword=False, MasterUserPassword="short"))
    refused("InvalidParameterCombination", make, **ask(net, MasterUserPassword="longenough"))
    refused("DBSubnetGroupNotFoundFault", make, **ask(net, DBSubnetGroupName="none"))
    refused("DBParameterGroupNotFound", make, **ask(net, DBParameterGroupName="none"))
    refused("InvalidParameterValue", make, **ask(net, VpcSecurityGroupIds=["sg-0123456789abcdef0"]))
    refused(
        "InvalidParameterCombination",
        make,
        **ask(net, PreferredBackupWindow="03:00-04:00", PreferredMaintenanceWindow="sun:03:30-sun:04:30"),
    )
    refused("InvalidParameterCombination", make, **ask(net, MonitoringInterval=60))
    refused("InvalidParameterCombination", make, **ask(net, EnableCloudwatchLogsExports=["slowquery"]))
    refused("InvalidParameterCombination", make, **ask(net, MultiAZ=True, AvailabilityZone="us-east-1a"))
    refused("InvalidVPCNetworkStateFault", make, **ask(net, PubliclyAccessible=True))
    make(**ask(net))
    refused("DBInstanceAlreadyExists", make, **ask(net))


def test_changes_at_once_or_in_the_window(cloud, refused, net):
    cloud.rds.create_db_instance(**ask(net))
    change = lambda **more: cloud.rds.modify_db_instance(DBInstanceIdentifier="main", **more)
    change(BackupRetentionPeriod=7, DBInstanceClass="db.t4g.small", AllocatedStorage=40)
    row = read(cloud)
    assert (row["BackupRetentionPeriod"], row["DBInstanceClass"]) == (7, "db.t4g.micro")
    assert row["PendingModifiedValues"] == {"DBInstanceClass": "db.t4g.small", "AllocatedStorage": 40}
    cloud.post("maintenance")
    row = read(cloud)
    assert (row["DBInstanceClass"], row["AllocatedStorage"], row["PendingModifiedValues"]) == ("db.t4g.small", 40, {})
    change(BackupRetentionPeriod=0, DBPortNumber=5433)
    row = read(cloud)
    assert (row["BackupRetentionPeriod"], row["PendingModifiedValues"]) == (7, {"BackupRetentionPeriod": 0})
    assert row["Endpoint"]["Port"] == 5433
    change(MultiAZ=True, ApplyImmediately=True, CloudwatchLogsExportConfiguration={"EnableLogTypes": ["postgresql"]})
    assert (read(cloud)["MultiAZ"], read(cloud)["EnabledCloudwatchLogsExports"]) == (True, ["postgresql"])
    refused("InvalidParameterCombination", change, AllocatedStorage=30, ApplyImmediately=True)
    refused("InvalidParameterCombination", change, EngineVersion="17", ApplyImmediately=True)
    change(EngineVersion="17", AllowMajorVersionUpgrade=True, ApplyImmediately=True)
    assert (read(cloud)["EngineVersion"], read(cloud)["DBParameterGroups"][0]["DBParameterGroupName"]) == (
        "17.6",
        "default.postgres17",
    )


def test_deleting_needs_no_protection_and_a_word_on_the_snapshot(cloud, refused, net):
    cloud.rds.create_db_instance(
        **ask(net, DeletionProtection=True, CopyTagsToSnapshot=True, Tags=[{"Key": "a", "Value": "b"}])
    )
    remove = cloud.rds.delete_db_instance
    refused("InvalidParameterCombination", remove, DBInstanceIdentifier="main", SkipFinalSnapshot=True)
    cloud.rds.modify_db_instance(DBInstanceIdentifier="main", DeletionProtection=False)
    refused("InvalidParameterCombination", remove, DBInstanceIdentifier="main")
    refused(
        "InvalidParameterCombination",
        remove,
        DBInstanceIdentifier="main",
        SkipFinalSnapshot=True,
        FinalDBSnapshotIdentifier="last",
    )
    remove(DBInstanceIdentifier="main", FinalDBSnapshotIdentifier="last")
    refused("DBInstanceNotFound", remove, DBInstanceIdentifier="main", SkipFinalSnapshot=True)
    assert cloud.rds.describe_db_snapshots()["DBSnapshots"][0]["TagList"] == [{"Key": "a", "Value": "b"}]
    cloud.rds.create_db_instance(**ask(net))
    refused("DBSnapshotAlreadyExists", remove, DBInstanceIdentifier="main", FinalDBSnapshotIdentifier="last")


def test_states_take_their_time(cloud, refused, net):
    cloud.settings(phases=True)
    cloud.rds.create_db_instance(**ask(net))
    assert (read(cloud)["DBInstanceStatus"], "Endpoint" in read(cloud)) == ("creating", False)
    refused(
        "InvalidDBInstanceState", cloud.rds.modify_db_instance, DBInstanceIdentifier="main", BackupRetentionPeriod=2
    )
    cloud.post("advance", seconds=800)
    assert (read(cloud)["DBInstanceStatus"], "Endpoint" in read(cloud)) == ("available", True)
    cloud.rds.modify_db_instance(DBInstanceIdentifier="main", DBInstanceClass="db.t4g.small", ApplyImmediately=True)
    assert read(cloud)["DBInstanceStatus"] == "modifying"
    cloud.post("advance", seconds=300)
    delete(cloud)
    assert read(cloud)["DBInstanceStatus"] == "deleting"
    refused("InvalidDBInstanceState", cloud.rds.delete_db_instance, DBInstanceIdentifier="main", SkipFinalSnapshot=True)
    refused("InvalidDBSubnetGroupStateFault", cloud.rds.delete_db_subnet_group, DBSubnetGroupName="db")
    cloud.post("advance", seconds=200)
    refused("DBInstanceNotFound", cloud.rds.describe_db_instances, DBInstanceIdentifier="main")
    cloud.rds.delete_db_subnet_group(DBSubnetGroupName="db")
    refused("DBSubnetGroupNotFoundFault", cloud.rds.delete_db_subnet_group, DBSubnetGroupName="db")


def test_a_managed_password_is_a_secret(cloud, net):
    cloud.rds.create_db_instance(**ask(net))
    secret = read(cloud)["MasterUserSecret"]
    value = json.loads(cloud.secretsmanager.get_secret_value(SecretId=secret["SecretArn"])["SecretString"])
    assert (secret["SecretStatus"], value["username"], len(value["password"]) > 20) == ("active", "boss", True)
    cloud.rds.modify_db_instance(DBInstanceIdentifier="main", RotateMasterUserPassword=True, ApplyImmediately=True)
    assert read(cloud)["MasterUserSecret"] == secret
    assert json.loads(cloud.secretsmanager.get_secret_value(SecretId=secret["SecretArn"])["SecretString"]) != value
    cloud.rds.modify_db_instance(
        DBInstanceIdentifier="main", ManageMasterUserPassword=False, MasterUserPassword="longenough"
    )
    assert "MasterUserSecret" not in read(cloud)
    assert "secret" not in cloud.inventory()


def test_a_failover_swaps_the_zones(cloud, refused, net):
    cloud.rds.create_db_instance(**ask(net, MultiAZ=True))
    before = read(cloud)
    cloud.rds.reboot_db_instance(DBInstanceIdentifier="main", ForceFailover=True)
    after = read(cloud)
    assert (after["AvailabilityZone"], after["SecondaryAvailabilityZone"]) == (
        before["SecondaryAvailabilityZone"],
        before["AvailabilityZone"],
    )
    cloud.rds.modify_db_instance(DBInstanceIdentifier="main", MultiAZ=False, ApplyImmediately=True)
    assert "SecondaryAvailabilityZone" not in read(cloud)
    refused(
        "InvalidParameterCombination", cloud.rds.reboot_db_instance, DBInstanceIdentifier="main", ForceFailover=True
    )


def test_subnet_groups(cloud, refused, net):
    make = cloud.rds.create_db_subnet_group
    refused(
        "DBSubnetGroupDoesNotCoverEnoughAZs",
        make,
        DBSubnetGroupName="x",
        DBSubnetGroupDescription="x",
        SubnetIds=net["subnets"][:1],
    )
    refused(
        "InvalidSubnet",
        make,
        DBSubnetGroupName="x",
        DBSubnetGroupDescription="x",
        SubnetIds=[*net["subnets"], "subnet-0123456789abcdef0"],
    )
    refused(
        "DBSubnetGroupAlreadyExists",
        make,
        DBSubnetGroupName="db",
        DBSubnetGroupDescription="x",
        SubnetIds=net["subnets"],
    )
    third = cloud.subnet(net["vpc"], "10.0.3.0/24", "c")
    cloud.rds.modify_db_subnet_group(
        DBSubnetGroupName="db", DBSubnetGroupDescription="new", SubnetIds=[*net["subnets"], third]
    )
    row = cloud.rds.describe_db_subnet_groups(DBSubnetGroupName="db")["DBSubnetGroups"][0]
    assert (len(row["Subnets"]), row["DBSubnetGroupDescription"]) == (3, "new")
    cloud.rds.create_db_instance(**ask(net, AvailabilityZone="us-east-1c"))
    refused("SubnetAlreadyInUse", cloud.rds.modify_db_subnet_group, DBSubnetGroupName="db", SubnetIds=net["subnets"])
    refused("InvalidDBSubnetGroupStateFault", cloud.rds.delete_db_subnet_group, DBSubnetGroupName="db")
    refused("DependencyViolation", cloud.ec2.delete_subnet, SubnetId=third)
    refused("DependencyViolation", cloud.ec2.delete_security_group, GroupId=net["group"])
    delete(cloud)
    cloud.ec2.delete_security_group(GroupId=net["group"])


def test_parameter_groups(cloud, refused, net):
    rds = cloud.rds
    refused(
        "InvalidParameterValue",
        rds.create_db_parameter_group,
        DBParameterGroupName="pg",
        DBParameterGroupFamily="postgres1",
        Description="x",
    )
    rds.create_db_parameter_group(DBParameterGroupName="pg", DBParameterGroupFamily="postgres16", Description="x")
    refused(
        "DBParameterGroupAlreadyExists",
        rds.create_db_parameter_group,
        DBParameterGroupName="pg",
        DBParameterGroupFamily="postgres16",
        Description="x",
    )
    change = lambda name, value, method: rds.modify_db_parameter_group(
        DBParameterGroupName="pg", Parameters=[{"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}]
    )
    refused("InvalidParameterValue", change, name="none", value="1", method="immediate")
    refused("InvalidParameterCombination", change, name="max_connections", value="100", method="immediate")
    rds.create_db_instance(**ask(net, DBParameterGroupName="pg"))
    change("log_min_duration_statement", "500", "immediate")
    assert read(cloud)["DBParameterGroups"][0]["ParameterApplyStatus"] == "in-sync"
    change("max_connections", "100", "pending-reboot")
    assert read(cloud)["DBParameterGroups"][0]["ParameterApplyStatus"] == "pending-reboot"
    rds.reboot_db_instance(DBInstanceIdentifier="main")
    assert read(cloud)["DBParameterGroups"][0]["ParameterApplyStatus"] == "in-sync"
    user = lambda: {
        p["ParameterName"]: p["ParameterValue"]
        for p in rds.describe_db_parameters(DBParameterGroupName="pg", Source="user")["Parameters"]
    }
    assert user() == {"log_min_duration_statement": "500", "max_connections": "100"}
    rds.reset_db_parameter_group(
        DBParameterGroupName="pg", Parameters=[{"ParameterName": "max_connections", "ApplyMethod": "pending-reboot"}]
    )
    assert list(user()) == ["log_min_duration_statement"]
    refused("InvalidDBParameterGroupState", rds.delete_db_parameter_group, DBParameterGroupName="pg")
    delete(cloud)
    rds.delete_db_parameter_group(DBParameterGroupName="pg")
    refused("DBParameterGroupNotFound", rds.delete_db_parameter_group, DBParameterGroupName="pg")


def test_a_group_of_another_family_is_refused(cloud, refused, net):
    cloud.rds.create_db_parameter_group(DBParameterGroupName="pg", DBParameterGroupFamily="postgres15", Description="x")
    refused("InvalidParameterCombination", cloud.rds.create_db_instance, **ask(net, DBParameterGroupName="pg"))


def test_tags(cloud, refused, net):
    for kind, name in (("subgrp", "db"),):
        arn = f"arn:aws:rds:us-east-1:{cloud.account}:{kind}:{name}"
        cloud.rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        cloud.rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["a"])
        assert cloud.rds.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "b", "Value": "2"}]
    refused(
        "DBInstanceNotFound",
        cloud.rds.list_tags_for_resource,
        ResourceName=f"arn:aws:rds:us-east-1:{cloud.account}:db:none",
    )


def test_a_snapshot_is_restored_and_an_instance_stopped(cloud, refused, net):
    rds = cloud.rds
    rds.create_db_instance(**ask(net))
    rds.create_db_snapshot(DBInstanceIdentifier="main", DBSnapshotIdentifier="snap")
    back = {"DBInstanceIdentifier": "back", "DBInstanceClass": "db.t4g.small", "DBSubnetGroupName": "db"}
    refused("DBSnapshotNotFound", rds.restore_db_instance_from_db_snapshot, **back, DBSnapshotIdentifier="none")
    rds.restore_db_instance_from_db_snapshot(**back, DBSnapshotIdentifier="snap")
    row = rds.describe_db_instances(DBInstanceIdentifier="back")["DBInstances"][0]
    assert (row["Engine"], row["MasterUsername"], row["StorageEncrypted"]) == ("postgres", "boss", True)
    rds.stop_db_instance(DBInstanceIdentifier="back")
    assert rds.describe_db_instances(DBInstanceIdentifier="back")["DBInstances"][0]["DBInstanceStatus"] == "stopped"
    refused("InvalidDBInstanceState", rds.modify_db_instance, DBInstanceIdentifier="back", BackupRetentionPeriod=3)
    rds.start_db_instance(DBInstanceIdentifier="back")
    refused("InvalidDBInstanceState", rds.start_db_instance, DBInstanceIdentifier="back")
    assert cloud.inventory()["db-snapshot"] == ["snap"]
    rds.delete_db_snapshot(DBSnapshotIdentifier="snap")
    refused("DBSnapshotNotFound", rds.delete_db_snapshot, DBSnapshotIdentifier="snap")
