"""IAM roles, profiles and policies; SSM parameters for a lease; STS."""

import json

import pytest


def trust(**changed):
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}} | changed
    return json.dumps({"Version": "2012-10-17", "Statement": [{k: v for k, v in statement.items() if v is not None}]})


INLINE = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)
CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"


@pytest.mark.parametrize("text", [
    "{",
    "{}",
    trust(Principal=None),
    trust(Action=None),
    trust(Resource="*"),
    trust(Action="s3:GetObject"),
    trust(Principal={"Service": "nobody"}),
    trust(Principal={"Nobody": "ec2.amazonaws.com"}),
    trust(Principal={"AWS": "somebody"}),
    trust(Effect="Perhaps"),
])  # fmt: skip
def test_a_malformed_trust_policy_is_refused(cloud, refused, text):
    refused("MalformedPolicyDocument", cloud.iam.create_role, RoleName="r", AssumeRolePolicyDocument=text)


def test_roles_are_kept_whole(cloud, refused):
    iam = cloud.iam
    asked = {
        "RoleName": "r",
        "Path": "/app/",
        "Description": "d",
        "MaxSessionDuration": 7200,
        "Tags": [{"Key": "a", "Value": "b"}],
    }
    iam.create_role(**asked, AssumeRolePolicyDocument=trust())
    refused("EntityAlreadyExists", iam.create_role, **asked, AssumeRolePolicyDocument=trust())
    refused("ValidationError", iam.create_role, RoleName="a b", AssumeRolePolicyDocument=trust())
    row = iam.get_role(RoleName="r")["Role"]
    assert {key: row[key] for key in asked} == asked
    assert row["AssumeRolePolicyDocument"] == json.loads(trust())
    iam.update_role(RoleName="r", Description="e", MaxSessionDuration=3600)
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=trust(Principal={"Service": "lambda.amazonaws.com"}))
    iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess")
    iam.untag_role(RoleName="r", TagKeys=["a"])
    row = iam.get_role(RoleName="r")["Role"]
    assert (row["Description"], row["MaxSessionDuration"], row.get("Tags", [])) == ("e", 3600, [])
    assert row["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith("/ReadOnlyAccess")


def test_a_role_is_deleted_when_nothing_holds_it(cloud, refused):
    iam = cloud.iam
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust())
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=INLINE)
    refused("NoSuchEntity", iam.attach_role_policy, RoleName="r", PolicyArn=CORE + "0")
    iam.attach_role_policy(RoleName="r", PolicyArn=CORE)
    iam.create_instance_profile(InstanceProfileName="i", Tags=[{"Key": "a", "Value": "b"}])
    iam.tag_instance_profile(InstanceProfileName="i", Tags=[{"Key": "a", "Value": "c"}, {"Key": "d", "Value": "e"}])
    iam.untag_instance_profile(InstanceProfileName="i", TagKeys=["d"])
    assert iam.list_instance_profile_tags(InstanceProfileName="i")["Tags"] == [{"Key": "a", "Value": "c"}]
    assert iam.get_instance_profile(InstanceProfileName="i")["InstanceProfile"]["Tags"] == [{"Key": "a", "Value": "c"}]
    iam.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")
    refused("LimitExceeded", iam.add_role_to_instance_profile, InstanceProfileName="i", RoleName="r")
    refused("DeleteConflict", iam.delete_instance_profile, InstanceProfileName="i")
    for step in (
        lambda: iam.remove_role_from_instance_profile(InstanceProfileName="i", RoleName="r"),
        lambda: iam.delete_role_policy(RoleName="r", PolicyName="p"),
        lambda: iam.detach_role_policy(RoleName="r", PolicyArn=CORE),
    ):
        refused("DeleteConflict", iam.delete_role, RoleName="r")
        step()
    refused("NoSuchEntity", iam.remove_role_from_instance_profile, InstanceProfileName="i", RoleName="r")
    refused("NoSuchEntity", iam.delete_role_policy, RoleName="r", PolicyName="p")
    refused("NoSuchEntity", iam.detach_role_policy, RoleName="r", PolicyArn=CORE)
    iam.delete_role(RoleName="r")
    refused("NoSuchEntity", iam.delete_role, RoleName="r")
    iam.delete_instance_profile(InstanceProfileName="i")
    refused("NoSuchEntity", iam.delete_instance_profile, InstanceProfileName="i")
    assert cloud.inventory() == {}


def test_an_attached_policy_is_not_deleted(cloud, refused):
    iam = cloud.iam
    arn = iam.create_policy(PolicyName="p", PolicyDocument=INLINE)["Policy"]["Arn"]
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust())
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    refused("DeleteConflict", iam.delete_policy, PolicyArn=arn)
    iam.detach_role_policy(RoleName="r", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    refused("NoSuchEntity", iam.delete_policy, PolicyArn=arn)


def test_a_parameter_serves_as_a_lease(cloud, refused):
    ssm = cloud.ssm
    take = lambda **more: ssm.put_parameter(Name="/terrace/lease", Value="me", Type="String", **more)
    take(Tags=[{"Key": "a", "Value": "b"}])
    refused("ParameterAlreadyExists", take)
    assert ssm.get_parameter(Name="/terrace/lease")["Parameter"]["Version"] == 1
    take(Overwrite=True)
    assert ssm.get_parameter(Name="/terrace/lease")["Parameter"]["Version"] == 2
    assert cloud.inventory() == {"ssm-parameter": ["/terrace/lease"]}
    ssm.delete_parameter(Name="/terrace/lease")
    refused("ParameterNotFound", ssm.delete_parameter, Name="/terrace/lease")


def test_the_caller_is_of_the_account_of_its_key(cloud):
    assert cloud.sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{cloud.account}:user/terrace"


def test_account_details_tell_all_of_a_role(cloud):
    iam = cloud.iam
    tags = [{"Key": "a", "Value": "b"}]
    boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    iam.create_role(
        RoleName="r", Path="/app/", AssumeRolePolicyDocument=trust(), Tags=tags, PermissionsBoundary=boundary
    )
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=INLINE)
    iam.attach_role_policy(RoleName="r", PolicyArn=CORE)
    iam.create_instance_profile(InstanceProfileName="i", Tags=tags)
    iam.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")
    details = iam.get_account_authorization_details(Filter=["Role"])
    row = details["RoleDetailList"][0]
    assert (row["RoleName"], row["Path"], row["Tags"]) == ("r", "/app/", tags)
    assert row["AssumeRolePolicyDocument"] == json.loads(trust())
    assert row["RolePolicyList"] == [{"PolicyName": "p", "PolicyDocument": json.loads(INLINE)}]
    assert row["AttachedManagedPolicies"] == [{"PolicyName": "AmazonSSMManagedInstanceCore", "PolicyArn": CORE}]
    assert [profile["InstanceProfileName"] for profile in row["InstanceProfileList"]] == ["i"]
    assert row["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary


def test_public_parameters_are_read_but_not_listed(cloud):
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    assert cloud.ssm.get_parameter(Name=name)["Parameter"]["Value"].startswith("ami-")
    assert cloud.ssm.describe_parameters()["Parameters"] == []
    assert cloud.inventory() == {}
