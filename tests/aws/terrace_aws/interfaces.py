"""Network interfaces that a service keeps in subnets: of load balancers and databases.

They are what makes a subnet or security group undeletable, and they outlive their owner by some seconds.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/requester-managed-eni.html
"""

from moto.ec2.utils import random_private_ip

from . import ec2
from .call import Call


def place(call: Call, text: str, subnets: list[str], groups: list[str], kind: str) -> None:
    """One interface per subnet, described by `text`, with these groups; those in other subnets go."""
    held = {eni.subnet.id: eni for eni in call.ec2.enis.values() if eni.description == text}
    for name, eni in held.items():
        if name not in subnets:
            del call.ec2.enis[eni.id]
    for name in subnets:
        eni = held.get(name)
        if eni is None:
            subnet = ec2.subnet(call, name)
            eni = call.ec2.create_network_interface(subnet, random_private_ip(subnet.cidr_block), description=text)
            eni.interface_type = kind
            eni.requester_managed = True
            eni.status = "in-use"
        eni._group_set = [ec2.group(call, group) for group in groups]


def drop(call: Call, text: str, seconds: float) -> None:
    """The interfaces of a deleted owner go, after a while if phases are on."""
    gone = call.account.due(seconds)
    for eni in call.ec2.enis.values():
        if eni.description == text:
            call.table("interfaces")[eni.id] = gone
    settle(call)


def settle(call: Call) -> None:
    """Takes away the interfaces whose time has come."""
    table = call.table("interfaces")
    now = call.account.now()
    for name in [name for name, gone in table.items() if gone <= now]:
        del table[name]
        call.ec2.enis.pop(name, None)


ec2.SETTLERS.append(settle)
