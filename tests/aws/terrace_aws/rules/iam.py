"""IAM roles, instance profiles and policies: names, trust policies, and deletes that conflict.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html (MalformedPolicyDocument, EntityAlreadyExists)
https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html (DeleteConflict; moto has it)
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html (lengths)
"""

import json
import re
from typing import Any

from ..call import Call, operation
from ..fault import Fault
from ..patches import own_policy

_NAME = re.compile(r"^[\w+=,.@-]+$", re.ASCII)
_PATH = re.compile(r"^/(?:[\x21-\x7e]+/)?$")
_SERVICE = re.compile(r"^[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|api\.aws|aws\.internal)$")
_TRUST_ACTIONS = ("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity",
                  "sts:SetContext", "sts:*", "sts:AssumeRole*")  # fmt: skip


def _malformed(text: str) -> Fault:
    return Fault("MalformedPolicyDocument", text)


def _missing(kind: str, name: str) -> Fault:
    return Fault(
        "NoSuchEntity",
        f"{kind} with name {name} cannot be found." if kind == "The role" else f"{kind} {name} cannot be found.",
    )


def _name(what: str, name: str, most: int) -> None:
    if len(name) > most or not _NAME.match(name):
        raise Fault("ValidationError", f"The specified value for {what} is invalid. It must contain only alphanumeric characters and/or "
                                       "the following: +=,.@_- and be at most " + f"{most} characters long")  # fmt: skip


