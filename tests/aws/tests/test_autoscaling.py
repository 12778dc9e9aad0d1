"""Auto Scaling groups: what is kept, what is refused, how instances come and go, and instance refresh."""

import pytest

MEMBERS = {
    "MinSize": 2, "MaxSize": 6, "DesiredCapacity": 4, "HealthCheckType": "ELB", "HealthCheckGracePeriod": 60, "DefaultCooldown": 10,
    "TerminationPolicies": ["OldestInstance", "Default"], "NewInstancesProtectedFromScaleIn": False, "CapacityRebalance": True,
    "MaxInstanceLifetime": 86400, "DefaultInstanceWarmup": 30,
    "InstanceMaintenancePolicy": {"MinHealthyPercentage": 90, "MaxHealthyPercentage": 120},
}  # fmt: skip


@pytest.fixture
def net(cloud):
    """A VPC, two subnets, a launch template with two versions, a target group behind a load balancer."""
    vpc = cloud.vpc()
    subnets = cloud.two_subnets(vpc)
    data = {"ImageId": cloud.image(), "InstanceType": "t3.micro", "SecurityGroupIds": [cloud.group(vpc)]}
    template = cloud.ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)["LaunchTemplate"][
        "LaunchTemplateId"
    ]
    cloud.ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.small"}
    )
    target = cloud.elbv2.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0][
        "TargetGroupArn"
    ]
    balancer = cloud.elbv2.create_load_balancer(Name="web", Subnets=subnets, Scheme="internal")["LoadBalancers"][0][
        "LoadBalancerArn"
    ]
    forward = [{"Type": "forward", "TargetGroupArn": target}]
    cloud.elbv2.create_listener(LoadBalancerArn=balancer, Port=80, Protocol="HTTP", DefaultActions=forward)
    return {"vpc": vpc, "subnets": subnets, "template": template, "target": target, "balancer": balancer}


def ask(net, **more):
    return {
        "AutoScalingGroupName": "web", "MinSize": 1, "MaxSize": 4, "DesiredCapacity": 2,
        "VPCZoneIdentifier": ",".join(net["subnets"]), "LaunchTemplate": {"LaunchTemplateId": net["template"], "Version": "1"},
        "TargetGroupARNs": [net["target"]],
    } | more  # fmt: skip


def group(cloud):
    return cloud.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])["AutoScalingGroups"][0]


def versions(cloud):
    return sorted(
        item["LaunchTemplate"]["Version"]
        for item in group(cloud)["Instances"]
        if item["LifecycleState"] != "Terminating"
    )


def test_every_member_is_kept_and_changed(cloud, net):
    cloud.autoscaling.create_auto_scaling_group(**ask(net, **MEMBERS))
    row = group(cloud)
    assert {key: row[key] for key in MEMBERS} == MEMBERS
    assert row["LaunchTemplate"] == {"LaunchTemplateId": net["template"], "LaunchTemplateName": "web", "Version": "1"}
    changed = {
        "HealthCheckType": "EC2",
        "HealthCheckGracePeriod": 5,
        "TerminationPolicies": ["Default"],
        "CapacityRebalance": False,
    }
    cloud.autoscaling.update_auto_scaling_group(AutoScalingGroupName="web", **changed)
    row = group(cloud)
    assert {key: row[key] for key in changed} == changed
    assert row["DefaultCooldown"] == 10


