"""The server itself: isolation, control endpoint, lag, paging, throttling."""

from conftest import Cloud


def test_accounts_do_not_see_each_other(endpoint, cloud):
    other = Cloud(endpoint, "777777777777")
    vpc = cloud.vpc()
    assert cloud.sts.get_caller_identity()["Account"] == cloud.account
    assert vpc in [v["VpcId"] for v in cloud.ec2.describe_vpcs()["Vpcs"]]
    assert vpc not in [v["VpcId"] for v in other.ec2.describe_vpcs()["Vpcs"]]


def test_reset_empties_one_account(endpoint, cloud):
    other = Cloud(endpoint, "777777777778")
    other.vpc()
    cloud.vpc()
    cloud.iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    cloud.post("reset")
    assert cloud.inventory() == {}
    assert list(other.inventory()) == ["vpc"]


def test_inventory_lists_by_kind_and_leaves_out_the_defaults(cloud):
    assert cloud.inventory() == {}
    vpc = cloud.vpc()
    subnet = cloud.subnet(vpc)
    assert cloud.inventory() == {"vpc": [vpc], "subnet": [subnet]}


def test_calls_are_counted(cloud, refused):
    cloud.ec2.describe_vpcs()
    refused("InvalidVpcID.NotFound", cloud.ec2.describe_vpcs, VpcIds=["vpc-0123456789abcdef0"])
    calls = cloud.get("calls")
    assert calls["counts"] == {"ec2.DescribeVpcs": 2}
    assert [entry["outcome"] for entry in calls["log"]] == ["ok", "InvalidVpcID.NotFound"]


TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"ec2.amazonaws.com"}}]}'
)


def test_a_new_resource_is_unseen_until_the_lag_has_passed(cloud, refused):
    cloud.settings(lag=60.0)
    vpc = cloud.vpc()
    refused("InvalidVpcID.NotFound", cloud.ec2.describe_vpcs, VpcIds=[vpc])
    assert vpc not in [row["VpcId"] for row in cloud.ec2.describe_vpcs()["Vpcs"]]
    assert cloud.ec2.describe_vpcs(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Vpcs"] == []
    refused("InvalidVpcID.NotFound", cloud.ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.0.0/24")
    refused("InvalidVpcID.NotFound", cloud.ec2.create_tags, Resources=[vpc], Tags=[{"Key": "a", "Value": "b"}])
    assert cloud.inventory() == {"vpc": [vpc]}
    cloud.post("advance", seconds=61)
    assert cloud.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["VpcId"] == vpc


def test_names_conflict_even_while_unseen(cloud, refused):
    cloud.settings(lag=60.0)
    role = lambda: cloud.iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    role()
    refused("NoSuchEntity", cloud.iam.get_role, RoleName="r")
    assert cloud.iam.list_roles()["Roles"] == []
    refused("EntityAlreadyExists", role)
    cloud.post("advance", seconds=61)
    assert cloud.iam.get_role(RoleName="r")["Role"]["RoleName"] == "r"


def test_a_token_finds_what_is_unseen_and_does_not_hide_it_again(cloud):
    vpc = cloud.vpc()
    cloud.settings(lag=60.0)
    make = lambda: cloud.ec2.create_route_table(VpcId=vpc, ClientToken="t")["RouteTable"]["RouteTableId"]
    table = make()
    assert make() == table
    cloud.post("advance", seconds=61)
    assert make() == table
    assert cloud.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]


def test_a_test_may_hide_and_show(cloud, refused):
    vpc = cloud.vpc()
    cloud.post("hide", ids=[vpc])
    refused("InvalidVpcID.NotFound", cloud.ec2.describe_vpcs, VpcIds=[vpc])
    cloud.post("show", ids=[vpc])
    assert cloud.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]


def test_lists_come_in_pages(cloud, refused):
    made = {cloud.vpc() for _ in range(11)}
    first = cloud.ec2.describe_vpcs(MaxResults=5)
    assert len(first["Vpcs"]) == 5
    pages = cloud.ec2.get_paginator("describe_vpcs").paginate(PaginationConfig={"PageSize": 5})
    assert made < {row["VpcId"] for page in pages for row in page["Vpcs"]}
    refused("InvalidParameterValue", cloud.ec2.describe_vpcs, MaxResults=3)
    refused("InvalidNextToken", cloud.ec2.describe_vpcs, MaxResults=5, NextToken="x")
    for n in range(5):
        cloud.iam.create_role(RoleName=f"r{n}", AssumeRolePolicyDocument=TRUST)
    page = cloud.iam.list_roles(MaxItems=3)
    assert (len(page["Roles"]), page["IsTruncated"]) == (3, True)
    page = cloud.iam.list_roles(MaxItems=3, Marker=page["Marker"])
    assert (len(page["Roles"]), page["IsTruncated"]) == (2, False)