def _tags(call: Call) -> None:
    keys = [tag["Key"].lower() for tag in call.get("Tags") or []]
    if len(keys) != len(set(keys)):
        raise Fault("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.startswith("aws:") for key in keys):
        raise Fault("InvalidInput", "Tag keys beginning with aws: are reserved")
    if len(keys) > 50:
        raise Fault("LimitExceeded", "Cannot exceed quota for TagsPerEntity: 50")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _trust(call: Call, text: str) -> None:
    """A trust policy names who may assume the role, and nothing else."""
    if len(text) > 4096:
        raise Fault("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 4096")
    try:
        document = json.loads(text)
    except ValueError:
        raise _malformed("This policy contains invalid Json") from None
    if not isinstance(document, dict) or document.get("Version", "2008-10-17") not in ("2012-10-17", "2008-10-17"):
        raise _malformed("Syntax errors in policy.")
    if set(document) - {"Version", "Id", "Statement"} or not document.get("Statement"):
        raise _malformed("Syntax errors in policy.")
    for statement in _list(document["Statement"]):
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise _malformed("Syntax errors in policy.")
        for field in ("Resource", "NotResource"):
            if field in statement:
                raise _malformed(f"Has prohibited field {field}")
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise _malformed("Missing required field Principal")
        actions = _list(statement.get("Action", []))
        if not actions:
            raise _malformed("Missing required field Action")
        if any(action not in _TRUST_ACTIONS for action in actions):
            raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")
        _principal(call, statement.get("Principal"))


def _principal(call: Call, principal: Any) -> None:
    if principal == "*" or principal is None:
        return
    if not isinstance(principal, dict) or not principal:
        raise _malformed("Syntax errors in policy.")
    for kind, names in principal.items():
        if kind not in ("AWS", "Service", "Federated", "CanonicalUser"):
            raise _malformed("Syntax errors in policy.")
        for name in _list(names):
            fine = isinstance(name, str)
            if fine and kind == "Service":
                fine = bool(_SERVICE.match(name))
            elif fine and kind == "AWS":
                fine = name == "*" or bool(re.fullmatch(r"\d{12}|arn:aws:(iam|sts)::\d{12}:.+", name))
                own = f"arn:aws:iam::{call.account.name}:role/"
                if fine and name.startswith(own):
                    fine = name.rpartition("/")[2] in {role.name for role in call.backend("iam").roles.values()}
            if not fine:
                raise _malformed(f'Invalid principal in policy: "{kind.upper()}":"{name}"')


def _role(call: Call, name: str) -> Any:
    for role in call.backend("iam").roles.values():
        if role.name == name:
            return role
    raise _missing("The role", name)


def _profile(call: Call, name: str) -> Any:
    for profile in call.backend("iam").instance_profiles.values():
        if profile.name == name:
            return profile
    raise _missing("Instance Profile", name)


@operation("iam", "CreateRole")
def create_role(call: Call) -> dict:
    _name("roleName", call.params["RoleName"], 64)
    if not _PATH.match(call.get("Path", "/")):
        raise Fault("ValidationError", "The specified value for path is invalid. It must begin and end with /")
    _tags(call)
    _trust(call, call.params["AssumeRolePolicyDocument"])
    boundary = call.get("PermissionsBoundary")
    if boundary and boundary not in call.backend("iam").managed_policies:
        raise Fault("NoSuchEntity", f"Scope ARN: {boundary} does not exist or is not attachable.")
    if any(role.name == call.params["RoleName"] for role in call.backend("iam").roles.values()):
        raise Fault("EntityAlreadyExists", f"Role with name {call.params['RoleName']} already exists.")
    return call.moto()


@operation("iam", "UpdateAssumeRolePolicy")
def update_trust(call: Call) -> dict:
    _role(call, call.params["RoleName"])
    _trust(call, call.params["PolicyDocument"])
    return call.moto()


@operation("iam", "PutRolePolicy")
def put_role_policy(call: Call) -> dict:
    _role(call, call.params["RoleName"])
    _name("policyName", call.params["PolicyName"], 128)
    try:
        json.loads(call.params["PolicyDocument"])
    except ValueError:
        raise _malformed("The policy is not in the valid JSON format.") from None
    return call.moto()


@operation("iam", "PutRolePermissionsBoundary")
def put_boundary(call: Call) -> dict:
    _role(call, call.params["RoleName"])
    arn = call.params["PermissionsBoundary"]
    if arn not in call.backend("iam").managed_policies:
        raise Fault("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.")
    return call.moto()


@operation("iam", "GetRole", "DeleteRole", "UpdateRole", "ListRolePolicies", "ListAttachedRolePolicies", "ListRoleTags", "TagRole",
           "UntagRole", "GetRolePolicy", "DeleteRolePolicy",   "DeleteRolePermissionsBoundary",
           "ListInstanceProfilesForRole")  # fmt: skip
def of_a_role(call: Call) -> dict:
    """The role comes first: its absence is `NoSuchEntity`, in the words of IAM."""
    _role(call, call.params["RoleName"])
    _tags(call)
    return call.moto()


@operation("iam", "AttachRolePolicy", "DetachRolePolicy")
def change_attachment(call: Call) -> None:
    """Attaching twice is no error, detaching twice is."""
    role, arn = _role(call, call.params["RoleName"]), call.params["PolicyArn"]
    policy = own_policy(call.backend("iam").managed_policies, arn)
    if call.action == "DetachRolePolicy":
        if arn not in role.managed_policies:
            raise Fault("NoSuchEntity", f"Policy {arn} was not found.")
        role.managed_policies[arn].detach_from(role)
    elif policy is None:
        raise Fault("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.")
    elif arn not in role.managed_policies:
        if len(role.managed_policies) >= 20:
            raise Fault("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 20")
        policy.attach_to(role)


@operation("iam", "CreateInstanceProfile")
def create_instance_profile(call: Call) -> dict:
    _name("instanceProfileName", call.params["InstanceProfileName"], 128)
    _tags(call)
    return call.moto()


@operation("iam", "GetInstanceProfile", "DeleteInstanceProfile", "TagInstanceProfile", "UntagInstanceProfile")
def of_a_profile(call: Call) -> dict:
    profile = _profile(call, call.params["InstanceProfileName"])
    if call.action == "DeleteInstanceProfile" and profile.roles:
        raise Fault("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
    _tags(call)
    return call.moto()


@operation("iam", "ListInstanceProfileTags")
def list_profile_tags(call: Call) -> dict:
    profile = _profile(call, call.params["InstanceProfileName"])
    return {"Tags": list(profile.tags), "IsTruncated": False}


@operation("iam", "AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile")
def change_profile(call: Call) -> dict:
    profile, role = _profile(call, call.params["InstanceProfileName"]), _role(call, call.params["RoleName"])
    if call.action.startswith("Remove") and role not in profile.roles:
        raise _missing("The role", role.name)
    if call.action.startswith("Add") and profile.roles:
        # https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddRoleToInstanceProfile.html: one role, a hard limit
        raise Fault("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    return call.moto()


@operation("iam", "DeletePolicy")
def delete_policy(call: Call) -> dict:
    arn = call.params["PolicyArn"]
    policy = call.backend("iam").managed_policies.get(arn)
    if policy is None or arn.startswith("arn:aws:iam::aws:"):
        raise Fault("NoSuchEntity", f"Policy {arn} does not exist.")
    if any(arn in role.managed_policies for role in call.backend("iam").roles.values()):
        raise Fault("DeleteConflict", "Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise Fault(
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions.",
        )
    return call.moto()


@operation("iam", "SimulatePrincipalPolicy")
def simulate(call: Call) -> dict:
    """Everything is allowed here, unless the control endpoint has the action fail."""
    denied = {
        failure["action"] for failure in call.account.failures if failure["times"] > 0 and "Denied" in failure["code"]
    }
    resources = call.get("ResourceArns") or ["*"]
    return {"EvaluationResults": [
        {"EvalActionName": action, "EvalResourceName": resource,
         "EvalDecision": "implicitDeny" if action.replace(":", ".") in denied else "allowed"}
        for action in call.params["ActionNames"] for resource in resources
    ]}  # fmt: skip
