"""Instances and network interfaces as moto keeps them, brought up to now before they are read."""

from .. import asg, ec2, lag
from ..call import Call, operation
from ..fault import Fault


@operation("ec2", "DescribeInstances", "DescribeInstanceStatus", "DescribeVolumes")
def describe(call: Call) -> dict:
    ec2.settle(call)
    return call.moto()


@operation("ec2", "RunInstances")
def run(call: Call) -> dict:
    """An instance from a launch template of this server's; a dry run probes image, subnet, groups and profile.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
    """
    spec = call.params.pop("LaunchTemplate", None)
    if spec:
        held, version = asg.template(call, spec)
        call.params = held["versions"][version]["LaunchTemplateData"] | call.params
    image, profile = call.get("ImageId", ""), call.get("IamInstanceProfile") or {}
    if image not in call.ec2.amis:
        raise Fault("InvalidAMIID.NotFound", f"The image id '[{image}]' does not exist")
    if call.get("SubnetId"):
        ec2.subnet(call, call.params["SubnetId"])
    for name in call.get("SecurityGroupIds") or []:
        ec2.group(call, name)
    name = profile.get("Name") or profile.get("Arn", "").rpartition("/")[2]
    known = {item.name for item in call.backend("iam").instance_profiles.values()}
    if name and (name not in known or f"instance-profile/{name}" in lag.unseen(call.account)):
        raise Fault(
            "InvalidParameterValue",
            f"Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
        )
    if call.get("DryRun"):
        raise Fault("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
    return call.moto()


@operation("ec2", "TerminateInstances")
def terminate(call: Call) -> dict:
    """An instance of a group that is ended by hand is replaced."""
    for instance in [item for item in ec2.live_instances(call) if item.id in call.params["InstanceIds"]]:
        for nic in instance.nics.values():
            nic.delete_on_termination = True
    result = call.moto()
    ec2.settle(call)
    return result


@operation("ec2", "DescribeNetworkInterfaces")
def describe_network_interfaces(call: Call) -> dict:
    ec2.settle(call)

    def dress(row: dict) -> dict:
        held = call.ec2.enis[row["NetworkInterfaceId"]]
        row["Status"] = "in-use" if held.instance is not None or held.interface_type != "interface" else "available"
        return row

    return ec2.describe(call, "network-interface", call.ec2.enis, "NetworkInterfaceIds", {
        "network-interface-id": "NetworkInterfaceId",
        "subnet-id": "SubnetId",
        "vpc-id": "VpcId",
        "description": "Description",
        "interface-type": "InterfaceType",
        "requester-managed": "RequesterManaged",
        "status": "Status",
        "group-id": lambda row: [item["GroupId"] for item in row.get("Groups", [])],
        "attachment.instance-id": lambda row: row.get("Attachment", {}).get("InstanceId"),
        "availability-zone": "AvailabilityZone",
    }, dress)  # fmt: skip
