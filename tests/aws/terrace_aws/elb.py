"""What the Elastic Load Balancing rules share: the rows they keep and how an ARN leads to one.

Moto's backend is not used: it drops attributes, ignores deletion protection and allows what AWS refuses. Each row holds
`row` (as the API shows it), `tags`, `attributes` and what else its kind needs.
"""

import re
import secrets
from datetime import UTC, datetime
from typing import Any

from .call import Call
from .fault import Fault

Row = dict[str, Any]

_NAME = re.compile(r"^(?!.*--)(?!-)[A-Za-z0-9-]{1,32}(?<!-)$")


def balancers(call: Call) -> dict[str, Row]:
    """Load balancers by ARN."""
    return call.table("elb.balancer")


def groups(call: Call) -> dict[str, Row]:
    """Target groups by ARN."""
    return call.table("elb.group")


def listeners(call: Call) -> dict[str, Row]:
    """Listeners by ARN."""
    return call.table("elb.listener")


def rules(call: Call) -> dict[str, Row]:
    """Listener rules by ARN, the default ones included."""
    return call.table("elb.rule")


def balancer(call: Call, arn: str) -> Row:
    """A load balancer, or the AWS error."""
    if ":loadbalancer/" not in arn:
        raise Fault("ValidationError", f"'{arn}' is not a valid load balancer ARN")
    return _known(balancers(call), arn, "LoadBalancerNotFound", "One or more load balancers not found")


def group(call: Call, arn: str) -> Row:
    """A target group, or the AWS error."""
    if ":targetgroup/" not in arn:
        raise Fault("ValidationError", f"'{arn}' is not a valid target group ARN")
    return _known(groups(call), arn, "TargetGroupNotFound", "One or more target groups not found")


def listener(call: Call, arn: str) -> Row:
    """A listener, or the AWS error."""
    return _known(listeners(call), arn, "ListenerNotFound", "One or more listeners not found")


def rule(call: Call, arn: str) -> Row:
    """A listener rule, or the AWS error."""
    return _known(rules(call), arn, "RuleNotFound", "One or more rules not found")


def _known(table: dict[str, Row], arn: str, code: str, message: str) -> Row:
    found = table.get(arn)
    if found is None:
        raise Fault(code, message)
    return found


def tagged(call: Call, arn: str) -> Row:
    """The row of any kind that this ARN names."""
    for part, find in (
        (":loadbalancer/", balancer),
        (":targetgroup/", group),
        (":listener/", listener),
        (":listener-rule/", rule),
    ):
        if part in arn:
            return find(call, arn)
    raise Fault("ValidationError", f"'{arn}' is not a valid ARN")


def check_name(what: str, name: str) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html (Name)"""
    if not _NAME.match(name) or name.startswith("internal-"):
        raise Fault("ValidationError", f"The {what} name '{name}' must be 1 to 32 letters, digits or hyphens, must not begin or "
                                       "end with a hyphen, nor begin with 'internal-'")  # fmt: skip


def hexadecimal() -> str:
    """The random end of an ARN."""
    return secrets.token_hex(8)


def tags_of(call: Call) -> dict[str, str]:
    """The tags of a create, checked."""
    tags: dict[str, str] = {}
    for tag in call.get("Tags") or []:
        if tag["Key"] in tags:
            raise Fault("DuplicateTagKeys", "A tag key was specified more than once")
        if tag["Key"].startswith("aws:"):
            raise Fault("ValidationError", "Tag keys that start with 'aws:' are reserved for system use")
        tags[tag["Key"]] = tag.get("Value", "")
    if len(tags) > 50:
        raise Fault("TooManyTags", "You have reached the limit on the number of tags for this resource")
    return tags


def stamp() -> str:
    """Now, as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def users(call: Call, arn: str) -> list[str]:
    """The load balancers whose listeners or rules forward to a target group."""
    found = []
    for held in rules(call).values():
        if arn in forwards(held["row"]["Actions"]):
            owner = listeners(call)[held["listener"]]["row"]["LoadBalancerArn"]
            if owner not in found:
                found.append(owner)
    return found


def forwards(actions: list[Row]) -> list[str]:
    """The target groups that actions forward to."""
    found = []
    for action in actions:
        if action.get("TargetGroupArn"):
            found.append(action["TargetGroupArn"])
        for target in action.get("ForwardConfig", {}).get("TargetGroups", []):
            if target["TargetGroupArn"] not in found:
                found.append(target["TargetGroupArn"])
    return found
