"""What a first call costs: each in a process of its own, cold with an empty cache of compiled kernels, then warm with what the cold one left.

Seconds of the processor beyond `import numpy`, imports and compilation included; how many kernels were compiled; how many modules were loaded.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ..._errors import DeviceError
from ._timing import Row

# The first block of README.md, and its exact wires
LIGHT = """\
import numpy as np
import pnnkern as pnn
u0 = np.ones((4, 256, 256), np.complex64)
u1 = pnn.optics.propagate(u0, distance=0.05, wavelength=633e-9, pitch=8e-6)
P = pnn.optics.Propagator((256, 256), pitch=8e-6, wavelength=633e-9, distance=0.05)
u1, lost = P(u0), P.losses(u0)
g0 = P.vjp(u1, u0)
key = pnn.random.key(7)
z = pnn.random.normal(key, (3, 5), sample=0)
"""
WIRES = """\
import numpy as np
import pnnkern as pnn
G = np.random.default_rng(0).uniform(1e-6, 25e-6, (128, 64))
T = pnn.crossbar.effective_conductance(G, wires=pnn.crossbar.Wires(word=1.0, bit=1.0))
"""
ROOMS = "import pnnkern\nfor room in ('optics', 'crossbar', 'networks', 'learning', 'random', 'systems'):\n    getattr(pnnkern, room)\n"
CALLS = {
    "import pnnkern": "import pnnkern\n",
    "import of all rooms": ROOMS,
    "propagation, losses, vjp, normals": LIGHT,
    "effective conductance, 128 x 64": WIRES,
}
PROBE = """
import json, sys, time
import numpy
start, before = time.process_time(), len(sys.modules)
exec(sys.argv[1])
print(json.dumps({"s": time.process_time() - start, "modules": len(sys.modules) - before}))
"""


def _in_a_process(code: str, cache: Path) -> Row:
    """The figures of one call in a process of its own."""
    paths = os.pathsep.join(str(Path(p).resolve()) for p in sys.path)  # "" is the folder that this one works in
    environment = os.environ | {"PNNKERN_CACHE_DIR": str(cache), "PYTHONPATH": paths}
    before = _kept(cache)
    done = subprocess.run([sys.executable, "-c", PROBE, code], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"a first call ended with {done.returncode}: {done.stderr[-1000:]}")
    return {**json.loads(done.stdout), "compiled": _kept(cache) - before}


def _kept(cache: Path) -> int:
    """Compiled functions in a cache."""
    return sum(1 for path in (cache / "numba").glob("*") if not path.name.startswith("."))


def calls(work: str) -> list[Row]:
    """The rows of one of `CALLS`, cold and warm."""
    with tempfile.TemporaryDirectory() as folder:  # which is nobody else's, as the cache asks for
        cache = Path(folder)
        return [
            {"case": "first call", "work": work, "name": name, "device": "cpu", **_in_a_process(CALLS[work], cache)}
            for name in ("pnnkern, cold", "pnnkern, warm")
        ]


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """All calls, once each: half a minute, whatever the budget. Raises `DeviceError` for another device than "cpu"."""
    if device != "cpu":
        raise DeviceError("first calls are measured on the CPU alone: what a GPU needs is compiled by `pnnkern warm --device cuda`")
    return [row for work in CALLS for row in calls(work)]
