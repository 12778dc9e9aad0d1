"""Load balancers, target groups, listeners and rules."""

import pytest


@pytest.fixture
def net(cloud):
    """A VPC with a way out and two subnets."""
    vpc = cloud.vpc()
    gateway = cloud.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    cloud.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return vpc, cloud.two_subnets(vpc)


@pytest.fixture
def balancer(cloud, net):
    """A load balancer's ARN."""
    return cloud.elbv2.create_load_balancer(Name="web", Subnets=net[1])["LoadBalancers"][0]["LoadBalancerArn"]


@pytest.fixture
def target(cloud, net):
    """A target group's ARN."""
    return make_target(cloud, net[0])


def make_target(cloud, vpc, name="web", **more):
    made = cloud.elbv2.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, **more)
    return made["TargetGroups"][0]["TargetGroupArn"]


def forward(target):
    return [{"Type": "forward", "TargetGroupArn": target}]


def certificate(cloud):
    """An issued certificate: a self-signed one, imported."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(90)).sign(key, hashes.SHA256())
    )  # fmt: skip
    return cloud.acm.import_certificate(
        Certificate=made.public_bytes(serialization.Encoding.PEM),
        PrivateKey=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )["CertificateArn"]


def test_where_a_load_balancer_may_stand(cloud, refused, net):
    vpc, subnets = net
    make = cloud.elbv2.create_load_balancer
    refused("ValidationError", make, Name="web", Subnets=subnets[:1])
    same_zone = cloud.subnet(vpc, "10.0.3.0/24", "a")
    refused("InvalidConfigurationRequest", make, Name="web", Subnets=[subnets[0], same_zone])
    refused("SubnetNotFound", make, Name="web", Subnets=[subnets[0], "subnet-0123456789abcdef0"])
    refused("InvalidSecurityGroup", make, Name="web", Subnets=subnets, SecurityGroups=["sg-0123456789abcdef0"])
    elsewhere = cloud.vpc("10.1.0.0/16")
    foreign = cloud.group(elsewhere)
    refused("InvalidConfigurationRequest", make, Name="web", Subnets=subnets, SecurityGroups=[foreign])
    no_way_out = [cloud.subnet(elsewhere, "10.1.1.0/24", "a"), cloud.subnet(elsewhere, "10.1.2.0/24", "b")]
    refused("InvalidSubnet", make, Name="web", Subnets=no_way_out)
    make(Name="inside", Subnets=no_way_out, Scheme="internal")
    refused("ValidationError", make, Name="-web", Subnets=subnets)


def test_names_are_idempotent(cloud, refused, net, balancer, target):
    vpc, subnets = net
    again = cloud.elbv2.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    assert again == balancer
    refused(
        "DuplicateLoadBalancerName", cloud.elbv2.create_load_balancer, Name="web", Subnets=subnets, Scheme="internal"
    )
    assert make_target(cloud, vpc) == target
    refused(
        "DuplicateTargetGroupName", cloud.elbv2.create_target_group, Name="web", Protocol="HTTP", Port=81, VpcId=vpc
    )


def test_listeners(cloud, refused, balancer, target):
    elb = cloud.elbv2
    ask = {"LoadBalancerArn": balancer, "Port": 80, "Protocol": "HTTP", "DefaultActions": forward(target)}
    first = elb.create_listener(**ask)["Listeners"][0]
    assert elb.create_listener(**ask)["Listeners"][0]["ListenerArn"] == first["ListenerArn"]
    redirect = [{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}]
    refused("DuplicateListener", elb.create_listener, **ask | {"DefaultActions": redirect})
    secure = ask | {"Port": 443, "Protocol": "HTTPS"}
    refused("ValidationError", elb.create_listener, **secure)
    unknown = f"arn:aws:acm:us-east-1:{cloud.account}:certificate/none"
    refused("CertificateNotFound", elb.create_listener, **secure, Certificates=[{"CertificateArn": unknown}])
    issued = [{"CertificateArn": certificate(cloud)}]
    refused("SSLPolicyNotFound", elb.create_listener, **secure, Certificates=issued, SslPolicy="none")
    made = elb.create_listener(**secure, Certificates=issued, SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06")[
        "Listeners"
    ][0]
    assert (made["Certificates"], made["SslPolicy"]) == (issued, "ELBSecurityPolicy-TLS13-1-2-2021-06")
    changed = elb.modify_listener(ListenerArn=first["ListenerArn"], DefaultActions=redirect)["Listeners"][0]
    assert changed["DefaultActions"][0]["RedirectConfig"]["Host"] == "#{host}"
    elb.delete_listener(ListenerArn=made["ListenerArn"])
    refused("ListenerNotFound", elb.delete_listener, ListenerArn=made["ListenerArn"])
    refused("TargetGroupNotFound", elb.create_listener, **ask | {"Port": 81, "DefaultActions": forward(target + "0")})


def test_a_target_group_belongs_to_one_load_balancer_and_is_kept_while_used(cloud, refused, net, balancer, target):
    elb = cloud.elbv2
    elb.create_listener(LoadBalancerArn=balancer, Port=80, Protocol="HTTP", DefaultActions=forward(target))
    other = elb.create_load_balancer(Name="other", Subnets=net[1])["LoadBalancers"][0]["LoadBalancerArn"]
    refused(
        "TargetGroupAssociationLimit",
        elb.create_listener,
        LoadBalancerArn=other,
        Port=80,
        Protocol="HTTP",
        DefaultActions=forward(target),
    )
    refused("ResourceInUse", elb.delete_target_group, TargetGroupArn=target)
    assert elb.describe_target_groups(TargetGroupArns=[target])["TargetGroups"][0]["LoadBalancerArns"] == [balancer]
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    elb.delete_target_group(TargetGroupArn=target)
    refused("TargetGroupNotFound", elb.describe_target_groups, TargetGroupArns=[target])


def test_deletion_protection(cloud, refused, balancer):
    elb = cloud.elbv2
    turn = lambda to: elb.modify_load_balancer_attributes(
        LoadBalancerArn=balancer, Attributes=[{"Key": "deletion_protection.enabled", "Value": to}]
    )
    turn("true")
    refused("OperationNotPermitted", elb.delete_load_balancer, LoadBalancerArn=balancer)
    turn("false")
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    refused("LoadBalancerNotFound", elb.describe_load_balancers, LoadBalancerArns=[balancer])
    refused("LoadBalancerNotFound", elb.describe_load_balancers, Names=["web"])
    elb.delete_load_balancer(LoadBalancerArn=balancer)  # AWS: deleting a deleted one succeeds


def test_attributes_are_kept_and_unknown_ones_refused(cloud, refused, balancer, target):
    elb = cloud.elbv2
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=balancer, Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "30"}]
    )
    read = {a["Key"]: a["Value"] for a in elb.describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]}
    assert (read["idle_timeout.timeout_seconds"], read["routing.http2.enabled"]) == ("30", "true")
    refused(
        "ValidationError",
        elb.modify_load_balancer_attributes,
        LoadBalancerArn=balancer,
        Attributes=[{"Key": "colour", "Value": "red"}],
    )
    elb.modify_target_group_attributes(
        TargetGroupArn=target, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "15"}]
    )
    read = {a["Key"]: a["Value"] for a in elb.describe_target_group_attributes(TargetGroupArn=target)["Attributes"]}
    assert (read["deregistration_delay.timeout_seconds"], read["stickiness.type"]) == ("15", "lb_cookie")


def test_health_checks_are_kept_changed_and_checked(cloud, refused, net, target):
    elb = cloud.elbv2
    changed = {
        "HealthCheckPath": "/up", "HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 4, "HealthyThresholdCount": 3,
        "UnhealthyThresholdCount": 4, "Matcher": {"HttpCode": "200-299"}, "HealthCheckPort": "8080", "HealthCheckProtocol": "HTTPS",
    }  # fmt: skip
    elb.modify_target_group(TargetGroupArn=target, **changed)
    row = elb.describe_target_groups(Names=["web"])["TargetGroups"][0]
    assert {key: row[key] for key in changed} == changed
    refused("ValidationError", elb.modify_target_group, TargetGroupArn=target, HealthCheckTimeoutSeconds=10)


def test_rules(cloud, refused, balancer, target):
    elb = cloud.elbv2
    listener = elb.create_listener(LoadBalancerArn=balancer, Port=80, Protocol="HTTP", DefaultActions=forward(target))[
        "Listeners"
    ][0]["ListenerArn"]
    ask = {"ListenerArn": listener, "Priority": 5, "Conditions": [{"Field": "path-pattern", "Values": ["/a*"]}],
           "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]}  # fmt: skip
    rule = elb.create_rule(**ask)["Rules"][0]
    assert rule["Conditions"][0]["PathPatternConfig"] == {"Values": ["/a*"]}
    refused("PriorityInUse", elb.create_rule, **ask)
    refused("ValidationError", elb.create_rule, **ask | {"Priority": 50001})
    elb.modify_rule(
        RuleArn=rule["RuleArn"], Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example"]}}]
    )
    elb.set_rule_priorities(RulePriorities=[{"RuleArn": rule["RuleArn"], "Priority": 9}])
    rules = elb.describe_rules(ListenerArn=listener)["Rules"]
    assert [(r["Priority"], r["IsDefault"]) for r in rules] == [("9", False), ("default", True)]
    assert rules[0]["Conditions"][0]["Values"] == ["a.example"]
    refused("OperationNotPermitted", elb.delete_rule, RuleArn=rules[1]["RuleArn"])
    elb.delete_rule(RuleArn=rule["RuleArn"])
    refused("RuleNotFound", elb.delete_rule, RuleArn=rule["RuleArn"])


def test_a_load_balancer_holds_its_subnets_and_groups(cloud, refused, net):
    vpc, subnets = net
    group, other = cloud.group(vpc), cloud.group(vpc, "other")
    cloud.settings(phases=True)
    arn = cloud.elbv2.create_load_balancer(Name="web", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0][
        "LoadBalancerArn"
    ]
    state = lambda: cloud.elbv2.describe_load_balancers()["LoadBalancers"][0]["State"]["Code"]
    assert state() == "provisioning"
    cloud.post("advance", seconds=150)
    assert state() == "active"
    refused("DependencyViolation", cloud.ec2.delete_subnet, SubnetId=subnets[0])
    refused("DependencyViolation", cloud.ec2.delete_security_group, GroupId=group)
    cloud.elbv2.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[other])
    cloud.ec2.delete_security_group(GroupId=group)
    cloud.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    refused("DependencyViolation", cloud.ec2.delete_subnet, SubnetId=subnets[0])
    cloud.post("advance", seconds=30)
    cloud.ec2.delete_subnet(SubnetId=subnets[0])
    assert set(cloud.inventory()) == {"vpc", "subnet", "internet-gateway", "security-group"}


def test_set_subnets_moves_it(cloud, refused, net, balancer):
    vpc, subnets = net
    third = cloud.subnet(vpc, "10.0.3.0/24", "c")
    zones = cloud.elbv2.set_subnets(LoadBalancerArn=balancer, Subnets=[subnets[0], third])["AvailabilityZones"]
    assert [zone["ZoneName"] for zone in zones] == ["us-east-1a", "us-east-1c"]
    cloud.ec2.delete_subnet(SubnetId=subnets[1])


def test_tags_of_at_most_twenty(cloud, refused, balancer):
    elb = cloud.elbv2
    elb.add_tags(ResourceArns=[balancer], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    elb.remove_tags(ResourceArns=[balancer], TagKeys=["a"])
    assert elb.describe_tags(ResourceArns=[balancer])["TagDescriptions"][0]["Tags"] == [{"Key": "b", "Value": "2"}]
    refused("ValidationError", elb.describe_tags, ResourceArns=[balancer] * 21)