def test_bad_groups_are_refused(cloud, refused, net):
    make = cloud.autoscaling.create_auto_scaling_group
    refused("ValidationError", make, **ask(net, MinSize=3, MaxSize=2, DesiredCapacity=3))
    refused("ValidationError", make, **ask(net, DesiredCapacity=5))
    refused("ValidationError", make, **ask(net, VPCZoneIdentifier="subnet-0123456789abcdef0"))
    refused("ValidationError", make, **ask(net, TargetGroupARNs=[net["target"] + "0"]))
    refused("ValidationError", make, **ask(net, LaunchTemplate={"LaunchTemplateName": "none", "Version": "1"}))
    refused("ValidationError", make, **ask(net, LaunchTemplate={"LaunchTemplateId": net["template"], "Version": "7"}))
    data = {"ImageId": cloud.image(), "InstanceType": "t3.micro", "IamInstanceProfile": {"Name": "nobody"}}
    cloud.ec2.create_launch_template(LaunchTemplateName="nobody", LaunchTemplateData=data)
    message = refused(
        "ValidationError", make, **ask(net, LaunchTemplate={"LaunchTemplateName": "nobody", "Version": "1"})
    )
    assert "Invalid IAM Instance Profile" in message
    make(**ask(net))
    refused("AlreadyExists", make, **ask(net))


def test_desired_capacity_follows_its_bounds(cloud, refused, net):
    cloud.autoscaling.create_auto_scaling_group(**ask(net))
    cloud.autoscaling.update_auto_scaling_group(AutoScalingGroupName="web", MinSize=3)
    assert (group(cloud)["DesiredCapacity"], len(group(cloud)["Instances"])) == (3, 3)
    cloud.autoscaling.update_auto_scaling_group(AutoScalingGroupName="web", MinSize=0, MaxSize=1)
    assert (group(cloud)["DesiredCapacity"], len(group(cloud)["Instances"])) == (1, 1)
    refused("ValidationError", cloud.autoscaling.set_desired_capacity, AutoScalingGroupName="web", DesiredCapacity=2)


def test_instances_are_spread_tagged_registered_and_healthy(cloud, net):
    tags = [
        {
            "ResourceId": "web",
            "ResourceType": "auto-scaling-group",
            "Key": "Name",
            "Value": "w",
            "PropagateAtLaunch": True,
        }
    ]
    cloud.autoscaling.create_auto_scaling_group(**ask(net, DesiredCapacity=4, Tags=tags))
    rows = group(cloud)["Instances"]
    assert sorted(row["AvailabilityZone"] for row in rows) == ["us-east-1a"] * 2 + ["us-east-1b"] * 2
    assert {row["LifecycleState"] for row in rows} == {"InService"}
    assert all(row["LaunchTemplate"]["Version"] == "1" for row in rows)
    health = cloud.elbv2.describe_target_health(TargetGroupArn=net["target"])["TargetHealthDescriptions"]
    assert [row["TargetHealth"]["State"] for row in health] == ["healthy"] * 4
    found = cloud.ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["w"]}])["Reservations"]
    assert len(found) == 4
    activities = cloud.autoscaling.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
    assert len(activities) == 4


def test_unhealthy_and_ended_instances_are_replaced(cloud, net):
    cloud.autoscaling.create_auto_scaling_group(**ask(net, HealthCheckType="ELB"))
    first, second = (row["InstanceId"] for row in group(cloud)["Instances"])
    cloud.post("health", ids=[first], healthy=False)
    after = [row["InstanceId"] for row in group(cloud)["Instances"]]
    assert first not in after and second in after and len(after) == 2
    cloud.ec2.terminate_instances(InstanceIds=[second])
    after = [row["InstanceId"] for row in group(cloud)["Instances"]]
    assert second not in after and len(after) == 2
    cloud.autoscaling.set_instance_health(InstanceId=after[0], HealthStatus="Unhealthy")
    assert after[0] not in [row["InstanceId"] for row in group(cloud)["Instances"]]


def test_a_group_with_instances_needs_force(cloud, refused, net):
    scaling = cloud.autoscaling
    scaling.create_auto_scaling_group(**ask(net))
    refused("ResourceInUse", scaling.delete_auto_scaling_group, AutoScalingGroupName="web")
    refused("DependencyViolation", cloud.ec2.delete_subnet, SubnetId=net["subnets"][0])
    cloud.settings(phases=True)
    scaling.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    assert group(cloud)["Status"] == "Delete in progress"
    refused("AlreadyExists", scaling.create_auto_scaling_group, **ask(net))
    refused("ScalingActivityInProgress", scaling.update_auto_scaling_group, AutoScalingGroupName="web", MinSize=0)
    cloud.post("advance", seconds=60)
    assert scaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    refused("ValidationError", scaling.delete_auto_scaling_group, AutoScalingGroupName="web")
    assert not {"autoscaling-group", "instance", "volume"} & set(cloud.inventory())


