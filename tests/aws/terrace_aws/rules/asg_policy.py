"""Scaling policies, scheduled actions, lifecycle hooks and notifications of Auto Scaling groups, kept whole.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScalingPolicy.html
https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScheduledUpdateGroupAction.html
"""

import itertools
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from .. import asg, elb
from ..call import Call, operation
from ..fault import Fault
from .asg_group import put_hook

_LABEL = re.compile(r"^(app/[^/]+/[^/]+)/(targetgroup/[^/]+/[^/]+)$")
#: The five fields of a Unix cron expression. https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html
_CRON = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_NAMES = {name: str(n) for n, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])} | {
    name: str(n + 1)
    for n, name in enumerate(["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"])
}


def _bad(text: str) -> Fault:
    return Fault("ValidationError", text)


@operation("autoscaling", "PutScalingPolicy")
def put_scaling_policy(call: Call) -> dict:
    item = asg.group(call, call.params["AutoScalingGroupName"])
    group, name = item["row"]["AutoScalingGroupName"], call.params["PolicyName"]
    kind = call.get("PolicyType", "SimpleScaling")
    row: dict[str, Any] = {member: value for member, value in call.params.items()} | {"PolicyType": kind}
    row["Enabled"] = call.get("Enabled", True)
    match kind:
        case "TargetTrackingScaling":
            _target_tracking(call, item, row)
        case "StepScaling":
            if "StepAdjustments" not in row or "AdjustmentType" not in row:
                raise _bad("StepAdjustments and AdjustmentType are required for policy type StepScaling")
            _steps(row["StepAdjustments"])
            row.setdefault("MetricAggregationType", "Average")
        case "SimpleScaling":
            if "ScalingAdjustment" not in row or "AdjustmentType" not in row:
                raise _bad("ScalingAdjustment and AdjustmentType are required for policy type SimpleScaling")
        case "PredictiveScaling":
            if "PredictiveScalingConfiguration" not in row:
                raise _bad("PredictiveScalingConfiguration is required for policy type PredictiveScaling")
        case _:
            raise _bad(f"Policy type {kind} is not valid")
    if row.get("AdjustmentType") not in (None, "ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"):
        raise _bad(f"Adjustment type {row['AdjustmentType']} is not valid")
    if "MinAdjustmentMagnitude" in row and row.get("AdjustmentType") != "PercentChangeInCapacity":
        raise _bad("MinAdjustmentMagnitude can only be specified with AdjustmentType PercentChangeInCapacity")
    held = item["policies"].get(name)
    if held is not None and held["PolicyType"] != kind:
        raise _bad("Policy type cannot be changed")
    row["PolicyARN"] = (
        held["PolicyARN"]
        if held
        else (
            f"arn:aws:autoscaling:{call.region}:{call.account.name}:scalingPolicy:{uuid.uuid4()}:autoScalingGroupName/{group}:policyName/{name}"
        )
    )
    row["Alarms"] = held["Alarms"] if held else []
    if kind == "TargetTrackingScaling" and not row["Alarms"]:
        row["Alarms"] = [_alarm(call, group, side) for side in ("AlarmHigh", "AlarmLow")]
    item["policies"][name] = row
    return {"PolicyARN": row["PolicyARN"], "Alarms": row["Alarms"]}


def _alarm(call: Call, group: str, side: str) -> dict[str, str]:
    """AWS makes two alarms for a target tracking policy, and keeps them itself.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html
    """
    name = f"TargetTracking-{group}-{side}-{uuid.uuid4()}"
    high = side == "AlarmHigh"
    cloudwatch_backends[call.account.name][call.region].put_metric_alarm(
        name=name, namespace="AWS/EC2", metric_name="CPUUtilization", period=60, statistic="Average",
        comparison_operator="GreaterThanThreshold" if high else "LessThanThreshold", evaluation_periods=3 if high else 15,
        threshold=float(call.params["TargetTrackingConfiguration"]["TargetValue"]) * (1.0 if high else 0.9),
        description="DO NOT EDIT OR DELETE. For TargetTrackingScaling policy.",
        dimensions=[{"Name": "AutoScalingGroupName", "Value": group}], alarm_actions=[],
    )  # fmt: skip
    return {"AlarmName": name, "AlarmARN": f"arn:aws:cloudwatch:{call.region}:{call.account.name}:alarm:{name}"}


def drop_alarms(call: Call, row: dict[str, Any]) -> None:
    """The alarms of a target tracking policy go with it."""
    cloudwatch_backends[call.account.name][call.region].delete_alarms([alarm["AlarmName"] for alarm in row["Alarms"]])


