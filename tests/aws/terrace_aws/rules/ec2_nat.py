"""NAT gateways: their slow birth and death, what makes one fail, and how long a dead one stays listed.

https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html: states pending, failed, available, deleting,
deleted; a deleted gateway "remains visible for about an hour"; its address can be released only once it is deleted.
https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html: the failure codes.
"""

from typing import Any

from moto.ec2.utils import random_private_ip

from .. import ec2
from ..call import Call, operation
from ..fault import Fault
from ..tokens import idempotent
from .ec2_address import address

#: Scaled seconds (measured figures of AWS: 90–120 s to make, under a minute to delete).
CREATE_SECONDS = 100.0
DELETE_SECONDS = 45.0


@operation("ec2", "CreateNatGateway")
@idempotent()
def create_nat_gateway(call: Call) -> dict:
    tags = ec2.tag_specifications(call, "natgateway")
    subnet = ec2.subnet(call, call.params["SubnetId"])
    kind = call.get("ConnectivityType", "public")
    allocation = call.get("AllocationId")
    if kind == "public" and not allocation:
        raise Fault("MissingParameter", "The request must contain the parameter AllocationId")
    if kind == "private" and allocation:
        raise Fault("InvalidParameterCombination", "An allocation id cannot be given for a private NAT gateway")
    eip = address(call, allocation) if allocation else None
    failure = None
    if eip is not None and eip.association_id:
        failure = (
            "Resource.AlreadyAssociated",
            f"Elastic IP address [{allocation}] could not be associated with this NAT gateway",
        )
    elif kind == "public" and not any(
        g.vpc is not None and g.vpc.id == subnet.vpc_id for g in call.ec2.internet_gateways.values()
    ):
        failure = ("Gateway.NotAttached", f"Network {subnet.vpc_id} has no Internet gateway attached")
    ip = call.get("PrivateIpAddress") or random_private_ip(subnet.cidr_block)
    result = call.moto(TagSpecifications=None, ConnectivityType=kind, AllocationId=None)
    name = result["NatGateway"]["NatGatewayId"]
    nat = call.ec2.nat_gateways[name]
    nat._eni.private_ip_address = nat.private_ip = ip
    nat._eni.description = f"Interface for NAT Gateway {name}"
    nat._eni.interface_type = "nat_gateway"
    call.ec2.tags[name].update(tags)
    row: dict[str, Any] = {"ready": call.account.due(CREATE_SECONDS), "made": call.account.now()}
    link: dict[str, Any] = {"networkInterfaceId": nat._eni.id, "privateIp": ip, "isPrimary": True}
    if failure is None:
        if eip is not None:
            call.ec2.associate_address(eni=nat._eni, allocation_id=allocation)
            link |= {"allocationId": allocation, "publicIp": eip.public_ip, "associationId": eip.association_id}
    else:
        row["failure"] = failure
        link["allocationId"] = allocation
        _free(call, nat)
    nat.address_set[:] = [link]
    call.table("nat")[name] = row
    state = "pending" if call.account.settings.phases else _state(call, nat)
    return {"NatGateway": _dress(call, {**result["NatGateway"], "NatGatewayAddresses": [_address(link)]}) | {"State": state},
            **({"ClientToken": call.params["ClientToken"]} if "ClientToken" in call.params else {})}  # fmt: skip


def _address(link: dict) -> dict:
    return {name[:1].upper() + name[1:]: value for name, value in link.items() if value is not None} | {
        "Status": "succeeded"
    }


def _free(call: Call, nat: Any) -> None:
    """Gives up the interface and the address of a gateway that is gone."""
    if nat._eni.id in call.ec2.enis:
        for item in call.ec2.addresses:
            if item.eni is nat._eni:
                item.eni = item.instance = item.association_id = None
        del call.ec2.enis[nat._eni.id]


def _state(call: Call, nat: Any) -> str | None:
    """The gateway's state now; None once it is no longer listed."""
    row = call.table("nat").get(nat.id, {})
    now = call.account.now()
    if "deleted" in row:
        if now >= row["deleted"]:
            _free(call, nat)
            nat.state = "deleted"
            return "deleted" if now < row["deleted"] + call.account.settings.deleted_listed else None
        nat.state = "deleting"
    elif now < row.get("ready", 0):
        nat.state = "pending"
    elif "failure" in row:
        nat.state = "failed"
    else:
        nat.state = "available"
    return nat.state


def settle(call: Call) -> None:
    """Brings every gateway's state up to now, for rules that ask who uses an address or a subnet."""
    for name, nat in list(call.ec2.nat_gateways.items()):
        if _state(call, nat) is None:
            del call.ec2.nat_gateways[name]
            call.ec2.tags.pop(name, None)


def _dress(call: Call, row: dict) -> dict:
    known = call.table("nat").get(row["NatGatewayId"], {})
    tags = call.ec2.tags.get(row["NatGatewayId"], {})
    row["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    row["ConnectivityType"] = row.get("ConnectivityType") or "public"
    for link in row.get("NatGatewayAddresses", []):
        link.setdefault("IsPrimary", True)
        link.setdefault("Status", "succeeded")
    if "failure" in known and row.get("State") == "failed":
        row["FailureCode"], row["FailureMessage"] = known["failure"]
    return row


@operation("ec2", "DescribeNatGateways")
def describe_nat_gateways(call: Call) -> dict:
    settle(call)
    # This operation names its filters `Filter`, https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNatGateways.html
    if "Filter" in call.params:
        call.params["Filters"] = call.params["Filter"]
    return ec2.describe(call, "nat-gateway", call.ec2.nat_gateways, "NatGatewayIds", {
        "nat-gateway-id": "NatGatewayId",
        "state": "State",
        "subnet-id": "SubnetId",
        "vpc-id": "VpcId",
    }, lambda row: _dress(call, row))  # fmt: skip


@operation("ec2", "DeleteNatGateway")
def delete_nat_gateway(call: Call) -> dict:
    settle(call)
    name = call.params["NatGatewayId"]
    nat = call.ec2.nat_gateways.get(name)
    if nat is None:
        raise ec2.missing("nat-gateway", name)
    row = call.table("nat").setdefault(name, {})
    if "deleted" not in row:
        row["deleted"] = call.account.due(DELETE_SECONDS if nat.state != "failed" else 0)
    settle(call)
    return {"NatGatewayId": name}


ec2.SETTLERS.append(settle)