def test_policies_are_kept_whole(cloud, refused, net):
    scaling = cloud.autoscaling
    scaling.create_auto_scaling_group(**ask(net))
    label = net["balancer"].split(":loadbalancer/")[1] + "/" + net["target"].rpartition(":")[2]
    tracking = {
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label},
        "TargetValue": 100.0, "DisableScaleIn": True,
    }  # fmt: skip
    made = scaling.put_scaling_policy(
        AutoScalingGroupName="web", PolicyName="requests", PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration=tracking, EstimatedInstanceWarmup=60,
    )  # fmt: skip
    assert len(made["Alarms"]) == 2
    steps = [
        {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 2},
    ]
    scaling.put_scaling_policy(
        AutoScalingGroupName="web", PolicyName="steps", PolicyType="StepScaling", AdjustmentType="ChangeInCapacity",
        StepAdjustments=steps, MetricAggregationType="Maximum", EstimatedInstanceWarmup=30,
    )  # fmt: skip
    rows = {row["PolicyName"]: row for row in scaling.describe_policies(AutoScalingGroupName="web")["ScalingPolicies"]}
    assert rows["requests"]["TargetTrackingConfiguration"] == tracking
    assert (rows["steps"]["StepAdjustments"], rows["steps"]["MetricAggregationType"]) == (steps, "Maximum")
    tracking["PredefinedMetricSpecification"]["ResourceLabel"] = label + "0"
    refused("ValidationError", scaling.put_scaling_policy, AutoScalingGroupName="web", PolicyName="x", PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration=tracking)  # fmt: skip
    refused(
        "ValidationError",
        scaling.put_scaling_policy,
        AutoScalingGroupName="web",
        PolicyName="x",
        PolicyType="StepScaling",
    )
    scaling.delete_policy(AutoScalingGroupName="web", PolicyName="steps")
    refused("ValidationError", scaling.delete_policy, AutoScalingGroupName="web", PolicyName="steps")


def test_scheduled_actions(cloud, refused, net):
    scaling = cloud.autoscaling
    scaling.create_auto_scaling_group(**ask(net))
    put = {
        "AutoScalingGroupName": "web",
        "ScheduledActionName": "morning",
        "Recurrence": "0 8 * * MON-FRI",
        "MinSize": 2,
        "TimeZone": "Asia/Seoul",
    }
    scaling.put_scheduled_update_group_action(**put)
    row = scaling.describe_scheduled_actions(AutoScalingGroupName="web")["ScheduledUpdateGroupActions"][0]
    assert {key: row[key] for key in put} == put
    refused("ValidationError", scaling.put_scheduled_update_group_action, **put | {"Recurrence": "0 8 * *"})
    refused("ValidationError", scaling.put_scheduled_update_group_action, **put | {"MinSize": 3, "MaxSize": 2})
    scaling.delete_scheduled_action(AutoScalingGroupName="web", ScheduledActionName="morning")
    refused(
        "ValidationError", scaling.delete_scheduled_action, AutoScalingGroupName="web", ScheduledActionName="morning"
    )