def _target_tracking(call: Call, item: asg.Group, row: dict[str, Any]) -> None:
    config = row.get("TargetTrackingConfiguration")
    if not config:
        raise _bad("TargetTrackingConfiguration is required for policy type TargetTrackingScaling")
    if bool(config.get("PredefinedMetricSpecification")) == bool(config.get("CustomizedMetricSpecification")):
        raise _bad("A target tracking policy needs either a predefined or a customized metric")
    for member in ("AdjustmentType", "ScalingAdjustment", "StepAdjustments", "Cooldown", "MetricAggregationType"):
        if member in row:
            raise _bad(f"{member} cannot be specified for policy type TargetTrackingScaling")
    config.setdefault("DisableScaleIn", False)
    metric = config.get("PredefinedMetricSpecification")
    if metric and metric["PredefinedMetricType"] == "ALBRequestCountPerTarget":
        label = _LABEL.match(metric.get("ResourceLabel", ""))
        if label is None:
            raise _bad(
                "A resource label of the form app/name/id/targetgroup/name/id is required for ALBRequestCountPerTarget"
            )
        balancer = next((arn for arn in elb.balancers(call) if arn.endswith(":loadbalancer/" + label.group(1))), None)
        target = next((arn for arn in elb.groups(call) if arn.endswith(":" + label.group(2))), None)
        if balancer is None or target is None or balancer not in elb.users(call, target):
            raise _bad("The load balancer does not route traffic to the target group.")
        if target not in item["row"]["TargetGroupARNs"]:
            raise _bad("The target group is not attached to the Auto Scaling group.")
    elif metric and "ResourceLabel" in metric:
        raise _bad(f"A resource label cannot be specified for {metric['PredefinedMetricType']}")


def _steps(steps: list[dict[str, Any]]) -> None:
    """Steps must not overlap nor leave gaps; an open end only at either end."""
    ordered = sorted(steps, key=lambda s: s.get("MetricIntervalLowerBound", float("-inf")))
    for one, after in itertools.pairwise(ordered):
        if one.get("MetricIntervalUpperBound", float("inf")) != after.get("MetricIntervalLowerBound", float("-inf")):
            raise _bad("StepAdjustment intervals can't overlap and must not have gaps")


@operation("autoscaling", "DescribePolicies")
def describe_policies(call: Call) -> dict:
    name = call.get("AutoScalingGroupName")
    chosen = [asg.group(call, name)] if name else list(asg.groups(call).values())
    rows = [row for item in chosen for row in item["policies"].values()]
    names, kinds = call.get("PolicyNames"), call.get("PolicyTypes")
    rows = [row for row in rows if not names or row["PolicyName"] in names or row["PolicyARN"] in names]
    return {"ScalingPolicies": [row for row in rows if not kinds or row["PolicyType"] in kinds]}


@operation("autoscaling", "DeletePolicy")
def delete_policy(call: Call) -> None:
    wanted, name = call.params["PolicyName"], call.get("AutoScalingGroupName")
    for item in [asg.group(call, name)] if name else list(asg.groups(call).values()):
        for key, row in item["policies"].items():
            if wanted in (key, row["PolicyARN"]):
                del item["policies"][key]
                drop_alarms(call, row)
                return
    raise _bad(f"ScalingPolicy name not found - ScalingPolicy '{wanted}' not found")


def _cron(text: str) -> None:
    fields = text.split()
    fine = len(fields) == 5
    for field, (low, high) in zip(fields, _CRON, strict=False):
        for part in field.upper().split(","):
            part, _, step = part.partition("/")
            if step and not step.isdigit():
                fine = False
            if part == "*":
                continue
            for end in part.split("-"):
                end = _NAMES.get(end, end)
                fine = fine and end.isdigit() and low <= int(end) <= high
    if not fine:
        raise _bad(f"Given recurrence string: {text} is invalid")


def _next(text: str) -> str:
    """A next start for a recurrence: AWS fills StartTime in. The day is not worked out."""
    fields = text.split()
    now = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=1)
    hour = int(fields[1]) if fields[1].isdigit() else now.hour
    minute = int(fields[0]) if fields[0].isdigit() else 0
    return now.replace(hour=hour, minute=minute).strftime("%Y-%m-%dT%H:%M:%SZ")


@operation("autoscaling", "PutScheduledUpdateGroupAction")
def put_scheduled_action(call: Call) -> None:
    item = asg.group(call, call.params["AutoScalingGroupName"])
    _schedule(call, item, call.params)


