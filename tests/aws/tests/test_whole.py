"""A whole three-tier stack, destroyed in any order: what cannot go yet is refused, nothing breaks, nothing is left."""

import json
import random

import pytest
from botocore.exceptions import ClientError

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
]})  # fmt: skip


def build(cloud):
    """Makes the stack; returns the deletes, in no particular order."""
    ec2, iam, elb, asg, rds = cloud.ec2, cloud.iam, cloud.elbv2, cloud.autoscaling, cloud.rds
    undo = []
    vpc = cloud.vpc()
    undo.append((ec2.delete_vpc, {"VpcId": vpc}))
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    undo += [
        (ec2.detach_internet_gateway, {"InternetGatewayId": gateway, "VpcId": vpc}),
        (ec2.delete_internet_gateway, {"InternetGatewayId": gateway}),
    ]
    subnets = [cloud.subnet(vpc, f"10.0.{n}.0/24", "ab"[n % 2]) for n in range(4)]
    undo += [(ec2.delete_subnet, {"SubnetId": name}) for name in subnets]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    undo.append((ec2.delete_route_table, {"RouteTableId": table}))
    for name in subnets:
        link = ec2.associate_route_table(RouteTableId=table, SubnetId=name)["AssociationId"]
        undo.append((ec2.disassociate_route_table, {"AssociationId": link}))
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
    undo += [(ec2.release_address, {"AllocationId": address}), (ec2.delete_nat_gateway, {"NatGatewayId": nat})]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    web, was = cloud.group(vpc, "web"), cloud.group(vpc, "was")
    allow = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
    for one, other in ((web, was), (was, web)):
        rule = allow | {"UserIdGroupPairs": [{"GroupId": other}]}
        ec2.authorize_security_group_ingress(GroupId=one, IpPermissions=[rule])
        undo.append((ec2.revoke_security_group_ingress, {"GroupId": one, "IpPermissions": [rule]}))
        undo.append((ec2.delete_security_group, {"GroupId": one}))
    for service, more in (
        ("s3", {"RouteTableIds": [table]}),
        ("ssm", {"VpcEndpointType": "Interface", "SubnetIds": subnets[:2], "SecurityGroupIds": [web]}),
    ):
        made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=f"com.amazonaws.us-east-1.{service}", **more)[
            "VpcEndpoint"
        ]["VpcEndpointId"]
        undo.append((ec2.delete_vpc_endpoints, {"VpcEndpointIds": [made]}))
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName="i")
    iam.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")
    undo += [
        (iam.remove_role_from_instance_profile, {"InstanceProfileName": "i", "RoleName": "r"}),
        (iam.delete_instance_profile, {"InstanceProfileName": "i"}), (iam.delete_role, {"RoleName": "r"}),
    ]  # fmt: skip
    data = {"ImageId": cloud.image(), "InstanceType": "t3.micro", "SecurityGroupIds": [was], "IamInstanceProfile": {"Name": "i"},
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 10, "VolumeType": "gp3", "Encrypted": True}}]}  # fmt: skip
    template = ec2.create_launch_template(LaunchTemplateName="tpl", LaunchTemplateData=data)["LaunchTemplate"][
        "LaunchTemplateId"
    ]
    undo.append((ec2.delete_launch_template, {"LaunchTemplateId": template}))
    balancer = elb.create_load_balancer(Name="lb", Subnets=subnets[:2], SecurityGroups=[web])["LoadBalancers"][0][
        "LoadBalancerArn"
    ]
    target = elb.create_target_group(Name="tg", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0][
        "TargetGroupArn"
    ]
    forward = [{"Type": "forward", "TargetGroupArn": target}]
    listener = elb.create_listener(LoadBalancerArn=balancer, Port=80, Protocol="HTTP", DefaultActions=forward)[
        "Listeners"
    ][0]["ListenerArn"]
    rule = elb.create_rule(
        ListenerArn=listener, Priority=1, Conditions=[{"Field": "path-pattern", "Values": ["/x"]}], Actions=forward
    )
    undo += [
        (elb.delete_load_balancer, {"LoadBalancerArn": balancer}), (elb.delete_target_group, {"TargetGroupArn": target}),
        (elb.delete_listener, {"ListenerArn": listener}), (elb.delete_rule, {"RuleArn": rule["Rules"][0]["RuleArn"]}),
    ]  # fmt: skip
    asg.create_auto_scaling_group(
        AutoScalingGroupName="g", MinSize=2, MaxSize=4, VPCZoneIdentifier=",".join(subnets[2:]), TargetGroupARNs=[target],
        LaunchTemplate={"LaunchTemplateId": template, "Version": "1"},
    )  # fmt: skip
    undo.append((asg.delete_auto_scaling_group, {"AutoScalingGroupName": "g", "ForceDelete": True}))
    rds.create_db_subnet_group(DBSubnetGroupName="db", DBSubnetGroupDescription="x", SubnetIds=subnets[2:])
    rds.create_db_parameter_group(DBParameterGroupName="pg", DBParameterGroupFamily="postgres16", Description="x")
    rds.create_db_instance(
        DBInstanceIdentifier="main", Engine="postgres", EngineVersion="16", DBInstanceClass="db.t4g.micro", AllocatedStorage=20,
        MasterUsername="boss", ManageMasterUserPassword=True, DBSubnetGroupName="db", DBParameterGroupName="pg", MultiAZ=True,
        VpcSecurityGroupIds=[was],
    )  # fmt: skip
    undo += [
        (rds.delete_db_instance, {"DBInstanceIdentifier": "main", "SkipFinalSnapshot": True}),
        (rds.delete_db_subnet_group, {"DBSubnetGroupName": "db"}), (rds.delete_db_parameter_group, {"DBParameterGroupName": "pg"}),
    ]  # fmt: skip
    return undo


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_deletes_comes_to_an_end(cloud, seed):
    undo = build(cloud)
    assert {kind: len(ids) for kind, ids in cloud.inventory().items()} == {
        "vpc": 1, "internet-gateway": 1, "subnet": 4, "route-table": 1, "elastic-ip": 1, "nat-gateway": 1, "security-group": 2,
        "vpc-endpoint": 2, "role": 1, "instance-profile": 1, "launch-template": 1, "load-balancer": 1, "target-group": 1, "listener": 1,
        "rule": 1, "autoscaling-group": 1, "instance": 2, "volume": 2, "db-subnet-group": 1, "db-parameter-group": 1, "db-instance": 1,
        "secret": 1,
    }  # fmt: skip
    if seed % 2:
        cloud.settings(phases=True)
    order = random.Random(seed)
    for _ in range(40):
        order.shuffle(undo)
        left = []
        for call, ask in undo:
            try:
                call(**ask)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                assert code not in ("InternalFailure", "NotImplemented"), error
                if (
                    "NotFound" not in code
                    and code != "NoSuchEntity"
                    and "not found" not in str(error)
                    and code != "Gateway.NotAttached"
                ):
                    left.append((call, ask))
        undo = left
        cloud.post("advance", seconds=100)
        if not undo:
            break
    assert undo == []
    assert cloud.inventory() == {}
