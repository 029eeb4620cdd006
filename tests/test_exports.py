"""What users need is exported by its room: kinds, protocols, writers, updates and functions, and whatever the texts name as public."""

import difflib
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest
from scripted import script

import pnnkern
from pnnkern import _updates, learning, systems
from pnnkern.systems import protocols, writers

CHECKOUT = Path(__file__).resolve().parents[1]
ROOMS = ("optics", "crossbar", "networks", "dynamics", "systems", "learning", "random", "testing")


def modules(room: ModuleType) -> list[ModuleType]:
    return [importlib.import_module(f"{room.__name__}.{m.name}") for m in pkgutil.iter_modules(room.__path__)]


@pytest.mark.parametrize("room", ROOMS)
def test_names_exist(room: str) -> None:
    module = importlib.import_module(f"pnnkern.{room}")
    assert len(set(module.__all__)) == len(module.__all__)
    assert not [name for name in module.__all__ if not hasattr(module, name)]


@pytest.mark.parametrize("room", [systems, learning], ids=["systems", "learning"])
def test_kinds(room: ModuleType) -> None:
    """Every system and every rule of this package that has a kind."""
    classes = [c for m in modules(room) for c in vars(m).values() if inspect.isclass(c) and c.__module__ == m.__name__]
    own = {c.__name__ for c in classes if vars(c).get("kind")}
    assert len(own) > 8
    helpers = {"Plugin"}
    assert not {name for name in own - set(room.__all__) - helpers if not name.startswith("_")}


def test_protocols_writers_and_updates() -> None:
    asked = {n for n, c in vars(protocols).items() if inspect.isclass(c) and c.__module__ == protocols.__name__ and vars(c).get("_is_protocol")}
    assert len(asked) > 10
    written = {name for name in writers.__all__ if inspect.isclass(getattr(writers, name))}
    updates = {"Factors", "Gradient", "Move", "Set"}
    assert not (asked | written | updates) - set(systems.__all__)
    assert updates <= set(learning.__all__)
    assert updates <= set(_updates.__all__)


def test_update_functions() -> None:
    """Functions that modules of `learning` show as theirs and that give updates, steps or gradients."""
    public = [f for m in modules(learning) for f in vars(m).values() if inspect.isfunction(f) and f.__module__ == m.__name__]
    shown = {f.__name__ for f in public if re.search("^[a-z].*_(update|step|gradients?)$", f.__name__)}
    reached = set(learning.__all__) | set(learning.boltzmann.__all__)
    assert len(shown) > 8
    assert not shown - reached


def test_training_from_python() -> None:
    assert {"train", "load"} <= set(pnnkern.__all__)


def named() -> set[tuple[str, str]]:
    """(room, name) of all that README, CONTRIBUTING, recipes and docstrings write as pnnkern.ROOM.NAME."""
    texts = [path for kind in ("pnnkern/**/*.py", "pnnkern/**/*.toml", "*.md", "docs/*.md") for path in CHECKOUT.glob(kind)]
    rooms, found = "|".join(ROOMS), set()
    for path in texts:
        text = path.read_text()
        found |= set(re.findall(rf"(?<![\w.])(?:pnn|pnnkern)\.({rooms})\.([A-Za-z]\w*)", text))
        for room, names in re.findall(rf"from pnnkern\.({rooms}) import ([^\n(]+|\([^)]*\))", text):
            found |= {(room, name) for name in re.findall(r"\w+", names.split("#")[0])}
    return found


def test_what_texts_name_is_there() -> None:
    found, missing = named(), []
    assert len(found) > 20
    for room, name in sorted(found):
        module = importlib.import_module(f"pnnkern.{room}")
        is_module = bool(getattr(module, "__path__", ())) and any(m.name == name for m in pkgutil.iter_modules(module.__path__))
        if name not in module.__all__ and not is_module:
            missing.append(f"{room}.{name}")
    assert not missing


def test_the_public_surface_is_the_one_that_was_read() -> None:
    """`python scripts/public_api.py --write` after a change that is meant; what breaks callers has a line in CHANGELOG."""
    printed = script("public_api").text().splitlines()
    kept = (CHECKOUT / "tests/public_api.txt").read_text().splitlines()
    changed = [line for line in difflib.unified_diff(kept, printed, lineterm="", n=0) if not line.startswith(("---", "+++", "@@"))]
    assert not changed
