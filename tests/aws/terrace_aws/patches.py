"""Short cuts through moto's slow paths, where the answer stays the same.

An instance looks its image up by scanning some 1,300 images, and every account has copies of them and of IAM's 1,400 managed
policies; the tags of one resource are found by matching patterns against all tags; regions are read from disk for every account.
"""

from collections import ChainMap
from typing import Any

from moto.core.base_backend import AccountSpecificBackend
from moto.ec2.models.amis import AmiBackend
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.subnets import Subnet
from moto.iam.models import IAMBackend

_describe_images = AmiBackend.describe_images


def _image(self: Any, ami_ids: Any = (), filters: Any = None, exec_users: Any = None, owners: Any = None) -> Any:
    if not ami_ids and not exec_users and not owners and filters and set(filters) == {"image-id"}:
        wanted = filters["image-id"]
        found = [self.amis.get(name) for name in ([wanted] if isinstance(wanted, str) else wanted)]
        return [image for image in found if image is not None]
    return _describe_images(self, ami_ids, filters, exec_users, owners)


_load_amis = AmiBackend._load_amis
_images: dict[str, dict[str, Any]] = {}


def _amis(self: Any) -> None:
    known = _images.get(self.region_name)
    if known is None:
        _load_amis(self)
        known = _images[self.region_name] = self.amis
    self.amis = ChainMap({}, known)


_init_aws_policies = IAMBackend._init_aws_policies
_policies: dict[str, Any] = {}


def _managed(self: Any) -> list[Any]:
    if not _policies:
        _policies.update({policy.arn: policy for policy in _init_aws_policies(self)})
    return list(_policies.values())


def own_policy(policies: Any, arn: str) -> Any:
    """A policy this account may change: AWS's are shared until an account attaches one."""
    policy = policies.get(arn)
    if policy is not None and arn in _policies and arn not in policies.maps[0]:
        policy = policies[arn] = _copy(policy, attachment_count=0)
    return policy


_details = IAMBackend.get_account_authorization_details


def _account_details(self: Any, policy_filter: list[str]) -> dict[str, Any]:
    if not policy_filter or "LocalManagedPolicy" in policy_filter:
        return _details(self, policy_filter)
    return {
        "instance_profiles": self.instance_profiles.values(),
        "roles": self.roles.values() if "Role" in policy_filter else [],
        "groups": self.groups.values() if "Group" in policy_filter else [],
        "users": self.users.values() if "User" in policy_filter else [],
        "managed_policies": self.aws_managed_policies if "AWSManagedPolicy" in policy_filter else [],
    }


_generate_regions = AccountSpecificBackend._generate_regions.__wrapped__
_regions: dict[str, list[str]] = {}


def _regions_of(self: Any, service: str) -> list[str]:
    if service not in _regions:
        _regions[service] = _generate_regions(self, service)
    return _regions[service]


def _tags(self: Any) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in self.ec2_backend.tags.get(self.id, {}).items()]


def _free_addresses(self: Any) -> int:
    taken = sum(len(eni.private_ip_addresses) for eni in self.ec2_backend.enis.values() if eni.subnet is self)
    return self._available_ip_addresses - taken


def _copy(item: Any, **changed: Any) -> Any:
    """A second object with the same members, but for some."""
    made = object.__new__(type(item))
    made.__dict__.update(item.__dict__, **changed)
    return made


def apply() -> None:
    """Puts the short cuts in."""
    AmiBackend.describe_images = _image
    AmiBackend._load_amis = _amis
    AccountSpecificBackend._generate_regions = _regions_of
    IAMBackend._init_aws_policies = _managed
    IAMBackend._init_managed_policies = lambda self: ChainMap({}, _policies)
    IAMBackend.get_account_authorization_details = _account_details
    Subnet.available_ip_address_count = property(_free_addresses)
    TaggedEC2Resource.get_tags = _tags
