"""What a recipe can name: kinds of systems and rules, each with the model of its own table in the recipe.

A kind is one file in `systems/` or `rules/` with a class decorated by `system("name")` or `rule("name")`; packages of your own add
theirs by the entry-point groups `pnnkern.systems` and `pnnkern.rules` (each names a module that does the same).
"""

import importlib
import importlib.metadata
import pkgutil
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """Classes by name, filled by a decorator; the modules that hold them are imported when the registry is first read."""

    def __init__(self, what: str, package: str) -> None:
        self.what, self.package = what, package
        self._classes: dict[str, type[T]] = {}
        self._loaded = False

    def __call__(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator that files the class under `name`."""

        def decorate(cls: type[T]) -> type[T]:
            other = self._classes.setdefault(name, cls)
            if other is not cls:
                raise ValueError(f"two classes claim the {self.what} {name!r}: {other.__module__} and {cls.__module__}")
            return cls

        return decorate

    def classes(self) -> dict[str, type[T]]:
        """Every known class by its name."""
        if not self._loaded:
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__):
                if not module.name.startswith("_"):
                    importlib.import_module(f"{self.package}.{module.name}")
            for entry in importlib.metadata.entry_points(group=f"pnnkern.{self.what}s"):
                entry.load()
            self._loaded = True
        return dict(self._classes)


system: Registry[Any] = Registry("system", "pnnkern.experiments.systems")
rule: Registry[Any] = Registry("rule", "pnnkern.experiments.rules")
