"""Auto Scaling groups: create, update, read, delete, and what a group must be.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html and the errors named there.
"""

import uuid
from typing import Any

from moto.iam.models import iam_backends

from .. import asg, ec2, elb, lag
from ..call import Call, operation
from ..fault import Fault

settle = asg.settle

#: Members that are kept as they come. https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AutoScalingGroup.html
_PLAIN = (
    "MinSize", "MaxSize", "DefaultCooldown", "HealthCheckType", "HealthCheckGracePeriod", "PlacementGroup", "TerminationPolicies",
    "NewInstancesProtectedFromScaleIn", "ServiceLinkedRoleARN", "MaxInstanceLifetime", "CapacityRebalance", "Context",
    "DesiredCapacityType", "DefaultInstanceWarmup", "InstanceMaintenancePolicy", "AvailabilityZoneDistribution",
    "AvailabilityZoneImpairmentPolicy", "CapacityReservationSpecification", "MixedInstancesPolicy", "VPCZoneIdentifier",
    "SkipZonalShiftValidation", "InstanceLifecyclePolicy", "DeletionProtection",
)  # fmt: skip
_TERMINATIONS = ("Default", "AllocationStrategy", "ClosestToNextInstanceHour", "NewestInstance", "OldestInstance",
                 "OldestLaunchConfiguration", "OldestLaunchTemplate")  # fmt: skip


def _bad(text: str) -> Fault:
    return Fault("ValidationError", text)


def check_template(call: Call, spec: dict[str, Any], vpc: str | None) -> dict[str, Any]:
    """The template must be there and launchable; returns it as the group shows it."""
    held, version = asg.template(call, spec)
    data = held["versions"][version]["LaunchTemplateData"]
    wrong = "You must use a valid fully-formed launch template. "
    if not data.get("ImageId"):
        raise _bad(wrong + "The request must contain the parameter ImageId")
    if not data["ImageId"].startswith("resolve:") and data["ImageId"] not in call.ec2.amis:
        raise _bad(wrong + f"The image id '[{data['ImageId']}]' does not exist")
    for name in data.get("SecurityGroupIds") or [
        g for n in data.get("NetworkInterfaces", []) for g in n.get("Groups", [])
    ]:
        try:
            same = vpc is None or ec2.group(call, name).vpc_id == vpc
        except Fault as fault:
            raise _bad(wrong + fault.message) from fault
        if not same:
            raise _bad(wrong + f"Security group {name} and subnet belong to different networks.")
    profile = data.get("IamInstanceProfile") or {}
    name = profile.get("Name") or profile.get("Arn", "").rpartition("/")[2]
    if name:
        backend = iam_backends[call.account.name]["aws"]
        hidden = f"instance-profile/{name}" in lag.unseen(call.account)
        if hidden or not any(item.name == name for item in backend.instance_profiles.values()):
            raise _bad(
                wrong
                + f"Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
            )
    return {"LaunchTemplateId": held["row"]["LaunchTemplateId"], "LaunchTemplateName": held["row"]["LaunchTemplateName"],
            **({"Version": spec["Version"]} if spec.get("Version") else {"Version": "$Default"})}  # fmt: skip


def _check(call: Call, row: dict[str, Any]) -> None:
    """What holds for a group whether it is made or changed."""
    low, high, wanted = row["MinSize"], row["MaxSize"], row["DesiredCapacity"]
    if low < 0 or high < 0:
        raise _bad("Min and max size must not be negative")
    if low > high:
        raise _bad(f"Max bound, {high}, must be greater than or equal to min bound, {low}")
    if not low <= wanted <= high:
        raise _bad(f"Desired capacity:{wanted} must be between the specified min size:{low} and max size:{high}")
    for kind in row["HealthCheckType"].split(","):
        if kind not in ("EC2", "ELB", "EBS", "VPC_LATTICE"):
            raise _bad(f"Value '{kind}' at 'healthCheckType' is invalid: EC2, EBS, ELB or VPC_LATTICE")
    for policy in row["TerminationPolicies"]:
        if policy not in _TERMINATIONS and not policy.startswith("arn:"):
            raise _bad(f"Termination policy {policy} is not valid")
    lifetime = row.get("MaxInstanceLifetime", 0)
    if lifetime and not 86400 <= lifetime <= 31536000:
        raise _bad("Max instance lifetime must be between 86400 and 31536000 seconds")
    policy = row.get("InstanceMaintenancePolicy")
    if policy:
        least, most = policy.get("MinHealthyPercentage", -1), policy.get("MaxHealthyPercentage", -1)
        if (least == -1) != (most == -1) or (
            least != -1 and not (0 <= least <= 100 <= most <= 200 and most - least <= 100)
        ):
            raise _bad("The instance maintenance policy needs both percentages: 0-100 and 100-200, at most 100 apart")


