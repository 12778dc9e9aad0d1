"""What a test may set per account, with the defaults: strict rules on, phases instant, no lag, no throttling."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass
class Settings:
    """Figures in seconds are scaled: one real second is `time_scale` of them."""

    #: Pending phases (NAT gateway, load balancer, database, group, interface endpoint) take their AWS time.
    phases: bool = False
    #: Scaled seconds that pass in one real second.
    time_scale: float = 1.0
    #: Scaled seconds for which a new resource is not found by id nor listed.
    lag: float = 0.0
    #: Scaled seconds for which a changed EC2 or IAM resource is still listed as it was.
    stale: float = 0.0
    #: AWS-shaped token buckets refuse calls that come too fast.
    throttle: bool = False
    #: The next instance refreshes find their new instances unhealthy: how many of them.
    fail_refreshes: int = 0
    #: Scaled seconds one batch of an instance refresh takes while `phases` is on.
    refresh_batch_seconds: float = 120.0
    #: Scaled seconds for which a deleted NAT gateway is still listed (AWS: about an hour).
    deleted_listed: float = 3600.0
    #: How many Elastic IP addresses a region may hold (AWS: five, unless raised).
    address_limit: int = 1000

    def change(self, values: dict[str, Any]) -> None:
        """Takes new values; an unknown name or a value of another type is refused."""
        kinds = {field.name: field.type for field in fields(self)}
        for name, value in values.items():
            if name not in kinds:
                raise ValueError(f"unknown setting `{name}`: one of {', '.join(sorted(kinds))}")
            wanted = type(getattr(type(self), name))
            if wanted is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            if type(value) is not wanted:
                raise ValueError(f"setting `{name}` takes a {wanted.__name__}, not {value!r}")
            setattr(self, name, value)
