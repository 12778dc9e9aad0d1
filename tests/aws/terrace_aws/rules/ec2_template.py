"""Launch templates and their versions, kept whole; moto ignores SourceVersion and drops members.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html: "The new version inherits the same
launch parameters as the source version, except for parameters that you specify".
"""

import base64
import binascii
import re
import secrets
from typing import Any

from .. import ec2, elb
from ..bridge import operation_model
from ..call import Call, operation
from ..fault import Fault
from ..tokens import idempotent

_NAME = re.compile(r"^[a-zA-Z0-9().\-/_]{3,128}$")


def templates(call: Call) -> dict[str, dict[str, Any]]:
    """Templates by id: `row` and `versions` by number."""
    return call.table("launch-template")


def find(call: Call, params: dict[str, Any]) -> dict[str, Any]:
    """The template that `LaunchTemplateId` or `LaunchTemplateName` names, or the AWS error."""
    name, ident = params.get("LaunchTemplateName"), params.get("LaunchTemplateId")
    if bool(name) == bool(ident):
        raise Fault(
            "MissingParameter", "The request must contain either the parameter LaunchTemplateId or LaunchTemplateName"
        )
    if ident:
        if ident not in templates(call):
            raise ec2.missing("launch-template", ident)
        return templates(call)[ident]
    for held in templates(call).values():
        if held["row"]["LaunchTemplateName"] == name:
            return held
    raise Fault("InvalidLaunchTemplateName.NotFoundException",
                "At least one of the launch templates specified in the request does not exist.")  # fmt: skip


def number(held: dict[str, Any], version: str | None) -> int:
    """The number behind `$Latest`, `$Default` or a number in text; the AWS error where there is no such version."""
    if version in (None, "", "$Default"):
        return held["row"]["DefaultVersionNumber"]
    if version == "$Latest":
        return held["row"]["LatestVersionNumber"]
    if not str(version).isdigit() or int(version) not in held["versions"]:
        raise Fault("InvalidLaunchTemplateId.VersionNotFound", f"Could not find the specified version {version} for the launch "
                                                               f"template with ID {held['row']['LaunchTemplateId']}.")  # fmt: skip
    return int(version)


def _check(call: Call, data: dict[str, Any]) -> dict[str, Any]:
    """The template data as it is read back; refuses what cannot be launched."""
    if "UserData" in data:
        try:
            plain = base64.b64decode(data["UserData"], validate=True)
        except (binascii.Error, ValueError):
            raise Fault("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.") from None
        if len(plain) > 16384:
            raise Fault("InvalidUserData.Malformed", "User data is limited to 16384 bytes")
    if data.get("NetworkInterfaces") and data.get("SecurityGroupIds"):
        raise Fault(
            "InvalidParameterCombination",
            "Network interfaces and an instance-level security groups may not be specified on the same request",
        )
    for device in data.get("BlockDeviceMappings", []):
        _check_volume(device.get("Ebs") or {})
    options = data.get("MetadataOptions")
    if options is not None:
        hops = options.get("HttpPutResponseHopLimit", 1)
        if not 1 <= hops <= 64:
            raise Fault("InvalidParameterValue", f"Value ({hops}) for parameter HttpPutResponseHopLimit is invalid.")
    shape = operation_model("ec2", "DescribeLaunchTemplateVersions").output_shape
    return _only(data, shape.members["LaunchTemplateVersions"].member.members["LaunchTemplateData"])


