"""The whole room: one rule of axes for every public function, and no result that is an alias of what was given."""

import dataclasses
import inspect
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from pnnkern import _launch, optics
from pnnkern.optics import _axes

UM = 1e-6
LEAD, PLANE, PITCH = (2, 3), (5, 6), (3 * UM, 2 * UM)
REGIONS = optics.Regions(PLANE, [(0, 2, 1, 4), (3, 5, 0, 6)])
CAMERA = optics.Camera(full_well=2.0, bits=5)


def field_of(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


# ------------------------------------------------------------------------------------------------------------------- the room
@dataclasses.dataclass(frozen=True)
class Case:
    """A public function: its arguments by kind ("field", "pixel", "plane", "pair") with what makes their values, and what is fixed.

    by : what its derivative exists for; the others of a call are constants. tail : axes of a result behind the leading ones.
    """

    op: Callable[..., Any]
    given: dict[str, tuple[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]]]
    fixed: dict[str, Any] = dataclasses.field(default_factory=dict)
    by: tuple[str, ...] = ()
    tail: int = 2

    @property
    def vjp(self) -> Callable[..., Any]:
        return getattr(optics, f"{self.op.__name__}_vjp")


def between(low: float, high: float) -> Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]:
    return lambda rng, shape: rng.uniform(low, high, shape)


FIELD = {"field": ("field", field_of)}
WAVELENGTH = {"wavelength": ("plane", between(0.4 * UM, 0.7 * UM))}
DISTANCE = {"distance": ("plane", between(50 * UM, 90 * UM))}
CENTRE = {"centre": ("pair", between(-2 * UM, 2 * UM))}
OUT = {"out_pitch": ("pair", between(1 * UM, 2 * UM))}
RADIUS = {"radius": ("plane", between(4 * UM, 8 * UM))}
SHAPE = {"shape": PLANE, "pitch": PITCH, "dtype": "complex128"}
HOLE = {"shape": PLANE, "pitch": PITCH, "dtype": "float64"}
LIGHT = {"pitch": PITCH}


def planned(field: Any, distance: Any, wavelength: Any) -> Any:
    return optics.Propagator(PLANE, pitch=PITCH, wavelength=wavelength, distance=distance)(field)


def planned_scaled(field: Any, distance: Any, wavelength: Any, out_pitch: Any) -> Any:
    plan = optics.ScaledPropagator(PLANE, pitch=PITCH, wavelength=wavelength, distance=distance, out_pitch=out_pitch, out_shape=(4, 3))
    return plan(field)


def lost(field: Any, distance: Any, wavelength: Any) -> Any:
    losses = optics.Propagator(PLANE, pitch=PITCH, wavelength=wavelength, distance=distance).losses(field)
    return np.stack([np.asarray(v.get() if hasattr(v, "get") else v) for v in dataclasses.astuple(losses)], -1)


