"""What the signatures of public functions say to a type checker."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from scripted import script

import pnnkern

CHECKOUT = Path(__file__).resolve().parents[1]

# Parameters of any type, none of which is an array: systems and networks (protocols, which rules look for), samples before they are encoded,
# what a pass has kept for its derivative, what is handed on as it is, and descriptions that are looked at by what they can do.
NO_ARRAYS = {
    "system", "net", "rule", "optimizer", "data", "samples", "batch", "record", "relaxed", "one", "two", "given", "options", "settings",
    "kwargs", "args", "training", "changes", "self", "loss", "dtype", "example", "technology", "device", "range", "wires", "noise", "diode",
    "factors", "left", "inputs", "description", "value",
}  # fmt: skip

OWN = re.compile(r"  class (\w+\(parameters:|Pulsed|Rheostats|Stepped|Transferred)")  # systems and writers check their fields themselves


def test_no_parameter_that_is_an_array_is_of_any_type() -> None:
    lines = script("public_api").text().splitlines()
    found = set(re.findall(r"\b(\w+): Any\b", "\n".join(line for line in lines if not OWN.match(line))))
    assert found <= NO_ARRAYS, f"say what these are (pnnkern/_array.py): {sorted(found - NO_ARRAYS)}"


RIGHT = """
import numpy as np
from pnnkern import crossbar, networks, optics, random

field = np.zeros((2, 8, 8), np.complex64)
optics.propagate(field, distance=0.1, wavelength=6e-7, pitch=8e-6)
optics.propagate(field, distance=[0.1, 0.2], wavelength=np.array([6e-7, 5e-7]), pitch=(8e-6, 9e-6)).astype(np.complex128)
crossbar.read(np.ones((2, 3)), np.ones((3, 4)), wires=1.0, key=random.key(1), sample=np.arange(2))
crossbar.effective_conductance_vjp(np.ones((3, 4)), np.ones((3, 4)), wires=1.0, wrt="G")
networks.ResistorNetwork(np.array([[0, 1]]), 2).solve(np.ones(1), [0], np.ones((1, 1)))
"""
TORCH = "import torch\noptics.propagate(torch.zeros(2, 8, 8, dtype=torch.complex64), distance=0.1, wavelength=6e-7, pitch=8e-6).cpu()\n"
JAX = "import jax.numpy as jnp\noptics.intensity(jnp.zeros((2, 8, 8), jnp.complex64)).block_until_ready()\n"
WRONG = {
    'optics.propagate("field", distance=0.1, wavelength=6e-7, pitch=8e-6)': '"field" of "propagate"|to "propagate"',
    "optics.intensity([[1j]])": 'to "intensity"',
    "optics.phase_mask(field, 3.0)": 'to "phase_mask"',
    'optics.propagate(field, distance="0.1", wavelength=6e-7, pitch=8e-6)': '"distance" to "propagate"',
    "optics.propagate(field, distance=0.1, wavelength=6e-7)": 'Missing named argument "pitch"',
    "crossbar.read(np.ones((2, 3)), 25e-6)": 'to "read"',
    "crossbar.read(np.ones((2, 3)), np.ones((3, 4)), key=3)": '"key" to "read"',
    "networks.ResistorNetwork(3, 2)": 'to "ResistorNetwork"',
}


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed (extra check)")
def test_a_type_checker_takes_arrays_of_every_library_and_nothing_else(tmp_path: Path) -> None:
    """A file of a user's: what is right passes, each wrong line is found on its line, and what comes back is of the caller's kind."""
    right = RIGHT + "".join(text for name, text in (("torch", TORCH), ("jax", JAX)) if importlib.util.find_spec(name))
    path, first = tmp_path / "theirs.py", right.count("\n") + 1
    path.write_text(right + "\n".join(WRONG) + "\n")
    cache = CHECKOUT / ".mypy_cache"  # where scripts/test.sh has just put what it found
    command = [sys.executable, "-m", "mypy", "--config-file", str(CHECKOUT / "setup.cfg"), "--cache-dir", str(cache), "--no-pretty", str(path)]
    home = Path(pnnkern.__file__).parents[1]  # mypy finds by itself what is installed, by its py.typed
    where = {} if home.name == "site-packages" else {"MYPYPATH": str(home)}
    said = subprocess.run(
        command, capture_output=True, text=True, timeout=600, cwd=tmp_path, check=False, env=os.environ | where
    ).stdout  # fmt: skip
    found = re.findall(r"^theirs\.py:(\d+): error: (.*)", said, re.MULTILINE)
    assert {int(line) for line, _ in found} == set(range(first, first + len(WRONG))), said
    for line, text in found:
        pattern = list(WRONG.values())[int(line) - first]
        assert re.search(pattern, text), f"{text} is not about {pattern}"
