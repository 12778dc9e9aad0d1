"""Target groups, their targets and health.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
"""

import re
from typing import Any

from .. import ec2, elb
from ..call import Call, operation
from ..fault import Fault

_HTTP = ("HTTP", "HTTPS")
_CODES = re.compile(r"^[2-5]\d\d(-[2-5]\d\d)?(,[2-5]\d\d(-[2-5]\d\d)?)*$")
#: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html
_ATTRIBUTES = {
    "deregistration_delay.timeout_seconds": "300",
    "stickiness.enabled": "false",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}
_HTTP_ATTRIBUTES = {
    "stickiness.type": "lb_cookie",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "slow_start.duration_seconds": "0",
}
_TCP_ATTRIBUTES = {
    "stickiness.type": "source_ip",
    "deregistration_delay.connection_termination.enabled": "false",
    "preserve_client_ip.enabled": "true",
    "proxy_protocol_v2.enabled": "false",
}
_RANGES = {
    "deregistration_delay.timeout_seconds": (0, 3600),
    "slow_start.duration_seconds": (0, 900),
    "stickiness.lb_cookie.duration_seconds": (1, 604800),
    "stickiness.app_cookie.duration_seconds": (1, 604800),
}
_CHECK = (
    "HealthCheckProtocol", "HealthCheckPort", "HealthCheckEnabled", "HealthCheckPath", "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds", "HealthyThresholdCount", "UnhealthyThresholdCount", "Matcher",
)  # fmt: skip


def _check_health(row: dict) -> None:
    http = row["HealthCheckProtocol"] in _HTTP
    interval, timeout = row["HealthCheckIntervalSeconds"], row["HealthCheckTimeoutSeconds"]
    if timeout >= interval:
        raise Fault(
            "ValidationError", f"Health check timeout '{timeout}' must be smaller than the interval '{interval}'"
        )
    if not 5 <= interval <= 300 or not 2 <= timeout <= 120:
        raise Fault("ValidationError", "Health check interval must be 5 to 300 seconds and timeout 2 to 120 seconds")
    for name in ("HealthyThresholdCount", "UnhealthyThresholdCount"):
        if not 2 <= row[name] <= 10:
            raise Fault("ValidationError", f"{name} must be between 2 and 10")
    if http and not row.get("HealthCheckPath", "").startswith("/"):
        raise Fault(
            "ValidationError", f"Health check path '{row.get('HealthCheckPath')}' must begin with a '/' character"
        )
    if http and not _CODES.match(row.get("Matcher", {}).get("HttpCode", "")):
        raise Fault(
            "ValidationError", f"Health check matcher HTTP code '{row.get('Matcher', {}).get('HttpCode')}' is not valid"
        )
    port = row["HealthCheckPort"]
    if port != "traffic-port" and not (port.isdigit() and 1 <= int(port) <= 65535):
        raise Fault("ValidationError", f"Health check port '{port}' must be 'traffic-port' or a number from 1 to 65535")