CASES = {
    "transmit": Case(optics.transmit, {**FIELD, "transmission": ("pixel", field_of)}, by=("field", "transmission")),
    "phase_mask": Case(optics.phase_mask, {**FIELD, "phase": ("pixel", between(-4, 4))}, by=("field", "phase")),
    "amplitude_mask": Case(optics.amplitude_mask, {**FIELD, "amplitude": ("pixel", between(-1, 1))}, by=("field", "amplitude")),
    "height_mask": Case(
        optics.height_mask,
        {**FIELD, "height": ("pixel", between(0, 2 * UM)), **WAVELENGTH, "index": ("plane", between(1.4, 1.6)),
         "absorption": ("plane", between(0, 0.1)), "index_medium": ("plane", between(1, 1.3))},
        by=("field", "height"),
    ),
    "lens": Case(
        optics.lens, {**FIELD, "focal_length": ("plane", between(2e-4, 4e-4)), **WAVELENGTH, **CENTRE}, LIGHT, by=("field", "focal_length")
    ),
    "propagate": Case(optics.propagate, {**FIELD, **DISTANCE, **WAVELENGTH}, LIGHT, by=("field", "distance", "wavelength")),
    "propagate_scaled": Case(
        optics.propagate_scaled, {**FIELD, **DISTANCE, **WAVELENGTH, **OUT}, {**LIGHT, "out_shape": (4, 3)},
        by=("field", "distance", "wavelength"),
    ),
    "fraunhofer": Case(optics.fraunhofer, {**FIELD, **DISTANCE, **WAVELENGTH}, LIGHT, by=("field", "distance", "wavelength")),
    "Propagator": Case(planned, {**FIELD, **DISTANCE, **WAVELENGTH}),
    "ScaledPropagator": Case(planned_scaled, {**FIELD, **DISTANCE, **WAVELENGTH, **OUT}),
    "Losses": Case(lost, {**FIELD, **DISTANCE, **WAVELENGTH}, tail=1),
    "intensity": Case(optics.intensity, FIELD, by=("field",)),
    "powers": Case(optics.powers, FIELD, {"regions": REGIONS}, by=("field",), tail=1),
    "detect": Case(optics.detect, {"light": ("field", between(0, 2.2))}, {"camera": CAMERA}, by=("light",)),
    "plane_wave": Case(optics.plane_wave, {**WAVELENGTH, "tilt": ("pair", between(-0.05, 0.05))}, SHAPE),
    "gaussian_beam": Case(
        optics.gaussian_beam, {"waist": ("plane", between(6 * UM, 9 * UM)), **DISTANCE, **WAVELENGTH, **CENTRE}, SHAPE
    ),
    "point_source": Case(optics.point_source, {**DISTANCE, **WAVELENGTH, **CENTRE}, SHAPE),
    "circular_aperture": Case(optics.circular_aperture, {**RADIUS, **CENTRE}, HOLE),
    "gaussian_aperture": Case(optics.gaussian_aperture, {**RADIUS, **CENTRE}, HOLE),
    "rectangular_aperture": Case(optics.rectangular_aperture, {"size": ("pair", between(3 * UM, 9 * UM)), **CENTRE}, HOLE),
}  # fmt: skip
EXEMPT = {
    "Camera": "a description, the same for all light of a call: `detect` reads with it",
    "Regions": "detectors on one plane, the same for all fields of a call: `powers` reads with them",
    "chain": "the stack of masks that a D2NN trains, planned for one colour: fields (batch, ny, nx), masks (layers, ny, nx)",
    "fraunhofer_pitch": "a pair of numbers for one distance and one wavelength",
}


def test_every_public_function_is_a_case_or_exempt_for_a_reason() -> None:
    derivatives = {f"{name}_vjp" for name, case in CASES.items() if case.by}
    assert set(optics.__all__) == {*CASES, *EXEMPT, *derivatives}
    for name, case in CASES.items():
        if case.op is getattr(optics, name):  # all of its arguments that are arrays are here
            known = {*case.given, *case.fixed, "out", "like", "key", "sample"}
            rest = {p.name for p in inspect.signature(case.op).parameters.values() if p.annotation is Any and p.name not in known}
            assert rest <= {"shift", "pad", "band_limit"}, (name, rest)


TAIL = {"plane": (), "pair": (2,), "pixel": PLANE, "field": PLANE}
LEADS = [(), (1,), (3,), (1, 3), (2, 1), (2, 3)]


def drawn(case: Case, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Arguments of random shapes that broadcast to LEAD; a field is of all of it as often as not."""
    values = {}
    for name, (kind, make) in case.given.items():
        lead = LEADS[rng.integers(len(LEADS))] if kind != "field" or rng.random() < 0.5 else LEAD
        tail = tuple(1 if kind == "pixel" and rng.random() < 0.2 else n for n in TAIL[kind])
        values[name] = make(rng, (*lead, *tail))
    return values


def single(case: Case, values: dict[str, np.ndarray], lead: tuple[int, ...], index: tuple[int, ...]) -> dict[str, Any]:
    """The arguments of one plane: numbers, pairs and planes."""
    one = {}
    for name, (kind, _) in case.given.items():
        value = np.broadcast_to(values[name], (*lead, *TAIL[kind]))[index].copy()
        one[name] = float(value) if kind == "plane" else value
    return one


def summed(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sums over the axes along which `shape` broadcasts to that of `values`."""
    values = values.sum(axis=tuple(range(values.ndim - len(shape))))
    return values.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True).reshape(shape)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::pnnkern._errors.SamplingWarning")
