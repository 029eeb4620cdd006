"""The last test of a full run: every CUDA kernel there is has been launched by some test, on the host runner or a GPU."""

import pytest

from pnnkern import _launch, _sources


def test_every_kernel_was_launched(request: pytest.FixtureRequest) -> None:
    if not getattr(request.config, "pnnkern_full_run", False):
        pytest.skip("only part of the tests were selected")
    missing = sorted(set(_sources.kernels()) - _launch.launched)
    assert not missing, f"no test launches {', '.join(missing)}"
