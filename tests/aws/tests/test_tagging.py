"""The tagging API, and the services that have no rules here."""


def arns(cloud, **more):
    return [
        row["ResourceARN"] for row in cloud.resourcegroupstaggingapi.get_resources(**more)["ResourceTagMappingList"]
    ]


def test_tagged_resources_are_listed_even_when_deleted(cloud):
    tags = [{"Key": "owner", "Value": "x"}]
    vpc = cloud.ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])[
        "Vpc"
    ]["VpcId"]
    cloud.rds.create_db_parameter_group(
        DBParameterGroupName="pg", DBParameterGroupFamily="postgres16", Description="x", Tags=tags
    )
    target = cloud.elbv2.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc, Tags=tags)[
        "TargetGroups"
    ][0]["TargetGroupArn"]
    cloud.vpc()
    prefix = f"us-east-1:{cloud.account}:"
    wanted = [f"arn:aws:ec2:{prefix}vpc/{vpc}", target, f"arn:aws:rds:{prefix}pg:pg"]
    assert arns(cloud) == wanted
    assert arns(cloud, TagFilters=[{"Key": "owner", "Values": ["y"]}]) == []
    assert arns(cloud, ResourceTypeFilters=["rds:pg"]) == wanted[2:]
    cloud.elbv2.delete_target_group(TargetGroupArn=target)
    cloud.ec2.delete_vpc(VpcId=vpc)
    assert arns(cloud) == wanted
    cloud.post("advance", seconds=3601)
    assert arns(cloud) == wanted[2:]


def test_tags_are_changed_by_arn(cloud):
    vpc = cloud.vpc()
    arn = f"arn:aws:ec2:us-east-1:{cloud.account}:vpc/{vpc}"
    lost = f"arn:aws:ec2:us-east-1:{cloud.account}:vpc/vpc-0123456789abcdef0"
    failed = cloud.resourcegroupstaggingapi.tag_resources(ResourceARNList=[arn, lost], Tags={"a": "b"})[
        "FailedResourcesMap"
    ]
    assert list(failed) == [lost]
    assert arns(cloud, TagFilters=[{"Key": "a"}]) == [arn]


def test_target_tracking_makes_alarms_and_takes_them_along(cloud):
    vpc = cloud.vpc()
    subnets = cloud.two_subnets(vpc)
    cloud.ec2.create_launch_template(
        LaunchTemplateName="tpl", LaunchTemplateData={"ImageId": cloud.image(), "InstanceType": "t3.micro"}
    )
    cloud.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="g", MinSize=0, MaxSize=1, VPCZoneIdentifier=",".join(subnets),
        LaunchTemplate={"LaunchTemplateName": "tpl", "Version": "1"},
    )  # fmt: skip
    metric = {
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
        "TargetValue": 50.0,
    }
    cloud.autoscaling.put_scaling_policy(
        AutoScalingGroupName="g",
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration=metric,
    )
    assert len(cloud.cloudwatch.describe_alarms()["MetricAlarms"]) == 2
    cloud.autoscaling.delete_auto_scaling_group(AutoScalingGroupName="g", ForceDelete=True)
    assert cloud.cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_other_services_are_counted_throttled_and_failed_too(cloud, refused):
    cloud.secretsmanager.list_secrets()
    assert cloud.get("calls")["counts"] == {"secretsmanager.ListSecrets": 1}
    cloud.post("fail", action="secretsmanager.ListSecrets", code="InternalServiceError", status=400)
    refused("InternalServiceError", cloud.secretsmanager.list_secrets)
    cloud.settings(throttle=True, time_scale=0.001)
    ask = {"AlarmName": "a", "MetricName": "m", "Namespace": "n", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
           "ComparisonOperator": "GreaterThanThreshold", "Statistic": "Sum"}  # fmt: skip
    for _ in range(3):
        cloud.cloudwatch.put_metric_alarm(**ask)
    refused("Throttling", cloud.cloudwatch.put_metric_alarm, **ask)


def test_a_dry_run_of_an_instance_probes_its_profile(cloud, refused):
    ask = {"ImageId": cloud.image(), "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "DryRun": True}
    refused("DryRunOperation", cloud.ec2.run_instances, **ask)
    refused("InvalidParameterValue", cloud.ec2.run_instances, **ask, IamInstanceProfile={"Name": "nobody"})
