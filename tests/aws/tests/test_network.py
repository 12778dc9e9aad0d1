"""VPCs, subnets, gateways, addresses and routes: what blocks a delete, what conflicts, what is kept."""

import pytest

GONE = "0123456789abcdef0"


@pytest.fixture
def net(cloud):
    """A VPC with an attached internet gateway and a subnet."""
    vpc = cloud.vpc()
    gateway = cloud.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    cloud.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return vpc, gateway, cloud.subnet(vpc)


def test_a_vpc_is_deleted_only_when_empty(cloud, refused, net):
    vpc, gateway, subnet = net
    group = cloud.group(vpc)
    table = cloud.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    steps = [
        lambda: cloud.ec2.delete_subnet(SubnetId=subnet),
        lambda: cloud.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc),
        lambda: cloud.ec2.delete_security_group(GroupId=group),
        lambda: cloud.ec2.delete_route_table(RouteTableId=table),
    ]
    for step in steps:
        message = refused("DependencyViolation", cloud.ec2.delete_vpc, VpcId=vpc)
        assert message == f"The vpc '{vpc}' has dependencies and cannot be deleted."
        step()
    cloud.ec2.delete_vpc(VpcId=vpc)
    refused("InvalidVpcID.NotFound", cloud.ec2.delete_vpc, VpcId=vpc)
    cloud.ec2.delete_internet_gateway(InternetGatewayId=gateway)
    assert cloud.inventory() == {}


def test_second_deletes_say_not_found(cloud, refused):
    ec2 = cloud.ec2
    refused("InvalidSubnetID.NotFound", ec2.delete_subnet, SubnetId=f"subnet-{GONE}")
    refused("InvalidInternetGatewayID.NotFound", ec2.delete_internet_gateway, InternetGatewayId=f"igw-{GONE}")
    refused("InvalidRouteTableID.NotFound", ec2.delete_route_table, RouteTableId=f"rtb-{GONE}")
    refused("InvalidGroup.NotFound", ec2.delete_security_group, GroupId=f"sg-{GONE}")
    refused("InvalidAllocationID.NotFound", ec2.release_address, AllocationId=f"eipalloc-{GONE}")
    refused("NatGatewayNotFound", ec2.delete_nat_gateway, NatGatewayId=f"nat-{GONE}")
    refused("InvalidAssociationID.NotFound", ec2.disassociate_route_table, AssociationId="rtbassoc-1")
    failed = ec2.delete_vpc_endpoints(VpcEndpointIds=[f"vpce-{GONE}"])["Unsuccessful"]
    assert failed[0]["Error"]["Code"] == "InvalidVpcEndpointId.NotFound"


def test_one_internet_gateway_per_vpc_and_one_vpc_per_gateway(cloud, refused, net):
    vpc, gateway, _ = net
    second = cloud.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    refused("InvalidParameterValue", cloud.ec2.attach_internet_gateway, InternetGatewayId=second, VpcId=vpc)
    refused(
        "Resource.AlreadyAssociated", cloud.ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId=cloud.vpc()
    )
    refused("DependencyViolation", cloud.ec2.delete_internet_gateway, InternetGatewayId=gateway)
    cloud.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    refused("Gateway.NotAttached", cloud.ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)


