"""The functions on torch's tape: derivatives against differences, and the same under every transform that torch has."""

import inspect
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import pnnkern.torch as on_tape  # noqa: E402 (once torch is known to be there)
from operation_cases import CASES, Case  # noqa: E402
from pnnkern import _operations, optics  # noqa: E402


def tensors(case: Case, grad: bool = True) -> list[Any]:
    return [torch.from_numpy(np.array(leaf)).requires_grad_(grad) for leaf in case.leaves()]


def called(case: Case, *leaves: Any) -> Any:
    return on_tape.functions[case.op](**case.filled(leaves, torch.from_numpy))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_derivatives_against_differences(case: Case) -> None:
    """Torch's own differences, in float64 and complex128, by every argument that the table names."""
    leaves = tensors(case)
    size = called(case, *leaves).detach().abs().max()  # so that the tolerance is one of the result
    assert torch.autograd.gradcheck(lambda *leaves: called(case, *leaves) / size, leaves, eps=1e-5, atol=1e-5, rtol=1e-4)
