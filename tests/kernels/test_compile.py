"""Every .cu file compiles for every architecture."""

import sys
from pathlib import Path

import pytest

from pnnkern import _compile, _sources
from pnnkern._errors import DeviceError
from pnnkern.experiments import warm

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
import cubins

ARCHITECTURES = [("sm_75", 13), ("sm_80", 13), ("sm_90", 13), ("sm_100", 13), ("sm_120", 13), ("sm_70", 12)]


def variants(stem: str, architecture: str) -> list[dict[str, int]]:
    """All problem sizes for sm_90, one for the others."""
    listed = warm.variants(stem)
    return listed if architecture == "sm_90" else listed[:1]


def compiled(stem: str, architecture: str, major: int, defines: dict[str, int]) -> bytes:
    if cubins.library(major) is None:
        pytest.skip(f"the NVRTC wheel of CUDA {major} is not installed (pip install pnnkern[check])")
    return _compile.cubin(cubins.Binding(major), stem, architecture, defines).read_bytes()


@pytest.mark.parametrize("stem", _sources.stems())
@pytest.mark.parametrize(("architecture", "major"), ARCHITECTURES)
def test_compiles(stem: str, architecture: str, major: int) -> None:
    for defines in variants(stem, architecture):
        kernels = cubins.resources(compiled(stem, architecture, major, defines))
        assert set(kernels) == set(_sources.prototypes(stem))


def test_a_syntax_error_is_reported_with_its_line() -> None:
    if cubins.library(13) is None:
        pytest.skip("the NVRTC wheel of CUDA 13 is not installed")
    broken = '#line 1 "broken.cu"\n\nextern "C" __global__ void k() { x = 1; }'
    with pytest.raises(DeviceError, match=r"broken\.cu does not compile for sm_90 with NVRTC 13\.\d+:\nbroken\.cu\(2\): error"):
        _compile.compiled(cubins.Binding(13), broken, "broken.cu", "sm_90", {})