def test_subnets_fit_and_do_not_overlap(cloud, refused):
    vpc = cloud.vpc()
    cloud.subnet(vpc, "10.0.1.0/24")
    refused("InvalidSubnet.Conflict", cloud.ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.1.128/25")
    refused("InvalidSubnet.Range", cloud.ec2.create_subnet, VpcId=vpc, CidrBlock="10.1.0.0/24")
    refused("InvalidSubnet.Range", cloud.ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.2.0/29")
    refused("InvalidParameterValue", cloud.ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.2.1/24")
    refused(
        "InvalidParameterValue",
        cloud.ec2.create_subnet,
        VpcId=vpc,
        CidrBlock="10.0.2.0/24",
        AvailabilityZone="us-east-1z",
    )
    refused("InvalidVpc.Range", cloud.ec2.create_vpc, CidrBlock="10.0.0.0/8")


def test_vpc_and_subnet_attributes_are_kept(cloud, refused):
    vpc = cloud.vpc()
    subnet = cloud.subnet(vpc)
    row = cloud.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]
    assert (row["MapPublicIpOnLaunch"], row["DefaultForAz"]) == (False, False)
    cloud.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    cloud.ec2.modify_subnet_attribute(SubnetId=subnet, PrivateDnsHostnameTypeOnLaunch="resource-name")
    row = cloud.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]
    assert row["MapPublicIpOnLaunch"] is True
    assert row["PrivateDnsNameOptionsOnLaunch"]["HostnameType"] == "resource-name"
    read = cloud.ec2.describe_vpc_attribute
    assert read(VpcId=vpc, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"] is False
    assert read(VpcId=vpc, Attribute="enableDnsSupport")["EnableDnsSupport"]["Value"] is True
    cloud.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    assert read(VpcId=vpc, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"] is True
    both = {"EnableDnsHostnames": {"Value": True}, "EnableDnsSupport": {"Value": True}}
    refused("InvalidParameterCombination", cloud.ec2.modify_vpc_attribute, VpcId=vpc, **both)


def test_a_used_address_is_not_released_and_a_mapped_gateway_not_detached(cloud, refused, net):
    vpc, gateway, subnet = net
    address = cloud.ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = cloud.ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    refused("InvalidIPAddress.InUse", cloud.ec2.release_address, AllocationId=address)
    refused("DependencyViolation", cloud.ec2.delete_subnet, SubnetId=subnet)
    message = refused("DependencyViolation", cloud.ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
    assert "mapped public address" in message
    link = cloud.ec2.describe_addresses(AllocationIds=[address])["Addresses"][0]["AssociationId"]
    refused("AuthFailure", cloud.ec2.disassociate_address, AssociationId=link)
    cloud.ec2.delete_nat_gateway(NatGatewayId=nat)
    listed = cloud.ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"]
    assert [row["State"] for row in listed] == ["deleted"]
    cloud.ec2.release_address(AllocationId=address)
    cloud.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    cloud.ec2.delete_subnet(SubnetId=subnet)
    assert set(cloud.inventory()) == {"vpc", "internet-gateway"}
    cloud.post("advance", seconds=3601)
    assert cloud.ec2.describe_nat_gateways()["NatGateways"] == []


def test_nat_gateways_take_their_time(cloud, net):
    _, _, subnet = net
    cloud.settings(phases=True)
    address = cloud.ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = cloud.ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]
    nat = made["NatGatewayId"]

    def state():
        return cloud.ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["State"]

    assert made["State"] == state() == "pending"
    cloud.post("advance", seconds=120)
    assert state() == "available"
    cloud.ec2.delete_nat_gateway(NatGatewayId=nat)
    assert state() == "deleting"
    cloud.post("advance", seconds=60)
    assert state() == "deleted"


def test_a_nat_gateway_without_a_way_out_fails(cloud):
    subnet = cloud.subnet(cloud.vpc())
    address = cloud.ec2.allocate_address(Domain="vpc")["AllocationId"]
    cloud.ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)
    row = cloud.ec2.describe_nat_gateways()["NatGateways"][0]
    assert (row["State"], row["FailureCode"]) == ("failed", "Gateway.NotAttached")
    cloud.ec2.release_address(AllocationId=address)


def test_the_same_token_makes_nothing_new(cloud, refused, net):
    vpc, _, subnet = net
    address = cloud.ec2.allocate_address(Domain="vpc")["AllocationId"]
    ask = {"SubnetId": subnet, "AllocationId": address, "ClientToken": "one"}
    first = cloud.ec2.create_nat_gateway(**ask)["NatGateway"]["NatGatewayId"]
    assert cloud.ec2.create_nat_gateway(**ask)["NatGateway"]["NatGatewayId"] == first
    refused("IdempotentParameterMismatch", cloud.ec2.create_nat_gateway, **ask | {"AllocationId": "eipalloc-other"})
    tables = [
        cloud.ec2.create_route_table(VpcId=vpc, ClientToken="two")["RouteTable"]["RouteTableId"] for _ in range(2)
    ]
    assert tables[0] == tables[1]
    ask = {"VpcId": vpc, "ServiceName": "com.amazonaws.us-east-1.s3", "ClientToken": "three"}
    ends = [cloud.ec2.create_vpc_endpoint(**ask)["VpcEndpoint"]["VpcEndpointId"] for _ in range(2)]
    assert ends[0] == ends[1]
    refused("IdempotentParameterMismatch", cloud.ec2.create_vpc_endpoint, **ask | {"RouteTableIds": [tables[0]]})


def test_route_tables(cloud, refused, net):
    vpc, gateway, subnet = net
    ec2 = cloud.ec2
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    main = ec2.describe_route_tables(
        Filters=[{"Name": "association.main", "Values": ["true"]}, {"Name": "vpc-id", "Values": [vpc]}]
    )
    refused("DependencyViolation", ec2.delete_route_table, RouteTableId=main["RouteTables"][0]["RouteTableId"])
    route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
    refused("InvalidInternetGatewayID.NotFound", ec2.create_route, **route, GatewayId=f"igw-{GONE}")
    refused("InvalidNatGatewayID.NotFound", ec2.create_route, **route, NatGatewayId=f"nat-{GONE}")
    ec2.create_route(**route, GatewayId=gateway)
    refused("RouteAlreadyExists", ec2.create_route, **route, GatewayId=gateway)
    link = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    assert ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"] == link
    other = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    refused("Resource.AlreadyAssociated", ec2.associate_route_table, RouteTableId=other, SubnetId=subnet)
    refused("DependencyViolation", ec2.delete_route_table, RouteTableId=table)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    assert {r["DestinationCidrBlock"]: r["State"] for r in routes} == {
        "10.0.0.0/16": "active",
        "0.0.0.0/0": "blackhole",
    }
    ec2.delete_route(**route)
    refused("InvalidRoute.NotFound", ec2.delete_route, **route)
    moved = ec2.replace_route_table_association(AssociationId=link, RouteTableId=other)["NewAssociationId"]
    assert moved != link
    ec2.delete_route_table(RouteTableId=table)
    ec2.disassociate_route_table(AssociationId=moved)


def test_unknown_filters_and_parameters_are_refused(cloud, refused):
    refused("InvalidParameterValue", cloud.ec2.describe_vpcs, Filters=[{"Name": "colour", "Values": ["red"]}])


def test_tag_filters_take_wildcards(cloud):
    vpc = cloud.ec2.create_vpc(
        CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "owner", "Value": "a/b"}]}]
    )["Vpc"]["VpcId"]
    cloud.vpc()
    for name, value in (("tag:owner", "a/b"), ("tag:owner", "a*"), ("tag-key", "owner")):
        found = cloud.ec2.describe_vpcs(Filters=[{"Name": name, "Values": [value]}])["Vpcs"]
        assert [row["VpcId"] for row in found] == [vpc]
    assert cloud.ec2.describe_vpcs(Filters=[{"Name": "tag:owner", "Values": ["a"]}])["Vpcs"] == []
    tags = cloud.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [vpc]}])["Tags"]
    assert [(tag["ResourceType"], tag["Key"]) for tag in tags] == [("vpc", "owner")]
    cloud.ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "owner"}])
    assert cloud.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [vpc]}])["Tags"] == []