def test_calls_that_come_too_fast_are_refused(cloud, refused):
    cloud.settings(throttle=True, time_scale=0.001)
    for _ in range(40):
        cloud.elbv2.describe_load_balancers()
    refused("Throttling", cloud.elbv2.describe_load_balancers)
    cloud.post("advance", seconds=1)
    cloud.elbv2.describe_load_balancers()
    ask = {"VpcId": "vpc-0123456789abcdef0", "ServiceName": "com.amazonaws.us-east-1.s3"}
    for _ in range(4):
        refused("InvalidVpcID.NotFound", cloud.ec2.create_vpc_endpoint, **ask)
    refused("RequestLimitExceeded", cloud.ec2.create_vpc_endpoint, **ask)


def test_a_failure_can_be_injected(cloud, refused):
    cloud.post("fail", action="ec2.CreateVpc", code="InternalError", status=500, times=1)
    refused("InternalError", cloud.ec2.create_vpc, CidrBlock="10.0.0.0/16")
    cloud.vpc()


def test_a_dry_run_changes_nothing(cloud, refused):
    refused("DryRunOperation", cloud.ec2.create_vpc, CidrBlock="10.0.0.0/16", DryRun=True)
    assert cloud.inventory() == {}


def test_required_members_and_enumerations_are_checked(cloud, refused):
    refused("MissingParameter", cloud.ec2.create_subnet, CidrBlock="10.0.0.0/24")
    refused("InvalidParameterValue", cloud.ec2.create_vpc, CidrBlock="10.0.0.0/16", InstanceTenancy="none")
    refused("ValidationError", cloud.elbv2.describe_tags)


def test_settings_are_checked(cloud):
    import urllib.error

    import pytest

    with pytest.raises(urllib.error.HTTPError):
        cloud.settings(colour="red")


def test_cloudwatch_speaks_cbor(cloud, endpoint):
    import urllib.request
    from datetime import UTC, datetime

    import cbor2

    def call(operation, **sent):
        request = urllib.request.Request(
            f"{endpoint}/service/GraniteServiceVersion20100801/operation/{operation}", data=cbor2.dumps(sent),
            headers={
                "smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor",
                "authorization": f"AWS4-HMAC-SHA256 Credential=AKIATEST{cloud.account}/20260101/us-east-1/monitoring/aws4_request, x",
            },
        )  # fmt: skip
        with urllib.request.urlopen(request) as reply:
            assert reply.headers["smithy-protocol"] == "rpc-v2-cbor"
            return cbor2.loads(reply.read())

    call("PutMetricAlarm", AlarmName="a", MetricName="m", Namespace="n", Period=60, EvaluationPeriods=1, Threshold=3,
         ComparisonOperator="GreaterThanThreshold", Statistic="Sum")  # fmt: skip
    alarm = call("DescribeAlarms")["MetricAlarms"][0]
    assert (alarm["AlarmName"], alarm["Threshold"], type(alarm["Threshold"])) == ("a", 3.0, float)
    assert isinstance(alarm["StateUpdatedTimestamp"], datetime) and alarm["StateUpdatedTimestamp"].tzinfo == UTC


def test_parts_and_users_of_an_unseen_resource_do_not_see_it_either(cloud, refused):
    vpc = cloud.vpc()
    subnets = cloud.two_subnets(vpc)
    data = {"ImageId": cloud.image(), "InstanceType": "t3.micro", "IamInstanceProfile": {"Name": "i"}}
    cloud.settings(lag=60.0)
    template = cloud.ec2.create_launch_template(LaunchTemplateName="tpl", LaunchTemplateData=data)["LaunchTemplate"][
        "LaunchTemplateId"
    ]
    assert cloud.ec2.describe_launch_template_versions(Versions=["$Latest"])["LaunchTemplateVersions"] == []
    refused(
        "InvalidLaunchTemplateName.NotFoundException", cloud.ec2.describe_launch_templates, LaunchTemplateNames=["tpl"]
    )
    ask = {"AutoScalingGroupName": "g", "MinSize": 0, "MaxSize": 1, "VPCZoneIdentifier": ",".join(subnets)}
    for spec in ({"LaunchTemplateId": template}, {"LaunchTemplateName": "tpl"}):
        refused("ValidationError", cloud.autoscaling.create_auto_scaling_group, **ask, LaunchTemplate=spec)
    cloud.post("advance", seconds=61)
    cloud.iam.create_instance_profile(InstanceProfileName="i")
    make = lambda: cloud.autoscaling.create_auto_scaling_group(
        **ask, LaunchTemplate={"LaunchTemplateId": template, "Version": "1"}
    )
    refused("ValidationError", make)
    third = cloud.subnet(vpc, "10.0.3.0/24", "c")
    refused(
        "SubnetNotFound", cloud.elbv2.create_load_balancer, Name="b", Subnets=[subnets[0], third], Scheme="internal"
    )
    refused(
        "InvalidSubnet",
        cloud.rds.create_db_subnet_group,
        DBSubnetGroupName="d",
        DBSubnetGroupDescription="d",
        SubnetIds=[subnets[0], third],
    )
    cloud.rds.create_db_subnet_group(DBSubnetGroupName="d", DBSubnetGroupDescription="d", SubnetIds=subnets)
    arn = f"arn:aws:rds:us-east-1:{cloud.account}:subgrp:d"
    refused("DBSubnetGroupNotFoundFault", cloud.rds.list_tags_for_resource, ResourceName=arn)
    cloud.post("advance", seconds=61)
    make()
    cloud.rds.list_tags_for_resource(ResourceName=arn)
    assert cloud.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []


