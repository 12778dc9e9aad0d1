"""The resource kinds this server knows: how each is named in the API, and the error for one that is not there.

Serves lag (what is hidden, and how its absence is reported) and the inventory. Codes and texts:
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html and each service's API reference.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of resource."""

    name: str
    service: str
    #: The operations that make one, and where the result names it ("" means: the parameter `lookups[0]` names it).
    creates: tuple[tuple[str, str], ...]
    #: The operations that list it: operation, path of the list in the result, member that names the item.
    lists: tuple[tuple[str, str, str], ...]
    #: The error for one that does not exist.
    missing: tuple[str, str]
    #: The parameters that name an existing one; empty where its id is unique across kinds, so that any parameter does.
    lookups: tuple[str, ...] = ()
    #: A Describe that names it explicitly fails, rather than answering an empty list.
    describe_fails: bool = True


def _ec2(name: str, create: str, path: str, lists: str, items: str, member: str, code: str, text: str) -> Kind:
    return Kind(name, "ec2", ((create, path),), ((lists, items, member),), (code, text))


KINDS = (
    _ec2("vpc", "CreateVpc", "Vpc.VpcId", "DescribeVpcs", "Vpcs", "VpcId",
         "InvalidVpcID.NotFound", "The vpc ID '{}' does not exist"),
    _ec2("subnet", "CreateSubnet", "Subnet.SubnetId", "DescribeSubnets", "Subnets", "SubnetId",
         "InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist"),
    _ec2("internet-gateway", "CreateInternetGateway", "InternetGateway.InternetGatewayId", "DescribeInternetGateways",
         "InternetGateways", "InternetGatewayId", "InvalidInternetGatewayID.NotFound",
         "The internetGateway ID '{}' does not exist"),
    _ec2("elastic-ip", "AllocateAddress", "AllocationId", "DescribeAddresses", "Addresses", "AllocationId",
         "InvalidAllocationID.NotFound", "The allocation ID '{}' does not exist"),
    _ec2("nat-gateway", "CreateNatGateway", "NatGateway.NatGatewayId", "DescribeNatGateways", "NatGateways", "NatGatewayId",
         "NatGatewayNotFound", "The Nat Gateway {} was not found"),
    _ec2("route-table", "CreateRouteTable", "RouteTable.RouteTableId", "DescribeRouteTables", "RouteTables", "RouteTableId",
         "InvalidRouteTableID.NotFound", "The routeTable ID '{}' does not exist"),
    _ec2("security-group", "CreateSecurityGroup", "GroupId", "DescribeSecurityGroups", "SecurityGroups", "GroupId",
         "InvalidGroup.NotFound", "The security group '{}' does not exist"),
    _ec2("vpc-endpoint", "CreateVpcEndpoint", "VpcEndpoint.VpcEndpointId", "DescribeVpcEndpoints", "VpcEndpoints",
         "VpcEndpointId", "InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '{}' does not exist"),
    _ec2("launch-template", "CreateLaunchTemplate", "LaunchTemplate.LaunchTemplateId", "DescribeLaunchTemplates",
         "LaunchTemplates", "LaunchTemplateId", "InvalidLaunchTemplateId.NotFound",
         "The specified launch template, with template ID {}, does not exist."),
    _ec2("network-interface", "CreateNetworkInterface", "NetworkInterface.NetworkInterfaceId", "DescribeNetworkInterfaces",
         "NetworkInterfaces", "NetworkInterfaceId", "InvalidNetworkInterfaceID.NotFound",
         "The networkInterface ID '{}' does not exist"),
    _ec2("instance", "RunInstances", "Instances.0.InstanceId", "DescribeInstances", "Reservations.*.Instances", "InstanceId",
         "InvalidInstanceID.NotFound", "The instance ID '{}' does not exist"),
    _ec2("volume", "CreateVolume", "VolumeId", "DescribeVolumes", "Volumes", "VolumeId",
         "InvalidVolume.NotFound", "The volume '{}' does not exist."),
    Kind("role", "iam", (("CreateRole", "Role.RoleName"),),
         (("ListRoles", "Roles", "RoleName"), ("GetAccountAuthorizationDetails", "RoleDetailList", "RoleName")),
         ("NoSuchEntity", "The role with name {} cannot be found."), ("RoleName",)),
    Kind("instance-profile", "iam", (("CreateInstanceProfile", "InstanceProfile.InstanceProfileName"),),
         (("ListInstanceProfiles", "InstanceProfiles", "InstanceProfileName"),
          ("ListInstanceProfilesForRole", "InstanceProfiles", "InstanceProfileName")),
         ("NoSuchEntity", "Instance Profile {} cannot be found."), ("InstanceProfileName",)),
    Kind("policy", "iam", (("CreatePolicy", "Policy.Arn"),), (("ListPolicies", "Policies", "Arn"),),
         ("NoSuchEntity", "Policy {} does not exist or is not attachable."), ("PolicyArn",)),
    Kind("target-group", "elasticloadbalancing", (("CreateTargetGroup", "TargetGroups.0.TargetGroupArn"),),
         (("DescribeTargetGroups", "TargetGroups", "TargetGroupArn"),),
         ("TargetGroupNotFound", "One or more target groups not found")),
    Kind("load-balancer", "elasticloadbalancing", (("CreateLoadBalancer", "LoadBalancers.0.LoadBalancerArn"),),
         (("DescribeLoadBalancers", "LoadBalancers", "LoadBalancerArn"),),
         ("LoadBalancerNotFound", "One or more load balancers not found")),
    Kind("listener", "elasticloadbalancing", (("CreateListener", "Listeners.0.ListenerArn"),),
         (("DescribeListeners", "Listeners", "ListenerArn"),),
         ("ListenerNotFound", "One or more listeners not found")),
    Kind("rule", "elasticloadbalancing", (("CreateRule", "Rules.0.RuleArn"),), (("DescribeRules", "Rules", "RuleArn"),),
         ("RuleNotFound", "One or more rules not found")),
    Kind("autoscaling-group", "autoscaling", (("CreateAutoScalingGroup", ""),),
         (("DescribeAutoScalingGroups", "AutoScalingGroups", "AutoScalingGroupName"),
          ("DescribeTags", "Tags", "ResourceId")),
         ("ValidationError", "AutoScalingGroup name not found - AutoScalingGroup {} not found"),
         ("AutoScalingGroupName",), describe_fails=False),
    Kind("db-subnet-group", "rds", (("CreateDBSubnetGroup", "DBSubnetGroup.DBSubnetGroupName"),),
         (("DescribeDBSubnetGroups", "DBSubnetGroups", "DBSubnetGroupName"),),
         ("DBSubnetGroupNotFoundFault", "DB subnet group '{}' does not exist."), ("DBSubnetGroupName",)),
    Kind("db-parameter-group", "rds", (("CreateDBParameterGroup", "DBParameterGroup.DBParameterGroupName"),),
         (("DescribeDBParameterGroups", "DBParameterGroups", "DBParameterGroupName"),),
         ("DBParameterGroupNotFound", "DBParameterGroup not found: {}"), ("DBParameterGroupName",)),
    Kind("db-instance", "rds", (("CreateDBInstance", "DBInstance.DBInstanceIdentifier"),),
         (("DescribeDBInstances", "DBInstances", "DBInstanceIdentifier"),),
         ("DBInstanceNotFound", "DBInstance {} not found."), ("DBInstanceIdentifier",)),
    Kind("db-snapshot", "rds", (("CreateDBSnapshot", "DBSnapshot.DBSnapshotIdentifier"),),
         (("DescribeDBSnapshots", "DBSnapshots", "DBSnapshotIdentifier"),),
         ("DBSnapshotNotFound", "DBSnapshot {} not found."), ("DBSnapshotIdentifier",)),
)  # fmt: skip

BY_NAME = {kind.name: kind for kind in KINDS}
