"""One API call, and the registry of the operations that have rules of their own.

A handler takes the `Call` and returns plain data shaped as the operation's output model, or raises `Fault`. An operation
without a handler goes to moto as it is.
"""

from collections.abc import Callable
from typing import Any

from .account import Account
from .bridge import backend, run

Handler = Callable[["Call"], dict[str, Any] | None]

HANDLERS: dict[tuple[str, str], Handler] = {}


class Call:
    """What was asked, by whom, where; and the way to what moto knows."""

    __slots__ = ("account", "action", "operation", "params", "region", "replayed", "service")

    def __init__(
        self, account: Account, service: str, region: str, action: str, operation: Any, params: dict[str, Any]
    ):
        self.account = account
        self.service = service
        self.region = region
        self.action = action
        self.operation = operation
        self.params = params
        #: The answer is that of an earlier, equal call: nothing new was made.
        self.replayed = False

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter, or the default where it was not sent."""
        return self.params.get(name, default)

    def moto(self, **changed: Any) -> dict[str, Any]:
        """Lets moto do the operation (with some parameters changed; None drops one) and returns its result as data."""
        params = self.params
        if changed:
            params = {name: value for name, value in (params | changed).items() if value is not None}
        return run(self.service, self.action, self.account.name, self.region, params)

    def other(self, service: str, action: str, **params: Any) -> dict[str, Any]:
        """Another operation of the same account and region, rules included."""
        return perform(Call(self.account, service, self.region, action, None, params))

    def backend(self, service: str) -> Any:
        """The moto backend of this account and region."""
        return backend(service, self.account.name, self.region)

    @property
    def ec2(self) -> Any:
        """Moto's EC2 backend of this account and region."""
        return backend("ec2", self.account.name, self.region)

    @property
    def key(self) -> str:
        """`service.Action`, as logs and counts name it."""
        return f"{self.service}.{self.action}"

    def table(self, name: str) -> dict[Any, Any]:
        """Rows of this account and region."""
        return self.account.table(f"{name}@{self.region}")


def operation(service: str, *actions: str) -> Callable[[Handler], Handler]:
    """Registers a handler for operations."""

    def register(handler: Handler) -> Handler:
        for action in actions:
            assert (service, action) not in HANDLERS, f"two handlers for {service}.{action}"
            HANDLERS[(service, action)] = handler
        return handler

    return register


def perform(call: Call) -> dict[str, Any]:
    """Runs the call's handler, or moto where it has none."""
    handler = HANDLERS.get((call.service, call.action))
    if handler is None:
        return call.moto()
    return handler(call) or {}
