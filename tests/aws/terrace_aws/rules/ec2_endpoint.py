"""VPC endpoints, gateway and interface: what they need, their routes and interfaces, their states.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html
https://docs.aws.amazon.com/vpc/latest/privatelink/interface-endpoints.html (private DNS, one subnet per zone)
"""

import json
from typing import Any

from .. import ec2
from ..call import Call, operation
from ..fault import Fault
from ..tokens import idempotent
from .ec2_route import table

#: Scaled seconds an interface endpoint is pending, and deleting.
CREATE_SECONDS = 60.0
DELETE_SECONDS = 60.0
#: Services with gateway endpoints. https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
_GATEWAYS = ("s3", "dynamodb")


def _service(call: Call) -> str:
    name = call.params["ServiceName"]
    prefix = f"com.amazonaws.{call.region}."
    short = name.removeprefix(prefix)
    from moto.ec2.models.vpcs import AWS_ENDPOINT_SERVICES

    known = short in AWS_ENDPOINT_SERVICES or short in _GATEWAYS or short in _MORE
    if not name.startswith("com.amazonaws.vpce.") and (not name.startswith(prefix) or not known):
        raise Fault("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")
    return short


#: Interface services moto's list leaves out.
_MORE = ("ec2", "ec2messages", "elasticloadbalancing", "autoscaling", "ecr.api", "ecr.dkr", "events", "ecs")


def _route_tables(call: Call, vpc: str, names: list[str]) -> None:
    for name in names:
        if table(call, name).vpc_id != vpc:
            raise Fault("InvalidParameterValue", f"Route table {name} does not belong to VPC {vpc}")


def _policy(call: Call) -> None:
    text = call.get("PolicyDocument")
    if text:
        try:
            json.loads(text)
        except ValueError:
            raise Fault("InvalidPolicyDocument", "The policy document is not valid JSON") from None


def _subnets(call: Call, vpc: str, names: list[str], held: list[str]) -> None:
    zones: dict[str, str] = {ec2.subnet(call, name).availability_zone: name for name in held}
    for name in names:
        subnet = ec2.subnet(call, name)
        if subnet.vpc_id != vpc:
            raise Fault("InvalidParameter", f"Subnet {name} does not belong to VPC {vpc}")
        if zones.setdefault(subnet.availability_zone, name) != name:
            raise Fault(
                "DuplicateSubnetsInSameZone", f"Found another VPC endpoint subnet in the availability zone of {name}"
            )


def _private_dns(call: Call, vpc: Any, service: str, self_id: str | None = None) -> None:
    if not (vpc.enable_dns_support and vpc.enable_dns_hostnames):
        raise Fault("InvalidParameter", "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC "
                                        f"attributes set to true for {vpc.id}")  # fmt: skip
    for other in call.ec2.vpc_end_points.values():
        if (other.vpc_id, other.service_name) == (vpc.id, service) and other.private_dns_enabled and other.id != self_id \
                and other.vpc_endpoint_type == "Interface" and _state(call, other) not in (None, "deleting"):  # fmt: skip
            raise Fault("InvalidParameter", f"private-dns-enabled cannot be set because there is already a conflicting DNS domain "
                                            f"for {service} in the VPC {vpc.id}")  # fmt: skip


@operation("ec2", "CreateVpcEndpoint")
@idempotent()
def create_vpc_endpoint(call: Call) -> dict:
    tags = ec2.tag_specifications(call, "vpc-endpoint")
    vpc = ec2.vpc(call, call.params["VpcId"])
    short = _service(call)
    kind = call.get("VpcEndpointType", "Gateway")
    tables, subnets = call.get("RouteTableIds") or [], call.get("SubnetIds") or []
    groups = call.get("SecurityGroupIds") or []
    _policy(call)
    private = False
    if kind == "Gateway":
        if short not in _GATEWAYS:
            raise Fault(
                "InvalidParameter", "Endpoint type (Gateway) does not match available service types ([Interface])."
            )
        if subnets or groups or call.get("PrivateDnsEnabled"):
            raise Fault(
                "InvalidParameter", "Subnets, security groups and private DNS are not supported for gateway endpoints"
            )
        _route_tables(call, vpc.id, tables)
        for name in tables:
            _no_route_yet(call, name, call.params["ServiceName"])
    else:
        if tables:
            raise Fault("InvalidParameter", "Route table IDs are not supported for interface endpoints")
        _subnets(call, vpc.id, subnets, [])
        groups = groups or [ec2_default_group(call, vpc.id)]
        for name in groups:
            if ec2.group(call, name).vpc_id != vpc.id:
                raise Fault("InvalidParameter", f"Security group {name} does not belong to VPC {vpc.id}")
        private = call.get("PrivateDnsEnabled", True)
        if private:
            _private_dns(call, vpc, call.params["ServiceName"])
    result = call.moto(
        TagSpecifications=None, VpcEndpointType=kind, SecurityGroupIds=groups, PrivateDnsEnabled=private,
        RouteTableIds=list(tables), SubnetIds=list(subnets),
    )  # fmt: skip
    name = result["VpcEndpoint"]["VpcEndpointId"]
    endpoint = call.ec2.vpc_end_points[name]
    endpoint.private_dns_enabled = private
    for interface in endpoint.network_interface_ids:
        _dress_interface(call, endpoint, call.ec2.enis[interface])
    call.ec2.tags[name].update(tags)
    call.table("endpoint")[name] = {
        "ready": call.account.due(CREATE_SECONDS if kind != "Gateway" else 0),
        "extra": {member: call.params[member] for member in ("IpAddressType", "DnsOptions") if member in call.params},
    }
    row = _dress(call, result["VpcEndpoint"])
    return {"VpcEndpoint": row, **({"ClientToken": call.params["ClientToken"]} if "ClientToken" in call.params else {})}


