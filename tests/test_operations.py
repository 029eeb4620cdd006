"""The table of what other people's tapes can record: complete, and the same on a GPU. test_torch.py and test_jax.py use it."""

from pathlib import Path
from typing import Any

import numpy as np
import other_libraries
import pytest
from operation_cases import CASES, methods_with_vjp, public_with_vjp

from pnnkern import _array, _operations, optics


def test_every_function_with_a_derivative_is_in_the_table() -> None:
    assert not public_with_vjp() ^ {op.name for op in _operations.OPERATIONS}
    assert {case.op for case in CASES} == {op.name for op in _operations.OPERATIONS}


# Objects that keep what they have planned or programmed, and the function of the table that does the same; curved elements have none
METHODS = {
    "optics.Propagator.vjp": "optics.propagate",
    "optics.ScaledPropagator.vjp": "optics.propagate_scaled",
    "crossbar.Layer.vjp": "crossbar.apply",
    "crossbar.Reader.vjp": "crossbar.read",
    "networks.DiodeNetwork.solve_vjp": None,
    "networks.ElementNetwork.solve_vjp": None,
    "networks.TransistorNetwork.solve_vjp": None,
}


def test_every_method_with_a_derivative_is_known() -> None:
    """And docs/other-code.md tells what is used in its place on a tape, or that there is nothing."""
    assert methods_with_vjp() == set(METHODS)
    assert {name for name in METHODS.values() if name} <= {op.name for op in _operations.OPERATIONS}
    page = " ".join((Path(__file__).parents[1] / "docs/other-code.md").read_text().split())
    for method, function in METHODS.items():
        assert (f"`{method}` is `{function}`" if function else f"`{method}`") in page


def test_every_argument_of_the_table_is_one_of_the_function() -> None:
    """And every derivative that it names is tested."""
    for op in _operations.OPERATIONS:
        named = {name.partition(".")[0] for name in op.by} | {op.like, *op.own, *op.rows}
        assert named <= set(op.form.names)
        assert set(op.by) == {op.derivative(path) for case in CASES if case.op == op.name for path in case.scales}


def test_tensors_of_a_gpu(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On stand-ins: work is done on the GPU, by the gate, and derivatives lie where what they are by does."""
    other_libraries.install(monkeypatch, cupy)
    parts = _operations.Parts()
    given = {"field": other_libraries.Tensor(cupy.ones((2, 3, 4), np.complex64)), "distance": np.array([3.0, 4.0])}
    template = _operations.taken_apart(given | {"wavelength": 0.6, "pitch": 1.0}, (other_libraries.Tensor, np.ndarray), parts)
    op = next(op for op in _operations.OPERATIONS if op.name == "optics.propagate")
    call = _operations.Call(op, tuple(parts.paths), tuple(parts.whole), tuple(parts.numbers), _operations.settled(template))
    out = _operations.run(call, parts.arrays)
    by_field, by_distance = _operations.pulled(call, out, parts.arrays, (0, 1))
    u = np.ones((2, 3, 4), np.complex64)
    how = {"distance": given["distance"], "wavelength": 0.6, "pitch": 1.0}
    expected = optics.propagate(u, **how)
    theirs = optics.propagate_vjp(expected, u, wrt=("field", "distance"), **how)
    for ours, right in zip((out, by_field, by_distance), (expected, *theirs), strict=True):
        assert type(ours) is other_libraries.Tensor
        values = _array.to_numpy(ours.array)
        np.testing.assert_allclose(values, right, rtol=1e-5, atol=1e-6)
    assert _array.is_on_gpu(by_field.array)
    assert isinstance(by_distance.array, np.ndarray)


def test_settings_that_differ_have_texts_that_differ() -> None:
    def text(**given: Any) -> str:
        parts = _operations.Parts()
        template = _operations.taken_apart(given, (), parts)
        return _operations.settled(template, *parts.objects)

    Camera, Regions = optics.Camera, optics.Regions
    one, two = Regions((4, 4), [(0, 1, 0, 1)]), Regions((4, 4), [(1, 2, 0, 1)])
    texts = [
        text(a="x"), text(a="y"), text(a=None), text(a=True), text(b="x"), text(a=1), text(a=1.0), text(a=(1,)), text(a=[1]), text(a={"b": 1}),
        text(a=Camera()), text(a=Camera(photons=1)), text(a=one), text(a=two), text(a=np.dtype("f4")),
    ]  # fmt: skip
    assert len(set(texts)) == len(texts)
    assert text(a=Camera(photons=1)) == text(a=Camera(photons=1))
    assert text(a=one) == text(a=one)
    assert text(a=1) == text(a=2)  # numbers go beside the text
