"""Instance refresh: rolling replacement in batches, cancel, rollback by hand and by itself.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-instance-refresh.html, /instance-refresh-rollback.html
https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_StartInstanceRefresh.html (errors, preferences)
"""

import math
import uuid
from typing import Any

from .. import asg, elb
from ..call import Call, operation
from ..fault import Fault
from .asg_group import check_template

_ACTIVE = ("Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking")


def active(item: asg.Group) -> dict[str, Any] | None:
    """The group's refresh that is under way."""
    return next((held for held in item["refreshes"] if held["row"]["Status"] in _ACTIVE), None)


def _bad(text: str) -> Fault:
    return Fault("ValidationError", text)


def _preferences(asked: dict[str, Any]) -> dict[str, Any]:
    filled = {"MinHealthyPercentage": 90, "SkipMatching": False, "AutoRollback": False, "ScaleInProtectedInstances": "Ignore",
              "StandbyInstances": "Ignore"} | asked  # fmt: skip
    low, high = filled["MinHealthyPercentage"], filled.get("MaxHealthyPercentage", 100)
    if not 0 <= low <= 100:
        raise _bad("MinHealthyPercentage must be between 0 and 100")
    if not 100 <= high <= 200 or high - low > 100:
        raise _bad("MaxHealthyPercentage must be between 100 and 200, and at most 100 above MinHealthyPercentage")
    marks = filled.get("CheckpointPercentages") or []
    if marks != sorted(set(marks)) or any(not 1 <= mark <= 100 for mark in marks):
        raise _bad("CheckpointPercentages must rise from 1 to 100")
    return filled


@operation("autoscaling", "StartInstanceRefresh")
def start_instance_refresh(call: Call) -> dict:
    asg.settle(call)
    item = asg.group(call, call.params["AutoScalingGroupName"])
    if active(item) is not None:
        raise Fault(
            "InstanceRefreshInProgress",
            "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.",
        )
    if call.get("Strategy", "Rolling") not in ("Rolling", "ReplaceRootVolume"):
        raise _bad(f"Strategy {call.params['Strategy']} is not valid")
    preferences = _preferences(call.get("Preferences") or {})
    desired = call.get("DesiredConfiguration")
    before = asg.specification(item)
    after = before
    if desired:
        after = (
            desired.get("LaunchTemplate")
            or desired["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"]
        )
        subnet = asg.subnets(item)[0]
        vpc = next(zone[subnet].vpc_id for zone in call.ec2.subnets.values() if subnet in zone)
        after = check_template(call, after, vpc)
    if preferences["AutoRollback"]:
        # "you must provide a desired configuration", and no `$Latest` or `$Default` on either side.
        if not desired:
            raise _bad("A desired configuration must be specified when AutoRollback is enabled.")
        for spec in (before, after):
            if spec and spec.get("Version", "$Default").startswith("$"):
                raise _bad("Auto rollback is not supported with a launch template version of $Latest or $Default.")
    if item["row"]["DesiredCapacity"] and not asg.staying(item):
        raise _bad("The group has no instances in service")
    todo = [
        name for name in asg.staying(item) if not (preferences["SkipMatching"] and _matches(call, item, name, after))
    ]
    settings = call.account.settings
    fails = settings.fail_refreshes > 0
    if fails:
        settings.fail_refreshes -= 1
    launch, version = asg.template(call, after)
    fails = fails or f"{launch['row']['LaunchTemplateId']}:{version}" in call.account.table("unhealthy")
    row: dict[str, Any] = {
        "InstanceRefreshId": str(uuid.uuid4()), "AutoScalingGroupName": item["row"]["AutoScalingGroupName"], "Status": "Pending",
        "StartTime": elb.stamp(), "PercentageComplete": 0, "InstancesToUpdate": len(todo), "Preferences": preferences,
        "Strategy": call.get("Strategy", "Rolling"),
    }  # fmt: skip
    if desired:
        row["DesiredConfiguration"] = desired | ({"LaunchTemplate": after} if "LaunchTemplate" in desired else {})
    free = item["row"]["DesiredCapacity"] * (100 - preferences["MinHealthyPercentage"]) / 100
    held = {
        "row": row, "todo": todo, "total": len(todo), "batch": max(1, math.floor(free)), "next": call.account.due(settings.refresh_batch_seconds),
        "before": before, "after": after, "fails": fails, "desired": desired,
    }  # fmt: skip
    item["refreshes"].insert(0, held)
    return {"InstanceRefreshId": row["InstanceRefreshId"]}


def _matches(call: Call, item: asg.Group, name: str, spec: dict[str, Any]) -> bool:
    held, version = asg.template(call, spec)
    have = item["instances"][name]["row"]["LaunchTemplate"]
    return (have["LaunchTemplateId"], have["Version"]) == (held["row"]["LaunchTemplateId"], str(version))


