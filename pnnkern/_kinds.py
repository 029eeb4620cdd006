"""What has a kind by which a recipe names it: one file in a package with a class that says ``kind = "name"``.

Packages of your own add theirs by the entry-point groups `pnnkern.systems` and `pnnkern.rules`; each names a module with such a class.
"""

import importlib
import pkgutil
from typing import Any


class Kinds:
    """Classes by the name of their kind. The modules that hold them are imported when they are first asked for."""

    def __init__(self, what: str, package: str) -> None:
        self.what, self.package = what, package
        self._classes: dict[str, Any] = {}
        self._loaded = False

    def file(self, cls: type) -> None:
        """File a class under the kind that its own body names. Raises ValueError for a kind that another class has."""
        name = vars(cls).get("kind", "")
        other = self._classes.get(name, cls)
        if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):  # a module that is read again may
            raise ValueError(f"two classes claim the {self.what} {name!r}: {other.__module__} and {cls.__module__}")
        if name:
            self._classes[name] = cls

    def classes(self) -> dict[str, Any]:
        """Every known class by its name, in the order of the names."""
        if not self._loaded:
            from importlib.metadata import entry_points

            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__):
                if not module.name.startswith("_"):
                    importlib.import_module(f"{self.package}.{module.name}")
            for entry in entry_points(group=f"pnnkern.{self.what}s"):
                entry.load()
            self._loaded = True
        return dict(sorted(self._classes.items()))
