"""Security groups: rules with every member, all or none; what blocks a delete."""


def permission(port=80, **more):
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port} | more


def test_rules_are_kept_with_their_descriptions(cloud):
    vpc = cloud.vpc()
    group, other = cloud.group(vpc, "web"), cloud.group(vpc, "was")
    prefix = cloud.ec2.describe_managed_prefix_lists()["PrefixLists"][0]["PrefixListId"]
    asked = permission(
        IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "inside"}],
        Ipv6Ranges=[{"CidrIpv6": "::/0", "Description": "all"}],
        PrefixListIds=[{"PrefixListId": prefix, "Description": "s3"}],
        UserIdGroupPairs=[{"GroupId": other, "Description": "was"}],
    )
    made = cloud.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[asked])["SecurityGroupRules"]
    assert len(made) == 4
    read = cloud.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    asked["UserIdGroupPairs"][0]["UserId"] = cloud.account
    assert read == [asked]
    rules = cloud.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])[
        "SecurityGroupRules"
    ]
    assert sorted(r.get("Description", "") for r in rules) == ["", "all", "inside", "s3", "was"]
    asked["IpRanges"][0]["Description"] = "changed"
    cloud.ec2.update_security_group_rule_descriptions_ingress(GroupId=group, IpPermissions=[asked])
    read = cloud.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert read[0]["IpRanges"] == [{"CidrIp": "10.0.0.0/8", "Description": "changed"}]


def test_rules_are_added_and_removed_all_or_none(cloud, refused):
    group = cloud.group(cloud.vpc())
    one, two = permission(80, IpRanges=[{"CidrIp": "10.0.0.0/8"}]), permission(81, IpRanges=[{"CidrIp": "10.0.0.0/8"}])
    ask = cloud.ec2.authorize_security_group_ingress
    ask(GroupId=group, IpPermissions=[one])
    refused("InvalidPermission.Duplicate", ask, GroupId=group, IpPermissions=[two, one])
    assert len(cloud.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]) == 1
    refused(
        "InvalidPermission.NotFound", cloud.ec2.revoke_security_group_ingress, GroupId=group, IpPermissions=[one, two]
    )
    cloud.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[one])
    assert cloud.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"] == []


def test_bad_rules_are_refused(cloud, refused):
    group = cloud.group(cloud.vpc())
    ask = cloud.ec2.authorize_security_group_ingress
    refused(
        "InvalidParameterValue",
        ask,
        GroupId=group,
        IpPermissions=[permission(80, IpRanges=[{"CidrIp": "10.0.0.300/8"}])],
    )
    refused(
        "InvalidParameterValue",
        ask,
        GroupId=group,
        IpPermissions=[permission(80, IpRanges=[{"CidrIp": "1.2.3.4/8"}]) | {"ToPort": 1}],
    )
    refused(
        "InvalidGroup.NotFound",
        ask,
        GroupId=group,
        IpPermissions=[permission(80, UserIdGroupPairs=[{"GroupId": "sg-00000000000000000"}])],
    )
    refused("MissingParameter", ask, GroupId=group, IpPermissions=[permission(80)])


def test_names_are_unique_in_a_vpc(cloud, refused):
    vpc = cloud.vpc()
    cloud.group(vpc, "web")
    refused("InvalidGroup.Duplicate", cloud.ec2.create_security_group, GroupName="web", Description="x", VpcId=vpc)
    cloud.group(cloud.vpc(), "web")


def test_a_referenced_group_is_not_deleted(cloud, refused):
    vpc = cloud.vpc()
    web, was = cloud.group(vpc, "web"), cloud.group(vpc, "was")
    cloud.ec2.authorize_security_group_ingress(
        GroupId=was, IpPermissions=[permission(UserIdGroupPairs=[{"GroupId": web}])]
    )
    message = refused("DependencyViolation", cloud.ec2.delete_security_group, GroupId=web)
    assert message == f"resource {web} has a dependent object"
    cloud.ec2.delete_security_group(GroupId=was)
    cloud.ec2.delete_security_group(GroupId=web)
    default = cloud.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"][0][
        "GroupId"
    ]
    refused("CannotDelete", cloud.ec2.delete_security_group, GroupId=default)


def test_a_rule_is_modified_by_its_id(cloud):
    group = cloud.group(cloud.vpc())
    made = cloud.ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[permission(IpRanges=[{"CidrIp": "10.0.0.0/8"}])]
    )
    name = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    cloud.ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[{
        "SecurityGroupRuleId": name,
        "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "10.0.0.0/16", "Description": "tls"},
    }])  # fmt: skip
    row = cloud.ec2.describe_security_group_rules(SecurityGroupRuleIds=[name])["SecurityGroupRules"][0]
    assert (row["FromPort"], row["CidrIpv4"], row["Description"]) == (443, "10.0.0.0/16", "tls")
