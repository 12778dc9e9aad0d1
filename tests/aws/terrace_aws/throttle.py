"""Token buckets with AWS's published figures, per account; off unless the account's `throttle` is set.

EC2: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html (per API action);
Elastic Load Balancing: https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/api-throttling.html (per category).
Auto Scaling, RDS and IAM publish none: the figures here are EC2's, so that clients must be ready for it.
"""

from typing import Any

from .account import Account
from .fault import Fault

Bucket = tuple[str, float, float]

_EC2_SINGLE = {
    "CreateNatGateway": (10, 1),
    "DeleteNatGateway": (10, 1),
    "CreateVpcEndpoint": (4, 0.3),
    "DeleteVpcEndpoints": (4, 0.3),
    "ModifyVpcEndpoint": (4, 0.3),
    "CreateTags": (100, 10),
    "DeleteTags": (100, 10),
}
#: Describes with a smaller bucket when they carry neither a filter, an id nor a page size.
_EC2_WIDE = {
    "DescribeInstances", "DescribeSecurityGroups", "DescribeNetworkInterfaces", "DescribeVolumes", "DescribeSnapshots",
    "DescribeInstanceStatus", "DescribeSpotInstanceRequests",
}  # fmt: skip


#: Calls per second. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
_CLOUDWATCH = {
    "PutMetricAlarm": 3.0,
    "DeleteAlarms": 3.0,
    "DescribeAlarms": 9.0,
    "ListTagsForResource": 10.0,
    "TagResource": 20.0,
}


def bucket(service: str, action: str, bare: bool) -> Bucket:
    """The bucket a call draws from: its name, its size and its refill per second."""
    reads = action.startswith(("Describe", "List", "Get", "Simulate", "Search"))
    if service == "ec2":
        if action in _EC2_SINGLE:
            size, refill = _EC2_SINGLE[action]
        elif reads:
            size, refill = (50, 10) if bare and action in _EC2_WIDE else (100, 20)
        else:
            size, refill = (50, 5)
        return f"ec2.{action}", size, refill
    if service == "elasticloadbalancing":
        if action in ("CreateLoadBalancer", "SetSubnets"):
            return f"elb.{action}", 10, 0.2
        if reads:
            return "elb.describe", 40, 10
        if action in ("RegisterTargets", "DeregisterTargets"):
            return "elb.register", 20, 4
        return "elb.modify", 20, 3
    if service == "monitoring" and action in _CLOUDWATCH:
        per_second = _CLOUDWATCH[action]
        return f"monitoring.{action}", per_second, per_second
    return f"{service}.{'read' if reads else 'write'}", *((100.0, 20.0) if reads else (50.0, 5.0))


def check(account: Account, service: str, action: str, parameters: dict[str, Any]) -> None:
    """Draws one token, or refuses the call."""
    if not account.settings.throttle:
        return
    name, size, refill = bucket(service, action, not parameters)
    now = account.now()
    tokens, then = account.buckets.get(name, (float(size), now))
    tokens = min(size, tokens + (now - then) * refill)
    if tokens < 1:
        account.buckets[name] = (tokens, now)
        if service == "ec2":
            raise Fault("RequestLimitExceeded", "Request limit exceeded.", 503)
        if service == "ssm":
            raise Fault("ThrottlingException", "Rate exceeded", 400)
        raise Fault("Throttling", "Rate exceeded", 400)
    account.buckets[name] = (tokens - 1, now)
