"""Elastic IP addresses."""

from .. import ec2
from ..call import Call, operation
from ..fault import Fault


def address(call: Call, allocation: str) -> object:
    """An address of moto's by its allocation id, or the AWS error."""
    for item in call.ec2.addresses:
        if item.allocation_id == allocation:
            return item
    raise ec2.missing("elastic-ip", allocation)


@operation("ec2", "AllocateAddress")
def allocate_address(call: Call) -> dict:
    tags = ec2.tag_specifications(call, "elastic-ip")
    if len(call.ec2.addresses) >= call.account.settings.address_limit:
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
        raise Fault("AddressLimitExceeded", "The maximum number of addresses has been reached.")
    result = call.moto(TagSpecifications=None, Domain="vpc")
    call.ec2.tags[result["AllocationId"]].update(tags)
    border = call.get("NetworkBorderGroup", call.region)
    address(call, result["AllocationId"]).network_border_group = border
    return result | {"PublicIpv4Pool": "amazon", "NetworkBorderGroup": border}


@operation("ec2", "DescribeAddresses")
def describe_addresses(call: Call) -> dict:
    if call.get("PublicIps"):
        call.params["Filters"] = [
            *(call.get("Filters") or []),
            {"Name": "public-ip", "Values": call.params["PublicIps"]},
        ]

    def dress(row: dict) -> dict:
        for name in ("InstanceId", "NetworkInterfaceId"):
            if not row.get(name):
                row.pop(name, None)
        row.setdefault("NetworkBorderGroup", call.region)
        row["PublicIpv4Pool"] = "amazon"
        return row

    return ec2.describe(call, "elastic-ip", {item.allocation_id: item for item in call.ec2.addresses}, "AllocationIds", {
        "allocation-id": "AllocationId",
        "association-id": "AssociationId",
        "domain": "Domain",
        "instance-id": "InstanceId",
        "network-interface-id": "NetworkInterfaceId",
        "public-ip": "PublicIp",
        "private-ip-address": "PrivateIpAddress",
        "network-border-group": "NetworkBorderGroup",
    }, dress)  # fmt: skip


@operation("ec2", "ReleaseAddress")
def release_address(call: Call) -> None:
    """`InvalidIPAddress.InUse`: "If you're trying to release an address, you must first disassociate it".
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    """
    ec2.settle(call)
    item = address(call, call.params.get("AllocationId", ""))
    if item.association_id or item.eni is not None:
        raise Fault("InvalidIPAddress.InUse", f"Address {item.public_ip} is in use.")
    call.ec2.addresses.remove(item)
    call.ec2.tags.pop(item.id, None)


@operation("ec2", "DisassociateAddress")
def disassociate_address(call: Call) -> None:
    """The address of a NAT gateway cannot be taken from it.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateAddress.html
    """
    wanted = call.get("AssociationId")
    for item in call.ec2.addresses:
        if item.association_id == wanted and item.eni is not None:
            if any(nat._eni is item.eni and nat.state != "deleted" for nat in call.ec2.nat_gateways.values()):
                raise Fault("AuthFailure", "You do not have permission to access the specified resource.")
            return call.moto()
    raise Fault("InvalidAssociationID.NotFound", f"The association ID '{wanted}' does not exist")
