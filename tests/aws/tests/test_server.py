"""The server itself: isolation, control endpoint, lag, paging, throttling."""

from conftest import Cloud


def test_accounts_do_not_see_each_other(endpoint, cloud):
    other = Cloud(endpoint, "777777777777")
    vpc = cloud.vpc()
    assert cloud.sts.get_caller_identity()["Account"] == cloud.account
    assert vpc in [v["VpcId"] for v in cloud.ec2.describe_vpcs()["Vpcs"]]
    assert vpc not in [v["VpcId"] for v in other.ec2.describe_vpcs()["Vpcs"]]


def test_reset_empties_one_account(endpoint, cloud):
    other = Cloud(endpoint, "777777777778")
    other.vpc()
    cloud.vpc()
    cloud.iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    cloud.post("reset")
    assert cloud.inventory() == {}
    assert list(other.inventory()) == ["vpc"]


def test_inventory_lists_by_kind_and_leaves_out_the_defaults(cloud):
    assert cloud.inventory() == {}
    vpc = cloud.vpc()
    subnet = cloud.subnet(vpc)
    assert cloud.inventory() == {"vpc": [vpc], "subnet": [subnet]}


def test_calls_are_counted(cloud, refused):
    cloud.ec2.describe_vpcs()
    refused("InvalidVpcID.NotFound", cloud.ec2.describe_vpcs, VpcIds=["vpc-0123456789abcdef0"])
    calls = cloud.get("calls")
    assert calls["counts"] == {"ec2.DescribeVpcs": 2}
    assert [entry["outcome"] for entry in calls["log"]] == ["ok", "InvalidVpcID.NotFound"]


TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"ec2.amazonaws.com"}}]}'
)