def ec2_default_group(call: Call, vpc: str) -> str:
    """The VPC's default security group."""
    return next(group.id for group in ec2.groups(call) if group.vpc_id == vpc and group.name == "default")


def _no_route_yet(call: Call, name: str, service: str) -> None:
    for other in call.ec2.vpc_end_points.values():
        if (
            other.service_name == service
            and name in (other.route_table_ids or [])
            and _state(call, other) not in (None, "deleting")
        ):
            raise Fault("RouteAlreadyExists", f"route table {name} already has a route with destination-prefix-list-id "
                                              f"{other.destination_prefix_list_id}")  # fmt: skip


def _dress_interface(call: Call, endpoint: Any, interface: Any) -> None:
    interface.description = f"VPC Endpoint Interface {endpoint.id}"
    interface.interface_type = "vpc_endpoint"
    interface._group_set = [ec2.group(call, name) for name in endpoint.security_group_ids]


def _state(call: Call, endpoint: Any) -> str | None:
    """The endpoint's state now; None once it is gone."""
    row = call.table("endpoint").get(endpoint.id, {})
    now = call.account.now()
    if "deleted" in row:
        if now >= row["deleted"]:
            for interface in endpoint.network_interface_ids or []:
                call.ec2.enis.pop(interface, None)
            endpoint.state = "deleted"
            return None
        endpoint.state = "deleting"
    else:
        endpoint.state = "pending" if now < row.get("ready", 0) else "available"
    return endpoint.state


def settle(call: Call) -> None:
    """Takes away the endpoints whose deletion is done."""
    for name, endpoint in list(call.ec2.vpc_end_points.items()):
        if _state(call, endpoint) is None:
            del call.ec2.vpc_end_points[name]
            call.ec2.tags.pop(name, None)
            call.table("endpoint").pop(name, None)


def _dress(call: Call, row: dict) -> dict:
    name = row["VpcEndpointId"]
    row["State"] = call.ec2.vpc_end_points[name].state
    row["Tags"] = [{"Key": key, "Value": value} for key, value in call.ec2.tags.get(name, {}).items()]
    row["VpcEndpointType"] = row.get("VpcEndpointType") or "Gateway"
    row["OwnerId"] = call.account.name
    row["IpAddressType"] = "ipv4"
    row |= call.table("endpoint").get(name, {}).get("extra", {})
    if row["VpcEndpointType"] == "Interface":
        row.setdefault("DnsOptions", {"DnsRecordIpType": "ipv4"})
    return row


@operation("ec2", "DescribeVpcEndpoints")
def describe_vpc_endpoints(call: Call) -> dict:
    settle(call)
    return ec2.describe(call, "vpc-endpoint", call.ec2.vpc_end_points, "VpcEndpointIds", {
        "vpc-endpoint-id": "VpcEndpointId",
        "vpc-id": "VpcId",
        "service-name": "ServiceName",
        "vpc-endpoint-state": "State",
        "vpc-endpoint-type": "VpcEndpointType",
        "ip-address-type": "IpAddressType",
    }, lambda row: _dress(call, row))  # fmt: skip