def _place(call: Call, row: dict[str, Any]) -> str | None:
    """The zones of the group's subnets; returns its VPC."""
    names = [name.strip() for name in row.get("VPCZoneIdentifier", "").split(",") if name.strip()]
    if not names:
        raise _bad("At least one Availability Zone or VPC Subnet is required.")
    found = []
    for name in names:
        try:
            found.append(ec2.subnet(call, name))
        except Fault:
            raise _bad(f"The subnet ID '{name}' does not exist") from None
    if len({subnet.vpc_id for subnet in found}) > 1:
        raise _bad("The subnets of a group must belong to one VPC")
    zones = {subnet.availability_zone for subnet in found}
    asked = call.get("AvailabilityZones")
    if asked and set(asked) != zones:
        raise _bad("The availability zones of the specified subnets and the Auto Scaling group do not match")
    row["VPCZoneIdentifier"] = ",".join(names)
    row["AvailabilityZones"] = sorted(zones)
    return found[0].vpc_id


def _mixed(call: Call, row: dict[str, Any], vpc: str | None) -> None:
    mixed = row.get("MixedInstancesPolicy")
    if mixed:
        launch = mixed.get("LaunchTemplate") or {}
        launch["LaunchTemplateSpecification"] = check_template(
            call, launch.get("LaunchTemplateSpecification") or {}, vpc
        )


def _source(call: Call, row: dict[str, Any], vpc: str | None) -> None:
    given = [
        name
        for name in ("LaunchTemplate", "LaunchConfigurationName", "InstanceId", "MixedInstancesPolicy")
        if call.get(name)
    ]
    if len(given) > 1:
        raise _bad(
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter."
        )
    if given == ["LaunchTemplate"]:
        row["LaunchTemplate"] = check_template(call, call.params["LaunchTemplate"], vpc)
        row.pop("MixedInstancesPolicy", None)
    elif given == ["MixedInstancesPolicy"]:
        _mixed(call, row, vpc)
        row.pop("LaunchTemplate", None)
    elif given:
        raise _bad("The test server launches from launch templates only")


def target_groups(call: Call, arns: list[str]) -> list[str]:
    """The target groups must be there, for instances."""
    for arn in arns:
        if arn not in elb.groups(call) or elb.groups(call)[arn]["row"]["TargetType"] != "instance":
            raise _bad("Provided Target Groups may not be valid. Please ensure they exist and try again.")
    return list(dict.fromkeys(arns))


def traffic(call: Call) -> list[str]:
    """The target groups among the traffic sources asked for."""
    sources = call.get("TrafficSources") or []
    if any(source.get("Type", "elbv2") != "elbv2" for source in sources):
        raise Fault("NotImplemented", "the test server knows traffic sources of type elbv2 only", 501)
    return [source["Identifier"] for source in sources]


def put_hook(item: asg.Group, asked: dict[str, Any]) -> None:
    """Adds or changes a lifecycle hook."""
    held = item["hooks"].get(asked["LifecycleHookName"])
    if held is None and "LifecycleTransition" not in asked:
        raise _bad("LifecycleTransition is required for a new lifecycle hook")
    row = (held or {"HeartbeatTimeout": 3600, "DefaultResult": "ABANDON"}) | asked
    row["GlobalTimeout"] = min(172800, row["HeartbeatTimeout"] * 100)
    item["hooks"][asked["LifecycleHookName"]] = row


