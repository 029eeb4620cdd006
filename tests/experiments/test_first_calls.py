"""First calls as a benchmark: a cold one compiles, a warm one finds what it needs, and what is timed is what README shows."""

import re
from pathlib import Path

import pytest

from pnnkern._errors import DeviceError
from pnnkern.experiments import bench
from pnnkern.experiments.bench import first

ROOT = Path(__file__).resolve().parents[2]


def test_a_warm_call_compiles_nothing() -> None:
    cold, warm = first.calls("effective conductance, 128 x 64")
    assert cold["compiled"] == 2  # leaves and joins: no other form of any is compiled
    assert warm["compiled"] == 0
    assert warm["s"] < cold["s"] / 2
    assert "s" in bench.table([cold, warm])


def test_imports_compile_nothing() -> None:
    cold, warm = first.calls("import pnnkern")
    assert (cold["compiled"], cold["modules"]) == (warm["compiled"], warm["modules"]) == (0, 2)


def test_the_first_block_is_that_of_the_readme() -> None:
    block = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0]
    lines = [line.partition("  #")[0] for line in block.splitlines() if line.strip()]
    assert lines == first.LIGHT.splitlines()


def test_what_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(first.CALLS, "none", "import no_such_module")
    with pytest.raises(RuntimeError, match=r"a first call ended with 1: (?s:.*)No module named 'no_such_module'"):
        first.calls("none")


def test_on_the_cpu_alone() -> None:
    with pytest.raises(DeviceError, match="first calls are measured on the CPU alone"):
        first.run("cuda")
