"""Load balancers: where they may stand, their attributes, protection against deletion, their provisioning time.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html (subnets, attributes)
"""

from typing import Any

from .. import ec2, elb, interfaces
from ..call import Call, operation
from ..fault import Fault
from .ec2_endpoint import ec2_default_group

#: Scaled seconds from create to `active`, and for which the interfaces stay after the delete.
CREATE_SECONDS = 120.0
DELETE_SECONDS = 20.0

#: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html, with ALB defaults.
ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "ipv6.deny_all_igw_traffic": "false",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
_CHOICES = {
    "routing.http.desync_mitigation_mode": ("monitor", "defensive", "strictest"),
    "routing.http.xff_header_processing.mode": ("append", "preserve", "remove"),
}
_RANGES = {"idle_timeout.timeout_seconds": (1, 4000), "client_keep_alive.seconds": (60, 604800)}


def _zones(call: Call, kind: str, scheme: str) -> tuple[str, list[dict[str, Any]]]:
    """The VPC and the zones of the subnets asked for."""
    names = call.get("Subnets") or [item["SubnetId"] for item in call.get("SubnetMappings") or []]
    if not names:
        raise Fault("ValidationError", "At least one subnet must be specified")
    found = []
    for name in names:
        try:
            found.append(ec2.subnet(call, name))
        except Fault:
            raise Fault("SubnetNotFound", f"The subnet ID '{name}' does not exist") from None
    if len({subnet.vpc_id for subnet in found}) > 1:
        raise Fault("InvalidConfigurationRequest", "All subnets must belong to the same VPC")
    zones = [subnet.availability_zone for subnet in found]
    if len(set(zones)) < len(zones):
        raise Fault(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )
    if kind == "application" and len(zones) < 2:
        raise Fault("ValidationError", "At least two subnets in two different Availability Zones must be specified")
    vpc = found[0].vpc_id
    for subnet in found:
        # "Each subnet must have a CIDR block with at least a /27 bitmask and at least eight free IP addresses"
        if subnet.cidr.prefixlen > 27:
            raise Fault(
                "InvalidSubnet",
                f"Not enough IP space available in {subnet.id}. ELB requires at least 8 free IP addresses in each subnet.",
            )
    if scheme == "internet-facing" and not any(
        g.vpc is not None and g.vpc.id == vpc for g in call.ec2.internet_gateways.values()
    ):
        raise Fault("InvalidSubnet", f"VPC {vpc} has no internet gateway")
    rows = [
        {"ZoneName": subnet.availability_zone, "SubnetId": subnet.id, "LoadBalancerAddresses": []} for subnet in found
    ]
    return vpc, sorted(rows, key=lambda row: row["ZoneName"])


def _groups(call: Call, vpc: str) -> list[str]:
    names = call.get("SecurityGroups") or [ec2_default_group(call, vpc)]
    for name in names:
        try:
            same = ec2.group(call, name).vpc_id == vpc
        except Fault:
            raise Fault("InvalidSecurityGroup", f"One or more security groups are invalid: {name}") from None
        if not same:
            raise Fault("InvalidConfigurationRequest", "One or more security groups are invalid")
    return sorted(names)


@operation("elasticloadbalancing", "CreateLoadBalancer")
def create_load_balancer(call: Call) -> dict:
    """Idempotent by name: the same settings get the same load balancer, others `DuplicateLoadBalancerName`."""
    name, kind = call.params["Name"], call.get("Type", "application")
    scheme = call.get("Scheme", "internet-facing")
    elb.check_name("load balancer", name)
    tags = elb.tags_of(call)
    vpc, zones = _zones(call, kind, scheme)
    groups = _groups(call, vpc) if kind == "application" else sorted(call.get("SecurityGroups") or [])
    settings = {
        "LoadBalancerName": name, "Scheme": scheme, "VpcId": vpc, "Type": kind, "AvailabilityZones": zones,
        "SecurityGroups": groups, "IpAddressType": call.get("IpAddressType", "ipv4"),
    }  # fmt: skip
    for held in elb.balancers(call).values():
        if held["row"]["LoadBalancerName"] == name:
            if held["settings"] | {"tags": tags} == settings | {"tags": held["tags"]}:
                call.replayed = True
                return {"LoadBalancers": [_show(call, held)]}
            raise Fault(
                "DuplicateLoadBalancerName",
                f"A load balancer with the same name '{name}' exists, but with different settings",
            )
    short = {"application": "app", "network": "net", "gateway": "gwy"}[kind]
    end = elb.hexadecimal()
    arn = f"arn:aws:elasticloadbalancing:{call.region}:{call.account.name}:loadbalancer/{short}/{name}/{end}"
    prefix = "internal-" if scheme == "internal" else ""
    row = settings | {
        "LoadBalancerArn": arn,
        "DNSName": f"{prefix}{name}-{int(end[:8], 16)}.{call.region}.elb.amazonaws.com",
        "CanonicalHostedZoneId": "Z35SXDOTRQ7X7K",
        "CreatedTime": elb.stamp(),
    }
    held = {
        "row": row, "settings": settings, "tags": tags, "attributes": dict(ATTRIBUTES),
        "ready": call.account.due(CREATE_SECONDS), "text": f"ELB {short}/{name}/{end}",
    }  # fmt: skip
    elb.balancers(call)[arn] = held
    _place(call, held)
    return {"LoadBalancers": [_show(call, held, fresh=call.account.settings.phases)]}


def _place(call: Call, held: dict) -> None:
    """One network interface per subnet, with the load balancer's groups."""
    row = held["row"]
    interfaces.place(
        call,
        held["text"],
        [zone["SubnetId"] for zone in row["AvailabilityZones"]],
        row["SecurityGroups"],
        "load_balancer",
    )


