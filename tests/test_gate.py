"""The gate: what comes into public functions and classes, and what goes back."""

import importlib.util
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.sparse

from pnnkern import _gate, crossbar, learning, optics
from pnnkern._array import Array, Field, Real
from pnnkern._gate import accepts_any, record


@accepts_any
def doubled(x: Any, *, also: Any = None) -> Any:
    """In place, so that sharing of memory shows."""
    x *= 2
    return (x, "text", 3) if also is None else also


ONE = np.ones(1)


@accepts_any
def takes(
    one: Array = ONE, real: Real | None = None, field: Field | None = None, many: list[Real] | None = None,
    named: dict[str, Array] | None = None,
) -> Any:  # fmt: skip
    return one


class Pair(NamedTuple):
    first: Any
    second: Any


@record
@dataclass(frozen=True)
class Result:
    """A result that holds arrays, some of them deep inside."""

    pair: Pair
    named: dict[str, Any]
    steps: int

    @property
    def first(self) -> Array:
        return self.pair.first + 0

    def total(self, factor: float) -> Array:
        return factor * (self.pair.first + self.pair.second + self.named["a"])


@accepts_any
def result(x: Any) -> Result:
    return Result(Pair(x, 2 * x), {"a": 3 * x}, steps=5)


@accepts_any
def summed(r: Result) -> Any:
    return r.total(2.0) + r.first


@accepts_any
class Holder:
    """A class that is given arrays."""

    def __init__(self, x: Real) -> None:
        self.x = x

    def plus(self, y: Real) -> Array:
        return self.x + y

    @staticmethod
    def twice(y: Real) -> Array:
        return 2 * y


# ------------------------------------------------------------------------------------------------------------------------ NumPy
def test_plain_arrays_pass_as_they_are() -> None:
    x = np.ones(3)
    y, text, number = doubled(x)
    assert y is x
    assert (text, number) == ("text", 3)


def test_subclasses_become_arrays_on_the_same_memory() -> None:
    x = np.asmatrix(np.ones((2, 2)))
    y = doubled(x)[0]
    assert type(y) is np.ndarray
    assert x[0, 0] == 2
    assert np.shares_memory(x, y)


def test_a_matrix_of_conductances_multiplies_as_an_array_does() -> None:
    """`numpy.matrix` never has one axis, and its * is the matrix product: wrong numbers, or a segmentation fault, where it came in."""
    G = scipy.sparse.csr_matrix(np.full((4, 3), 1e-5)).todense()
    V = np.full((2, 4), 0.1)
    np.testing.assert_allclose(crossbar.read(V, G), np.full((2, 3), 4e-6), rtol=1e-12)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.ma.masked_array(np.ones(2), [0, 1]), "a masked array was given, whose mask would be lost"),
        (scipy.sparse.eye(3), "a sparse array was given"),
    ],
)
def test_what_would_mean_something_else_is_refused(given: Any, message: str) -> None:
    for call in (lambda: doubled(given), lambda: doubled(np.ones(1), also=[given]), lambda: doubled(np.ones(1), also={"a": (given,)})):
        with pytest.raises(TypeError, match=message):
            call()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"one": None}, "one must be an array, got NoneType"),
        ({"one": [1.0]}, "one must be an array, got list"),
        ({"real": np.ones(2, complex)}, "real must be an array of float32 or float64, got complex128$"),
        ({"real": np.ones(2, int)}, r"real must be an array of float32 or float64, got int64: use real.astype\(numpy.float32\)"),
        ({"field": np.ones(2)}, r"field must be complex64 or complex128, got float64: use field.astype\(numpy.complex64\)"),
        ({"field": 1.0}, r"field must be an array \(..., ny, nx\) of complex64 or complex128, got float"),
        ({"many": [np.ones(2), None]}, r"many\[1\] must be an array of float32 or float64, got NoneType"),
        ({"many": 3}, "many must be a list of arrays, got int"),
        ({"named": {"a": "b"}}, r"named\['a'\] must be an array, got str"),
        ({"named": [1]}, "named must be a dict of arrays, got list"),
    ],
)
def test_what_a_signature_calls_an_array_has_to_be_one(given: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        takes(**given)


def test_none_is_taken_where_the_signature_says_so() -> None:
    assert takes(np.ones(1), real=None, field=None, many=None, named=None) == 1
    assert takes(many=(np.ones(1),), named=OrderedDict(a=np.ones(1))) == 1


# ------------------------------------------------------------------------------------------------------------------------ torch
def test_torch_shares_memory_both_ways() -> None:
    torch = pytest.importorskip("torch")
    x = torch.ones(3, dtype=torch.complex64)
    y, text, _ = doubled(x)
    assert isinstance(y, torch.Tensor)
    assert y.data_ptr() == x.data_ptr()
    assert text == "text"
    assert x[0] == 2
    assert isinstance(doubled(np.ones(2), also=[x])[0], torch.Tensor)


def test_torch_tensor_that_requires_grad_is_refused() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"requires grad was given: .* record no tape\. For gradients .* pnnkern\.torch .* pass x.detach\(\)"):
        doubled(torch.ones(3, requires_grad=True))


