"""Prints, as JSON, what CloudFormation's published schemas say of the types behind the kinds.

`python tests/aws/cloudformation.py > src/aws/tests/it/cloudformation.json`, in an environment with cfn-lint, which carries the
schemas AWS publishes (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-type-schemas.html).
"""

import json
from importlib.resources import files
from typing import Any

TYPES = (
    "AutoScaling::AutoScalingGroup", "EC2::EIP", "EC2::InternetGateway", "EC2::LaunchTemplate", "EC2::NatGateway",
    "EC2::RouteTable", "EC2::SecurityGroup", "EC2::Subnet", "EC2::VPC", "EC2::VPCEndpoint",
    "ElasticLoadBalancingV2::Listener", "ElasticLoadBalancingV2::LoadBalancer", "ElasticLoadBalancingV2::TargetGroup",
    "IAM::Role", "RDS::DBInstance", "RDS::DBParameterGroup", "RDS::DBSubnetGroup",
)  # fmt: skip
REGION = "ap-northeast-2"
LIMITS = ("enum", "minimum", "maximum", "minLength", "maxLength")


def main() -> None:
    """Reads every type's schema and keeps what a kind can be held to."""
    data = files("cfnlint.data.schemas")
    digests = json.loads((data / "providers" / f"{REGION}.json").read_text())
    out = {}
    for name in TYPES:
        schema = json.loads((data / "resources" / f"{digests['AWS::' + name]}.json").read_text())
        out["AWS::" + name] = {
            "createOnly": _names(schema, "createOnlyProperties"),
            "sometimesCreateOnly": _names(schema, "conditionalCreateOnlyProperties"),
            "properties": _properties(schema),
        }
    print(json.dumps(out, indent=1, sort_keys=True))


def _names(schema: dict[str, Any], list_name: str) -> list[str]:
    """Top-level properties in one of the schema's lists of paths."""
    paths = [path.removeprefix("/properties/") for path in schema.get(list_name, [])]
    return sorted(path for path in paths if "/" not in path)


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    """The properties that can be written, with their limits."""
    read_only = set(_names(schema, "readOnlyProperties"))
    kept = {name: value for name, value in schema["properties"].items() if name not in read_only}
    return {name: {limit: value[limit] for limit in LIMITS if limit in value} for name, value in kept.items()}


if __name__ == "__main__":
    main()
