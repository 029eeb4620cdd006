"""Recipes: complete once read, strict about names and types, and the same after a trip through config.toml."""

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pnnkern import _kinds
from pnnkern.experiments import recipe
from pnnkern.experiments.recipe import RecipeError
from pnnkern.systems import System, kinds


@pytest.mark.parametrize("name", recipe.names())
def test_shipped_recipes(name: str, tmp_path: Path) -> None:
    found = recipe.find(name)
    assert found.recipe == name
    assert found.summary
    (tmp_path / "run").mkdir()
    recipe.write(found, tmp_path / "run" / "config.toml")
    assert recipe.read_run(tmp_path / "run") == found
    assert recipe.find(str(tmp_path / "run" / "config.toml")) == found
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["config.toml"]


def test_published_geometry() -> None:
    """Lin et al. 2018: 0.4 THz, 5 masks of 200 x 200 neurons of 0.4 mm, 30 mm apart."""
    system: Any = recipe.find("d2nn-mnist").system
    assert (system.layers, system.size, system.pitch, system.spacing) == (5, 200, 0.4e-3, 30e-3)
    assert system.wavelength == pytest.approx(0.7495e-3, rel=1e-4)
    assert system.pitch / system.wavelength == pytest.approx(0.53, abs=0.005)
    pairs: Any = recipe.find("d2nn-mnist-differential")
    assert (pairs.system.detectors, pairs.rule.loss) == ("differential", "differential")


def test_overrides_are_toml_values() -> None:
    got: Any = recipe.find(
        "d2nn-digits",
        ["training.lr=2e-2", "training.epochs=7", "system.band_limit=false", "data.name='mnist'", "training.schedule=halve"],
    )
    assert (got.training.lr, got.training.epochs, got.system.band_limit, got.data.name, got.training.schedule) == (
        0.02,
        7,
        False,
        "mnist",
        "halve",
    )
    assert recipe.find("d2nn-digits", ["training.lr=1"]).training.lr == 1.0  # an integer is a number


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.lrr=1", "unknown key 'training.lrr': the nearest is 'training.lr'"),
        ("training.loss='mse'", "unknown key 'training.loss': the nearest is 'rule.loss'"),
        ("sytem.pitch=1", "unknown key 'sytem.pitch': the nearest is 'system.pitch'"),
        ("epochs=1", "unknown key 'epochs': the nearest is 'training.epochs'"),
        ("system.pitch=-1", "system.pitch: input should be greater than 0, got -1"),
        ("system.wavelength=0", "system.wavelength: input should be greater than 0, got 0"),
        ("system.pitch=nan", "system.pitch: input should be .*, got nan"),
        ("system.pitch=inf", "system.pitch: input should be .*, got inf"),
        ("training.lr=0,05", "training.lr: input should be a valid number, got '0,05'"),
        ("training.epochs=2.5", "training.epochs: input should be a valid integer, got 2.5"),
        ("training.epochs=0", "training.epochs: input should be greater than or equal to 1, got 0"),
        ("training.seed=-1", "training.seed: input should be greater than or equal to 0, got -1"),
        ("system.band_limit=1", "system.band_limit: input should be a valid boolean, got 1"),
        ("compute.device=gpu", "compute.device: input should be 'cpu' or 'cuda', got 'gpu'"),
        ("system.kind=d2n", "no system is of kind 'd2n': the nearest is 'd2nn'"),
        ("rule.kind=insilico", "no rule is of kind 'insilico': the nearest is 'in-silico'"),
        ("data=3", "data must be a table, got 3"),
        ("system=3", "system must be a table, got 3"),
        ("summary=3", "summary must be a string, got 3"),
        ("data.name.x=3", "name is a value, not a table"),
        ("training.lr", "--set takes path.to.key=value, got 'training.lr'"),
        ("=3", "--set takes path.to.key=value"),
    ],
)
def test_bad_overrides(override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        recipe.find("d2nn-digits", [override])
    assert "\n" not in str(caught.value)


def test_unknown_recipes(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no recipe is called 'd2nn-digit': the nearest is 'd2nn-digits'"):
        recipe.find("d2nn-digit")
    with pytest.raises(RecipeError, match=r"there are .*d2nn-digits, "):
        recipe.find("xyz")
    with pytest.raises(RecipeError, match=r"gone\.toml cannot be read: No such file"):
        recipe.find(str(tmp_path / "gone.toml"))
    (tmp_path / "bad.toml").write_text("[training\nlr = 1")
    with pytest.raises(RecipeError, match=r"bad\.toml is no valid TOML: .*line 1"):
        recipe.find(str(tmp_path / "bad.toml"))
    (tmp_path / "latin.toml").write_bytes(b"summary = '\xff'")
    with pytest.raises(RecipeError, match=r"latin\.toml cannot be read"):
        recipe.find(str(tmp_path / "latin.toml"))
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(RecipeError, match=r"system.kind is missing: it is one of .*d2nn"):
        recipe.find(str(tmp_path / "empty.toml"))
    with pytest.raises(RecipeError, match=r"holds no run: there is no config.toml"):
        recipe.read_run(tmp_path)


def test_own_recipe_is_called_after_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[system]\nkind = 'd2nn'\nlayers = 3\n")
    mine: Any = recipe.find(str(tmp_path / "mine.toml"))
    assert (mine.recipe, mine.system.layers, mine.rule.kind) == ("mine", 3, "in-silico")


def test_another_kind_is_one_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class that names its kind is all that a recipe needs to name a new kind of system."""
    monkeypatch.setattr(kinds, "_classes", kinds.classes())

    @dataclass(kw_only=True)
    class Prism(System):
        focus: float = 0.1  # [m] focal length
        kind: ClassVar[str] = "prism"

    got: Any = recipe.read({"system": {"kind": "prism", "focus": 2.0}})
    assert got.system.of is Prism
    assert got.system.focus == 2.0
    with pytest.raises(RecipeError, match=r"unknown key 'system.layers'"):
        recipe.read({"system": {"kind": "prism", "layers": 2}})
    with pytest.raises(ValueError, match="two classes claim the system 'prism'"):
        type("Other", (System,), {"kind": "prism"})


def test_kinds_of_other_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry-point group `pnnkern.systems` is loaded with the rest."""
    loaded = []

    class Entry:
        def load(self) -> None:
            loaded.append("mine")

    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Entry()] if group == "pnnkern.systems" else [])
    _kinds.Kinds("system", "pnnkern.systems").classes()
    assert loaded == ["mine"]


def test_another_kind_keeps_what_both_know() -> None:
    """`--set rule.kind=...` works on any recipe: keys of the old kind go, shared ones stay, and the user's own are still checked."""
    before: Any = recipe.find("crossbar-digits")
    assert before.rule.noise == 0.04
    after: Any = recipe.find("crossbar-digits", ["rule.kind=in-silico"])
    assert (after.rule.kind, after.rule.scale) == ("in-silico", before.rule.scale)
    with pytest.raises(RecipeError, match=r"unknown key 'rule.noise'"):
        recipe.find("crossbar-digits", ["rule.kind=in-silico", "rule.noise=0.1"])
    moved: Any = recipe.find("crossbar-digits-pulsed", ["rule.kind=spsa", "rule.c=0.01"])
    assert (moved.rule.kind, moved.rule.c, moved.system.writer) == ("spsa", 0.01, "pulsed")
