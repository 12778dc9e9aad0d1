"""Parts of an Auto Scaling group: tags, target groups, metrics, suspended processes.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateOrUpdateTags.html and its neighbours.
"""

from .. import asg, ec2, elb
from ..call import Call, operation
from ..fault import Fault
from .asg_group import changeable, set_tags, target_groups, traffic

#: https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_EnableMetricsCollection.html
_METRICS = (
    "GroupMinSize", "GroupMaxSize", "GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances",
    "GroupStandbyInstances", "GroupTerminatingInstances", "GroupTotalInstances", "GroupInServiceCapacity", "GroupPendingCapacity",
    "GroupStandbyCapacity", "GroupTerminatingCapacity", "GroupTotalCapacity", "WarmPoolDesiredCapacity", "WarmPoolWarmedCapacity",
    "WarmPoolPendingCapacity", "WarmPoolTerminatingCapacity", "WarmPoolTotalCapacity", "GroupAndWarmPoolDesiredCapacity",
    "GroupAndWarmPoolTotalCapacity",
)  # fmt: skip
_PROCESSES = ("Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh",
              "ReplaceUnhealthy", "ScheduledActions")  # fmt: skip


@operation("autoscaling", "CreateOrUpdateTags")
def create_or_update_tags(call: Call) -> None:
    for tag in call.params["Tags"]:
        set_tags(asg.group(call, tag["ResourceId"]), [tag])


@operation("autoscaling", "DeleteTags")
def delete_tags(call: Call) -> None:
    for tag in call.params["Tags"]:
        asg.group(call, tag["ResourceId"])["tags"].pop(tag["Key"], None)


@operation("autoscaling", "DescribeTags")
def describe_tags(call: Call) -> dict:
    rows = [tag for item in asg.groups(call).values() for tag in item["tags"].values()]
    known = {
        "auto-scaling-group": "ResourceId",
        "key": "Key",
        "value": "Value",
        "propagate-at-launch": "PropagateAtLaunch",
    }
    for one in call.get("Filters") or []:
        if one["Name"] not in known:
            raise Fault("ValidationError", f"Filter name {one['Name']} is not supported")
        rows = [row for row in rows if ec2.matches(one["Values"], row[known[one["Name"]]])]
    return {"Tags": rows}


@operation("autoscaling", "AttachTrafficSources", "DetachTrafficSources")
def change_traffic_sources(call: Call) -> None:
    call.params["TargetGroupARNs"] = traffic(call)
    change_target_groups(call)


@operation("autoscaling", "DescribeTrafficSources")
def describe_traffic_sources(call: Call) -> dict:
    item = asg.group(call, call.params["AutoScalingGroupName"])
    return {"TrafficSources": [
        {"Identifier": arn, "Type": "elbv2", "TrafficSource": arn, "State": "InService"} for arn in item["row"]["TargetGroupARNs"]
    ]}  # fmt: skip


@operation("autoscaling", "AttachLoadBalancerTargetGroups", "DetachLoadBalancerTargetGroups")
def change_target_groups(call: Call) -> None:
    asg.settle(call)
    item = changeable(call)
    asked, held = call.params["TargetGroupARNs"], item["row"]["TargetGroupARNs"]
    if call.action.startswith("Attach"):
        wanted = list(dict.fromkeys([*held, *target_groups(call, asked)]))
    else:
        if any(arn not in held for arn in asked):
            raise Fault("ValidationError", "Trying to remove Target Groups that are not part of the group")
        wanted = [arn for arn in held if arn not in asked]
    asg.set_target_groups(call, item, wanted)


@operation("autoscaling", "DescribeLoadBalancerTargetGroups")
def describe_target_groups(call: Call) -> dict:
    item = asg.group(call, call.params["AutoScalingGroupName"])
    return {
        "LoadBalancerTargetGroups": [
            {"LoadBalancerTargetGroupARN": arn, "State": "InService"} for arn in item["row"]["TargetGroupARNs"]
        ]
    }


@operation("autoscaling", "EnableMetricsCollection", "DisableMetricsCollection")
def change_metrics(call: Call) -> None:
    item = changeable(call)
    asked = call.get("Metrics") or list(_METRICS)
    for name in asked:
        if name not in _METRICS:
            raise Fault("ValidationError", f"Metric {name} is not a group metric")
    if call.action.startswith("Enable"):
        if call.params["Granularity"] != "1Minute":
            raise Fault("ValidationError", "The only valid granularity is 1Minute")
        item["metrics"] = [name for name in _METRICS if name in item["metrics"] or name in asked]
    else:
        item["metrics"] = [name for name in item["metrics"] if name not in asked]


@operation("autoscaling", "SuspendProcesses", "ResumeProcesses")
def change_processes(call: Call) -> None:
    item = changeable(call)
    for name in call.get("ScalingProcesses") or _PROCESSES:
        if name not in _PROCESSES:
            raise Fault("ValidationError", f"Process {name} is not a scaling process")
        if call.action.startswith("Suspend"):
            item["suspended"][name] = f"User suspended at {elb.stamp()}"
        else:
            item["suspended"].pop(name, None)
    asg.settle(call)
