"""What this server does not keep: a request that sets it is refused, so that no test passes by a setting that was dropped."""

from .call import Call
from .fault import Fault

_MEMBERS = {
    ("autoscaling", "CreateAutoScalingGroup"): {"AvailabilityZoneIds", "Operator", "LoadBalancerNames", "LaunchConfigurationName", "InstanceId"},
    ("autoscaling", "UpdateAutoScalingGroup"): {"AvailabilityZoneIds", "LaunchConfigurationName"},
    ("rds", "CreateDBInstance"): {
        "NcharCharacterSetName", "DBClusterIdentifier", "TdeCredentialArn", "TdeCredentialPassword", "DomainFqdn", "DomainOu",
        "DomainAuthSecretArn", "DomainDnsIps", "DomainIAMRoleName", "PromotionTier", "ProcessorFeatures", "EnableCustomerOwnedIp",
        "CustomIamInstanceProfile", "DBSystemId", "MultiTenant", "AdditionalStorageVolumes", "TagSpecifications", "DBSecurityGroups",
        "DBCapacityReservationIdentifier", "MasterUserAuthenticationType", "OptionGroupName", "Domain",
    },
    ("rds", "ModifyDBInstance"): {
        "TdeCredentialArn", "TdeCredentialPassword", "Domain", "DomainFqdn", "DomainOu", "DomainAuthSecretArn", "DomainDnsIps",
        "DisableDomain", "DomainIAMRoleName", "PromotionTier", "ProcessorFeatures", "ReplicaMode", "AutomationMode",
        "ResumeFullAutomationModeMinutes", "EnableCustomerOwnedIp", "AwsBackupRecoveryPointArn", "MultiTenant", "OptionGroupName",
        "AdditionalStorageVolumes", "DBCapacityReservationIdentifier", "TagSpecifications", "MasterUserAuthenticationType", "DBSecurityGroups",
    },
    ("elasticloadbalancing", "CreateLoadBalancer"): {"CustomerOwnedIpv4Pool", "EnablePrefixForIpv6SourceNat", "IpamPools"},
    ("elasticloadbalancing", "CreateTargetGroup"): {"TargetControlPort"},
    ("elasticloadbalancing", "CreateRule"): {"Transforms"},
    ("elasticloadbalancing", "ModifyRule"): {"Transforms", "ResetTransforms"},
    ("ec2", "CreateVpcEndpoint"): {"SubnetConfigurations", "ServiceNetworkArn", "ResourceConfigurationArn", "ServiceRegion"},
    ("ec2", "ModifyVpcEndpoint"): {"SubnetConfigurations"},
    ("ec2", "CreateNatGateway"): {"AvailabilityMode", "AvailabilityZoneAddresses", "SecondaryAllocationIds", "SecondaryPrivateIpAddresses",
                                  "SecondaryPrivateIpAddressCount", "VpcId"},
    ("ec2", "CreateSubnet"): {"OutpostArn", "Ipv4IpamPoolId", "Ipv4NetmaskLength", "Ipv6IpamPoolId", "Ipv6NetmaskLength"},
    ("ec2", "CreateVpc"): {"Ipv6Pool", "Ipv6CidrBlock", "Ipv4IpamPoolId", "Ipv4NetmaskLength", "Ipv6IpamPoolId", "Ipv6NetmaskLength",
                           "VpcEncryptionControl"},
    ("ec2", "AllocateAddress"): {"Address", "CustomerOwnedIpv4Pool", "IpamPoolId", "PublicIpv4Pool"},
}  # fmt: skip
#: Services whose rows are this server's own: an operation without a handler would ask moto, which knows nothing of them.
_OWN = {
    "elasticloadbalancing": {"DescribeSSLPolicies", "DescribeAccountLimits"},
    "autoscaling": set(),
    "rds": set(),
    "tagging": set(),
}


def check(call: Call, known: bool) -> None:
    """Refuses what would be dropped, and operations on own rows that have no handler."""
    dropped = _MEMBERS.get((call.service, call.action))
    if dropped is not None:
        named = dropped & call.params.keys()
        if named:
            raise Fault(
                "NotImplemented", f"the test server does not keep {', '.join(sorted(named))} of {call.key}", 501
            )
    if not known and call.service in _OWN and call.action not in _OWN[call.service]:
        raise Fault("NotImplemented", f"the test server does not know {call.key}", 501)
