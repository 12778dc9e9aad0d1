"""Instances and network interfaces as moto keeps them, brought up to now before they are read."""

from .. import ec2
from ..call import Call, operation


@operation("ec2", "DescribeInstances", "DescribeInstanceStatus", "DescribeVolumes")
def describe(call: Call) -> dict:
    ec2.settle(call)
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