def _show(call: Call, held: dict, fresh: bool = False) -> dict:
    pending = fresh or call.account.now() < held["ready"]
    return held["row"] | {"State": {"Code": "provisioning" if pending else "active"}}


@operation("elasticloadbalancing", "DescribeLoadBalancers")
def describe_load_balancers(call: Call) -> dict:
    everyone = elb.balancers(call)
    names, arns = call.get("Names"), call.get("LoadBalancerArns")
    if names and arns:
        raise Fault(
            "ValidationError", "Load balancer names and load balancer ARNs cannot be specified at the same time"
        )
    if arns:
        chosen = [elb.balancer(call, arn) for arn in arns]
    elif names:
        by_name = {held["row"]["LoadBalancerName"]: held for held in everyone.values()}
        for name in names:
            if name not in by_name:
                raise Fault("LoadBalancerNotFound", f"Load balancers '[{name}]' not found")
        chosen = [by_name[name] for name in names]
    else:
        chosen = list(everyone.values())
    return {"LoadBalancers": [_show(call, held) for held in chosen]}


@operation("elasticloadbalancing", "DescribeLoadBalancerAttributes")
def describe_attributes(call: Call) -> dict:
    held = elb.balancer(call, call.params["LoadBalancerArn"])
    return {"Attributes": [{"Key": key, "Value": value} for key, value in held["attributes"].items()]}


@operation("elasticloadbalancing", "ModifyLoadBalancerAttributes")
def modify_attributes(call: Call) -> dict:
    held = elb.balancer(call, call.params["LoadBalancerArn"])
    changed = dict(held["attributes"])
    for item in call.params["Attributes"]:
        key, value = item["Key"], item.get("Value", "")
        if key not in ATTRIBUTES:
            raise Fault("ValidationError", f"Load balancer attribute key '{key}' is not recognized")
        if key in _CHOICES and value not in _CHOICES[key]:
            raise Fault("ValidationError", f"Load balancer attribute value of '{key}' must be one of {_CHOICES[key]}")
        if key in _RANGES and not (value.isdigit() and _RANGES[key][0] <= int(value) <= _RANGES[key][1]):
            raise Fault(
                "ValidationError",
                f"'{key}' value '{value}' must be between '{_RANGES[key][0]}-{_RANGES[key][1]}' inclusive",
            )
        if key.endswith(".enabled") and value not in ("true", "false"):
            raise Fault("ValidationError", f"Load balancer attribute '{key}' must be true or false")
        changed[key] = value
    for logs in ("access_logs", "connection_logs"):
        if changed[f"{logs}.s3.enabled"] == "true" and not changed[f"{logs}.s3.bucket"]:
            raise Fault("InvalidConfigurationRequest", f"The value of '{logs}.s3.bucket' cannot be empty")
    held["attributes"] = changed
    return {"Attributes": [{"Key": key, "Value": value} for key, value in changed.items()]}


@operation("elasticloadbalancing", "SetSecurityGroups")
def set_security_groups(call: Call) -> dict:
    held = elb.balancer(call, call.params["LoadBalancerArn"])
    held["row"]["SecurityGroups"] = _groups(call, held["row"]["VpcId"])
    _place(call, held)
    return {"SecurityGroupIds": held["row"]["SecurityGroups"]}


@operation("elasticloadbalancing", "SetSubnets")
def set_subnets(call: Call) -> dict:
    held = elb.balancer(call, call.params["LoadBalancerArn"])
    vpc, zones = _zones(call, held["row"]["Type"], held["row"]["Scheme"])
    if vpc != held["row"]["VpcId"]:
        raise Fault("InvalidConfigurationRequest", "The subnets must belong to the VPC of the load balancer")
    held["row"]["AvailabilityZones"] = zones
    _place(call, held)
    return {"AvailabilityZones": zones, "IpAddressType": held["row"]["IpAddressType"]}


@operation("elasticloadbalancing", "SetIpAddressType")
def set_ip_address_type(call: Call) -> dict:
    held = elb.balancer(call, call.params["LoadBalancerArn"])
    if call.params["IpAddressType"] != "ipv4":
        for zone in held["row"]["AvailabilityZones"]:
            if not ec2.subnet(call, zone["SubnetId"]).ipv6_cidr_block_associations:
                raise Fault(
                    "InvalidSubnet",
                    f"You must specify subnets with an associated IPv6 CIDR block. [{zone['SubnetId']}]",
                )
    held["row"]["IpAddressType"] = call.params["IpAddressType"]
    return {"IpAddressType": held["row"]["IpAddressType"]}


@operation("elasticloadbalancing", "DeleteLoadBalancer")
def delete_load_balancer(call: Call) -> None:
    """ "If the load balancer does not exist or has already been deleted, the call succeeds."
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html; its listeners go too.
    """
    arn = call.params["LoadBalancerArn"]
    if ":loadbalancer/" not in arn:
        raise Fault("ValidationError", f"'{arn}' is not a valid load balancer ARN")
    held = elb.balancers(call).get(arn)
    if held is None:
        return
    if held["attributes"]["deletion_protection.enabled"] == "true":
        raise Fault(
            "OperationNotPermitted", f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        )
    for listener in [name for name, item in elb.listeners(call).items() if item["row"]["LoadBalancerArn"] == arn]:
        del elb.listeners(call)[listener]
        for rule in [name for name, item in elb.rules(call).items() if item["listener"] == listener]:
            del elb.rules(call)[rule]
    del elb.balancers(call)[arn]
    interfaces.drop(call, held["text"], DELETE_SECONDS)
