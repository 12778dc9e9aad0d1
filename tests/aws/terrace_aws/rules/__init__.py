"""The rules AWS enforces and moto does not, one subject per module; `load` registers them all."""

import importlib
import pkgutil


def load() -> None:
    """Imports every module of this package, which registers its operations."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