@operation("elasticloadbalancing", "CreateTargetGroup")
def create_target_group(call: Call) -> dict:
    """Idempotent by name: the same settings get the same group, others `DuplicateTargetGroupName`."""
    name, kind = call.params["Name"], call.get("TargetType", "instance")
    elb.check_name("target group", name)
    tags = elb.tags_of(call)
    row: dict[str, Any] = {
        "TargetGroupName": name,
        "TargetType": kind,
        "IpAddressType": call.get("IpAddressType", "ipv4"),
    }
    if kind != "lambda":
        for member in ("Protocol", "Port", "VpcId"):
            if member not in call.params:
                raise Fault("ValidationError", f"A {member.lower()} must be specified")
            row[member] = call.params[member]
        if row["VpcId"] not in call.ec2.vpcs:
            raise Fault("ValidationError", f"The VPC ID '{row['VpcId']}' is not found")
    http = row.get("Protocol") in _HTTP
    if http:
        row["ProtocolVersion"] = call.get("ProtocolVersion", "HTTP1")
    row |= {
        "HealthCheckProtocol": row["Protocol"] if http else "TCP", "HealthCheckPort": "traffic-port", "HealthCheckEnabled": True,
        "HealthCheckIntervalSeconds": 30, "HealthCheckTimeoutSeconds": 5 if http else 10,
        "HealthyThresholdCount": 5, "UnhealthyThresholdCount": 2,
    }  # fmt: skip
    row |= {member: call.params[member] for member in _CHECK if member in call.params}
    if row["HealthCheckProtocol"] in _HTTP:
        row.setdefault("HealthCheckPath", "/")
        row.setdefault("Matcher", {"HttpCode": "200"})
    _check_health(row)
    for held in elb.groups(call).values():
        if held["row"]["TargetGroupName"] == name:
            if held["settings"] == row and held["tags"] == tags:
                call.replayed = True
                return {"TargetGroups": [_show(call, held)]}
            raise Fault(
                "DuplicateTargetGroupName",
                f"A target group with the same name '{name}' exists, but with different settings",
            )
    arn = f"arn:aws:elasticloadbalancing:{call.region}:{call.account.name}:targetgroup/{name}/{elb.hexadecimal()}"
    attributes = _ATTRIBUTES | (_HTTP_ATTRIBUTES if http else _TCP_ATTRIBUTES)
    held = {
        "row": row | {"TargetGroupArn": arn},
        "settings": dict(row),
        "tags": tags,
        "attributes": attributes,
        "targets": {},
    }
    elb.groups(call)[arn] = held
    return {"TargetGroups": [_show(call, held)]}


def _show(call: Call, held: dict) -> dict:
    return held["row"] | {"LoadBalancerArns": elb.users(call, held["row"]["TargetGroupArn"])}


@operation("elasticloadbalancing", "DescribeTargetGroups")
def describe_target_groups(call: Call) -> dict:
    arns, names, owner = call.get("TargetGroupArns"), call.get("Names"), call.get("LoadBalancerArn")
    if sum(bool(item) for item in (arns, names, owner)) > 1:
        raise Fault(
            "ValidationError",
            "Target group names, target group ARNs, and a load balancer ARN cannot be specified at the same time",
        )
    if arns:
        chosen = [elb.group(call, arn) for arn in arns]
    elif names:
        by_name = {held["row"]["TargetGroupName"]: held for held in elb.groups(call).values()}
        if any(name not in by_name for name in names):
            raise Fault("TargetGroupNotFound", "One or more target groups not found")
        chosen = [by_name[name] for name in names]
    else:
        chosen = list(elb.groups(call).values())
        if owner:
            elb.balancer(call, owner)
            chosen = [held for held in chosen if owner in elb.users(call, held["row"]["TargetGroupArn"])]
    return {"TargetGroups": [_show(call, held) for held in chosen]}


@operation("elasticloadbalancing", "ModifyTargetGroup")
def modify_target_group(call: Call) -> dict:
    held = elb.group(call, call.params["TargetGroupArn"])
    row = held["row"] | {member: call.params[member] for member in _CHECK if member in call.params}
    if row["HealthCheckProtocol"] in _HTTP:
        row.setdefault("HealthCheckPath", "/")
        row.setdefault("Matcher", {"HttpCode": "200"})
    _check_health(row)
    held["row"] = row
    return {"TargetGroups": [_show(call, held)]}


@operation("elasticloadbalancing", "DescribeTargetGroupAttributes")
def describe_attributes(call: Call) -> dict:
    held = elb.group(call, call.params["TargetGroupArn"])
    return {"Attributes": [{"Key": key, "Value": value} for key, value in held["attributes"].items()]}


