"""Every .cu file compiles for every architecture, and no kernel grows in registers or starts to spill unseen."""

import json
import os
import sys
from pathlib import Path

import pytest

from pnnkern import _compile, _sources
from pnnkern._errors import DeviceError
from pnnkern.experiments import warm

sys.path.insert(0, str(Path(__file__).parent))
import nvrtc

ARCHITECTURES = [("sm_75", 13), ("sm_80", 13), ("sm_90", 13), ("sm_100", 13), ("sm_120", 13), ("sm_70", 12)]
SNAPSHOT = Path(__file__).with_name("registers.json")


def variants(stem: str, architecture: str) -> list[dict[str, int]]:
    """All problem sizes for sm_90, one for the others."""
    listed = warm.variants(stem)
    return listed if architecture == "sm_90" else listed[:1]


def compiled(stem: str, architecture: str, major: int, defines: dict[str, int]) -> bytes:
    if nvrtc.library(major) is None:
        pytest.skip(f"the NVRTC wheel of CUDA {major} is not installed (pip install pnnkern[test])")
    return _compile.cubin(nvrtc.Binding(major), stem, architecture, defines).read_bytes()


@pytest.mark.parametrize("stem", _sources.stems())
@pytest.mark.parametrize(("architecture", "major"), ARCHITECTURES)
def test_compiles(stem: str, architecture: str, major: int) -> None:
    for defines in variants(stem, architecture):
        kernels = nvrtc.resources(compiled(stem, architecture, major, defines))
        assert set(kernels) == set(_sources.prototypes(stem))


def label(kernel: str, defines: dict[str, int]) -> str:
    return kernel + "".join(f" {k}={v}" for k, v in defines.items())


def test_registers_spills_and_shared_memory_are_as_recorded() -> None:
    """sm_90. After a deliberate change: PNNKERN_UPDATE_SNAPSHOT=1 pytest tests/kernels/test_compile.py, and look at the diff."""
    now = {}
    for stem in _sources.stems():
        for defines in variants(stem, "sm_90"):
            for kernel, used in nvrtc.resources(compiled(stem, "sm_90", 13, defines)).items():
                now[label(kernel, defines)] = used
    if os.environ.get("PNNKERN_UPDATE_SNAPSHOT"):
        lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(now.items()))
        SNAPSHOT.write_text("{\n" + lines + "\n}\n")
    recorded = json.loads(SNAPSHOT.read_text())
    assert set(now) == set(recorded), "kernels came or went: update the snapshot"
    grown = {
        k: (recorded[k], v)
        for k, v in now.items()
        if v["registers"] > recorded[k]["registers"] or v["stack"] > recorded[k]["stack"]
    }
    assert not grown, f"registers or stack grew (recorded, now): {grown}"
    spilling = {k: v["stack"] for k, v in now.items() if v["stack"]}
    assert all(recorded[k]["stack"] for k in spilling), f"kernels with a stack that the snapshot does not excuse: {spilling}"


def test_a_syntax_error_is_reported_with_its_line() -> None:
    if nvrtc.library(13) is None:
        pytest.skip("the NVRTC wheel of CUDA 13 is not installed")
    broken = '#line 1 "broken.cu"\n\nextern "C" __global__ void k() { x = 1; }'
    with pytest.raises(DeviceError, match=r"broken\.cu does not compile for sm_90 with NVRTC 13\.\d+:\nbroken\.cu\(2\): error"):
        _compile.compiled(nvrtc.Binding(13), broken, "broken.cu", "sm_90", {})
