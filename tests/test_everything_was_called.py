"""The last tests of a full run: the others have called every public function, and launched every CUDA kernel on the host runner or a GPU."""

import inspect

import public_calls
import pytest
from test_public_calls import exported

from pnnkern import _launch, _sources

# functions that tests call through others, with results of other calls, or with numbers alone
THROUGH_OTHERS = {
    "pnnkern.networks.convolutional.contrast", "pnnkern.networks.drn.nudge_bound", "pnnkern.networks.hopfield.holomorphic_contrast",
    "pnnkern.networks.hopfield.same_contrast", "pnnkern.optics.scaled.fraunhofer_pitch",
}  # fmt: skip


@pytest.fixture(scope="module")
def called(request: pytest.FixtureRequest) -> tuple[set[str], set[str]]:
    """Names of the public functions that were called, and of the kernels that were launched."""
    if not request.config.pnnkern_full_run:  # type: ignore[attr-defined]
        pytest.skip("only part of the tests were selected")
    share = request.config.pnnkern_share  # type: ignore[attr-defined]
    if share is None:
        return set(public_calls.calls), set(_launch.launched)
    together = share.together()
    if together is None:
        pytest.skip("other processes still run their share of the tests: the last one does this")
    return together


def test_every_public_function_was_called(called: tuple[set[str], set[str]]) -> None:
    """So that they could be called again. Of classes, methods that others call and constructors that take numbers alone need not be."""
    functions = {name for name, thing in exported().items() if inspect.isfunction(thing) and "." not in thing.__qualname__}
    missing = (functions & public_calls.public) - called[0] - THROUGH_OTHERS
    assert not missing, f"no test calls {', '.join(sorted(missing))}"


def test_every_kernel_was_launched(called: tuple[set[str], set[str]]) -> None:
    missing = set(_sources.kernels()) - called[1]
    assert not missing, f"no test launches {', '.join(sorted(missing))}"