def test_parameters_are_taken_where_torch_records_nothing() -> None:
    torch = pytest.importorskip("torch")
    w = torch.nn.Parameter(torch.ones(3))
    with torch.no_grad():
        learning.SGD(lr=0.5).apply({"w": w}, {"w": torch.ones(3)})
    assert w.detach().tolist() == [0.5] * 3
    assert w.requires_grad


def test_what_of_torch_cannot_be_read_is_refused() -> None:
    torch = pytest.importorskip("torch")
    for x in (torch.ones(2, dtype=torch.bfloat16), torch.ones(2, 2).to_sparse(), torch.ones(2, device="meta")):
        with pytest.raises(TypeError, match=r"a torch tensor .* was given, which kernels cannot read: it must be dense, of float32"):
            doubled(x)


def test_conjugate_view_of_torch_is_resolved() -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor([1 + 2j]).conj()
    assert doubled(np.ones(1), also=x)[0] == 1 - 2j


def test_records_go_out_and_come_in_with_tensors() -> None:
    torch = pytest.importorskip("torch")
    r = result(torch.ones(2))
    assert isinstance(r, Result)
    assert isinstance(r.pair, Pair)
    assert r.steps == 5
    for x in (r.pair.first, r.named["a"], r.first, r.total(1.0), summed(r)):
        assert isinstance(x, torch.Tensor)
    assert summed(r).tolist() == [13, 13]
    made = Result(Pair(torch.ones(1), torch.ones(1)), {"a": torch.ones(1)}, 1)
    assert isinstance(made.total(1.0), torch.Tensor)
    assert isinstance(result(np.ones(2)).total(1.0), np.ndarray)


def test_classes_take_tensors() -> None:
    torch = pytest.importorskip("torch")
    holder = Holder(torch.ones(2))
    assert isinstance(holder.plus(torch.ones(2)), torch.Tensor)
    assert isinstance(holder.plus(np.ones(2)), np.ndarray)
    assert isinstance(Holder.twice(torch.ones(2)), torch.Tensor)
    with pytest.raises(TypeError, match="y must be an array of float32 or float64, got list"):
        holder.plus([1.0])


def test_a_layer_of_a_state_of_tensors() -> None:
    torch = pytest.importorskip("torch")
    description = crossbar.Crossbar()
    state = crossbar.program_weights(torch.full((4, 3), 0.5), description)
    assert all(isinstance(v, torch.Tensor) for v in state.values())
    layer = crossbar.Layer(state, description)
    np.testing.assert_allclose(layer(torch.ones(2, 4)).numpy(), np.full((2, 3), 2.0), rtol=1e-5)


def test_an_apparatus_speaks_the_language_of_its_parameters() -> None:
    torch = pytest.importorskip("torch")
    from pnnkern.systems import from_callable

    def forward(inputs: Any, parameters: Any, key: Any, sample: Any) -> Any:
        return torch.nn.functional.linear(inputs, parameters["w"])

    w = torch.ones(2, 3)
    system = from_callable(forward, {"w": w})
    assert system.forward(np.ones((4, 3), np.float32)).tolist() == [[3.0, 3.0]] * 4
    learning.SGD(lr=1.0).apply(system.parameters, {"w": np.ones((2, 3), np.float32)})
    assert w.sum() == 0  # it was these that were changed


# -------------------------------------------------------------------------------------------------------------------------- JAX
def test_jax_arrays_come_back_as_jax() -> None:
    jnp = pytest.importorskip("jax.numpy")
    for y in (takes(jnp.ones(3)), takes(jnp.ones((3, 4)).T), optics.intensity(jnp.ones((2, 2), jnp.complex64))):
        assert type(y) is type(jnp.ones(3))


def test_what_jax_cannot_write_is_replaced() -> None:
    jnp = pytest.importorskip("jax.numpy")
    parameters = {"w": jnp.ones(3), "b": np.ones(1, np.float32)}
    b = parameters["b"]
    optimizer = learning.Adam(lr=0.5)
    optimizer.apply(parameters, {"w": jnp.ones(3), "b": np.ones(1, np.float32)})
    np.testing.assert_allclose(parameters["w"], 0.5, rtol=1e-6)
    assert type(parameters["w"]) is type(jnp.ones(3))
    np.testing.assert_allclose(b, 0.5, rtol=1e-6)


def test_tracers_and_bfloat16_of_jax_are_refused() -> None:
    jax = pytest.importorskip("jax")
    with pytest.raises(TypeError, match=r"a tracer of JAX was given: kernels run on values. Within jit, grad and vmap .* pnnkern.jax"):
        jax.jit(optics.intensity)(jax.numpy.ones((2, 2), "complex64"))
    with pytest.raises(TypeError, match="a JAX array of bfloat16 was given, which kernels cannot read"):
        takes(jax.numpy.ones(2, "bfloat16"))
    with pytest.raises(TypeError, match="one must be an array, got PRNGKeyArray"):
        takes(jax.random.key(0))


def test_jax_is_known_without_being_imported() -> None:
    """By names of modules and of base classes: what a JAX of another version calls a tracer is still called so."""
    if importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    import jax

    assert any(base.__name__ == "Tracer" for base in jax.core.Tracer.__mro__)
    assert _gate.kind_of(type(jax.numpy.ones(1))) == "jax"
