"""`pnnkern show`: every recipe, kind, table and key, as declared."""

import inspect
import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from pnnkern.cli import main
from pnnkern.experiments import derived, recipe, show
from pnnkern.systems import Geometry

KINDS = {table: {kind: derived.table(cls) for kind, cls in recipe.kinds(table).items()} for table in ("system", "rule")}
MODELS = [(table, kind, model) for table, kinds in KINDS.items() for kind, model in kinds.items()]
MODELS += [(table, table, model) for table, model in recipe.FIXED.items()]


@pytest.mark.parametrize("name", recipe.names())
def test_recipes_show_their_values(name: str) -> None:
    found = show.collect(name)
    values = {row["key"]: row["value"] for row in found["keys"]}
    flat = dict(recipe.leaves(recipe.find(name).table()))
    assert values == {key: value for key, value in flat.items() if key not in ("recipe", "summary")}
    assert (found["what"], found["about"]) == ("recipe", recipe.find(name).summary)


@pytest.mark.parametrize(("table", "kind", "model"), MODELS, ids=lambda value: value if isinstance(value, str) else "")
def test_kinds_show_what_is_declared(table: str, kind: str, model: type[BaseModel]) -> None:
    found = show.collect(kind)
    assert [row["key"] for row in found["keys"]] == [f"{table}.{key}" for key in model.model_fields]
    assert found["about"]
    for row in found["keys"]:
        field = model.model_fields[row["key"].partition(".")[2]]
        assert row["about"], row["key"]
        if not field.is_required():
            assert row["value"] == row["default"] == field.get_default(call_default_factory=True)
    text = show.page(found, 80)
    assert all(row["key"].partition(".")[2] in text for row in found["keys"])


def test_documentation_is_the_comment_beside_a_key() -> None:
    (row,) = show.collect("system.pitch")["keys"]
    source = inspect.getsource(Geometry)
    assert f"# [{row['unit']}] {row['about']}\n" in source
    assert row == {
        "key": "system.pitch", "value": 0.4e-3, "default": 0.4e-3, "unit": "m", "bounds": "number > 0 and <= 1e+09",
        "about": row["about"], "of": ["d2nn"],
    }  # fmt: skip
    (above,) = show.collect("system.topology")["keys"]  # a comment of its own line
    assert above["about"].startswith("interleaved: pairs are rows")


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        ("system.pitch", "m"), ("system.wavelength", "m"), ("system.spacing", "m"), ("system.misalignment", "m"), ("system.wires", "ohm"),
        ("system.time", "s"), ("checkpoint.seconds", "s"), ("system.stroke", "m"), ("system.height_error", "m"), ("system.start_low", "V"),
    ],
)  # fmt: skip
def test_quantities_have_units(key: str, unit: str) -> None:
    assert {row["unit"] for row in show.collect(key)["keys"]} == {unit}


@pytest.mark.parametrize(("table", "kind", "model"), MODELS, ids=lambda value: value if isinstance(value, str) else "")
def test_bounds_are_the_ones_that_are_kept(table: str, kind: str, model: type[BaseModel]) -> None:
    """A value beyond each bound that is shown is refused, and the bound itself is as it says."""
    for row in show.rows(table, model):  # type: ignore[arg-type]
        words = row["bounds"].split()
        key = row["key"].partition(".")[2]
        for sign, edge in [(word, words[n + 1]) for n, word in enumerate(words) if word in (">", ">=", "<", "<=")]:
            if words[0].startswith("list"):
                continue
            at = int(edge) if words[0] == "whole" else float(edge)
            beyond = at + (-1 if sign[0] == ">" else 1)
            assert _refused(model, key, beyond), (row, beyond)
            assert _refused(model, key, at) == (len(sign) == 1), (row, at)
        for choice in row["bounds"].split("|") if "|" in row["bounds"] else ():
            assert not _refused(model, key, choice)
            assert _refused(model, key, choice + "x")


def _refused(model: type[BaseModel], key: str, value: object) -> bool:
    given = {"kind": field.default} if (field := model.model_fields.get("kind")) else {}
    try:
        model.model_validate(given | {key: value})
    except ValueError as error:
        return any(e["loc"] == (key,) for e in error.errors())  # type: ignore[attr-defined]
    return False


def test_a_key_of_several_kinds_is_shown_for_each() -> None:
    rows = show.collect("system.start")["keys"]
    assert {kind: row["unit"] for row in rows for kind in row["of"]} == {"d2nn": "", "resistor-network": "S", "spring-network": "N/m"}
    (kind,) = show.collect("rule.kind")["keys"]
    assert kind["bounds"].split("|") == sorted(KINDS["rule"])


def test_runs_show_their_recipe(finished_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(finished_run), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["what"], found["recipe"]) == ("run", "d2nn-digits")
    row = {r["key"]: r for r in found["keys"]}["system.layers"]
    assert (row["value"], row["default"]) == (2, 5)
    assert main(["show", str(finished_run)]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("layers ")]
    assert "default 5" in line


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("d2nn-digit", "nothing is called 'd2nn-digit': the nearest is 'd2nn-digits'"),
        ("pitch", "the nearest is 'system.pitch'"),
        ("spas", "the nearest is 'spsa'"),
        ("system.layrs", "the nearest is 'system.layers'"),
        ("gone.toml", "the recipe gone.toml cannot be read"),
        (".", ". holds no run: there is no config.toml in it"),
    ],
)
def test_unknown_names(name: str, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["show", name]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for name in ("crossbar-digits", "d2nn", "spsa", "system.start", "training"):
        assert main(["show", name]) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= width
    assert main(["show", "d2nn"]) == 0
    assert "m (400 µm)" in capsys.readouterr().out
