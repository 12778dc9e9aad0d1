"""Security groups and their rules.

Rules are added and taken away all or none, as on AWS, where moto stops in the middle; and every member of a rule is kept.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html
"""

import ipaddress
from collections.abc import Iterator
from typing import Any

from moto.ec2.models.security_groups import SecurityGroupRule

from .. import ec2
from ..call import Call, operation
from ..fault import Fault
from ..stale import ghosts

_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "all": "-1"}
#: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
_MOST_RULES = 60


@operation("ec2", "CreateSecurityGroup")
def create_security_group(call: Call) -> dict:
    tags = ec2.tag_specifications(call, "security-group")
    name, vpc = call.params["GroupName"], call.get("VpcId")
    if vpc:
        ec2.vpc(call, vpc)
    if name.startswith("sg-") or not 1 <= len(name) <= 255:
        raise Fault(
            "InvalidParameterValue",
            f"Value ({name}) for parameter GroupName is invalid. Group names may not be in the format sg-*.",
        )
    if not call.get("Description"):
        raise Fault("MissingParameter", "The request must contain the parameter GroupDescription")
    vpc = vpc or call.ec2.default_vpc.id
    if any(group.vpc_id == vpc and group.name == name for group in ec2.groups(call)):
        raise Fault("InvalidGroup.Duplicate", f"The security group '{name}' already exists for VPC '{vpc}'")
    result = call.moto(TagSpecifications=None)
    call.ec2.tags[result["GroupId"]].update(tags)
    result["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return result


def _view(rules: list[SecurityGroupRule]) -> list[dict]:
    """The rules as DescribeSecurityGroups groups them: by protocol and ports."""
    views: dict[tuple[Any, Any, Any], dict[str, Any]] = {}
    for rule in rules:
        key = (rule.ip_protocol, rule.from_port, rule.to_port)
        view = views.get(key)
        if view is None:
            view = views[key] = {
                "IpProtocol": rule.ip_protocol,
                "IpRanges": [],
                "Ipv6Ranges": [],
                "PrefixListIds": [],
                "UserIdGroupPairs": [],
            }
            if rule.from_port is not None:
                view |= {"FromPort": rule.from_port, "ToPort": rule.to_port}
        text = {"Description": rule.text} if getattr(rule, "text", None) else {}
        if rule.cidr_ipv4:
            view["IpRanges"].append({"CidrIp": rule.cidr_ipv4, **text})
        elif rule.cidr_ipv6:
            view["Ipv6Ranges"].append({"CidrIpv6": rule.cidr_ipv6, **text})
        elif rule.prefix_list_id:
            view["PrefixListIds"].append({"PrefixListId": rule.prefix_list_id, **text})
        elif rule.source_group:
            view["UserIdGroupPairs"].append({"GroupId": rule.source_group["GroupId"], "UserId": rule.owner_id, **text})
    return list(views.values())


def _rules(call: Call, group: Any, egress: bool) -> list[SecurityGroupRule]:
    return group.egress_rules if egress else group.ingress_rules


@operation("ec2", "DescribeSecurityGroups")
def describe_security_groups(call: Call) -> dict:
    everyone = {group.id: group for group in ec2.groups(call)}
    if call.get("GroupNames"):
        call.params["Filters"] = [
            *(call.get("Filters") or []),
            {"Name": "group-name", "Values": call.params["GroupNames"]},
        ]

    def sources(member: str, inner: str) -> Any:
        return lambda row: [item.get(inner) for rule in row["IpPermissions"] for item in rule[member]]

    wanted = call.get("GroupIds") or []
    gone = ghosts(call, "security-group")
    for name in wanted:
        if name not in everyone and name not in gone:
            raise ec2.missing("security-group", name)
    on_tags, others = ec2.split(call.get("Filters"))
    tags = call.ec2.tags
    rows = [
        _group_row(call, group) for name, group in everyone.items()
        if (not wanted or name in wanted) and all(ec2.tags_match(tags.get(name, {}), one, values) for one, values in on_tags)
    ]  # fmt: skip
    rows += ec2.still_listed(gone, wanted, on_tags)
    return {"SecurityGroups": ec2.keep(rows, others, {
        "group-id": "GroupId",
        "group-name": "GroupName",
        "vpc-id": "VpcId",
        "description": "Description",
        "owner-id": "OwnerId",
        "ip-permission.cidr": sources("IpRanges", "CidrIp"),
        "ip-permission.group-id": sources("UserIdGroupPairs", "GroupId"),
        "ip-permission.from-port": lambda row: [rule.get("FromPort") for rule in row["IpPermissions"]],
        "ip-permission.protocol": lambda row: [rule.get("IpProtocol") for rule in row["IpPermissions"]],
    })}  # fmt: skip


def _group_row(call: Call, group: Any) -> dict:
    return {
        "GroupId": group.id, "GroupName": group.name, "Description": group.description, "VpcId": group.vpc_id,
        "OwnerId": call.account.name, "IpPermissions": _view(group.ingress_rules), "IpPermissionsEgress": _view(group.egress_rules),
        "SecurityGroupArn": f"arn:aws:ec2:{call.region}:{call.account.name}:security-group/{group.id}",
        "Tags": [{"Key": key, "Value": value} for key, value in call.ec2.tags.get(group.id, {}).items()],
    }  # fmt: skip


def _row(call: Call, rule: SecurityGroupRule) -> dict:
    row: dict[str, Any] = {
        "SecurityGroupRuleId": rule.id,
        "GroupId": rule.group_id,
        "GroupOwnerId": call.account.name,
        "IsEgress": rule.is_egress,
        "IpProtocol": rule.ip_protocol,
        "FromPort": -1 if rule.from_port is None else rule.from_port,
        "ToPort": -1 if rule.to_port is None else rule.to_port,
        "SecurityGroupRuleArn": f"arn:aws:ec2:{call.region}:{call.account.name}:security-group-rule/{rule.id}",
        "Tags": [{"Key": key, "Value": value} for key, value in call.ec2.tags.get(rule.id, {}).items()],
    }
    if getattr(rule, "text", None):
        row["Description"] = rule.text
    if rule.cidr_ipv4:
        row["CidrIpv4"] = rule.cidr_ipv4
    elif rule.cidr_ipv6:
        row["CidrIpv6"] = rule.cidr_ipv6
    elif rule.prefix_list_id:
        row["PrefixListId"] = rule.prefix_list_id
    elif rule.source_group:
        row["ReferencedGroupInfo"] = {"GroupId": rule.source_group["GroupId"], "UserId": call.account.name}
    return row


@operation("ec2", "DescribeSecurityGroupRules")
def describe_security_group_rules(call: Call) -> dict:
    rows = [_row(call, rule) for group in ec2.groups(call) for rule in (*group.ingress_rules, *group.egress_rules)]
    wanted = call.get("SecurityGroupRuleIds")
    if wanted:
        rows = [row for row in rows if row["SecurityGroupRuleId"] in wanted]
        for name in set(wanted) - {row["SecurityGroupRuleId"] for row in rows}:
            raise Fault("InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{name}' does not exist")
    on_tags, others = ec2.split(call.get("Filters"))
    rows = [row for row in rows if all(
        ec2.tags_match({tag["Key"]: tag["Value"] for tag in row["Tags"]}, name, values) for name, values in on_tags
    )]  # fmt: skip
    return {"SecurityGroupRules": ec2.keep(rows, others, {
        "group-id": "GroupId",
        "security-group-rule-id": "SecurityGroupRuleId",
    })}  # fmt: skip


def _permissions(call: Call) -> list[dict]:
    """The rules asked for, in the one form or the other the operation takes."""
    if call.get("IpPermissions"):
        return call.params["IpPermissions"]
    names = ("IpProtocol", "FromPort", "ToPort")
    single = {name: call.params[name] for name in names if name in call.params}
    if "CidrIp" in call.params:
        single["IpRanges"] = [{"CidrIp": call.params["CidrIp"]}]
    return [single] if single else []


def _made(call: Call, group: Any, egress: bool) -> Iterator[tuple[SecurityGroupRule, str | None]]:
    """One moto rule per source or destination asked for, checked."""
    for permission in _permissions(call):
        protocol = str(permission.get("IpProtocol", "")).lower()
        protocol = _PROTOCOLS.get(protocol, protocol)
        low, high = permission.get("FromPort"), permission.get("ToPort")
        if not protocol:
            raise Fault(
                "InvalidParameterValue",
                "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.",
            )
        if protocol in ("tcp", "udp"):
            if low is None or high is None:
                raise Fault(
                    "InvalidParameterValue",
                    "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
                )
            if not (0 <= low <= 65535 and 0 <= high <= 65535):
                raise Fault("InvalidParameterValue", f"Invalid value '{low}-{high}' for portRange.")
            if low > high:
                raise Fault("InvalidParameterValue", f"Invalid TCP/UDP port range ({low}:{high}).")
        targets = 0
        for member, inner in (
            ("IpRanges", "CidrIp"),
            ("Ipv6Ranges", "CidrIpv6"),
            ("PrefixListIds", "PrefixListId"),
            ("UserIdGroupPairs", "GroupId"),
        ):
            for target in permission.get(member) or []:
                targets += 1
                yield _one(call, group, egress, protocol, low, high, member, dict(target), inner)
        if not targets:
            raise Fault("MissingParameter", "The request must contain a source or destination for each permission")


def _one(
    call: Call, group: Any, egress: bool, protocol: str, low: Any, high: Any, member: str, target: dict, inner: str
) -> tuple[SecurityGroupRule, str | None]:
    text = target.pop("Description", None)
    if text is not None and len(text) > 255:
        raise Fault(
            "InvalidParameterValue", "Invalid rule description. Rule descriptions must be at most 255 characters."
        )
    source: dict[str, Any] = {"ip_range": None, "source_group": None, "prefix_list_id": None}
    if member in ("IpRanges", "Ipv6Ranges"):
        kind = ipaddress.IPv4Network if member == "IpRanges" else ipaddress.IPv6Network
        try:
            target[inner] = str(kind(target[inner], strict=False))
        except (ValueError, KeyError):
            raise Fault("InvalidParameterValue", f"CIDR block {target.get(inner)} is malformed") from None
        source["ip_range"] = {inner: target[inner]}
    elif member == "PrefixListIds":
        if target["PrefixListId"] not in call.ec2.managed_prefix_lists:
            raise Fault("InvalidPrefixListID.NotFound", f"The prefix list ID '{target['PrefixListId']}' does not exist")
        source["prefix_list_id"] = {"PrefixListId": target["PrefixListId"]}
    else:
        if "GroupId" not in target:
            raise Fault("MissingParameter", "The request must contain the parameter GroupId")
        other = ec2.group(call, target["GroupId"])
        if other.vpc_id != group.vpc_id:
            raise Fault(
                "InvalidGroup.NotFound",
                f"You have specified two resources that belong to different networks: {group.id}, {other.id}",
            )
        source["source_group"] = {"GroupId": other.id}
    if protocol == "-1" or protocol not in ("tcp", "udp", "icmp", "icmpv6"):
        low = high = None
    rule = SecurityGroupRule(call.ec2, protocol, group.id, low if low is not None else 0, high if high is not None else 0,
                             is_egress=egress, tags={}, **source)  # fmt: skip
    if low is None:
        rule.from_port = rule.to_port = None
    rule.text = text
    return rule, text


def _same(one: SecurityGroupRule, other: SecurityGroupRule) -> bool:
    return (
        (one.ip_protocol, one.from_port, one.to_port) == (other.ip_protocol, other.from_port, other.to_port)
        and (one.cidr_ipv4, one.cidr_ipv6, one.prefix_list_id)
        == (other.cidr_ipv4, other.cidr_ipv6, other.prefix_list_id)
        and (one.source_group or {}).get("GroupId") == (other.source_group or {}).get("GroupId")
    )


def _words(rule: SecurityGroupRule) -> str:
    peer = rule.cidr_ipv4 or rule.cidr_ipv6 or rule.prefix_list_id or (rule.source_group or {}).get("GroupId")
    return f"peer: {peer}, {rule.ip_protocol or 'ALL'}, from port: {rule.from_port}, to port: {rule.to_port}, ALLOW"


@operation("ec2", "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress")
def authorize(call: Call) -> dict:
    egress = call.action.endswith("Egress")
    group = ec2.group(call, call.params["GroupId"])
    tags = ec2.tag_specifications(call, "security-group-rule")
    held = _rules(call, group, egress)
    made = [rule for rule, _ in _made(call, group, egress)]
    if not made:
        raise Fault("MissingParameter", "The request must contain the parameter ipPermissions")
    for index, rule in enumerate(made):
        if any(_same(rule, other) for other in (*held, *made[:index])):
            raise Fault("InvalidPermission.Duplicate", f'the specified rule "{_words(rule)}" already exists')
    if len(held) + len(made) > _MOST_RULES:
        raise Fault(
            "RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached."
        )
    held.extend(made)
    for rule in made:
        if tags:
            call.ec2.tags[rule.id].update(tags)
    return {"Return": True, "SecurityGroupRules": [_row(call, rule) for rule in made]}


@operation("ec2", "RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress")
def revoke(call: Call) -> dict:
    egress = call.action.endswith("Egress")
    group = ec2.group(call, call.params["GroupId"])
    held = _rules(call, group, egress)
    gone: list[SecurityGroupRule] = []
    for name in call.get("SecurityGroupRuleIds") or []:
        found = next((rule for rule in held if rule.id == name), None)
        if found is None:
            raise Fault("InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{name}' does not exist")
        gone.append(found)
    for rule, _ in _made(call, group, egress):
        found = next((other for other in held if _same(rule, other)), None)
        if found is None:
            raise Fault("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
        gone.append(found)
    held[:] = [rule for rule in held if all(rule is not other for other in gone)]
    for rule in gone:
        call.ec2.tags.pop(rule.id, None)
    return {"Return": True}


@operation("ec2", "UpdateSecurityGroupRuleDescriptionsIngress", "UpdateSecurityGroupRuleDescriptionsEgress")
def describe_rules_anew(call: Call) -> dict:
    egress = call.action.endswith("Egress")
    group = ec2.group(call, call.params["GroupId"])
    held = _rules(call, group, egress)
    for item in call.get("SecurityGroupRuleDescriptions") or []:
        for rule in held:
            if rule.id == item["SecurityGroupRuleId"]:
                rule.text = item.get("Description")
    for rule, text in _made(call, group, egress):
        found = next((other for other in held if _same(rule, other)), None)
        if found is None:
            raise Fault("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
        found.text = text
    return {"Return": True}


@operation("ec2", "ModifySecurityGroupRules")
def modify_security_group_rules(call: Call) -> dict:
    group = ec2.group(call, call.params["GroupId"])
    for item in call.params["SecurityGroupRules"]:
        found = next(
            (rule for rule in (*group.ingress_rules, *group.egress_rules) if rule.id == item["SecurityGroupRuleId"]),
            None,
        )
        if found is None:
            raise Fault(
                "InvalidSecurityGroupRuleId.NotFound",
                f"The security group rule ID '{item['SecurityGroupRuleId']}' does not exist",
            )
        asked = item["SecurityGroupRule"]
        permission: dict[str, Any] = {
            name: asked[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in asked
        }
        text = {"Description": asked["Description"]} if "Description" in asked else {}
        for member, inner, name in (("IpRanges", "CidrIp", "CidrIpv4"), ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
                                    ("PrefixListIds", "PrefixListId", "PrefixListId"), ("UserIdGroupPairs", "GroupId", "ReferencedGroupId")):  # fmt: skip
            if name in asked:
                permission[member] = [{inner: asked[name], **text}]
        changed = Call(call.account, "ec2", call.region, call.action, None, {"IpPermissions": [permission]})
        (rule, _), *_rest = _made(changed, group, found.is_egress)
        held = _rules(call, group, found.is_egress)
        if any(other is not found and _same(rule, other) for other in held):
            raise Fault("InvalidPermission.Duplicate", f'the specified rule "{_words(rule)}" already exists')
        rule.id = found.id
        held[held.index(found)] = rule
    return {"Return": True}


@operation("ec2", "DeleteSecurityGroup")
def delete_security_group(call: Call) -> dict:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html: not while "associated with an
    instance or network interface, or referenced by another security group in the same VPC" (`DependencyViolation`).
    """
    name = call.get("GroupId")
    if name is None:
        raise Fault("MissingParameter", "The request must contain the parameter groupId")
    group = ec2.group(call, name)
    if group.name == "default":
        raise Fault("CannotDelete", f'the specified group: "{name}" name: "default" cannot be deleted by a user')
    ec2.settle(call)
    used = (
        any(any(held.id == name for held in eni.group_set) for eni in call.ec2.enis.values())
        or any(any(held.id == name for held in item.security_groups) for item in ec2.live_instances(call))
        or any(name in (item.security_group_ids or []) and item.state != "deleted" for item in call.ec2.vpc_end_points.values())
        or any(
            (rule.source_group or {}).get("GroupId") == name
            for other in ec2.groups(call) if other is not group
            for rule in (*other.ingress_rules, *other.egress_rules)
        )
    )  # fmt: skip
    if used:
        raise Fault("DependencyViolation", f"resource {name} has a dependent object")
    call.ec2.groups[group.vpc_id].pop(name)
    call.ec2.tags.pop(name, None)
    return {"Return": True, "GroupId": name} if "GroupId" in _members(call) else {"Return": True}


def _members(call: Call) -> Any:
    output = call.operation.output_shape if call.operation is not None else None
    return output.members if output is not None else {}
