"""The instances of Auto Scaling groups: reading, health, protection, termination, activities.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetInstanceHealth.html and its neighbours.
"""

from .. import asg
from ..call import Call, operation
from ..fault import Fault


def _find(call: Call, name: str) -> tuple[asg.Group, dict]:
    for item in asg.groups(call).values():
        if name in item["instances"]:
            return item, item["instances"][name]
    raise Fault("ValidationError", f"Instance Id not found - No managed instance found for instance ID: {name}")


@operation("autoscaling", "DescribeAutoScalingInstances")
def describe_instances(call: Call) -> dict:
    asg.settle(call)
    names = call.get("InstanceIds")
    return {"AutoScalingInstances": [
        {key: value for key, value in held["row"].items()}
        | {"AutoScalingGroupName": group, "LifecycleState": asg.lifecycle(call, held), "HealthStatus": held["row"]["HealthStatus"].upper()}
        for group, item in asg.groups(call).items()
        for name, held in item["instances"].items()
        if not names or name in names
    ]}  # fmt: skip


@operation("autoscaling", "SetInstanceHealth")
def set_instance_health(call: Call) -> None:
    asg.settle(call)
    _, held = _find(call, call.params["InstanceId"])
    if call.params["HealthStatus"] not in ("Healthy", "Unhealthy"):
        raise Fault("ValidationError", "Valid instance health states are: [Healthy, Unhealthy].")
    held["row"]["HealthStatus"] = call.params["HealthStatus"]
    asg.settle(call)


@operation("autoscaling", "SetInstanceProtection")
def set_instance_protection(call: Call) -> None:
    item = asg.group(call, call.params["AutoScalingGroupName"])
    for name in call.params["InstanceIds"]:
        if name not in item["instances"]:
            raise Fault(
                "ValidationError",
                f"The instance {name} is not part of Auto Scaling group {item['row']['AutoScalingGroupName']}.",
            )
    for name in call.params["InstanceIds"]:
        item["instances"][name]["row"]["ProtectedFromScaleIn"] = call.params["ProtectedFromScaleIn"]


@operation("autoscaling", "TerminateInstanceInAutoScalingGroup")
def terminate_instance(call: Call) -> dict:
    asg.settle(call)
    item, held = _find(call, call.params["InstanceId"])
    if call.params["ShouldDecrementDesiredCapacity"]:
        if item["row"]["DesiredCapacity"] <= item["row"]["MinSize"]:
            raise Fault(
                "ValidationError", "Currently, desired capacity equals min size; terminating would fall below it."
            )
        item["row"]["DesiredCapacity"] -= 1
    asg.terminate(call, item, held["row"]["InstanceId"])
    activity = item["activities"][0]
    asg.settle(call)
    return {"Activity": activity}


@operation("autoscaling", "DescribeScalingActivities")
def describe_scaling_activities(call: Call) -> dict:
    asg.settle(call)
    name, ids = call.get("AutoScalingGroupName"), call.get("ActivityIds")
    chosen = [asg.group(call, name)] if name else list(asg.groups(call).values())
    rows = [row for item in chosen for row in item["activities"]]
    return {"Activities": [row for row in rows if not ids or row["ActivityId"] in ids]}