def test_one_call_is_the_loop_over_planes(backend, name: str, seed: int) -> None:
    case, rng = CASES[name], np.random.default_rng([seed, *name.encode()])
    values = drawn(case, rng)
    on = {n: backend.array(v) if case.given[n][0] in ("field", "pixel") else v for n, v in values.items()}
    got = backend.numpy(case.op(**on, **case.fixed))
    lead = np.broadcast_shapes(*(v.shape[: v.ndim - len(TAIL[case.given[n][0]])] for n, v in values.items()))
    assert got.shape[: got.ndim - case.tail] == lead

    def one(index: tuple[int, ...]) -> dict[str, Any]:
        args = single(case, values, lead, index)
        return {n: backend.array(v[None])[0] if case.given[n][0] in ("field", "pixel") else v for n, v in args.items()}

    def lone(args: dict[str, Any]) -> dict[str, Any]:  # `detect` takes a row of samples
        return {n: v[None] for n, v in args.items()} if name == "detect" else args

    for index in np.ndindex(lead):
        expected = backend.numpy(case.op(**lone(one(index)), **case.fixed))
        assert np.allclose(got[index], expected.reshape(got[index].shape), rtol=1e-11, atol=1e-12 * abs(expected).max())

    if case.by:
        g = field_of(rng, got.shape) if got.dtype.kind == "c" else rng.standard_normal(got.shape)
        back = case.vjp(backend.array(g), **on, **case.fixed, wrt=case.by)
        back = dict(zip(case.by, (back,) if len(case.by) == 1 else back, strict=True))
        whole = {n: np.zeros((*lead, *TAIL[case.given[n][0]]), values[n].dtype) for n in case.by}
        for index in np.ndindex(lead):
            parts = case.vjp(lone({"g": backend.array(g)[index]})["g"], **lone(one(index)), **case.fixed, wrt=case.by)
            for n, part in zip(case.by, (parts,) if len(case.by) == 1 else parts, strict=True):
                whole[n][index] = backend.numpy(part)
        for n in case.by:
            expected = summed(whole[n], values[n].shape)
            assert backend.numpy(back[n]).shape == values[n].shape, n
            assert np.allclose(backend.numpy(back[n]), expected, rtol=1e-9, atol=1e-10 * abs(expected).max()), n


# ---------------------------------------------------------------------------------------------------------- a room of colours
def test_each_colour_comes_to_its_own_focus(backend) -> None:
    """In the focus the phases of lens and path cancel: |U| = A D^2 / (lambda f), for samples and colours of one number, by one call each."""
    colours, n, pitch = np.array([0.45, 0.55, 0.65]) * UM, 64, 4 * UM
    amplitude = np.array([1.0, 2.0, 3.0])[:, None, None, None]
    u = np.broadcast_to(amplitude, (3, 3, n, n)).astype(complex)
    for focal in (5e-3, np.array([5e-3, 6e-3, 7e-3]), np.array([[5e-3], [6e-3], [7e-3]])):
        light = {"wavelength": colours, "pitch": pitch}
        behind = optics.lens(backend.array(u), focal_length=focal, **light)
        at = optics.propagate_scaled(behind, distance=focal, out_pitch=UM, out_shape=(3, 3), method="fresnel", **light)
        peak = abs(backend.numpy(at))[..., 1, 1] / (amplitude[..., 0, 0] * (n * pitch) ** 2 / (colours * focal))
        assert np.allclose(peak, 1, rtol=1e-10)