def _schedule(call: Call, item: asg.Group, asked: dict[str, Any]) -> None:
    name = asked["ScheduledActionName"]
    if not any(member in asked for member in ("MinSize", "MaxSize", "DesiredCapacity")):
        raise _bad("At least one of MinSize, MaxSize and DesiredCapacity must be specified")
    if not any(member in asked for member in ("StartTime", "Time", "Recurrence")):
        raise _bad("Either StartTime or Recurrence must be specified")
    low, high, wanted = asked.get("MinSize"), asked.get("MaxSize"), asked.get("DesiredCapacity")
    if low is not None and high is not None and low > high:
        raise _bad("Min size must not be greater than max size")
    if wanted is not None and ((low is not None and wanted < low) or (high is not None and wanted > high)):
        raise _bad("Desired capacity must be between min size and max size")
    if "Recurrence" in asked:
        _cron(asked["Recurrence"])
    start, end = asked.get("StartTime") or asked.get("Time"), asked.get("EndTime")
    if start is not None and end is not None and end <= start:
        raise _bad("End time must be after start time")
    members = ("Recurrence", "MinSize", "MaxSize", "DesiredCapacity", "TimeZone", "EndTime")
    row = {member: asked[member] for member in members if member in asked}
    held = item["schedule"].get(name)
    group = item["row"]["AutoScalingGroupName"]
    row |= {
        "AutoScalingGroupName": group, "ScheduledActionName": name,
        "ScheduledActionARN": held["ScheduledActionARN"] if held else (
            f"arn:aws:autoscaling:{call.region}:{call.account.name}:scheduledUpdateGroupAction:{uuid.uuid4()}:"
            f"autoScalingGroupName/{group}:scheduledActionName/{name}"
        ),
        "StartTime": start or _next(asked["Recurrence"]),
    }  # fmt: skip
    row["Time"] = row["StartTime"]
    item["schedule"][name] = row


@operation("autoscaling", "BatchPutScheduledUpdateGroupAction")
def batch_put_scheduled_action(call: Call) -> dict:
    item = asg.group(call, call.params["AutoScalingGroupName"])
    failed = []
    for asked in call.params["ScheduledUpdateGroupActions"]:
        try:
            _schedule(call, item, asked)
        except Fault as fault:
            failed.append(
                {
                    "ScheduledActionName": asked["ScheduledActionName"],
                    "ErrorCode": fault.code,
                    "ErrorMessage": fault.message,
                }
            )
    return {"FailedScheduledUpdateGroupActions": failed}


@operation("autoscaling", "DescribeScheduledActions")
def describe_scheduled_actions(call: Call) -> dict:
    name, names = call.get("AutoScalingGroupName"), call.get("ScheduledActionNames")
    chosen = [asg.group(call, name)] if name else list(asg.groups(call).values())
    rows = [row for item in chosen for row in item["schedule"].values()]
    return {"ScheduledUpdateGroupActions": [row for row in rows if not names or row["ScheduledActionName"] in names]}


@operation("autoscaling", "DeleteScheduledAction")
def delete_scheduled_action(call: Call) -> None:
    item = asg.group(call, call.params["AutoScalingGroupName"])
    if item["schedule"].pop(call.params["ScheduledActionName"], None) is None:
        raise _bad(f"Scheduled action name not found - {call.params['ScheduledActionName']}")


@operation("autoscaling", "PutLifecycleHook")
def put_lifecycle_hook(call: Call) -> None:
    put_hook(asg.group(call, call.params["AutoScalingGroupName"]), call.params)


@operation("autoscaling", "DescribeLifecycleHooks")
def describe_lifecycle_hooks(call: Call) -> dict:
    item, names = asg.group(call, call.params["AutoScalingGroupName"]), call.get("LifecycleHookNames")
    return {"LifecycleHooks": [row for name, row in item["hooks"].items() if not names or name in names]}


@operation("autoscaling", "DeleteLifecycleHook")
def delete_lifecycle_hook(call: Call) -> None:
    item = asg.group(call, call.params["AutoScalingGroupName"])
    if item["hooks"].pop(call.params["LifecycleHookName"], None) is None:
        raise _bad(f"No Lifecycle Hook found with name {call.params['LifecycleHookName']}")


@operation("autoscaling", "PutNotificationConfiguration")
def put_notification(call: Call) -> None:
    item = asg.group(call, call.params["AutoScalingGroupName"])
    item["notifications"][call.params["TopicARN"]] = list(call.params["NotificationTypes"])


@operation("autoscaling", "DescribeNotificationConfigurations")
def describe_notifications(call: Call) -> dict:
    names = call.get("AutoScalingGroupNames")
    return {"NotificationConfigurations": [
        {"AutoScalingGroupName": name, "TopicARN": topic, "NotificationType": kind}
        for name, item in asg.groups(call).items() if not names or name in names
        for topic, kinds in item["notifications"].items() for kind in kinds
    ]}  # fmt: skip


@operation("autoscaling", "DeleteNotificationConfiguration")
def delete_notification(call: Call) -> None:
    item = asg.group(call, call.params["AutoScalingGroupName"])
    if item["notifications"].pop(call.params["TopicARN"], None) is None:
        raise _bad("Notification topic not found")
