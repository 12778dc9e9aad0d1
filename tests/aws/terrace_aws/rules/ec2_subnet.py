"""Subnets: where they fit, what they keep, and what stands in the way of deleting them."""

import ipaddress

from .. import ec2
from ..call import Call, operation
from ..fault import Fault


@operation("ec2", "CreateSubnet")
def create_subnet(call: Call) -> dict:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html and the error codes
    InvalidSubnet.Range, InvalidSubnet.Conflict (moto has these two), InvalidParameterValue for a zone or prefix not allowed.
    """
    tags = ec2.tag_specifications(call, "subnet")
    ec2.vpc(call, call.params["VpcId"])
    zones = {zone.name: zone.zone_id for zone in call.ec2.describe_availability_zones()}
    zone = call.get("AvailabilityZone") or next(
        (n for n, i in zones.items() if i == call.get("AvailabilityZoneId")), None
    )
    if zone is None and "AvailabilityZoneId" not in call.params:
        zone = next(iter(zones))
    if zone not in zones:
        raise Fault(
            "InvalidParameterValue",
            f"Value ({zone or call.get('AvailabilityZoneId')}) for parameter availabilityZone is invalid. Subnets can currently "
            f"only be created in the following availability zones: {', '.join(zones)}.",
        )
    cidr = call.get("CidrBlock")
    if cidr:
        try:
            network = ipaddress.IPv4Network(cidr, strict=True)
        except ValueError:
            raise Fault(
                "InvalidParameterValue",
                f"Value ({cidr}) for parameter cidrBlock is invalid. This is not a valid CIDR block.",
            ) from None
        # "The allowed block size is between a /28 netmask and /16 netmask", https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
        if not 16 <= network.prefixlen <= 28:
            raise Fault("InvalidSubnet.Range", f"The CIDR '{cidr}' is invalid.")
    result = call.moto(TagSpecifications=None, AvailabilityZone=zone, AvailabilityZoneId=None)
    subnet = result["Subnet"]
    made = ec2.subnet(call, subnet["SubnetId"])
    # Moto marks the first subnet of a zone as the zone's default; only AWS's own default subnets are.
    made.default_for_az = False
    made.map_public_ip_on_launch = False
    call.ec2.tags[subnet["SubnetId"]].update(tags)
    subnet.update(
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        DefaultForAz=False,
        MapPublicIpOnLaunch=False,
    )
    return result


@operation("ec2", "DescribeSubnets")
def describe_subnets(call: Call) -> dict:
    return ec2.describe(call, "subnet", ec2.subnets(call), "SubnetIds", {
        "subnet-id": "SubnetId",
        "vpc-id": "VpcId",
        "availability-zone": "AvailabilityZone",
        "availabilityZone": "AvailabilityZone",
        "availability-zone-id": "AvailabilityZoneId",
        "cidr": "CidrBlock",
        "cidrBlock": "CidrBlock",
        "cidr-block": "CidrBlock",
        "default-for-az": "DefaultForAz",
        "defaultForAz": "DefaultForAz",
        "map-public-ip-on-launch": "MapPublicIpOnLaunch",
        "state": "State",
        "owner-id": "OwnerId",
    })  # fmt: skip


@operation("ec2", "DeleteSubnet")
def delete_subnet(call: Call) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html: no network interface may be left in it:
    instances, NAT gateways, interface endpoints, load balancers and databases each have one there.
    """
    name = call.params["SubnetId"]
    ec2.subnet(call, name)
    ec2.settle(call)
    used = (
        any(eni.subnet.id == name for eni in call.ec2.enis.values())
        or any(item.subnet_id == name for item in ec2.live_instances(call))
        or any(
            item.subnet_id == name and item.state in ("pending", "available", "deleting")
            for item in call.ec2.nat_gateways.values()
        )
    )
    if used:
        raise ec2.dependent("subnet", name)
    call.moto()
    call.ec2.tags.pop(name, None)
    # A subnet takes its route table and ACL associations with it.
    for table in call.ec2.route_tables.values():
        for association in [a for a, target in table._associations.items() if target == name]:
            del table._associations[association]
    for acl in call.ec2.network_acls.values():
        acl._associations = {a: link for a, link in acl._associations.items() if link.subnet_id != name}


@operation("ec2", "ModifySubnetAttribute")
def modify_subnet_attribute(call: Call) -> None:
    """Moto knows three of the attributes; the others are kept here. One attribute per call, as on AWS."""
    subnet = ec2.subnet(call, call.params["SubnetId"])
    asked = [name for name in call.params if name not in ("SubnetId", "DryRun")]
    if len(asked) != 1:
        raise Fault("InvalidParameterCombination", "Only one subnet attribute can be modified at a time")
    value = call.params[asked[0]]
    value = value["Value"] if isinstance(value, dict) else value
    match asked[0]:
        case "MapPublicIpOnLaunch":
            subnet.map_public_ip_on_launch = value
        case "AssignIpv6AddressOnCreation":
            subnet.assign_ipv6_address_on_creation = value
        case "EnableDns64":
            subnet.enable_dns64 = value
        case "PrivateDnsHostnameTypeOnLaunch":
            subnet.private_dns_name_options_on_launch["HostnameType"] = value
        case "EnableResourceNameDnsARecordOnLaunch":
            subnet.private_dns_name_options_on_launch["EnableResourceNameDnsARecord"] = value
        case "EnableResourceNameDnsAAAARecordOnLaunch":
            subnet.private_dns_name_options_on_launch["EnableResourceNameDnsAAAARecord"] = value
        case other:
            raise Fault("InvalidParameterValue", f"the test server does not know the subnet attribute {other}")