def test_a_change_is_read_late(cloud):
    vpc = cloud.vpc()
    subnet = cloud.subnet(vpc)
    group = cloud.group(vpc)
    cloud.iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    cloud.settings(stale=30.0)
    cloud.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    cloud.ec2.create_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": "b"}])
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    cloud.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    cloud.iam.update_role(RoleName="r", MaxSessionDuration=7200)

    def seen():
        return (
            cloud.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["MapPublicIpOnLaunch"],
            cloud.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0].get("Tags", []),
            len(cloud.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]),
            cloud.iam.list_roles()["Roles"][0]["MaxSessionDuration"],
        )

    assert seen() == (False, [], 0, 3600)
    cloud.post("advance", seconds=31)
    assert seen() == (True, [{"Key": "a", "Value": "b"}], 1, 7200)


def test_what_is_deleted_stays_listed_for_a_while(cloud, refused):
    vpc = cloud.vpc()
    subnet = cloud.subnet(vpc)
    cloud.ec2.create_tags(Resources=[subnet], Tags=[{"Key": "a", "Value": "b"}])
    group = cloud.group(vpc)
    cloud.settings(stale=30.0)
    cloud.ec2.delete_subnet(SubnetId=subnet)
    cloud.ec2.delete_security_group(GroupId=group)
    refused("InvalidSubnetID.NotFound", cloud.ec2.delete_subnet, SubnetId=subnet)
    filters = [{"Name": "tag:a", "Values": ["b"]}, {"Name": "vpc-id", "Values": [vpc]}]
    assert [row["SubnetId"] for row in cloud.ec2.describe_subnets(Filters=filters)["Subnets"]] == [subnet]
    assert len(cloud.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]) == 1
    assert cloud.inventory() == {"vpc": [vpc]}
    cloud.post("advance", seconds=31)
    refused("InvalidSubnetID.NotFound", cloud.ec2.describe_subnets, SubnetIds=[subnet])
    refused("InvalidGroup.NotFound", cloud.ec2.describe_security_groups, GroupIds=[group])


def test_every_service_pages_in_its_own_words(cloud, refused):
    vpc = cloud.vpc()
    for n in range(3):
        cloud.elbv2.create_target_group(Name=f"t{n}", Protocol="HTTP", Port=80, VpcId=vpc)
    first = cloud.elbv2.describe_target_groups(PageSize=2)
    rest = cloud.elbv2.describe_target_groups(PageSize=2, Marker=first["NextMarker"])
    assert [row["TargetGroupName"] for row in first["TargetGroups"] + rest["TargetGroups"]] == ["t0", "t1", "t2"]
    assert "NextMarker" not in rest
    for n in range(21):
        cloud.rds.create_db_parameter_group(
            DBParameterGroupName=f"p{n:02}", DBParameterGroupFamily="postgres16", Description="x"
        )
    first = cloud.rds.describe_db_parameter_groups(MaxRecords=20)
    rest = cloud.rds.describe_db_parameter_groups(MaxRecords=20, Marker=first["Marker"])
    assert [row["DBParameterGroupName"] for row in rest["DBParameterGroups"]] == ["p20"]
    refused("InvalidParameterValue", cloud.rds.describe_db_parameter_groups, MaxRecords=5)
    refused("ValidationError", cloud.autoscaling.describe_auto_scaling_groups, MaxRecords=500)
    refused("ValidationError", cloud.elbv2.describe_target_groups, PageSize=500)


def test_a_route_to_an_unseen_gateway_is_refused_in_its_own_words(cloud, refused):
    vpc = cloud.vpc()
    subnet = cloud.subnet(vpc)
    gateway = cloud.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    cloud.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = cloud.ec2.allocate_address(Domain="vpc")["AllocationId"]
    table = cloud.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    cloud.settings(lag=60.0)
    nat = cloud.ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": nat}
    refused("InvalidNatGatewayID.NotFound", cloud.ec2.create_route, **route)
    refused("NatGatewayNotFound", cloud.ec2.describe_nat_gateways, NatGatewayIds=[nat])
    cloud.post("advance", seconds=61)
    cloud.ec2.create_route(**route)
