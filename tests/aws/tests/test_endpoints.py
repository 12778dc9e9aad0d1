"""VPC endpoints: gateway endpoints and their routes, interface endpoints and their interfaces."""

import json

import pytest

S3 = "com.amazonaws.us-east-1.s3"
SSM = "com.amazonaws.us-east-1.ssm"
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}
)


@pytest.fixture
def net(cloud):
    """A VPC with DNS names, two subnets and a route table."""
    vpc = cloud.vpc()
    cloud.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    return vpc, cloud.two_subnets(vpc), cloud.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]


def make(cloud, **ask):
    return cloud.ec2.create_vpc_endpoint(**ask)["VpcEndpoint"]["VpcEndpointId"]


def read(cloud, name):
    return cloud.ec2.describe_vpc_endpoints(VpcEndpointIds=[name])["VpcEndpoints"][0]


def via(cloud, table, name):
    routes = cloud.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    return [route for route in routes if route.get("GatewayId") == name]


def test_a_gateway_endpoint_keeps_routes(cloud, refused, net):
    vpc, _, table = net
    name = make(cloud, VpcId=vpc, ServiceName=S3, RouteTableIds=[table])
    assert via(cloud, table, name)[0]["DestinationPrefixListId"].startswith("pl-")
    refused("RouteAlreadyExists", cloud.ec2.create_vpc_endpoint, VpcId=vpc, ServiceName=S3, RouteTableIds=[table])
    other = cloud.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    cloud.ec2.modify_vpc_endpoint(
        VpcEndpointId=name, AddRouteTableIds=[other], RemoveRouteTableIds=[table], PolicyDocument=POLICY
    )
    row = read(cloud, name)
    assert (row["RouteTableIds"], row["PolicyDocument"], row["State"]) == ([other], POLICY, "available")
    assert (via(cloud, table, name), len(via(cloud, other, name))) == ([], 1)
    refused("DependencyViolation", cloud.ec2.delete_vpc, VpcId=vpc)
    assert cloud.ec2.delete_vpc_endpoints(VpcEndpointIds=[name])["Unsuccessful"] == []
    assert via(cloud, other, name) == []
    refused("InvalidVpcEndpointId.NotFound", cloud.ec2.describe_vpc_endpoints, VpcEndpointIds=[name])


def test_a_gateway_endpoint_outlives_its_route_table(cloud, net):
    vpc, _, table = net
    name = make(cloud, VpcId=vpc, ServiceName=S3, RouteTableIds=[table])
    cloud.ec2.delete_route_table(RouteTableId=table)
    cloud.ec2.delete_vpc_endpoints(VpcEndpointIds=[name])
    assert "vpc-endpoint" not in cloud.inventory()


def test_an_interface_endpoint_takes_its_time_and_holds_its_subnets(cloud, refused, net):
    vpc, subnets, _ = net
    group = cloud.group(vpc)
    cloud.settings(phases=True)
    ask = {
        "VpcId": vpc,
        "ServiceName": SSM,
        "VpcEndpointType": "Interface",
        "SubnetIds": subnets,
        "SecurityGroupIds": [group],
    }
    name = make(cloud, **ask)
    assert read(cloud, name)["State"] == "pending"
    refused("IncorrectState", cloud.ec2.modify_vpc_endpoint, VpcEndpointId=name, PolicyDocument=POLICY)
    cloud.post("advance", seconds=70)
    row = read(cloud, name)
    assert (row["State"], row["PrivateDnsEnabled"], len(row["NetworkInterfaceIds"])) == ("available", True, 2)
    assert [item["GroupId"] for item in row["Groups"]] == [group]
    refused("DependencyViolation", cloud.ec2.delete_subnet, SubnetId=subnets[0])
    refused("DependencyViolation", cloud.ec2.delete_security_group, GroupId=group)
    cloud.ec2.modify_vpc_endpoint(VpcEndpointId=name, RemoveSubnetIds=[subnets[1]])
    cloud.ec2.delete_subnet(SubnetId=subnets[1])
    cloud.ec2.delete_vpc_endpoints(VpcEndpointIds=[name])
    assert read(cloud, name)["State"] == "deleting"
    refused("DependencyViolation", cloud.ec2.delete_subnet, SubnetId=subnets[0])
    cloud.post("advance", seconds=70)
    cloud.ec2.delete_subnet(SubnetId=subnets[0])
    cloud.ec2.delete_security_group(GroupId=group)


def test_what_an_interface_endpoint_needs(cloud, refused, net):
    vpc, subnets, _ = net
    ask = {"VpcId": vpc, "ServiceName": SSM, "VpcEndpointType": "Interface", "SubnetIds": subnets}
    same_zone = cloud.subnet(vpc, "10.0.3.0/24", "a")
    refused("DuplicateSubnetsInSameZone", cloud.ec2.create_vpc_endpoint, **ask | {"SubnetIds": [subnets[0], same_zone]})
    refused(
        "InvalidServiceName", cloud.ec2.create_vpc_endpoint, **ask | {"ServiceName": "com.amazonaws.us-east-1.nothing"}
    )
    refused("InvalidGroup.NotFound", cloud.ec2.create_vpc_endpoint, **ask, SecurityGroupIds=["sg-0123456789abcdef0"])
    refused("InvalidParameter", cloud.ec2.create_vpc_endpoint, **ask | {"VpcEndpointType": "Gateway"})
    make(cloud, **ask)
    message = refused("InvalidParameter", cloud.ec2.create_vpc_endpoint, **ask)
    assert "conflicting DNS domain" in message
    quiet = {"VpcId": cloud.vpc("10.9.0.0/16"), "ServiceName": SSM, "VpcEndpointType": "Interface"}
    message = refused("InvalidParameter", cloud.ec2.create_vpc_endpoint, **quiet)
    assert "enableDnsHostnames" in message
    assert read(cloud, make(cloud, **quiet, PrivateDnsEnabled=False))["PrivateDnsEnabled"] is False