def set_tags(item: asg.Group, tags: list[dict[str, Any]]) -> None:
    """Adds or changes tags of a group."""
    for tag in tags:
        if tag["Key"].startswith("aws:"):
            raise _bad("Tag keys must not begin with 'aws:'")
        item["tags"][tag["Key"]] = {
            "ResourceId": item["row"]["AutoScalingGroupName"], "ResourceType": "auto-scaling-group", "Key": tag["Key"],
            "Value": tag.get("Value", ""), "PropagateAtLaunch": tag.get("PropagateAtLaunch", False),
        }  # fmt: skip
    if len(item["tags"]) > 50:
        raise _bad("A group can have at most 50 tags")


@operation("autoscaling", "CreateAutoScalingGroup")
def create_auto_scaling_group(call: Call) -> None:
    settle(call)
    name = call.params["AutoScalingGroupName"]
    if name in asg.groups(call):
        pending = " and is pending delete" if asg.groups(call)[name]["deleting"] else ""
        raise Fault(
            "AlreadyExists",
            f"AutoScalingGroup by this name already exists - A group with the name {name} already exists{pending}",
        )
    if not any(
        call.get(source)
        for source in ("LaunchTemplate", "LaunchConfigurationName", "InstanceId", "MixedInstancesPolicy")
    ):
        raise _bad(
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter."
        )
    row: dict[str, Any] = {
        "AutoScalingGroupName": name, "DefaultCooldown": 300, "HealthCheckType": "EC2", "HealthCheckGracePeriod": 0,
        "TerminationPolicies": ["Default"], "NewInstancesProtectedFromScaleIn": False, "LoadBalancerNames": [],
        "ServiceLinkedRoleARN": f"arn:aws:iam::{call.account.name}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
        "AvailabilityZoneDistribution": {"CapacityDistributionStrategy": "balanced-best-effort"},
        "CapacityReservationSpecification": {"CapacityReservationPreference": "default"},
        "AvailabilityZoneImpairmentPolicy": {"ZonalShiftEnabled": False, "ImpairedZoneHealthCheckBehavior": "IgnoreUnhealthy"},
    }  # fmt: skip
    row |= {member: call.params[member] for member in _PLAIN if member in call.params}
    row.pop("SkipZonalShiftValidation", None)
    row["DesiredCapacity"] = call.get("DesiredCapacity", row["MinSize"])
    vpc = _place(call, row)
    _source(call, row, vpc)
    _check(call, row)
    row["TargetGroupARNs"] = target_groups(call, [*(call.get("TargetGroupARNs") or []), *traffic(call)])
    row["AutoScalingGroupARN"] = (
        f"arn:aws:autoscaling:{call.region}:{call.account.name}:autoScalingGroup:{uuid.uuid4()}:autoScalingGroupName/{name}"
    )
    row["CreatedTime"] = elb.stamp()
    item: asg.Group = {
        "row": row, "tags": {}, "instances": {}, "activities": [], "metrics": [], "suspended": {}, "deleting": False,
        "policies": {}, "schedule": {}, "hooks": {}, "refreshes": [], "notifications": {},
    }  # fmt: skip
    set_tags(item, call.get("Tags") or [])
    for hook in call.get("LifecycleHookSpecificationList") or []:
        put_hook(item, hook | {"AutoScalingGroupName": name})
    asg.groups(call)[name] = item
    settle(call)


@operation("autoscaling", "UpdateAutoScalingGroup")
def update_auto_scaling_group(call: Call) -> None:
    """Bounds that the desired capacity does not fit move it, unless it is given.
    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html
    """
    settle(call)
    item = changeable(call)
    row = dict(item["row"])
    row |= {member: call.params[member] for member in _PLAIN if member in call.params}
    row.pop("SkipZonalShiftValidation", None)
    row["DesiredCapacity"] = call.get(
        "DesiredCapacity", max(row["MinSize"], min(row["MaxSize"], row["DesiredCapacity"]))
    )
    if any(name in call.params for name in ("LaunchTemplate", "MixedInstancesPolicy")):
        from .asg_refresh import active

        refresh = active(item)
        if refresh is not None and refresh["row"].get("DesiredConfiguration"):
            raise _bad("An active instance refresh with a desired configuration exists. All configuration options derived from the "
                       "desired configuration are not available for update while the instance refresh is active.")  # fmt: skip
    vpc = _place(call, row)
    _source(call, row, vpc)
    _check(call, row)
    item["row"] = row
    settle(call)


