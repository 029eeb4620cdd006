"""The functions on torch's tape: derivatives against differences, and the same under every transform that torch has."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from operation_cases import CASES, Case  # noqa: E402

import pnnkern.torch as on_tape  # noqa: E402 (once torch is known to be there)
from pnnkern import _operations, optics, random  # noqa: E402
from pnnkern._errors import UnitWarning  # noqa: E402


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


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_derivatives_are_the_functions_own(case: Case) -> None:
    """The same bits as the call on arrays, and as `NAME_vjp` for a cotangent g = dL/dRe + i dL/dIm."""
    op, leaves = next(op for op in _operations.OPERATIONS if op.name == case.op), tensors(case)
    out = called(case, *leaves)
    given = case.filled(case.leaves())
    expected = op.call(op, {n: v for n, v in given.items() if n not in op.only_vjp})
    np.testing.assert_array_equal(out.detach().numpy(), expected)
    assert out.dtype == torch.from_numpy(expected).dtype
    rng = np.random.default_rng(0)
    g = rng.standard_normal(expected.shape) + (1j * rng.standard_normal(expected.shape) if np.iscomplexobj(expected) else 0)
    found = torch.autograd.grad(out, leaves, torch.from_numpy(np.asarray(g, expected.dtype)))
    names = tuple(dict.fromkeys(op.derivative(path) for path in case.scales))
    pulled = op.pull(op, np.asarray(g, expected.dtype), given, names)
    for (path, scale), ours, leaf in zip(case.scales.items(), found, leaves, strict=True):
        name = op.derivative(path)
        theirs = pulled[name][int(path[len(name) + 1 :])] if path[len(name) + 1 :].isdigit() else pulled[name]
        assert ours.shape == leaf.shape
        assert ours.dtype == leaf.dtype
        np.testing.assert_allclose(ours.numpy(), np.asarray(theirs) * scale, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_compiled_as_one_graph(case: Case) -> None:
    """fullgraph=True refuses whatever would leave the graph; values and gradients are the same."""
    leaves = tensors(case)

    def loss(*leaves: Any) -> Any:
        return (called(case, *leaves).abs() ** 2).sum()

    torch._dynamo.reset()
    whole = torch.compile(loss, fullgraph=True, backend="aot_eager")
    found, expected = (torch.autograd.grad(f(*leaves), leaves) for f in (whole, loss))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_functional_gradients_and_maps(case: Case) -> None:
    """`torch.func.grad` is the tape's gradient; `vmap` of values and of gradients is a loop, over any argument, alone and all together."""
    leaves = tensors(case, grad=False)
    numbers = tuple(range(len(leaves)))

    def loss(*leaves: Any) -> Any:
        return (called(case, *leaves).abs() ** 2).sum()

    gradients = torch.func.grad(loss, numbers)
    taped = tensors(case)
    for a, b in zip(gradients(*leaves), torch.autograd.grad(loss(*taped), taped), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    factors = 1 + 0.05 * torch.arange(3, dtype=torch.float64)
    for mapped in [*({i} for i in numbers), set(numbers)]:
        stacked = [torch.stack([leaf * f for f in factors], dim=-1) if i in mapped else leaf for i, leaf in enumerate(leaves)]
        dims = tuple(-1 if i in mapped else None for i in numbers)
        each = [[s[..., b] if i in mapped else s for i, s in enumerate(stacked)] for b in range(3)]
        ours, theirs = torch.func.vmap(lambda *x: called(case, *x), dims)(*stacked), [called(case, *x) for x in each]
        torch.testing.assert_close(ours, torch.stack(theirs), rtol=1e-9, atol=1e-14)
        ours, theirs = torch.func.vmap(gradients, dims)(*stacked), [gradients(*x) for x in each]
        for i in numbers:
            torch.testing.assert_close(ours[i], torch.stack([t[i] for t in theirs]), rtol=1e-9, atol=1e-14)


def test_functions_are_where_their_rooms_are() -> None:
    for op in _operations.OPERATIONS:
        room, *inner, last = op.name.split(".")
        found: Any = getattr(on_tape, room)
        for step in (*inner, last):
            found = getattr(found, step)
        assert found is on_tape.functions[op.name]
        assert found.__doc__ == op.function.__doc__
        assert list(inspect.signature(found).parameters) == list(op.form.names)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_operators_keep_what_torch_asks_of_them(case: Case) -> None:
    """torch's own checks: nothing is changed, no result shares memory with an argument, shapes are foretold, derivatives are registered."""
    parts = _operations.Parts()
    op = next(op for op in _operations.OPERATIONS if op.name == case.op)
    given = op.form.named((), case.filled(tensors(case), torch.from_numpy))
    template = _operations.taken_apart(given, (torch.Tensor, np.ndarray), parts)
    arrays = [a if isinstance(a, torch.Tensor) else torch.from_numpy(a) for a in parts.arrays]
    text = _operations.settled(template, *parts.objects)
    made = getattr(torch.ops.pnnkern, on_tape._operator(case.op, tuple(parts.paths))).default
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(made, (*arrays, parts.whole, parts.numbers, text), test_utils=checks)


def test_there_are_no_second_derivatives() -> None:
    u = torch.ones(3, 4, dtype=torch.complex128, requires_grad=True)
    (g,) = torch.autograd.grad((on_tape.optics.intensity(u) ** 2).sum(), u, create_graph=True)
    sentence = "pnnkern has first derivatives only: optics.intensity cannot be differentiated twice"
    with pytest.raises(NotImplementedError, match=sentence):
        g.abs().sum().backward()
    norm = torch.func.grad(lambda u: torch.func.grad(lambda u: (on_tape.optics.intensity(u) ** 2).sum())(u).abs().sum())
    with pytest.raises(NotImplementedError, match=sentence):
        norm(u.detach())


def test_what_cannot_be_differentiated_is_refused() -> None:
    u, w = torch.ones(3, 4, dtype=torch.complex128), torch.tensor(633e-9, dtype=torch.float64, requires_grad=True)
    how = {"focal_length": 0.1, "pitch": 8e-6}
    sentence = "optics.lens has no derivative by wavelength, only by field, focal_length: give wavelength as a value that is not differentiated"
    with pytest.raises(TypeError, match=sentence):
        on_tape.optics.lens(u, wavelength=w, **how)
    with pytest.raises(TypeError, match=sentence):
        torch.func.grad(lambda w: on_tape.optics.lens(u, wavelength=w, **how).abs().sum())(w.detach())
    with torch.no_grad():
        on_tape.optics.lens(u, wavelength=w, **how)


def test_arguments_are_checked() -> None:
    u = torch.ones(3, 4, dtype=torch.complex128)
    for call, sentence in (
        (lambda: on_tape.optics.intensity(), "optics.intensity needs field"),
        (lambda: on_tape.optics.intensity([1, 2]), "field must be an array (..., ny, nx) of complex64 or complex128, got list"),
        (lambda: on_tape.optics.intensity(u, u), "optics.intensity takes 1 argument without its name, got 2"),
        (lambda: on_tape.optics.phase_mask(u, u.real, field=u), "optics.phase_mask was given field twice"),
        (lambda: on_tape.optics.phase_mask(u, u.real, out=u), "optics.phase_mask with a derivative takes no out, but field, phase"),
        (lambda: on_tape.optics.phase_mask(u, u), "phase must be an array of float32 or float64, got complex128"),
    ):
        with pytest.raises(TypeError, match=f"^{re.escape(sentence)}$"):
            call()


@pytest.mark.parametrize("kind", ["float32", "strided", "conjugated", "numpy"])
def test_kinds_of_tensors(kind: str) -> None:
    """Single precision stays it, whatever the strides; NumPy arrays are constants."""
    rng = np.random.default_rng(2)
    u, phase = rng.standard_normal((2, 4, 3)) + 1j * rng.standard_normal((2, 4, 3)), rng.uniform(-1, 1, (3, 4))
    field: Any = torch.from_numpy(u).transpose(1, 2)
    if kind == "float32":
        field = field.to(torch.complex64)
    if kind == "conjugated":
        field = field.conj()
    if kind != "strided":
        field = field.clone()
    expected = optics.phase_mask(field.resolve_conj().numpy(), phase)
    field.requires_grad_()
    out = on_tape.optics.phase_mask(field, phase if kind == "numpy" else torch.from_numpy(phase))
    np.testing.assert_array_equal(out.detach().numpy(), expected)
    (g,) = torch.autograd.grad(out.abs().sum(), field)
    assert g.dtype == out.dtype == field.dtype
    assert g.shape == field.shape


def test_memory_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes in is read where it lies, and what goes out lies where the function has put it."""
    seen: list[Any] = []

    def watched(op: Any, given: dict[str, Any]) -> Any:
        seen.append((given["field"], op.function(**given)))
        return seen[-1][1]

    op = next(op for op in _operations.OPERATIONS if op.name == "optics.intensity")
    monkeypatch.setitem(op.__dict__, "call", watched)
    u = torch.ones(3, 4, dtype=torch.complex128, requires_grad=True)
    out = on_tape.optics.intensity(u)
    (inside, result), = seen
    assert inside.ctypes.data == u.data_ptr()
    assert result.ctypes.data == out.data_ptr()


def test_noise_is_that_of_its_key_and_samples() -> None:
    """A key is an array, which may change without a new operator; samples mapped over have the noise of the samples of a call."""
    light, camera = torch.full((2, 5), 3.0, dtype=torch.float64), optics.Camera(photons=100)
    before = len(_operations._settings)
    several = [on_tape.optics.detect(light, camera, key=random.key(n), sample=n) for n in range(4)]
    assert len(_operations._settings) <= before + 1
    for n, found in enumerate(several):
        np.testing.assert_array_equal(found.numpy(), optics.detect(light.numpy(), camera, key=random.key(n), sample=n))
    key = random.key(3)
    mapped = torch.func.vmap(lambda light: on_tape.optics.detect(light, camera, key=key))(torch.stack([light, light]))
    np.testing.assert_array_equal(mapped[0].numpy(), mapped[1].numpy())


def test_couplings_have_no_diagonal() -> None:
    """Nor has the derivative by them, and its entries of a pair are the same."""
    J = torch.ones(3, 3, dtype=torch.float64) - torch.eye(3, dtype=torch.float64)
    J.requires_grad_()
    fields = {"x": torch.full((3,), 0.5), "y": torch.tensor([0.1, 0.3, -0.2])}
    on_tape.networks.oscillator.relax(torch.zeros(1, 3, dtype=torch.float64), J, **fields).sum().backward()
    assert J.grad is not None
    assert J.grad.abs().sum() > 0
    assert not J.grad.diagonal().any()
    torch.testing.assert_close(J.grad, J.grad.T)


def test_warnings_name_the_line_of_the_call() -> None:
    with pytest.warns(UnitWarning) as caught:
        on_tape.optics.lens(torch.ones(2, 2, dtype=torch.complex128), focal_length=0.1, wavelength=633e-9, pitch=8e-3)
    assert caught[0].filename == __file__


def test_maps_are_compiled() -> None:
    light = torch.rand(3, 4, 5, dtype=torch.float64).to(torch.complex128)
    torch._dynamo.reset()
    mapped = torch.compile(torch.func.vmap(on_tape.optics.intensity), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(mapped(light), light.abs() ** 2)


def test_any_number_of_samples_is_one_graph() -> None:
    """Shapes that torch keeps as symbols."""
    torch._dynamo.reset()
    whole = torch.compile(lambda u: on_tape.optics.propagate(u, distance=3.0, wavelength=0.6, pitch=1.0), fullgraph=True, dynamic=True,
                          backend="aot_eager")  # fmt: skip
    for n in (2, 3, 5):
        u = torch.ones(n, 4, 4, dtype=torch.complex128)
        np.testing.assert_array_equal(whole(u).numpy(), optics.propagate(u.numpy(), distance=3.0, wavelength=0.6, pitch=1.0))


def test_keys_of_a_compiled_graph() -> None:
    """NumPy arrays, as keys are, go in as arrays: one graph for all of them, and none is a constant of it."""
    from torch._dynamo.testing import CompileCounterWithBackend

    light, camera, graphs = torch.full((2, 5), 3.0, dtype=torch.float64), optics.Camera(photons=100), CompileCounterWithBackend("aot_eager")
    torch._dynamo.reset()
    reading = torch.compile(lambda light, key: on_tape.optics.detect(light, camera, key=key), fullgraph=True, backend=graphs)
    for n in range(3):
        key = random.key(n)
        np.testing.assert_array_equal(reading(light, key).numpy(), optics.detect(light.numpy(), camera, key=key))
    assert graphs.frame_count == 1


def test_compiled_with_other_numbers() -> None:
    """A graph that was compiled for one distance is not run for another one, nor for other settings of equal shape."""
    u = torch.ones(4, 4, dtype=torch.complex128)
    torch._dynamo.reset()

    def read(u: Any, z: float, camera: optics.Camera) -> Any:
        return on_tape.optics.detect(on_tape.optics.intensity(on_tape.optics.propagate(u, distance=z, wavelength=0.6, pitch=1.0)), camera)

    masked = torch.compile(read, fullgraph=True, backend="aot_eager")
    for z in (1.0, 2.0, 3.0):
        for camera in (optics.Camera(full_well=0.5), optics.Camera(full_well=0.25)):
            light = optics.intensity(optics.propagate(u.numpy(), distance=z, wavelength=0.6, pitch=1.0))
            np.testing.assert_allclose(masked(u, z, camera).numpy(), optics.detect(light, camera), rtol=1e-12)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")
def test_on_cuda() -> None:
    """Values and derivatives of the CPU, of each operation, on the GPU that its tensors are on; compiled, too."""
    for case in CASES:
        leaves = tensors(case)
        there = [leaf.detach().cuda().requires_grad_() for leaf in leaves]
        here, out = called(case, *leaves), on_tape.functions[case.op](**case.filled(there, lambda a: torch.from_numpy(a).cuda()))
        assert out.is_cuda
        torch.testing.assert_close(out.cpu(), here, rtol=1e-8, atol=1e-12)
        pairs = zip(torch.autograd.grad(out.abs().sum(), there), torch.autograd.grad(here.abs().sum(), leaves), strict=True)
        for a, b in pairs:
            assert a.is_cuda
            torch.testing.assert_close(a.cpu(), b, rtol=1e-6, atol=1e-10)
    u = torch.ones(3, 4, dtype=torch.complex64, device="cuda")
    torch.testing.assert_close(torch.compile(on_tape.optics.intensity, fullgraph=True)(u), u.abs() ** 2)


EXPORT = """
import sys, torch
import pnnkern as pnn, pnnkern.torch as tape

class Model(torch.nn.Module):
    def __init__(self, regions=None):
        super().__init__()
        self.phase, self.regions = torch.nn.Parameter(torch.linspace(0, 3, 64).reshape(8, 8)), regions

    def forward(self, u):
        there = tape.optics.propagate(tape.optics.phase_mask(u, self.phase), distance=1e-3, wavelength=633e-9, pitch=8e-6)
        return tape.optics.intensity(there) if self.regions is None else tape.optics.powers(there, self.regions)

u, (plain, described) = torch.ones(2, 8, 8, dtype=torch.complex64), sys.argv[1:]
torch.export.save(torch.export.export(Model(), (u,)), plain)
torch.export.save(torch.export.export(Model(pnn.optics.Regions((8, 8), [(0, 4, 0, 4)])), (u,)), described)
"""
LOAD = """
import sys, torch
import pnnkern.torch

u, (plain, described) = torch.ones(2, 8, 8, dtype=torch.complex64), sys.argv[1:]
model = torch.export.load(plain).module()
model(u).square().sum().backward()
print(repr(model(u).square().sum().item()), repr(next(model.parameters()).grad.abs().sum().item()))
try:
    torch.export.load(described).module()(u)
except ValueError as error:
    print(error)
"""


def test_an_exported_program_runs_in_another_process(tmp_path: Path) -> None:
    """With its derivative, and no operator made before; one that holds what is no plain value says so."""
    files = [str(tmp_path / name) for name in ("plain.pt2", "described.pt2")]

    def ran(code: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        done = subprocess.run([sys.executable, "-c", code, *files], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    ran(EXPORT)
    values, said = ran(LOAD).splitlines()
    phase = np.linspace(0, 3, 64, dtype=np.float32).reshape(8, 8)
    how = {"distance": 1e-3, "wavelength": 633e-9, "pitch": 8e-6}
    u = np.ones((2, 8, 8), np.complex64)
    there = optics.propagate(optics.phase_mask(u, phase), **how)
    light = optics.intensity(there)
    back = optics.propagate_vjp(optics.intensity_vjp(2 * light, there), optics.phase_mask(u, phase), wrt=("field",), **how)
    slope = optics.phase_mask_vjp(back, u, phase, wrt=("phase",))
    np.testing.assert_allclose([float(v) for v in values.split()], [np.square(light).sum(), np.abs(slope).sum()], rtol=1e-4)
    assert said.startswith("this program was saved by another process and holds settings that are no plain values")
