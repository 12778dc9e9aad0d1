"""Route tables, their routes and associations."""

import ipaddress
from typing import Any

from moto.ec2.exceptions import EC2ClientError

from .. import ec2
from ..call import Call, operation
from ..fault import Fault
from ..tokens import idempotent
from .ec2_nat import settle

_TARGETS = (
    "GatewayId", "NatGatewayId", "InstanceId", "NetworkInterfaceId", "TransitGatewayId", "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId", "VpcEndpointId", "CarrierGatewayId", "LocalGatewayId", "CoreNetworkArn",
)  # fmt: skip


def table(call: Call, name: str) -> Any:
    """A route table of moto's, or the AWS error."""
    found = call.ec2.route_tables.get(name)
    if found is None:
        raise ec2.missing("route-table", name)
    return found


@operation("ec2", "CreateRouteTable")
@idempotent()
def create_route_table(call: Call) -> dict:
    tags = ec2.tag_specifications(call, "route-table")
    ec2.vpc(call, call.params["VpcId"])
    result = call.moto(TagSpecifications=None)
    row = result["RouteTable"]
    call.ec2.tags[row["RouteTableId"]].update(tags)
    row["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    if "ClientToken" in call.params:
        result["ClientToken"] = call.params["ClientToken"]
    return result


@operation("ec2", "DescribeRouteTables")
def describe_route_tables(call: Call) -> dict:
    settle(call)
    attached = {item.id for item in call.ec2.internet_gateways.values() if item.vpc is not None}

    def dress(row: dict) -> dict:
        for route in row.get("Routes", []):
            # A route whose target is gone stays, as a black hole.
            # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html (state)
            gateway, nat = route.get("GatewayId", ""), route.get("NatGatewayId")
            lost = (gateway.startswith("igw-") and gateway not in attached) or (
                nat and (nat not in call.ec2.nat_gateways or call.ec2.nat_gateways[nat].state in ("deleted", "failed"))
            )
            route["State"] = "blackhole" if lost else "active"
        return row

    def links(member: str) -> Any:
        return lambda row: [link.get(member) for link in row.get("Associations", [])]

    def routes(member: str) -> Any:
        return lambda row: [route.get(member) for route in row.get("Routes", [])]

    return ec2.describe(call, "route-table", call.ec2.route_tables, "RouteTableIds", {
        "route-table-id": "RouteTableId",
        "vpc-id": "VpcId",
        "owner-id": "OwnerId",
        "association.route-table-association-id": links("RouteTableAssociationId"),
        "association.route-table-id": links("RouteTableId"),
        "association.subnet-id": links("SubnetId"),
        "association.gateway-id": links("GatewayId"),
        "association.main": links("Main"),
        "route.destination-cidr-block": routes("DestinationCidrBlock"),
        "route.gateway-id": routes("GatewayId"),
        "route.nat-gateway-id": routes("NatGatewayId"),
        "route.state": routes("State"),
        "route.origin": routes("Origin"),
    }, dress)  # fmt: skip


@operation("ec2", "DeleteRouteTable")
def delete_route_table(call: Call) -> None:
    found = table(call, call.params["RouteTableId"])
    if found._associations or found.main_association_id is not None:
        raise ec2.dependent("routeTable", found.id)
    del call.ec2.route_tables[found.id]
    call.ec2.tags.pop(found.id, None)
    for endpoint in call.ec2.vpc_end_points.values():
        if found.id in (endpoint.route_table_ids or []):
            endpoint.route_table_ids.remove(found.id)


def _destination(call: Call) -> str:
    given = [call.params[name] for name in ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
             if name in call.params]  # fmt: skip
    if len(given) != 1:
        raise Fault("MissingParameter", "The request must contain exactly one of destinationCidrBlock, "
                                        "destinationIpv6CidrBlock or destinationPrefixListId")  # fmt: skip
    if "DestinationCidrBlock" in call.params:
        try:
            call.params["DestinationCidrBlock"] = str(ipaddress.IPv4Network(given[0], strict=False))
        except ValueError:
            raise Fault("InvalidParameterValue", f"Value ({given[0]}) for parameter destinationCidrBlock is invalid. "
                                                 "This is not a valid CIDR block.") from None  # fmt: skip
        return call.params["DestinationCidrBlock"]
    return given[0]


def _target(call: Call, found: Any) -> None:
    """The route's one target must exist, in the same network."""
    given = [name for name in _TARGETS if name in call.params]
    if len(given) != 1:
        raise Fault("InvalidParameterCombination" if given else "MissingParameter",
                    "The request must contain exactly one route target")  # fmt: skip
    name = call.params[given[0]]
    if given[0] == "NatGatewayId":
        settle(call)
        nat = call.ec2.nat_gateways.get(name)
        if nat is None or nat.state in ("deleting", "deleted", "failed"):
            raise Fault("InvalidNatGatewayID.NotFound", f"The natGateway ID '{name}' does not exist")
        if nat.vpc_id != found.vpc_id:
            raise Fault(
                "InvalidParameterValue", f"route table {found.id} and NAT gateway {name} belong to different networks"
            )
    elif given[0] == "GatewayId" and name.startswith("igw-"):
        gateway = call.ec2.internet_gateways.get(name)
        if gateway is None:
            raise ec2.missing("internet-gateway", name)
        if gateway.vpc is None or gateway.vpc.id != found.vpc_id:
            raise Fault(
                "InvalidParameterValue",
                f"route table {found.id} and network gateway {name} belong to different networks",
            )
    elif given[0] == "GatewayId" and name != "local" and not name.startswith("vgw-"):
        raise Fault("InvalidGatewayID.NotFound", f"The gateway ID '{name}' does not exist")


def _of(route: Any) -> str | None:
    prefix = route.destination_prefix_list
    return route.destination_cidr_block or route.destination_ipv6_cidr_block or (prefix.id if prefix else None)


@operation("ec2", "CreateRoute")
def create_route(call: Call) -> dict:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html; RouteAlreadyExists."""
    found = table(call, call.params["RouteTableId"])
    destination = _destination(call)
    _target(call, found)
    if any(_of(route) == destination for route in found._routes.values()):
        raise Fault("RouteAlreadyExists", f"The route identified by {destination} already exists.")
    return call.moto()


@operation("ec2", "ReplaceRoute")
def replace_route(call: Call) -> None:
    found = table(call, call.params["RouteTableId"])
    destination = _destination(call)
    _target(call, found)
    if not any(_of(route) == destination for route in found._routes.values()):
        raise Fault(
            "InvalidParameterValue",
            f"There is no route defined for '{destination}' in the route table. Use CreateRoute instead.",
        )
    call.moto()


@operation("ec2", "DeleteRoute")
def delete_route(call: Call) -> None:
    found = table(call, call.params["RouteTableId"])
    destination = _destination(call)
    for key, route in found._routes.items():
        if _of(route) == destination:
            if route.local:
                raise Fault(
                    "InvalidParameterValue", f"cannot remove local route {destination} in route table {found.id}"
                )
            del found._routes[key]
            return
    raise Fault(
        "InvalidRoute.NotFound", f"no route with destination-cidr-block {destination} in route table {found.id}"
    )


@operation("ec2", "AssociateRouteTable")
def associate_route_table(call: Call) -> dict:
    """A subnet has one table: another is `Resource.AlreadyAssociated`; the same one again is no error."""
    found = table(call, call.params["RouteTableId"])
    target = call.get("SubnetId") or call.get("GatewayId")
    if call.get("SubnetId"):
        subnet = ec2.subnet(call, target)
        if subnet.vpc_id != found.vpc_id:
            raise Fault(
                "InvalidParameterValue", f"Route table {found.id} and subnet {target} belong to different networks"
            )
    for other in call.ec2.route_tables.values():
        for association, held in other._associations.items():
            if held == target and other is found:
                return {"AssociationId": association, "AssociationState": {"State": "associated"}}
            if held == target:
                raise Fault("Resource.AlreadyAssociated", f"the specified association for route table {found.id} conflicts "
                                                          "with an existing association")  # fmt: skip
    return call.moto()


@operation("ec2", "DisassociateRouteTable")
def disassociate_route_table(call: Call) -> None:
    wanted = call.params["AssociationId"]
    for found in call.ec2.route_tables.values():
        if found.main_association_id == wanted:
            raise Fault("InvalidParameterValue", f"cannot disassociate the main route table association {wanted}")
        if found._associations.pop(wanted, None) is not None:
            return
    raise Fault("InvalidAssociationID.NotFound", f"The association ID '{wanted}' does not exist")


@operation("ec2", "ReplaceRouteTableAssociation")
def replace_route_table_association(call: Call) -> dict:
    table(call, call.params["RouteTableId"])
    try:
        return call.moto()
    except EC2ClientError as error:
        raise Fault(error.code, error.message) from error