def _check_volume(volume: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_LaunchTemplateEbsBlockDeviceRequest.html"""
    kind, iops, through = volume.get("VolumeType"), volume.get("Iops"), volume.get("Throughput")
    if through is not None and kind != "gp3":
        raise Fault("InvalidParameterCombination", f"The parameter throughput is not supported for {kind} volumes")
    if through is not None and not 125 <= through <= 2000:
        raise Fault("InvalidParameterValue", f"Value ({through}) for parameter throughput is invalid.")
    if iops is not None and kind in ("gp2", "standard", "st1", "sc1"):
        raise Fault("InvalidParameterCombination", f"The parameter iops is not supported for {kind} volumes")
    if iops is not None and kind == "gp3" and not 3000 <= iops <= 80000:
        raise Fault("InvalidParameterValue", f"Value ({iops}) for parameter iops is invalid.")


def _only(value: Any, shape: Any) -> Any:
    """The value without what the output model does not know."""
    if shape.type_name == "structure":
        return {
            name: _only(item, shape.members[name])
            for name, item in value.items()
            if name in shape.members and item is not None
        }
    if shape.type_name == "list":
        return [_only(item, shape.member) for item in value]
    return value


def _add(call: Call, held: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    row = held["row"]
    row["LatestVersionNumber"] = row.get("LatestVersionNumber", 0) + 1
    version = {
        "LaunchTemplateId": row["LaunchTemplateId"], "LaunchTemplateName": row["LaunchTemplateName"],
        "VersionNumber": row["LatestVersionNumber"], "CreateTime": elb.stamp(), "CreatedBy": row["CreatedBy"],
        "LaunchTemplateData": data,
    }  # fmt: skip
    if call.get("VersionDescription"):
        version["VersionDescription"] = call.params["VersionDescription"]
    held["versions"][row["LatestVersionNumber"]] = version
    return version


def _show(call: Call, held: dict[str, Any]) -> dict[str, Any]:
    tags = call.ec2.tags.get(held["row"]["LaunchTemplateId"], {})
    return held["row"] | {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _version(held: dict[str, Any], version: dict[str, Any]) -> dict[str, Any]:
    return version | {"DefaultVersion": version["VersionNumber"] == held["row"]["DefaultVersionNumber"]}


@operation("ec2", "CreateLaunchTemplate")
@idempotent()
def create_launch_template(call: Call) -> dict:
    name = call.params["LaunchTemplateName"]
    tags = ec2.tag_specifications(call, "launch-template")
    if not _NAME.match(name):
        raise Fault("InvalidLaunchTemplateName.MalformedException", "A launch template name must be between 3 and 128 characters, and "
                                                                    "may contain letters, numbers, and the following characters: ( ) . / _ -.")  # fmt: skip
    if any(held["row"]["LaunchTemplateName"] == name for held in templates(call).values()):
        raise Fault("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
    data = _check(call, call.params["LaunchTemplateData"])
    ident = "lt-0" + secrets.token_hex(8)
    row = {
        "LaunchTemplateId": ident, "LaunchTemplateName": name, "CreateTime": elb.stamp(),
        "CreatedBy": f"arn:aws:iam::{call.account.name}:user/terrace", "DefaultVersionNumber": 1,
    }  # fmt: skip
    held: dict[str, Any] = {"row": row, "versions": {}}
    templates(call)[ident] = held
    call.ec2.tags[ident].update(tags)
    _add(call, held, data)
    return {"LaunchTemplate": _show(call, held)}


@operation("ec2", "CreateLaunchTemplateVersion")
@idempotent()
def create_launch_template_version(call: Call) -> dict:
    held = find(call, call.params)
    data = _check(call, call.params["LaunchTemplateData"])
    source = call.get("SourceVersion")
    if source:
        data = held["versions"][number(held, source)]["LaunchTemplateData"] | data
    return {"LaunchTemplateVersion": _version(held, _add(call, held, data))}


@operation("ec2", "ModifyLaunchTemplate")
@idempotent()
def modify_launch_template(call: Call) -> dict:
    held = find(call, call.params)
    if call.get("DefaultVersion"):
        held["row"]["DefaultVersionNumber"] = number(held, call.params["DefaultVersion"])
    return {"LaunchTemplate": _show(call, held)}


@operation("ec2", "DescribeLaunchTemplates")
def describe_launch_templates(call: Call) -> dict:
    chosen = list(templates(call).values())
    if call.get("LaunchTemplateIds"):
        chosen = [find(call, {"LaunchTemplateId": ident}) for ident in call.params["LaunchTemplateIds"]]
    elif call.get("LaunchTemplateNames"):
        chosen = [find(call, {"LaunchTemplateName": name}) for name in call.params["LaunchTemplateNames"]]
    on_tags, others = ec2.split(call.get("Filters"))
    tags = call.ec2.tags
    chosen = [held for held in chosen if all(
        ec2.tags_match(tags.get(held["row"]["LaunchTemplateId"], {}), name, values) for name, values in on_tags
    )]  # fmt: skip
    rows = [_show(call, held) for held in chosen]
    return {
        "LaunchTemplates": ec2.keep(
            rows, others, {"launch-template-name": "LaunchTemplateName", "create-time": "CreateTime"}
        )
    }


@operation("ec2", "DescribeLaunchTemplateVersions")
def describe_launch_template_versions(call: Call) -> dict:
    """Without a template: the `$Latest` or `$Default` version of all of them."""
    asked = call.get("Versions") or []
    if not call.get("LaunchTemplateId") and not call.get("LaunchTemplateName"):
        if not asked or not set(asked) <= {"$Latest", "$Default"}:
            raise Fault(
                "MissingParameter", "Without a launch template only the versions $Latest and $Default can be described"
            )
        found = [(held, number(held, version)) for held in templates(call).values() for version in asked]
    else:
        held = find(call, call.params)
        numbers = [number(held, version) for version in asked] if asked else sorted(held["versions"], reverse=True)
        low, high = int(call.get("MinVersion") or 0), int(call.get("MaxVersion") or 10**9)
        found = [(held, one) for one in numbers if low <= one <= high]
    rows: list[dict[str, Any]] = []
    for held, one in found:
        row = _version(held, held["versions"][one])
        if row not in rows:
            rows.append(row)
    _, others = ec2.split(call.get("Filters"))
    return {"LaunchTemplateVersions": ec2.keep(rows, others, {
        "is-default-version": "DefaultVersion",
        "image-id": lambda row: row["LaunchTemplateData"].get("ImageId"),
        "instance-type": lambda row: row["LaunchTemplateData"].get("InstanceType"),
    })}  # fmt: skip


@operation("ec2", "DeleteLaunchTemplateVersions")
def delete_launch_template_versions(call: Call) -> dict:
    held = find(call, call.params)
    done, failed = [], []
    for text in call.params["Versions"]:
        row = {"LaunchTemplateId": held["row"]["LaunchTemplateId"], "LaunchTemplateName": held["row"]["LaunchTemplateName"],
               "VersionNumber": int(text)}  # fmt: skip
        if int(text) not in held["versions"]:
            failed.append(
                row
                | {
                    "ResponseError": {
                        "Code": "launchTemplateVersionDoesNotExist",
                        "Message": f"The launch template version {text} does not exist.",
                    }
                }
            )
        elif int(text) == held["row"]["DefaultVersionNumber"]:
            # "You cannot delete the default version", https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteLaunchTemplateVersions.html
            raise Fault(
                "InvalidLaunchTemplateId.VersionNotFound", "The default version of a launch template cannot be deleted"
            )
        else:
            del held["versions"][int(text)]
            done.append(row)
    return {"SuccessfullyDeletedLaunchTemplateVersions": done, "UnsuccessfullyDeletedLaunchTemplateVersions": failed}


@operation("ec2", "DeleteLaunchTemplate")
def delete_launch_template(call: Call) -> dict:
    held = find(call, call.params)
    shown = _show(call, held)
    del templates(call)[held["row"]["LaunchTemplateId"]]
    call.ec2.tags.pop(held["row"]["LaunchTemplateId"], None)
    return {"LaunchTemplate": shown}