@operation("ec2", "ModifyVpcEndpoint")
def modify_vpc_endpoint(call: Call) -> dict:
    settle(call)
    name = call.params["VpcEndpointId"]
    endpoint = call.ec2.vpc_end_points.get(name)
    if endpoint is None:
        raise ec2.missing("vpc-endpoint", name)
    if _state(call, endpoint) in ("pending", "deleting"):
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
        raise Fault(
            "IncorrectState",
            f"The vpc endpoint '{name}' is in an incorrect state ({endpoint.state}) for this operation",
        )
    _policy(call)
    vpc = ec2.vpc(call, endpoint.vpc_id)
    _modify_tables(call, endpoint)
    for group in call.get("AddSecurityGroupIds") or []:
        ec2.group(call, group)
        if group not in endpoint.security_group_ids:
            endpoint.security_group_ids.append(group)
    for group in call.get("RemoveSecurityGroupIds") or []:
        if group in endpoint.security_group_ids:
            endpoint.security_group_ids.remove(group)
    _modify_subnets(call, endpoint)
    if call.get("PrivateDnsEnabled"):
        _private_dns(call, vpc, endpoint.service_name, endpoint.id)
    if "PrivateDnsEnabled" in call.params:
        endpoint.private_dns_enabled = call.params["PrivateDnsEnabled"]
    if call.get("ResetPolicy"):
        endpoint.policy_document = json.dumps(endpoint.DEFAULT_POLICY)
    if call.get("PolicyDocument"):
        endpoint.policy_document = call.params["PolicyDocument"]
    extra = call.table("endpoint").setdefault(name, {}).setdefault("extra", {})
    extra |= {member: call.params[member] for member in ("IpAddressType", "DnsOptions") if member in call.params}
    return {"Return": True}


def _modify_tables(call: Call, endpoint: Any) -> None:
    added, removed = call.get("AddRouteTableIds") or [], call.get("RemoveRouteTableIds") or []
    _route_tables(call, endpoint.vpc_id, [*added, *removed])
    for name in removed:
        if name in endpoint.route_table_ids:
            endpoint.route_table_ids.remove(name)
        _drop_routes(call, endpoint, [name])
    for name in added:
        if name not in endpoint.route_table_ids:
            _no_route_yet(call, name, endpoint.service_name)
            endpoint.route_table_ids.append(name)
            if endpoint.destination_prefix_list_id:
                call.ec2.create_route(
                    name, None, gateway_id=endpoint.id, destination_prefix_list_id=endpoint.destination_prefix_list_id
                )


def _modify_subnets(call: Call, endpoint: Any) -> None:
    removed = call.get("RemoveSubnetIds") or []
    held = [name for name in endpoint.subnet_ids or [] if name not in removed]
    added = [name for name in call.get("AddSubnetIds") or [] if name not in held]
    _subnets(call, endpoint.vpc_id, added, held)
    for name in list(endpoint.network_interface_ids):
        if call.ec2.enis[name].subnet.id in removed:
            endpoint.network_interface_ids.remove(name)
            del call.ec2.enis[name]
    endpoint.subnet_ids = held + added
    from moto.ec2.utils import random_private_ip

    for name in added:
        subnet = ec2.subnet(call, name)
        interface = call.ec2.create_network_interface(subnet, random_private_ip(subnet.cidr_block))
        endpoint.network_interface_ids.append(interface.id)
    for name in endpoint.network_interface_ids:
        _dress_interface(call, endpoint, call.ec2.enis[name])


def _drop_routes(call: Call, endpoint: Any, tables: list[str]) -> None:
    for name in tables:
        found = call.ec2.route_tables.get(name)
        if found is not None:
            for key in [key for key, route in found._routes.items() if route.gateway is endpoint]:
                del found._routes[key]


@operation("ec2", "DeleteVpcEndpoints")
def delete_vpc_endpoints(call: Call) -> dict:
    """One that is not there is reported in `Unsuccessful`, not as an error of the call.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpcEndpoints.html
    """
    settle(call)
    failed = []
    for name in call.params["VpcEndpointIds"]:
        endpoint = call.ec2.vpc_end_points.get(name)
        if endpoint is None:
            fault = ec2.missing("vpc-endpoint", name)
            failed.append({"Error": {"Code": fault.code, "Message": fault.message}, "ResourceId": name})
            continue
        row = call.table("endpoint").setdefault(name, {})
        if "deleted" not in row:
            row["deleted"] = call.account.due(DELETE_SECONDS if endpoint.vpc_endpoint_type != "Gateway" else 5)
            _drop_routes(call, endpoint, endpoint.route_table_ids or [])
    settle(call)
    return {"Unsuccessful": failed}


ec2.SETTLERS.append(settle)
