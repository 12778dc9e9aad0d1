"""Botocore's data files, read once: moto opens several sessions while it is imported, and each would read them again.

Saves half of the start: `endpoints` and EC2's model alone are 16 MB of JSON that would be parsed four times over.
"""

from typing import Any

from botocore.loaders import Loader


def share() -> None:
    """Makes all sessions of this process share what they read. To be called before moto is imported."""
    listed: dict[str, list[str]] = {}
    loaded: dict[str, Any] = {}
    list_services, load = Loader.list_available_services, Loader.load_data_with_path

    def list_once(self: Loader, type_name: str) -> list[str]:
        if type_name not in listed:
            listed[type_name] = list_services(self, type_name)
        return listed[type_name]

    def load_once(self: Loader, name: str) -> Any:
        if name not in loaded:
            loaded[name] = load(self, name)
        return loaded[name]

    Loader.list_available_services = list_once
    Loader.load_data_with_path = load_once
