"""Everything the server remembers about one account beyond what moto's backends hold.

An account is an island: its own moto backends, clock, settings, tokens, call log. Parallel tests use one account each.
"""

import time
from collections import Counter, deque
from typing import Any

from moto.core.base_backend import BackendDict

from .settings import Settings

#: How many calls the log keeps in full; counts are kept for all.
LOG_LENGTH = 20_000


class Account:
    """One AWS account, named by its twelve digits."""

    def __init__(self, name: str):
        self.name = name
        self.settings = Settings()
        self.forget()

    def forget(self) -> None:
        """Starts again with nothing but the settings."""
        self._zero = time.monotonic()
        self._before = 0.0
        #: Rule modules keep their own rows here, by table name.
        self.tables: dict[str, dict[Any, Any]] = {}
        #: (service, action, token) of a create, with what it was asked and what it made.
        self.tokens: dict[tuple[str, str, str], tuple[Any, str]] = {}
        #: When a resource was made, by id, while lag was on.
        self.births: dict[str, float] = {}
        #: Rows as they were before a change that readers do not see yet.
        self.stale: dict[tuple[str, str, str], tuple[dict[str, Any], float]] = {}
        #: Deleted rows that are still listed, by region and kind.
        self.ghosts: dict[tuple[str, str], dict[str, tuple[dict[str, Any], float]]] = {}
        #: Ids a test has hidden on purpose.
        self.hidden: set[str] = set()
        self.buckets: dict[str, tuple[float, float]] = {}
        self.failures: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        self.log: deque[tuple[float, str, str]] = deque(maxlen=LOG_LENGTH)
        self.baseline: dict[str, dict[str, set[str]]] = {}

    def reset(self) -> None:
        """Drops everything in this account, moto's backends included."""
        for backends in list(BackendDict._instances):
            dict.pop(backends, self.name, None)
        self.settings = Settings()
        self.forget()

    def table(self, name: str) -> dict[Any, Any]:
        """A rule module's rows of this account."""
        found = self.tables.get(name)
        if found is None:
            found = self.tables[name] = {}
        return found

    def now(self) -> float:
        """Scaled seconds since the account was made."""
        return self._before + (time.monotonic() - self._zero) * self.settings.time_scale

    def change_settings(self, values: dict[str, Any]) -> None:
        """Takes new settings; time goes on from where the old scale left it."""
        before = self.now()
        self.settings.change(values)
        self._before, self._zero = before, time.monotonic()

    def advance(self, seconds: float) -> None:
        """Moves the account's clock forward without waiting."""
        self._before += seconds

    def due(self, seconds: float) -> float:
        """When something that takes this long on AWS will be done: now, unless phases are on."""
        return self.now() + (seconds if self.settings.phases else 0.0)


class Accounts:
    """Every account seen so far."""

    def __init__(self) -> None:
        self._known: dict[str, Account] = {}

    def __getitem__(self, name: str) -> Account:
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = Account(name)
        return found

    def all(self) -> list[Account]:
        """The accounts in the order they were first used."""
        return list(self._known.values())
