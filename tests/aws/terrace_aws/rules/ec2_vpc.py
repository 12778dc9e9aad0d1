"""VPCs, their attributes and internet gateways.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html: everything in a VPC but the default security group,
the default ACL and the main route table must be gone first (`DependencyViolation`).
"""

from .. import ec2
from ..call import Call, operation
from ..fault import Fault


@operation("ec2", "CreateVpc")
def create_vpc(call: Call) -> dict:
    tags = ec2.tag_specifications(call, "vpc")
    result = call.moto(TagSpecifications=None)
    vpc = result["Vpc"]
    call.ec2.tags[vpc["VpcId"]].update(tags)
    # A new VPC is `pending` in the answer. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html
    vpc["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    vpc["State"] = "pending"
    return result


@operation("ec2", "DescribeVpcs")
def describe_vpcs(call: Call) -> dict:
    return ec2.describe(call, "vpc", call.ec2.vpcs, "VpcIds", {
        "vpc-id": "VpcId",
        "cidr": "CidrBlock",
        "cidr-block": "CidrBlock",
        "cidr-block-association.cidr-block": lambda v: [a.get("CidrBlock") for a in v.get("CidrBlockAssociationSet", [])],
        "is-default": "IsDefault",
        "isDefault": "IsDefault",
        "state": "State",
        "owner-id": "OwnerId",
        "dhcp-options-id": "DhcpOptionsId",
    })  # fmt: skip


@operation("ec2", "DeleteVpc")
def delete_vpc(call: Call) -> None:
    name = call.params["VpcId"]
    ec2.vpc(call, name)
    backend = call.ec2
    ec2.settle(call)
    used = (
        any(item.vpc_id == name for item in ec2.subnets(call).values())
        or any(item.vpc is not None and item.vpc.id == name for item in backend.internet_gateways.values())
        or any(item.vpc_id == name and item.name != "default" for item in ec2.groups(call))
        or any(item.vpc_id == name and item.main_association_id is None for item in backend.route_tables.values())
        or any(item.vpc_id == name and item.state != "deleted" for item in backend.vpc_end_points.values())
        or any(item.vpc_id == name and item.default not in (True, "true") for item in backend.network_acls.values())
        or any(item.vpc_id == name and item.state != "deleted" for item in backend.nat_gateways.values())
    )
    if used:
        raise ec2.dependent("vpc", name)
    call.moto()
    for acl in [acl for acl in backend.network_acls.values() if acl.vpc_id == name]:
        del backend.network_acls[acl.id]
    backend.groups.pop(name, None)
    backend.tags.pop(name, None)


@operation("ec2", "ModifyVpcAttribute")
def modify_vpc_attribute(call: Call) -> None:
    """DNS hostnames need DNS support: `InvalidParameterCombination`; one attribute per call."""
    vpc = ec2.vpc(call, call.params["VpcId"])
    asked = [
        name
        for name in ("EnableDnsSupport", "EnableDnsHostnames", "EnableNetworkAddressUsageMetrics")
        if name in call.params
    ]
    if len(asked) != 1:
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcAttribute.html: "in separate requests".
        raise Fault("InvalidParameterCombination", "Fields for multiple attribute types specified")
    value = call.params[asked[0]]["Value"]
    if asked[0] == "EnableDnsHostnames" and value and not vpc.enable_dns_support:
        raise Fault("InvalidParameterCombination", "Cannot enable DNS hostnames while DNS support is disabled")
    call.moto()


@operation("ec2", "DescribeInternetGateways")
def describe_internet_gateways(call: Call) -> dict:
    return ec2.describe(call, "internet-gateway", call.ec2.internet_gateways, "InternetGatewayIds", {
        "internet-gateway-id": "InternetGatewayId",
        "attachment.vpc-id": lambda row: [link["VpcId"] for link in row.get("Attachments", [])],
        "attachment.state": lambda row: [link["State"] for link in row.get("Attachments", [])],
        "owner-id": "OwnerId",
    })  # fmt: skip


@operation("ec2", "CreateInternetGateway")
def create_internet_gateway(call: Call) -> dict:
    tags = ec2.tag_specifications(call, "internet-gateway")
    result = call.moto(TagSpecifications=None)
    gateway = result["InternetGateway"]
    call.ec2.tags[gateway["InternetGatewayId"]].update(tags)
    gateway["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return result


def _gateway(call: Call) -> object:
    name = call.params["InternetGatewayId"]
    found = call.ec2.internet_gateways.get(name)
    if found is None:
        raise ec2.missing("internet-gateway", name)
    return found


@operation("ec2", "AttachInternetGateway")
def attach_internet_gateway(call: Call) -> None:
    """One gateway per VPC, one VPC per gateway.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (Resource.AlreadyAssociated)
    """
    gateway, vpc = _gateway(call), ec2.vpc(call, call.params["VpcId"])
    if gateway.vpc is not None:
        raise Fault(
            "Resource.AlreadyAssociated", f"resource {gateway.id} is already attached to network {gateway.vpc.id}"
        )
    if any(other.vpc is vpc for other in call.ec2.internet_gateways.values()):
        raise Fault("InvalidParameterValue", f"Network {vpc.id} already has an internet gateway attached")
    gateway.vpc = vpc


@operation("ec2", "DetachInternetGateway")
def detach_internet_gateway(call: Call) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachInternetGateway.html: "The VPC must not contain any
    running instances with Elastic IP addresses or public IPv4 addresses"; the same holds for NAT gateways and load balancers.
    """
    gateway, vpc = _gateway(call), ec2.vpc(call, call.params["VpcId"])
    if gateway.vpc is not vpc:
        raise Fault("Gateway.NotAttached", f"resource {gateway.id} is not attached to network {vpc.id}")
    ec2.settle(call)
    mapped = (
        any(eni.public_ip and eni.vpc_id == vpc.id for eni in call.ec2.enis.values())
        or any(lb["VpcId"] == vpc.id and lb["Scheme"] == "internet-facing" for lb in ec2.load_balancers(call))
        or any(i.vpc_id == vpc.id and i.public_ip for i in ec2.live_instances(call))
    )
    if mapped:
        raise Fault(
            "DependencyViolation",
            f"Network {vpc.id} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.",
        )
    gateway.vpc = None


@operation("ec2", "DeleteInternetGateway")
def delete_internet_gateway(call: Call) -> None:
    gateway = _gateway(call)
    if gateway.vpc is not None:
        raise ec2.dependent("internetGateway", gateway.id)
    call.moto()
    call.ec2.tags.pop(gateway.id, None)
