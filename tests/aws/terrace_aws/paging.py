"""Pagination as each service does it: the limit's name, its range and default, and the token of the next page.

The members come from botocore's pagination models; defaults and ranges from each API reference (EC2: 5 to 1,000 where a limit
is sent, https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html#api-pagination; Elastic Load Balancing: 400;
Auto Scaling: 50, at most 100; RDS: 20 to 100; IAM: 100, at most 1,000). A token is the number of items already given.
"""

import base64
from dataclasses import dataclass
from functools import cache
from typing import Any

from moto.core.utils import get_pagination_model

from .bridge import SERVICES
from .call import Call
from .fault import Fault

#: (least, most, default) per service.
_LIMITS = {
    "ec2": (1, 1000, 1000),
    "elasticloadbalancing": (1, 400, 400),
    "autoscaling": (1, 100, 50),
    "rds": (20, 100, 100),
    "iam": (1, 1000, 100),
    "ssm": (1, 50, 50),
}
#: EC2 operations whose limit starts at 5 by their API reference.
_FROM_FIVE = {
    "DescribeVpcs", "DescribeSubnets", "DescribeRouteTables", "DescribeInternetGateways", "DescribeSecurityGroups",
    "DescribeSecurityGroupRules", "DescribeNatGateways", "DescribeTags", "DescribeInstances", "DescribeNetworkInterfaces",
}  # fmt: skip
#: Operations whose page is smaller than the service's usual one.
_SMALLER = {"DescribeRouteTables": 100, "DescribeLaunchTemplates": 200, "DescribeLaunchTemplateVersions": 200}


@dataclass(slots=True)
class Pages:
    """Where in a list this call is."""

    config: dict[str, Any]
    start: int
    size: int


@cache
def _config(service: str, action: str) -> dict[str, Any] | None:
    if service not in _LIMITS:
        return None
    found = get_pagination_model(SERVICES[service][1]).get(action)
    return found if found and isinstance(found.get("input_token"), str) else None


def take(call: Call) -> Pages | None:
    """Takes the paging parameters off the call, so that the operation sees the whole list."""
    config = _config(call.service, call.action)
    if config is None:
        return None
    if call.action == "DescribeInstances" and call.get("InstanceIds") and call.get("MaxResults"):
        # "You cannot specify this parameter and the instance IDs parameter in the same call."
        raise Fault(
            "InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults"
        )
    least, most, default = _LIMITS[call.service]
    limit = call.params.pop(config.get("limit_key", ""), None)
    token = call.params.pop(config["input_token"], None)
    if call.action in _FROM_FIVE:
        least = 5
    if limit is not None and not least <= limit <= most:
        raise Fault("InvalidParameterValue" if call.service in ("ec2", "rds") else "ValidationError",
                    f"Value ( {limit} ) for parameter {config.get('limit_key')} is invalid. Expecting a value between "
                    f"{least} and {most}.")  # fmt: skip
    start = 0
    if token:
        try:
            start = int(base64.urlsafe_b64decode(token.encode()).decode().removeprefix("page-"))
        except ValueError:
            code = {"ec2": "InvalidNextToken", "autoscaling": "InvalidNextToken"}.get(
                call.service, "InvalidParameterValue"
            )
            raise Fault(code, f"Invalid value '{token}' for {config['input_token']}") from None
    return Pages(config, start, limit or _SMALLER.get(call.action, default))


def apply(pages: Pages, result: dict[str, Any]) -> None:
    """Cuts the page out of the whole list and says where the next one starts."""
    config = pages.config
    keys = config["result_key"]
    longest = 0
    for key in keys if isinstance(keys, list) else [keys]:
        items = result.get(key)
        if isinstance(items, list) and (pages.start or len(items) > pages.size):
            longest = max(longest, len(items))
            result[key] = items[pages.start : pages.start + pages.size]
    token = config["output_token"]
    token = token if isinstance(token, str) and "." not in token else ""
    more = longest > pages.start + pages.size
    if config.get("more_results"):
        result[config["more_results"]] = more
    if token:
        result.pop(token, None)
        if more:
            result[token] = base64.urlsafe_b64encode(f"page-{pages.start + pages.size}".encode()).decode()