def changeable(call: Call) -> asg.Group:
    """The group, unless it is being deleted."""
    item = asg.group(call, call.params["AutoScalingGroupName"])
    if item["deleting"]:
        raise Fault(
            "ScalingActivityInProgress", f"AutoScalingGroup {item['row']['AutoScalingGroupName']} is pending delete"
        )
    return item


def show(call: Call, item: asg.Group) -> dict[str, Any]:
    """A group as the API shows it."""
    row = item["row"] | {
        "Instances": [
            held["row"] | {"LifecycleState": asg.lifecycle(call, held)} for held in item["instances"].values()
        ],
        "Tags": list(item["tags"].values()),
        "EnabledMetrics": [{"Metric": name, "Granularity": "1Minute"} for name in item["metrics"]],
        "SuspendedProcesses": [
            {"ProcessName": name, "SuspensionReason": why} for name, why in item["suspended"].items()
        ],
        "TrafficSources": [{"Identifier": arn, "Type": "elbv2"} for arn in item["row"]["TargetGroupARNs"]],
    }
    if item["deleting"]:
        row["Status"] = "Delete in progress"
    return row


@operation("autoscaling", "DescribeAutoScalingGroups")
def describe_auto_scaling_groups(call: Call) -> dict:
    """A name that is not there is left out, without an error."""
    settle(call)
    names = call.get("AutoScalingGroupNames")
    chosen = [item for name, item in asg.groups(call).items() if not names or name in names]
    for one in call.get("Filters") or []:
        if not (one["Name"].startswith("tag:") or one["Name"] in ("tag-key", "tag-value")):
            raise _bad(f"Filter name {one['Name']} is not supported")
        if one["Name"] == "tag-value":
            chosen = [item for item in chosen if any(tag["Value"] in one["Values"] for tag in item["tags"].values())]
        else:
            plain = [(item, {key: tag["Value"] for key, tag in item["tags"].items()}) for item in chosen]
            chosen = [item for item, tags in plain if ec2.tags_match(tags, one["Name"], one["Values"])]
    return {"AutoScalingGroups": [show(call, item) for item in chosen]}


@operation("autoscaling", "DeleteAutoScalingGroup")
def delete_auto_scaling_group(call: Call) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteAutoScalingGroup.html: instances need ForceDelete."""
    settle(call)
    item = asg.group(call, call.params["AutoScalingGroupName"])
    if item["deleting"]:
        return
    # https://docs.aws.amazon.com/autoscaling/ec2/userguide/resource-deletion-protection.html
    protection, force = item["row"].get("DeletionProtection", "none"), call.get("ForceDelete", False)
    if protection == "prevent-all-deletion" or (protection == "prevent-force-deletion" and force):
        raise _bad(f"The Auto Scaling group {item['row']['AutoScalingGroupName']} has deletion protection {protection}")
    if not force:
        if asg.staying(item):
            raise Fault("ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance "
                                         "request(s) still in the group.")  # fmt: skip
        if item["instances"]:
            raise Fault(
                "ScalingActivityInProgress",
                "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.",
            )
    item["deleting"] = True
    settle(call)


@operation("autoscaling", "SetDesiredCapacity")
def set_desired_capacity(call: Call) -> None:
    settle(call)
    row = changeable(call)["row"]
    wanted = call.params["DesiredCapacity"]
    if wanted > row["MaxSize"]:
        raise _bad(
            f"New SetDesiredCapacity value {wanted} is above max value {row['MaxSize']} for the AutoScalingGroup."
        )
    if wanted < row["MinSize"]:
        raise _bad(
            f"New SetDesiredCapacity value {wanted} is below min value {row['MinSize']} for the AutoScalingGroup."
        )
    row["DesiredCapacity"] = wanted
    settle(call)