def test_metrics_tags_and_target_groups(cloud, net):
    scaling = cloud.autoscaling
    scaling.create_auto_scaling_group(**ask(net))
    scaling.enable_metrics_collection(
        AutoScalingGroupName="web", Granularity="1Minute", Metrics=["GroupMinSize", "GroupMaxSize"]
    )
    scaling.disable_metrics_collection(AutoScalingGroupName="web", Metrics=["GroupMinSize"])
    assert group(cloud)["EnabledMetrics"] == [{"Metric": "GroupMaxSize", "Granularity": "1Minute"}]
    tag = {
        "ResourceId": "web",
        "ResourceType": "auto-scaling-group",
        "Key": "a",
        "Value": "b",
        "PropagateAtLaunch": False,
    }
    scaling.create_or_update_tags(Tags=[tag])
    assert group(cloud)["Tags"] == [tag]
    found = scaling.describe_auto_scaling_groups(Filters=[{"Name": "tag:a", "Values": ["b"]}])["AutoScalingGroups"]
    assert len(found) == 1
    scaling.delete_tags(Tags=[tag])
    assert group(cloud)["Tags"] == []
    scaling.detach_load_balancer_target_groups(AutoScalingGroupName="web", TargetGroupARNs=[net["target"]])
    assert cloud.elbv2.describe_target_health(TargetGroupArn=net["target"])["TargetHealthDescriptions"] == []
    scaling.attach_load_balancer_target_groups(AutoScalingGroupName="web", TargetGroupARNs=[net["target"]])
    assert len(cloud.elbv2.describe_target_health(TargetGroupArn=net["target"])["TargetHealthDescriptions"]) == 2


def desired(net):
    return {"LaunchTemplate": {"LaunchTemplateId": net["template"], "Version": "2"}}


def refreshes(cloud):
    return cloud.autoscaling.describe_instance_refreshes(AutoScalingGroupName="web")["InstanceRefreshes"]


def test_a_refresh_applies_the_desired_configuration_when_it_succeeds(cloud, refused, net):
    cloud.autoscaling.create_auto_scaling_group(**ask(net, DesiredCapacity=4))
    cloud.settings(phases=True, refresh_batch_seconds=100.0)
    start = lambda: cloud.autoscaling.start_instance_refresh(
        AutoScalingGroupName="web",
        DesiredConfiguration=desired(net),
        Preferences={"MinHealthyPercentage": 50, "AutoRollback": True},
    )
    start()
    refused("InstanceRefreshInProgress", cloud.autoscaling.start_instance_refresh, AutoScalingGroupName="web")
    refused(
        "ValidationError",
        cloud.autoscaling.update_auto_scaling_group,
        AutoScalingGroupName="web",
        LaunchTemplate=desired(net)["LaunchTemplate"],
    )
    assert refreshes(cloud)[0]["Status"] == "Pending"
    cloud.post("advance", seconds=110)
    row = refreshes(cloud)[0]
    assert (row["Status"], row["PercentageComplete"], row["InstancesToUpdate"]) == ("InProgress", 50, 2)
    assert group(cloud)["LaunchTemplate"]["Version"] == "1"
    cloud.post("advance", seconds=150)
    assert refreshes(cloud)[0]["Status"] == "Successful"
    assert group(cloud)["LaunchTemplate"]["Version"] == "2"
    assert versions(cloud) == ["2"] * 4


def test_a_failed_refresh_rolls_itself_back(cloud, net):
    cloud.autoscaling.create_auto_scaling_group(**ask(net))
    cloud.settings(fail_refreshes=2)
    ask_for = {"AutoScalingGroupName": "web", "DesiredConfiguration": desired(net)}
    cloud.autoscaling.start_instance_refresh(**ask_for, Preferences={"AutoRollback": True})
    row = refreshes(cloud)[0]
    assert (row["Status"], "RollbackDetails" in row) == ("RollbackSuccessful", True)
    assert (group(cloud)["LaunchTemplate"]["Version"], versions(cloud)) == ("1", ["1", "1"])
    cloud.autoscaling.start_instance_refresh(**ask_for)
    assert refreshes(cloud)[0]["Status"] == "Failed"
    cloud.post("health", ids=[f"{net['template']}:2"], healthy=False)
    cloud.autoscaling.start_instance_refresh(**ask_for)
    assert refreshes(cloud)[0]["Status"] == "Failed"
    assert group(cloud)["LaunchTemplate"]["Version"] == "1"


