"""STS: who the caller is."""

from ..call import Call, operation


@operation("sts", "GetCallerIdentity")
def get_caller_identity(call: Call) -> dict:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""
    account = call.account.name
    return {"UserId": "AIDATERRACETESTUSER00", "Account": account, "Arn": f"arn:aws:iam::{account}:user/terrace"}