def test_samples_and_colours_through_a_whole_setup(backend, rng: np.random.Generator) -> None:
    """Lens, mask, relief, propagation and detectors, with the same arrays; each written out in NumPy for one plane."""
    samples, shape, pitch, z, f = 3, (8, 9), 3 * UM, 70 * UM, 4e-4
    colours, index = np.array([0.45, 0.55, 0.65]) * UM, np.array([1.53, 1.52, 1.51])
    u, phase, height = field_of(rng, (samples, 3, *shape)), rng.uniform(-3, 3, (3, *shape)), rng.uniform(0, 2 * UM, (3, *shape))
    light = {"wavelength": colours, "pitch": pitch}
    v = optics.lens(backend.array(u), focal_length=f, **light)
    v = optics.phase_mask(v, backend.array(phase))
    v = optics.height_mask(v, backend.array(height), wavelength=colours, index=index)
    v = optics.propagate(v, distance=z, pad=1, band_limit=False, method="angular_spectrum", **light)
    got = backend.numpy(optics.powers(v, optics.Regions(shape, [(0, 3, 0, 4), (4, 8, 2, 9)])))
    y, x = ((np.arange(m) - m // 2) * pitch for m in shape)
    for s in range(samples):
        for c, w in enumerate(colours):
            thin = phase[c] + 2 * np.pi * (index[c] - 1) * height[c] / w - np.pi * (y[:, None] ** 2 + x**2) / (w * f)
            fy, fx = (np.fft.fftfreq(m, pitch) for m in shape)
            kz = 2 * np.pi * np.sqrt(1 / w**2 - fy[:, None] ** 2 - fx**2)
            arrived = abs(np.fft.ifft2(np.fft.fft2(u[s, c] * np.exp(1j * thin)) * np.exp(1j * kz * z))) ** 2
            assert np.allclose(got[s, c], [arrived[0:3, 0:4].sum(), arrived[4:8, 2:9].sum()], rtol=1e-9)


# ---------------------------------------------------------------------------------------------------------------------- masks
PATTERNS = [
    ((4,), (4,)), ((4, 3), (3,)), ((4, 3), (4, 1)), ((2, 3, 4), (3, 1)), ((2, 3, 4), (2, 1, 4)), ((2, 3, 4), (1, 1, 4)), ((2, 1, 4), (2, 1, 4)),
    ((2, 3, 2, 3), (2, 1, 2, 1)), ((2, 1, 2, 3), (1, 2, 1)), ((3,), (2, 3)), ((), (2, 3)), ((2, 1), (3,)),
]  # leading axes of the field and of the mask  # fmt: skip


@pytest.mark.parametrize(("lead", "masks"), PATTERNS, ids=str)
def test_masks_broadcast_as_numpy_does(backend, lead: tuple[int, ...], masks: tuple[int, ...], rng: np.random.Generator) -> None:
    for plane in ((3, 5), (3, 1), (1, 1)):
        u, t = field_of(rng, (*lead, 3, 5)), field_of(rng, (*masks, *plane))
        g = field_of(rng, np.broadcast_shapes(u.shape, t.shape))
        assert np.allclose(backend.numpy(optics.transmit(backend.array(u), backend.array(t))), u * t, rtol=1e-13)
        back = optics.transmit_vjp(backend.array(g), backend.array(u), backend.array(t), wrt=("field", "transmission"))
        for got, expected in zip(back, (summed(g * t.conj(), u.shape), summed(g * u.conj(), t.shape)), strict=True):
            assert np.allclose(backend.numpy(got), expected, rtol=1e-12)


def test_masks_along_adjacent_axes_take_one_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[str] = []
    launch = _launch.launch
    monkeypatch.setattr(_launch, "launch", lambda stem, verb, *args, **kw: (counts.append(verb), launch(stem, verb, *args, **kw)))
    u = np.ones((2, 3, 4, 5, 6), complex)
    for masks in ((), (4,), (3, 1), (2, 1, 1), (3, 4), (2, 3, 1), (2, 3, 4)):
        t = np.ones((*masks, 5, 6), complex)
        optics.transmit(u, t)
        optics.transmit_vjp(u, u, t, wrt="transmission")
    assert counts == ["transmit", "transmit_vjp"] * 7
    assert len(list(_axes.Pieces.of((2, 3, 4), (2, 1, 4)))) == 2  # one for each mask of the first axis


@pytest.mark.parametrize("lead", [(3,), (16, 1), (1,)])
def test_masks_are_not_made_as_large_as_the_field(lead: tuple[int, ...]) -> None:
    u = np.ones((16, 3, 64, 64), np.complex64)
    mask = np.ones((*lead, 64, 64), np.float32)
    optics.phase_mask(u, mask, out=u)
    tracemalloc.start()
    optics.phase_mask(u, mask, out=u)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * mask.size * u.itemsize + 100_000


# ------------------------------------------------------------------------------------------------------------------- refusals
U, M = np.ones((4, 3, 5, 6), np.complex64), np.ones((4, 5, 6), np.float32)
HINT = r"axes are matched from the last, so one for each of "


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: optics.phase_mask(U, M),
            rf"phase of shape \(4, 5, 6\) .* field of shape \(4, 3, 5, 6\): .*{HINT}the field's first axis has shape \(4, 1, 5, 6\)",
        ),
        (lambda: optics.chain.forward(U, M.astype(complex), []), r"a stack takes fields \(batch, ny, nx\) and masks \(layers, ny, nx\)"),
        (lambda: optics.transmit(U, M.astype(complex)), r"transmission .*has shape \(4, 1, 5, 6\)"),
        (lambda: optics.phase_mask(U[None], M[None]), r"has shape \(1, 4, 1, 5, 6\)"),
        (lambda: optics.phase_mask(U, M[:2]), r"phase of shape \(2, 5, 6\) does not broadcast .* matched from the last$"),
        (lambda: optics.phase_mask(U, M[0, 0]), r"phase of shape \(6,\) .* must end in \(ny, nx\) = \(5, 6\), or ones"),
        (
            lambda: optics.height_mask(U, M[0], wavelength=np.full(4, UM), index=1.5),
            rf"wavelength of shape \(4,\) .*\(4, 3\).*{HINT}its first axis has shape \(4, 1\)",
        ),
        (lambda: optics.height_mask(U, M, wavelength=UM, index=1.5), r"height .*has shape \(4, 1, 5, 6\)"),
        (
            lambda: optics.lens(U, focal_length=np.ones(4), wavelength=UM, pitch=UM),
            rf"focal_length of shape \(4,\) .* axes \(4, 3\) of the field: {HINT}its first axis has shape \(4, 1\)",
        ),
        (
            lambda: optics.lens(U, focal_length=1.0, wavelength=UM, pitch=UM, centre=np.zeros((4, 2))),
            r"centre of shape \(4, 2\) .* the last but that of the pair, so one for each of its first axis has shape \(4, 1, 2\)",
        ),
        (
            lambda: optics.lens(U, focal_length=1.0, wavelength=UM, pitch=UM, centre=np.zeros(3)),
            r"centre must be a number, a pair \(y, x\) or an array of pairs \(..., 2\)",
        ),
        (
            lambda: optics.plane_wave((5, 6), wavelength=np.full(3, UM), pitch=UM, tilt=np.zeros((4, 2))),
            r"tilt of shape \(4, 2\) does not broadcast",
        ),
        (
            lambda: optics.circular_aperture((5, 6), radius=np.full(3, UM), pitch=UM, centre=np.zeros((4, 2))),
            r"centre of shape \(4, 2\) .* \(3,\) of the other arguments",
        ),
    ],
)  # fmt: skip
def test_arrays_that_do_not_broadcast_are_refused_with_the_shape_that_does(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# -------------------------------------------------------------------------------------------------------------------- aliases
def results(name: str, rng: np.random.Generator) -> Iterator[tuple[dict[str, Any], Any]]:
    """(arguments, each result) of a public function that might have given back what it was given."""
    case = CASES[name]
    kinds = {n: make(rng, (*LEAD, *TAIL[kind])) for n, (kind, make) in case.given.items()}
    identity = {"distance": np.zeros(LEAD)} if name in ("propagate", "Propagator") else {}
    fixed = {**case.fixed, **({"pad": 1, "method": "angular_spectrum"} if name == "propagate" else {})}
    for values in (kinds, {**kinds, **identity}):
        out = case.op(**values, **fixed)
        yield values, out
        if case.by:
            g = np.ones_like(out)
            back = case.vjp(g, **values, **fixed, wrt=case.by)
            yield from (({**values, "cotangent": g}, b) for b in ((back,) if len(case.by) == 1 else back))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::pnnkern._errors.SamplingWarning")
def test_no_result_is_an_alias_of_what_was_given(name: str, rng: np.random.Generator) -> None:
    for values, out in results(name, rng):
        for argument, value in values.items():
            assert not np.shares_memory(out, value), argument
        assert out.flags.writeable


@pytest.mark.parametrize("camera", [optics.Camera(), optics.Camera(full_well=9.0)])
def test_an_ideal_reading_is_no_alias(backend, camera: optics.Camera, rng: np.random.Generator) -> None:
    light = backend.array(rng.random((2, 3)))
    before = backend.numpy(light).copy()
    reading = optics.detect(light, camera)
    reading *= 2
    assert np.array_equal(backend.numpy(light), before)
    g = backend.array(np.ones((2, 3)))
    back = optics.detect_vjp(g, light, camera)
    back *= 2
    assert np.array_equal(backend.numpy(g), np.ones((2, 3)))


def test_a_stack_of_no_masks_gives_no_alias(rng: np.random.Generator) -> None:
    u = field_of(rng, (2, 8, 8))
    plan = optics.Propagator((8, 8), pitch=UM, wavelength=UM, distance=0.0, pad=1)
    out, _ = optics.chain.forward(u, np.ones((0, 8, 8), complex), [plan])
    assert not np.shares_memory(out, u)
