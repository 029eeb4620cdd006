"""Scripts of the repository as modules."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


def script(name: str) -> ModuleType:
    """scripts/NAME.py; what needs it is skipped where there are none."""
    if not (ROOT / f"scripts/{name}.py").is_file():
        pytest.skip("scripts are in the repository, not in the package", allow_module_level=True)
    spec = importlib.util.spec_from_file_location(name, ROOT / f"scripts/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
