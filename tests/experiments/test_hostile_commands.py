"""Sweeps and command lines that were changed at random (scripts/fuzz_commands.py): done, or refused in one line, with nothing half done."""

import json
from pathlib import Path
from types import ModuleType

import pytest
from scripted import script

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def fuzzers() -> tuple[ModuleType, ModuleType]:
    inputs = script("fuzz_inputs")  # which the other one imports by its name
    return inputs, script("fuzz_commands")


@pytest.mark.parametrize(("target", "cases"), [("sweep", 1000), ("command", 500)])
def test_fuzzers(
    target: str, cases: int, fuzzers: tuple[ModuleType, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, commands = fuzzers
    monkeypatch.setattr(inputs, "SECONDS", 60.0)
    monkeypatch.setitem(inputs.TARGETS, target, commands.CASES[target])
    counts, wrong = inputs.fuzz(target, range(cases), 0, tmp_path)
    assert not wrong
    assert sum(sum(count.values()) for count in counts.values()) == cases
    assert all(sum(count[found] for count in counts.values()) > cases / 20 for found in ("right", "refused"))


def test_the_fuzzer_sees_what_is_wrong(fuzzers: tuple[ModuleType, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback, a run that was damaged, and a temporary that was left."""
    inputs, commands = fuzzers
    home = commands.place(tmp_path)

    def says(work: object) -> str:
        monkeypatch.setattr(commands.cli, "main", work)
        case = inputs.Case("", lambda: commands._carried_out(["list"], home, False), lambda code: commands._is_sound(home, code))
        return str(inputs.outcome(case))

    assert says(lambda words: 0) == "right"
    assert "Traceback" not in says(lambda words: print("no traceback") or 0)
    assert "shows a traceback" in says(lambda words: print("Traceback (most recent call last)") or 1)
    assert "its error is no line" in says(lambda words: 2)
    assert says(lambda words: 1) == "taken, and is not what was given"
    assert says(lambda words: Path(".x.tmp1").write_text("") or 0) == "taken, and is not what was given"
    assert says(lambda words: 1 / 0).startswith("ZeroDivisionError")


def test_the_record_has_nothing_wrong() -> None:
    record = json.loads((ROOT / "data/benchmarks/fuzz-commands.json").read_text())
    assert (record["wrong"], record["cases"] >= 10_000) == ([], True)