@operation("elasticloadbalancing", "ModifyTargetGroupAttributes")
def modify_attributes(call: Call) -> dict:
    held = elb.group(call, call.params["TargetGroupArn"])
    changed = dict(held["attributes"])
    for item in call.params["Attributes"]:
        key, value = item["Key"], item.get("Value", "")
        if key not in changed:
            raise Fault("ValidationError", f"Target group attribute key '{key}' is not recognized")
        if key in _RANGES and not (value.isdigit() and _RANGES[key][0] <= int(value) <= _RANGES[key][1]):
            raise Fault(
                "ValidationError",
                f"'{key}' value '{value}' must be between '{_RANGES[key][0]}-{_RANGES[key][1]}' inclusive",
            )
        if key == "slow_start.duration_seconds" and 0 < int(value) < 30:
            raise Fault("ValidationError", f"'{key}' value '{value}' must be between '30-900' inclusive")
        changed[key] = value
    if changed.get("stickiness.type") == "app_cookie" and not changed["stickiness.app_cookie.cookie_name"]:
        raise Fault(
            "InvalidConfigurationRequest",
            "You must set an application cookie name to enable stickiness of type 'app_cookie'",
        )
    held["attributes"] = changed
    return {"Attributes": [{"Key": key, "Value": value} for key, value in changed.items()]}


@operation("elasticloadbalancing", "DeleteTargetGroup")
def delete_target_group(call: Call) -> None:
    arn = call.params["TargetGroupArn"]
    elb.group(call, arn)
    if elb.users(call, arn):
        raise Fault("ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule")
    del elb.groups(call)[arn]


@operation("elasticloadbalancing", "RegisterTargets")
def register_targets(call: Call) -> None:
    held = elb.group(call, call.params["TargetGroupArn"])
    for target in call.params["Targets"]:
        if held["row"]["TargetType"] == "instance":
            found = next((item for item in ec2.live_instances(call) if item.id == target["Id"]), None)
            if found is None or found.vpc_id != held["row"]["VpcId"]:
                raise Fault(
                    "InvalidTarget",
                    f"The following targets are not in a running state and cannot be registered: '{target['Id']}'",
                )
    for target in call.params["Targets"]:
        register(call, held, target["Id"], target.get("Port"))


def register(call: Call, held: dict, name: str, port: int | None = None) -> None:
    """Puts a target into a group."""
    held["targets"][name] = {"port": port or held["row"].get("Port"), "since": call.account.now()}


@operation("elasticloadbalancing", "DeregisterTargets")
def deregister_targets(call: Call) -> None:
    held = elb.group(call, call.params["TargetGroupArn"])
    for target in call.params["Targets"]:
        held["targets"].pop(target["Id"], None)


@operation("elasticloadbalancing", "DescribeTargetHealth")
def describe_target_health(call: Call) -> dict:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html (states and reasons)"""
    from .asg_group import settle

    settle(call)
    arn = call.params["TargetGroupArn"]
    held = elb.group(call, arn)
    asked = call.get("Targets") or [{"Id": name} for name in held["targets"]]
    return {"TargetHealthDescriptions": [health(call, held, target["Id"]) for target in asked]}


def health(call: Call, held: dict, name: str) -> dict:
    """One target's health description."""
    known = held["targets"].get(name)
    row = held["row"]
    out: dict[str, Any] = {
        "Target": {"Id": name, "Port": (known or {}).get("port") or row.get("Port", 0)},
        "HealthCheckPort": str(row.get("Port", 80)),
    }
    if known is None:
        state = {
            "State": "unused",
            "Reason": "Target.NotRegistered",
            "Description": "Target is not registered to the target group",
        }
    elif not elb.users(call, row["TargetGroupArn"]):
        state = {
            "State": "unused",
            "Reason": "Target.NotInUse",
            "Description": "Target group is not configured to receive traffic from the load balancer",
        }
    elif name in call.account.table("unhealthy"):
        state = {"State": "unhealthy", "Reason": "Target.FailedHealthChecks", "Description": "Health checks failed"}
    elif (
        call.account.settings.phases
        and call.account.now() < known["since"] + row["HealthCheckIntervalSeconds"] * row["HealthyThresholdCount"]
    ):
        state = {
            "State": "initial",
            "Reason": "Elb.RegistrationInProgress",
            "Description": "Target registration is in progress",
        }
    else:
        state = {"State": "healthy"}
    return out | {"TargetHealth": state}
