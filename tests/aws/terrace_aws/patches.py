"""Short cuts through moto's slow paths, where the answer stays the same.

An instance looks its image up by scanning some 1,300 images; IAM builds its 1,400 managed policies anew for every account.
"""

from typing import Any

from moto.ec2.models.amis import AmiBackend
from moto.iam.models import IAMBackend

_describe_images = AmiBackend.describe_images


def _image(self: Any, ami_ids: Any = (), filters: Any = None, exec_users: Any = None, owners: Any = None) -> Any:
    if not ami_ids and not exec_users and not owners and filters and set(filters) == {"image-id"}:
        wanted = filters["image-id"]
        found = [self.amis.get(name) for name in ([wanted] if isinstance(wanted, str) else wanted)]
        return [image for image in found if image is not None]
    return _describe_images(self, ami_ids, filters, exec_users, owners)


_load_amis = AmiBackend._load_amis
_images: dict[str, list[Any]] = {}


def _amis(self: Any) -> None:
    known = _images.get(self.region_name)
    if known is None:
        _load_amis(self)
        _images[self.region_name] = list(self.amis.values())
        return
    for image in known:
        self.amis[image.id] = _copy(image, ec2_backend=self)


_init_aws_policies = IAMBackend._init_aws_policies
_policies: list[Any] = []


def _managed(self: Any) -> list[Any]:
    if not _policies:
        _policies.extend(_init_aws_policies(self))
    return [_copy(policy, account_id=self.account_id, attachment_count=0) for policy in _policies]


def _copy(item: Any, **changed: Any) -> Any:
    """A second object with the same members, but for some."""
    made = object.__new__(type(item))
    made.__dict__.update(item.__dict__, **changed)
    return made


def apply() -> None:
    """Puts the short cuts in."""
    AmiBackend.describe_images = _image
    AmiBackend._load_amis = _amis
    IAMBackend._init_aws_policies = _managed
