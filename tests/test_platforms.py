"""Systems without what only Linux has: the import, `pnnkern info` and work on the CPU need none of it."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, sys
del os.sched_getaffinity      # macOS, Windows
sys.modules["fcntl"] = None   # Windows
os.environ.pop("PNNKERN_NUM_THREADS", None)
import numpy as np
import pnnkern as pnn
from pnnkern import _array
from pnnkern._errors import CheckpointError
from pnnkern.cli import main
from pnnkern.experiments import checkpoint
assert main(["info"]) == 0
assert _array.threads() == os.cpu_count()
assert np.allclose(pnn.optics.intensity(np.full((2, 2), 1 + 1j)), 2)
try:
    with checkpoint.lock(__import__("pathlib").Path(sys.argv[1])):
        print("locked")
except CheckpointError as error:
    print(error)
"""


def test_linux_is_not_needed_on_the_cpu(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "runs need file locks, which this system does not have: use Linux or macOS, on Windows WSL"