def test_cancel_and_rollback_by_hand(cloud, refused, net):
    scaling = cloud.autoscaling
    scaling.create_auto_scaling_group(**ask(net))
    refused("ActiveInstanceRefreshNotFound", scaling.cancel_instance_refresh, AutoScalingGroupName="web")
    cloud.settings(phases=True)
    scaling.start_instance_refresh(AutoScalingGroupName="web")
    refused("IrreversibleInstanceRefresh", scaling.rollback_instance_refresh, AutoScalingGroupName="web")
    scaling.cancel_instance_refresh(AutoScalingGroupName="web")
    assert refreshes(cloud)[0]["Status"] == "Cancelled"
    scaling.start_instance_refresh(AutoScalingGroupName="web", DesiredConfiguration=desired(net))
    cloud.post("advance", seconds=130)
    assert versions(cloud)[-1] == "2"
    scaling.rollback_instance_refresh(AutoScalingGroupName="web")
    cloud.post("advance", seconds=1000)
    assert refreshes(cloud)[0]["Status"] == "RollbackSuccessful"
    assert set(versions(cloud)) == {"1"}


def test_skip_matching_and_auto_rollback_rules(cloud, refused, net):
    scaling = cloud.autoscaling
    scaling.create_auto_scaling_group(**ask(net))
    refused(
        "ValidationError",
        scaling.start_instance_refresh,
        AutoScalingGroupName="web",
        Preferences={"AutoRollback": True},
    )
    latest = {"LaunchTemplate": {"LaunchTemplateId": net["template"], "Version": "$Latest"}}
    refused(
        "ValidationError",
        scaling.start_instance_refresh,
        AutoScalingGroupName="web",
        DesiredConfiguration=latest,
        Preferences={"AutoRollback": True},
    )
    before = {row["InstanceId"] for row in group(cloud)["Instances"]}
    scaling.start_instance_refresh(AutoScalingGroupName="web", Preferences={"SkipMatching": True})
    assert refreshes(cloud)[0]["Status"] == "Successful"
    assert {row["InstanceId"] for row in group(cloud)["Instances"]} == before


def test_protection_hooks_and_traffic_sources(cloud, refused, net):
    scaling = cloud.autoscaling
    hook = {
        "LifecycleHookName": "h",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
        "HeartbeatTimeout": 60,
    }
    scaling.create_auto_scaling_group(**ask(
        net, DeletionProtection="prevent-force-deletion", LifecycleHookSpecificationList=[hook], TargetGroupARNs=[],
        TrafficSources=[{"Identifier": net["target"], "Type": "elbv2"}],
    ))  # fmt: skip
    refused("ValidationError", scaling.delete_auto_scaling_group, AutoScalingGroupName="web", ForceDelete=True)
    row = scaling.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"][0]
    assert {key: row[key] for key in hook} == hook
    assert group(cloud)["TargetGroupARNs"] == [net["target"]]
    scaling.detach_traffic_sources(
        AutoScalingGroupName="web", TrafficSources=[{"Identifier": net["target"], "Type": "elbv2"}]
    )
    assert group(cloud)["TrafficSources"] == []


def test_what_is_not_kept_is_refused(cloud, refused, net):
    refused("NotImplemented", cloud.autoscaling.create_auto_scaling_group, **ask(net, LoadBalancerNames=["old"]))
    refused("NotImplemented", cloud.autoscaling.describe_launch_configurations)


def test_instances_follow_their_group_out_of_a_subnet(cloud, net):
    cloud.autoscaling.create_auto_scaling_group(**ask(net))
    cloud.autoscaling.update_auto_scaling_group(AutoScalingGroupName="web", VPCZoneIdentifier=net["subnets"][0])
    zones = {item["AvailabilityZone"] for item in group(cloud)["Instances"] if item["LifecycleState"] == "InService"}
    assert len(zones) == 1
