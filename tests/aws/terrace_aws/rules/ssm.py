"""Systems Manager parameters: an account's own are listed, AWS's public ones are not.

https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters.html
"""

from ..call import Call, operation


@operation("ssm", "DescribeParameters")
def describe_parameters(call: Call) -> dict:
    result = call.moto()
    result["Parameters"] = [row for row in result.get("Parameters", []) if not row["Name"].startswith("/aws/")]
    return result