def advance(call: Call, item: asg.Group) -> None:
    """Brings the refresh under way up to now: as many batches as the time allows, then its end."""
    held = active(item)
    if held is None:
        return
    row = held["row"]
    now = call.account.now()
    if row["Status"] == "Cancelling":
        _finish(item, held, "Cancelled", held.get("why", "Cancelled due to user request."))
        return
    while now >= held["next"]:
        spec = held["before"] if row["Status"] == "RollbackInProgress" else held["after"]
        if row["Status"] == "Pending":
            row["Status"] = "InProgress"
        batch, held["todo"] = held["todo"][: held["batch"]], held["todo"][held["batch"] :]
        asg.replace(call, item, batch, spec)
        done = held["total"] - len(held["todo"])
        row["PercentageComplete"] = 100 * done // held["total"] if held["total"] else 100
        row["InstancesToUpdate"] = len(held["todo"])
        held["next"] += call.account.settings.refresh_batch_seconds if call.account.settings.phases else 0
        if row["Status"] == "InProgress" and held["fails"]:
            if not row["Preferences"]["AutoRollback"]:
                _finish(item, held, "Failed", "New instances failed their health checks.")
                return
            _roll_back(call, item, held, "New instances failed their health checks.")
        elif not held["todo"]:
            if row["Status"] == "RollbackInProgress":
                _finish(item, held, "RollbackSuccessful", row["StatusReason"])
            else:
                _apply(call, item, held)
                _finish(item, held, "Successful", None)
            return


def _apply(call: Call, item: asg.Group, held: dict[str, Any]) -> None:
    """The group takes the desired configuration as its own once the refresh has succeeded."""
    desired = held["desired"]
    if desired and "LaunchTemplate" in desired:
        item["row"]["LaunchTemplate"] = held["after"]
        item["row"].pop("MixedInstancesPolicy", None)
    elif desired:
        item["row"]["MixedInstancesPolicy"] = desired["MixedInstancesPolicy"]
        item["row"].pop("LaunchTemplate", None)


def _roll_back(call: Call, item: asg.Group, held: dict[str, Any], why: str) -> None:
    row = held["row"]
    row["RollbackDetails"] = {
        "RollbackReason": why, "RollbackStartTime": elb.stamp(), "PercentageCompleteOnRollback": row["PercentageComplete"],
        "InstancesToUpdateOnRollback": row["InstancesToUpdate"],
    }  # fmt: skip
    row |= {"Status": "RollbackInProgress", "StatusReason": why, "PercentageComplete": 0}
    held["todo"] = [name for name in asg.staying(item) if not _matches(call, item, name, held["before"])]
    held["total"] = len(held["todo"])
    row["InstancesToUpdate"] = held["total"]


def _finish(item: asg.Group, held: dict[str, Any], status: str, why: str | None) -> None:
    held["row"] |= {"Status": status, "EndTime": elb.stamp()}
    if why:
        held["row"]["StatusReason"] = why


@operation("autoscaling", "DescribeInstanceRefreshes")
def describe_instance_refreshes(call: Call) -> dict:
    asg.settle(call)
    item, ids = asg.group(call, call.params["AutoScalingGroupName"]), call.get("InstanceRefreshIds")
    rows = [held["row"] for held in item["refreshes"] if not ids or held["row"]["InstanceRefreshId"] in ids]
    return {"InstanceRefreshes": rows}


def _running(call: Call) -> tuple[asg.Group, dict[str, Any]]:
    asg.settle(call)
    item = asg.group(call, call.params["AutoScalingGroupName"])
    held = active(item)
    if held is None or held["row"]["Status"] in ("Cancelling", "RollbackInProgress"):
        raise Fault("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found for Auto Scaling group "
                                                     f"{item['row']['AutoScalingGroupName']}")  # fmt: skip
    return item, held


@operation("autoscaling", "CancelInstanceRefresh")
def cancel_instance_refresh(call: Call) -> dict:
    _, held = _running(call)
    held["row"]["Status"] = "Cancelling"
    return {"InstanceRefreshId": held["row"]["InstanceRefreshId"]}


@operation("autoscaling", "RollbackInstanceRefresh")
def rollback_instance_refresh(call: Call) -> dict:
    item, held = _running(call)
    if not held["desired"]:
        raise Fault("IrreversibleInstanceRefresh", "Rollback requires an instance refresh with a desired configuration")
    _roll_back(call, item, held, "Rollback was requested by the user.")
    return {"InstanceRefreshId": held["row"]["InstanceRefreshId"]}
