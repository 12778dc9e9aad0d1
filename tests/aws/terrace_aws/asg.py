"""Auto Scaling groups in motion: instances launched, spread, replaced and terminated as time passes.

Nothing runs in the background: `settle` brings a region's groups up to now, and every operation that could notice calls it.
Groups are kept here and not in moto, which puts all instances in the first subnet and knows no refresh.
https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html (balance), /ec2-auto-scaling-lifecycle.html
"""

import json
import uuid
from typing import Any

from moto.ec2.models.instances import Instance, Reservation
from moto.ec2.utils import random_reservation_id

from . import ec2, elb
from .call import Call
from .fault import Fault

Group = dict[str, Any]

#: Scaled seconds an instance is pending, and terminating.
LAUNCH_SECONDS = 40.0
TERMINATE_SECONDS = 30.0
#: How many scaling activities of a group are kept.
_ACTIVITIES = 100


def groups(call: Call) -> dict[str, Group]:
    """Groups by name."""
    return call.table("asg")


def group(call: Call, name: str) -> Group:
    """A group, or the AWS error."""
    found = groups(call).get(name)
    if found is None:
        raise Fault("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    return found


def template(call: Call, spec: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The launch template and version number a group launches from; the errors are those of Auto Scaling."""
    from .lag import unseen
    from .rules.ec2_template import find, number

    asked = {name: spec[name] for name in ("LaunchTemplateId", "LaunchTemplateName") if spec.get(name)}
    if len(asked) == 2:
        del asked["LaunchTemplateName"]
    try:
        held = find(call, asked)
        if held["row"]["LaunchTemplateId"] in unseen(call.account):
            raise ec2.missing("launch-template", held["row"]["LaunchTemplateId"])
        return held, number(held, spec.get("Version"))
    except Fault as fault:
        raise Fault("ValidationError", f"You must use a valid fully-formed launch template. {fault.message}") from fault


def specification(item: Group) -> dict[str, Any] | None:
    """What the group launches from, directly or by its mixed instances policy."""
    mixed = item["row"].get("MixedInstancesPolicy")
    if mixed:
        return mixed["LaunchTemplate"]["LaunchTemplateSpecification"]
    return item["row"].get("LaunchTemplate")


def _launch(call: Call, item: Group, subnet_id: str, spec: dict[str, Any]) -> None:
    held, version = template(call, spec)
    data = held["versions"][version]["LaunchTemplateData"]
    backend = call.ec2
    interface = (data.get("NetworkInterfaces") or [{}])[0]
    names = data.get("SecurityGroupIds") or interface.get("Groups") or []
    wanted = [ec2.group(call, name) for name in names]
    tags = {
        tag["Key"]: tag["Value"]
        for s in data.get("TagSpecifications", [])
        if s["ResourceType"] == "instance"
        for tag in s.get("Tags", [])
    }
    tags |= {tag["Key"]: tag["Value"] for tag in item["tags"].values() if tag["PropagateAtLaunch"]}
    tags |= {
        "aws:autoscaling:groupName": item["row"]["AutoScalingGroupName"],
        "aws:ec2launchtemplate:id": held["row"]["LaunchTemplateId"],
        "aws:ec2launchtemplate:version": str(version),
    }
    profile = data.get("IamInstanceProfile") or {}
    kind = data.get("InstanceType") or _override(item) or "m1.small"
    instance = Instance(
        backend, data["ImageId"], data.get("UserData"), wanted, instance_type=kind, subnet_id=subnet_id,
        region_name=call.region, key_name=data.get("KeyName"), ebs_optimized=data.get("EbsOptimized", False),
        metadata_options={**data.get("MetadataOptions", {})}, associate_public_ip=interface.get("AssociatePublicIpAddress"),
        monitoring_state="enabled" if data.get("Monitoring", {}).get("Enabled") else "disabled",
        iam_instance_profile=profile.get("Arn") or profile.get("Name"),
    )  # fmt: skip
    reservation = Reservation(reservation_id=random_reservation_id(), owner_id=call.account.name)
    reservation.instances.append(instance)
    backend.reservations[reservation.id] = reservation
    for nic in instance.nics.values():
        nic.delete_on_termination = True
    for device in data.get("BlockDeviceMappings", []):
        volume = device.get("Ebs")
        if volume is not None:
            instance.add_block_device(
                volume.get("VolumeSize", 8), device["DeviceName"], volume.get("SnapshotId"), volume.get("Encrypted", False),
                volume.get("DeleteOnTermination", True), volume.get("KmsKeyId"), volume_type=volume.get("VolumeType", "gp2"),
            )  # fmt: skip
    backend.tags[instance.id].update(tags)
    row = {
        "InstanceId": instance.id, "InstanceType": kind, "AvailabilityZone": instance.availability_zone,
        "HealthStatus": "Healthy", "ProtectedFromScaleIn": item["row"]["NewInstancesProtectedFromScaleIn"],
        "LaunchTemplate": {
            "LaunchTemplateId": held["row"]["LaunchTemplateId"], "LaunchTemplateName": held["row"]["LaunchTemplateName"],
            "Version": str(version),
        },
    }  # fmt: skip
    item["instances"][instance.id] = {
        "row": row,
        "subnet": subnet_id,
        "ready": call.account.due(LAUNCH_SECONDS),
        "gone": None,
    }
    activity(
        item,
        f"Launching a new EC2 instance: {instance.id}",
        {"Subnet ID": subnet_id, "Availability Zone": instance.availability_zone},
    )
    for arn in item["row"]["TargetGroupARNs"]:
        _register(call, arn, instance.id)


def _override(item: Group) -> str | None:
    mixed = item["row"].get("MixedInstancesPolicy") or {}
    overrides = mixed.get("LaunchTemplate", {}).get("Overrides") or []
    return overrides[0].get("InstanceType") if overrides else None


def _register(call: Call, arn: str, instance: str) -> None:
    target = elb.groups(call).get(arn)
    if target is not None:
        target["targets"][instance] = {"port": target["row"].get("Port"), "since": call.account.now()}


def set_target_groups(call: Call, item: Group, arns: list[str]) -> None:
    """Attaches exactly these target groups: instances leave the others and join these."""
    before = item["row"]["TargetGroupARNs"]
    item["row"]["TargetGroupARNs"] = arns
    for instance, held in item["instances"].items():
        for arn in before:
            if arn not in arns and arn in elb.groups(call):
                elb.groups(call)[arn]["targets"].pop(instance, None)
        for arn in arns:
            if arn not in before and held["gone"] is None:
                _register(call, arn, instance)


def terminate(call: Call, item: Group, instance: str) -> None:
    """Starts to terminate one instance of a group."""
    held = item["instances"][instance]
    if held["gone"] is not None:
        return
    held["gone"] = call.account.due(TERMINATE_SECONDS)
    for arn in item["row"]["TargetGroupARNs"]:
        if arn in elb.groups(call):
            elb.groups(call)[arn]["targets"].pop(instance, None)
    activity(
        item,
        f"Terminating EC2 instance: {instance}",
        {"Subnet ID": held["subnet"], "Availability Zone": held["row"]["AvailabilityZone"]},
    )


def activity(item: Group, text: str, details: dict[str, Any], status: str = "Successful") -> None:
    """Notes a scaling activity, newest first."""
    now = elb.stamp()
    item["activities"].insert(0, {
        "ActivityId": str(uuid.uuid4()), "AutoScalingGroupName": item["row"]["AutoScalingGroupName"], "Description": text,
        "Cause": f"At {now} a difference between desired and actual capacity changed the number of instances.",
        "StartTime": now, "EndTime": now, "StatusCode": status, "Progress": 100, "Details": json.dumps(details),
        "AutoScalingGroupARN": item["row"]["AutoScalingGroupARN"],
    })  # fmt: skip
    del item["activities"][_ACTIVITIES:]


def staying(item: Group) -> list[str]:
    """The instances that are not being terminated, oldest first."""
    return [name for name, held in item["instances"].items() if held["gone"] is None]


def subnets(item: Group) -> list[str]:
    """The group's subnets."""
    return [name for name in item["row"].get("VPCZoneIdentifier", "").split(",") if name]


def _fill(call: Call, item: Group, count: int, spec: dict[str, Any]) -> None:
    """Launches instances, each in the subnet that has the fewest."""
    where = subnets(item)
    for _ in range(count):
        held = [item["instances"][name]["subnet"] for name in staying(item)]
        try:
            _launch(call, item, min(where, key=held.count), spec)
        except Fault as fault:
            activity(item, f"Failed: {fault.code}: {fault.message}", {}, "Failed")
            return


def _end(call: Call, item: Group, now: float) -> None:
    for name, held in list(item["instances"].items()):
        if held["gone"] is not None and held["gone"] <= now:
            del item["instances"][name]
            instance = call.ec2.get_instance_by_id(name)
            if instance is not None and instance.state != "terminated":
                instance.terminate()


def _health(call: Call, item: Group) -> None:
    """Terminates what is unhealthy, so that it is replaced.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-health-checks.html
    """
    sick = call.account.table("unhealthy")
    by_balancer = "ELB" in item["row"]["HealthCheckType"]
    for name in staying(item):
        held = item["instances"][name]
        instance = call.ec2.get_instance_by_id(name)
        lost = instance is None or instance.state != "running"
        if lost or held["row"]["HealthStatus"] == "Unhealthy" or (by_balancer and name in sick):
            held["row"]["HealthStatus"] = "Unhealthy"
            if "ReplaceUnhealthy" not in item["suspended"]:
                terminate(call, item, name)
                sick.pop(name, None)


def _rebalance(call: Call, item: Group) -> None:
    """Terminates instances in subnets the group has left, so that they are replaced elsewhere.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-capacity-rebalancing.html#asg-rebalancing
    """
    if "AZRebalance" in item["suspended"]:
        return
    where = subnets(item)
    for name in staying(item):
        if item["instances"][name]["subnet"] not in where:
            terminate(call, item, name)


def settle(call: Call) -> None:
    """Brings every group of the region up to now."""
    from .rules.asg_refresh import advance

    for name, item in list(groups(call).items()):
        now = call.account.now()
        _end(call, item, now)
        if item["deleting"]:
            for instance in staying(item):
                terminate(call, item, instance)
            _end(call, item, now)
            if not item["instances"]:
                from .rules.asg_policy import drop_alarms

                for policy in item["policies"].values():
                    drop_alarms(call, policy)
                del groups(call)[name]
            continue
        _health(call, item)
        _rebalance(call, item)
        advance(call, item)
        scale(call, item)
        _end(call, item, call.account.now())


def scale(call: Call, item: Group) -> None:
    """Launches or terminates until the group has as many instances as it wants."""
    wanted = item["row"]["DesiredCapacity"]
    have = staying(item)
    spec = specification(item)
    if len(have) < wanted and spec is not None and "Launch" not in item["suspended"]:
        _fill(call, item, wanted - len(have), spec)
    elif len(have) > wanted and "Terminate" not in item["suspended"]:
        # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-termination-policies.html (default: the zone with
        # the most instances first; protected instances stay)
        open_ones = [name for name in have if not item["instances"][name]["row"]["ProtectedFromScaleIn"]]
        for _ in range(len(have) - wanted):
            if not open_ones:
                break
            zones = [item["instances"][name]["subnet"] for name in staying(item)]
            victim = max(open_ones, key=lambda name: zones.count(item["instances"][name]["subnet"]))
            open_ones.remove(victim)
            terminate(call, item, victim)


def replace(call: Call, item: Group, names: list[str], spec: dict[str, Any]) -> None:
    """Terminates some instances and launches as many from this template."""
    for name in names:
        if name in item["instances"]:
            terminate(call, item, name)
    _fill(call, item, item["row"]["DesiredCapacity"] - len(staying(item)), spec)


def lifecycle(call: Call, held: dict[str, Any]) -> str:
    """An instance's lifecycle state now."""
    if held["gone"] is not None:
        return "Terminating"
    return "InService" if call.account.now() >= held["ready"] else "Pending"


ec2.SETTLERS.append(settle)
