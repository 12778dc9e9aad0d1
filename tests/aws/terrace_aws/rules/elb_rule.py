"""Listener rules: priorities, conditions and actions; and the tags of everything in Elastic Load Balancing.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html
"""

from typing import Any

from .. import elb
from ..call import Call, operation
from ..fault import Fault
from .elb_listener import actions

_CONFIGS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}


def _conditions(asked: list[dict]) -> list[dict]:
    """Conditions as AWS shows them: host and path with both `Values` and their config."""
    if not asked:
        raise Fault("ValidationError", "A condition must be specified")
    shown = []
    for condition in asked:
        field = condition.get("Field")
        if field not in _CONFIGS:
            raise Fault("ValidationError", f"Condition field '{field}' must be one of '[{', '.join(_CONFIGS)}]'")
        config = condition.get(_CONFIGS[field]) or {}
        row: dict[str, Any] = {"Field": field}
        values = condition.get("Values") or config.get("Values") or []
        if not values and not config.get("RegexValues"):
            raise Fault("ValidationError", "A condition value must be specified")
        if len(values) > 5:
            raise Fault("ValidationError", "A rule can have at most 5 condition values")
        if field in ("host-header", "path-pattern"):
            if any(len(value) > 128 for value in values):
                raise Fault("ValidationError", "Condition values are at most 128 characters")
            row["Values"] = values
            row[_CONFIGS[field]] = config or {"Values": values}
        else:
            row[_CONFIGS[field]] = config
        shown.append(row)
    return shown


def _of(call: Call, listener: str) -> list[dict]:
    held = [rule for rule in elb.rules(call).values() if rule["listener"] == listener]
    return sorted(
        held,
        key=lambda rule: (rule["row"]["IsDefault"], 0 if rule["row"]["IsDefault"] else int(rule["row"]["Priority"])),
    )


@operation("elasticloadbalancing", "CreateRule")
def create_rule(call: Call) -> dict:
    listener = call.params["ListenerArn"]
    owner = elb.listener(call, listener)["row"]["LoadBalancerArn"]
    tags = elb.tags_of(call)
    priority = call.params["Priority"]
    if not 1 <= priority <= 50_000:
        raise Fault("ValidationError", f"Priority '{priority}' must be between 1 and 50000")
    if any(rule["row"]["Priority"] == str(priority) for rule in _of(call, listener)):
        raise Fault("PriorityInUse", f"Priority '{priority}' is currently in use")
    row = {
        "Priority": str(priority), "Conditions": _conditions(call.params["Conditions"]),
        "Actions": actions(call, call.params["Actions"], owner), "IsDefault": False,
    }  # fmt: skip
    arn = listener.replace(":listener/", ":listener-rule/") + f"/{elb.hexadecimal()}"
    row["RuleArn"] = arn
    elb.rules(call)[arn] = {"row": row, "listener": listener, "tags": tags}
    return {"Rules": [row]}


@operation("elasticloadbalancing", "DescribeRules")
def describe_rules(call: Call) -> dict:
    listener, arns = call.get("ListenerArn"), call.get("RuleArns")
    if bool(listener) == bool(arns):
        raise Fault("ValidationError", "You must specify either listener rule ARNs or a listener ARN")
    if arns:
        return {"Rules": [elb.rule(call, arn)["row"] for arn in arns]}
    elb.listener(call, listener)
    return {"Rules": [rule["row"] for rule in _of(call, listener)]}


@operation("elasticloadbalancing", "ModifyRule")
def modify_rule(call: Call) -> dict:
    held = elb.rule(call, call.params["RuleArn"])
    if held["row"]["IsDefault"]:
        raise Fault("OperationNotPermitted", f"Default rule '{call.params['RuleArn']}' cannot be modified")
    owner = elb.listener(call, held["listener"])["row"]["LoadBalancerArn"]
    row = dict(held["row"])
    if "Conditions" in call.params:
        row["Conditions"] = _conditions(call.params["Conditions"])
    if "Actions" in call.params:
        row["Actions"] = actions(call, call.params["Actions"], owner)
    held["row"] = row
    return {"Rules": [row]}


@operation("elasticloadbalancing", "DeleteRule")
def delete_rule(call: Call) -> None:
    arn = call.params["RuleArn"]
    if elb.rule(call, arn)["row"]["IsDefault"]:
        raise Fault("OperationNotPermitted", f"Default rule '{arn}' cannot be deleted")
    del elb.rules(call)[arn]


@operation("elasticloadbalancing", "SetRulePriorities")
def set_rule_priorities(call: Call) -> dict:
    asked = {item["RuleArn"]: str(item["Priority"]) for item in call.params["RulePriorities"]}
    held = {arn: elb.rule(call, arn) for arn in asked}
    if len(set(asked.values())) < len(asked):
        raise Fault("ValidationError", "A priority was specified more than once")
    for arn, rule in held.items():
        for name, other in elb.rules(call).items():
            if name not in asked and other["listener"] == rule["listener"] and other["row"]["Priority"] == asked[arn]:
                raise Fault("PriorityInUse", f"Priority '{asked[arn]}' is currently in use")
    for arn, rule in held.items():
        rule["row"]["Priority"] = asked[arn]
    return {"Rules": [rule["row"] for rule in held.values()]}


@operation("elasticloadbalancing", "AddTags")
def add_tags(call: Call) -> None:
    rows = [elb.tagged(call, arn) for arn in call.params["ResourceArns"]]
    tags = elb.tags_of(call)
    for row in rows:
        if len(row["tags"].keys() | tags.keys()) > 50:
            raise Fault("TooManyTags", "You have reached the limit on the number of tags for this resource")
    for row in rows:
        row["tags"].update(tags)


@operation("elasticloadbalancing", "RemoveTags")
def remove_tags(call: Call) -> None:
    for row in [elb.tagged(call, arn) for arn in call.params["ResourceArns"]]:
        for key in call.params["TagKeys"]:
            row["tags"].pop(key, None)


@operation("elasticloadbalancing", "DescribeTags")
def describe_tags(call: Call) -> dict:
    """At most twenty resources in one call.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html
    """
    arns = call.params["ResourceArns"]
    if not 1 <= len(arns) <= 20:
        raise Fault("ValidationError", f"1 to 20 resource ARNs can be specified, not {len(arns)}")
    return {"TagDescriptions": [
        {"ResourceArn": arn, "Tags": [{"Key": key, "Value": value} for key, value in elb.tagged(call, arn)["tags"].items()]}
        for arn in arns
    ]}  # fmt: skip
