"""The diffractive network against a plain float64 NumPy expression of the same physics, and its gradients against differences."""

import numpy as np
import pytest
import strict_cupy

import pnnkern as pnn
from pnnkern import _array, _declared, _launch, random
from pnnkern.experiments.data import Dataset
from pnnkern.experiments.loop import Trainer
from pnnkern.experiments.tables import Training
from pnnkern.learning import Adam, Batch, CrossEntropy, Differential, InSilico, MeanSquare, one_step
from pnnkern.systems import D2NN
from pnnkern.systems.d2nn import Geometry, Imperfections

SMALL = Geometry(layers=2, size=24, spacing=5e-3, detector_size=2, input_size=14)


def images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28)).astype(np.uint8)


def network(geometry: Geometry = SMALL, dtype: str = "float64", device: str = "cpu", **options: object) -> D2NN:
    phase = np.random.default_rng(3).uniform(0, 2 * np.pi, (geometry.layers, geometry.size, geometry.size)).astype(dtype)
    xp = _array.device_namespace(device)
    return D2NN(geometry=geometry, parameters={"phase": xp.asarray(phase)}, dtype=dtype, device=device, **options)


def gradient_of(loss: object, system: D2NN, inputs: object, labels: np.ndarray) -> np.ndarray:
    """Of the phases, a sum over the batch."""
    return one_step(InSilico(loss), system, Batch(inputs, labels))[0]["phase"].value


def device(backend: object) -> str:
    return backend.device


def plain_field(system: D2NN, fields: np.ndarray, phases: np.ndarray) -> np.ndarray:
    """The Rayleigh-Sommerfeld sum over all neurons and masks of these phases, one line each."""
    g = system.geometry
    n, d, k = g.samples, g.pitch / g.oversample, 2 * np.pi / g.wavelength
    x = np.fft.fftfreq(2 * n, 1 / (2 * n)) * d
    r = np.sqrt(x[:, None] ** 2 + x[None, :] ** 2 + g.spacing**2)
    h = np.fft.fft2(g.spacing / (2 * np.pi * r**2) * (1 / r - 1j * k) * np.exp(1j * k * r) * d**2)

    def propagate(v: np.ndarray) -> np.ndarray:
        return np.fft.ifft2(h * np.fft.fft2(v, (2 * n, 2 * n)))[..., :n, :n]

    v = propagate(fields.astype(complex))
    for phase in phases:
        v = propagate(v * np.exp(1j * phase.repeat(g.oversample, 0).repeat(g.oversample, 1)))
    return v


def plain_powers(system: D2NN, fields: np.ndarray, phases: np.ndarray | None = None) -> np.ndarray:
    """What the detectors read behind these masks, or all of the system's."""
    v = plain_field(system, fields, np.asarray(_array.to_numpy(system.parameters["phase"]), float) if phases is None else phases)
    return np.stack([(np.abs(v[:, y0:y1, x0:x1]) ** 2).sum(axis=(1, 2)) for y0, y1, x0, x1 in system.regions.boxes], axis=1)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 3e-6), ("float64", 1e-11)])
@pytest.mark.parametrize("oversample", [1, 3])
def test_forward_is_the_plain_expression(backend, dtype: str, tolerance: float, oversample: int) -> None:
    system = network(dtype=dtype, device=device(backend)).variant(oversample=oversample)
    inputs = system.encode(images(3))
    expected = plain_powers(system, backend.numpy(inputs))
    np.testing.assert_allclose(backend.numpy(system.forward(inputs)), expected, rtol=tolerance, atol=tolerance * expected.max())


@pytest.mark.parametrize("detectors", ["single", "differential"])
def test_gradient_by_central_differences(backend, detectors: str) -> None:
    geometry = Geometry(layers=3, size=24, spacing=5e-3, detector_size=2, input_size=14, detectors=detectors)
    system = network(geometry, device=device(backend))
    inputs, labels = system.encode(images(5)), np.array([0, 1, 2, 3, 9])
    loss = Differential() if detectors == "differential" else CrossEntropy()
    gradients, metrics = one_step(InSilico(loss), system, Batch(inputs, labels))
    assert float(metrics["loss"]) == pytest.approx(loss(plain_powers(system, backend.numpy(inputs)), labels)[0], rel=1e-9)
    phase = backend.numpy(system.parameters["phase"])
    rng, step = np.random.default_rng(1), 1e-6
    for _ in range(3):
        direction = rng.standard_normal(phase.shape)
        ends = []
        for sign in (1, -1):
            moved = network(geometry)
            moved.parameters["phase"] = phase + sign * step * direction
            ends.append(loss(plain_powers(moved, backend.numpy(inputs)), labels)[0])
        slope = (ends[0] - ends[1]) / (2 * step)
        assert (backend.numpy(gradients["phase"].value) * direction).sum() == pytest.approx(slope, rel=1e-6)


def test_gradient_with_several_samples_per_neuron_by_differences() -> None:
    system = network().variant(oversample=3)
    inputs, labels, loss = system.encode(images(2)), np.array([4, 7]), MeanSquare()
    gradient = gradient_of(loss, system, inputs, labels)
    direction, step = np.random.default_rng(1).standard_normal(gradient.shape), 1e-6
    phase, ends = system.parameters["phase"], []
    for sign in (1, -1):
        system.parameters["phase"] = phase + sign * step * direction
        ends.append(loss(plain_powers(system, inputs), labels)[0])
    assert (gradient * direction).sum() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)


def test_gradient_equals_torch_autograd() -> None:
    torch = pytest.importorskip("torch")
    system = network()
    inputs, labels = system.encode(images(4)), np.array([1, 5, 5, 0])
    ours = gradient_of(CrossEntropy(10), system, inputs, labels)
    n = SMALL.size
    h = torch.from_numpy(system.propagators[0].transfer(inputs).full[0])
    phase = torch.tensor(system.parameters["phase"], requires_grad=True)

    def propagate(v: object) -> object:
        return torch.fft.ifft2(h * torch.fft.fft2(v, (2 * n, 2 * n)))[..., :n, :n]

    v = propagate(torch.from_numpy(inputs))
    for layer in phase:
        v = propagate(v * torch.exp(1j * layer))
    intensity = v.abs() ** 2
    powers = torch.stack([intensity[:, a:b, c:d].sum((1, 2)) for a, b, c, d in system.regions.boxes], 1)
    scores = 10 * powers / powers.max(1, keepdim=True).values
    torch.nn.functional.cross_entropy(scores, torch.from_numpy(labels), reduction="sum").backward()
    theirs = phase.grad.numpy()
    assert np.linalg.norm(ours - theirs) <= 1e-10 * np.linalg.norm(theirs)


def test_chunks_store_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.arange(19) % 10
    results = []
    for chunk, store, threads in ((64, "fields", 1), (8, "fields", 2), (16, "recompute", 1), (64, "recompute", 3)):
        monkeypatch.setenv("PNNKERN_NUM_THREADS", str(threads))
        system = network(dtype="float32", chunk=chunk, store=store)
        results.append(gradient_of(CrossEntropy(), system, system.encode(images(19)), labels))
    assert np.array_equal(results[0], results[3])  # threads and storing: not a bit
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=1e-5, atol=1e-8 * np.abs(results[0]).max() + 1e-10)


@pytest.mark.parametrize("size", [24, 101])  # library transforms on the device branch, and the fused chain
def test_fields_kept_as_16_bit_floats(backend, size: int) -> None:
    """Gradients of all masks and of one, and what is between masks."""
    geometry = Geometry(layers=2, size=size, spacing=5e-3, detector_size=2, input_size=14, pad=2 if size == 24 else 256 / size)
    found = []
    for store in ("fields", "half"):
        system = network(geometry, "float32", device(backend), store=store, chunk=4)
        inputs, labels = system.encode(images(9)), np.arange(9)
        powers, record = system.forward_saving(inputs)
        between = system.hidden_outputs(record)[0]
        parts = [system.layer_vjp(0, 1j * inputs, record), system.layer_vjp(1, powers, record)]
        gradient = gradient_of(CrossEntropy(), system, inputs, labels)
        found.append([backend.numpy(x) for x in (powers, between, gradient, *(part["phase"] for part in parts))])
    assert np.array_equal(found[0][0], found[1][0])
    for full, half in list(zip(*found, strict=True))[1:]:
        assert 1e-6 * np.linalg.norm(full) < np.linalg.norm(half - full) < 2e-3 * np.linalg.norm(full)


@pytest.mark.parametrize("size", [24, 128])  # library transforms on the device branch, and the fused chain
def test_pieces_add_up(backend, size: int) -> None:
    geometry = Geometry(layers=1, size=size, spacing=5e-3, detector_size=2, input_size=14)
    results = []
    for chunk in (9, 4):
        system = network(geometry, device=device(backend), chunk=chunk)
        seen = gradient_of(CrossEntropy(), system, system.encode(images(9)), np.arange(9))
        results.append(backend.numpy(seen))
    assert np.linalg.norm(results[1] - results[0]) < 1e-12 * np.linalg.norm(results[0])


def test_pieces_of_a_batch_are_equal() -> None:
    system = network(chunk=6)
    _, (_, kept) = system.forward_saving(system.encode(images(9)))
    assert [len(u) for u, _, _ in kept] == [5, 4]


def test_the_adjoint_is_one_launch_for_each_mask_and_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    names, launch = [], _launch.launch
    system = network()
    inputs = system.encode(images(19))
    monkeypatch.setattr(_launch, "launch", lambda stem, verb, *args, **how: (names.append(verb), launch(stem, verb, *args, **how)))
    gradient_of(CrossEntropy(), system, inputs, np.arange(19) % 10)
    assert names.count("phase_adjoint") == SMALL.layers * 3  # 19 samples are 3 chunks
    assert len(names) == SMALL.layers * 3 + 4  # and phasors, powers, their derivative, and the loss


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "oversample"), [((8, 8), 1), ((5, 7), 1), ((9, 4), 2), ((33, 26), 1), ((1, 1), 1)], ids=str)
def test_a_neuron_has_the_mean_of_the_image_over_its_area(backend, rng, shape, oversample, dtype) -> None:
    """By integrals on a grid so fine that pixels and neurons are whole numbers of its cells."""
    system = network(dtype=dtype, device=device(backend)).variant(oversample=oversample)
    g, longer = system.geometry, max(shape)
    shown = rng.integers(0, 256, (3, *shape)).astype(np.uint8)
    fine = (shown / 255.0).repeat(g.input_size, axis=1).repeat(g.input_size, axis=2)  # longer * input_size cells along the longer side
    short = [longer * g.input_size - n for n in fine.shape[1:]]
    fine = np.pad(fine, [(0, 0), *((n // 2, n - n // 2) for n in short)]) if not any(n % 2 for n in short) else None
    if fine is None:  # half a cell: twice as fine
        twice = (shown / 255.0).repeat(2 * g.input_size, axis=1).repeat(2 * g.input_size, axis=2)
        fine = np.pad(twice, [(0, 0), *((n, n) for n in short)])
    cells = fine.shape[1] // g.input_size
    means = fine.reshape(3, g.input_size, cells, g.input_size, cells).mean(axis=(2, 4)).repeat(oversample, axis=1).repeat(oversample, axis=2)
    around = (g.size - g.input_size) * oversample // 2
    exact = np.zeros((3, g.samples, g.samples))
    exact[:, around : around + means.shape[1], around : around + means.shape[2]] = means
    for given in (shown, backend.array(shown)):
        found = backend.numpy(system.encode(given))
        assert found.dtype == np.result_type(dtype, np.complex64)
        np.testing.assert_allclose(found, exact, rtol=2e-6 if dtype == "float32" else 1e-14, atol=1e-15)


def test_images_are_encoded_on_the_device(cupy, monkeypatch: pytest.MonkeyPatch) -> None:
    system, shown = network(device="cuda"), images(3)
    system.encode(shown)
    brought, asarray = [], cupy.asarray
    monkeypatch.setattr(cupy, "asarray", lambda x: (brought.append(x), asarray(x))[1])
    with strict_cupy.counted() as events:
        fields = system.encode(shown)
    assert [x is shown for x in brought] == [True]  # as they are; what does not change was brought there before
    assert strict_cupy.totals(events)["copies"] == 1
    assert strict_cupy.totals(events)["syncs"] == 0
    np.testing.assert_array_equal(_array.to_numpy(fields), network().encode(shown))


def test_a_built_network_stays_on_the_device(cupy) -> None:
    faults = Imperfections(misalignment=1e-4, levels=8, height_error=1e-5)
    on_gpu, on_cpu = (network(device=d, imperfections=faults, key=random.key(1)) for d in ("cuda", "cpu"))
    inputs = on_gpu.encode(images(2))
    on_gpu.forward(inputs)
    with strict_cupy.counted() as events:
        powers = on_gpu.forward(inputs)
    assert strict_cupy.places(events, "syncs") == []
    assert strict_cupy.places(events, "copies") == []
    np.testing.assert_allclose(_array.to_numpy(powers), on_cpu.forward(on_cpu.encode(images(2))), rtol=1e-9)


def test_what_a_training_step_asks_of_a_gpu(cupy) -> None:
    """The published network with smaller masks, which changes nothing of it; its batch of 50 is one piece of the chain (test_layer)."""
    system = network(Geometry(size=128, detector_size=12), dtype="float32", device="cuda")
    data = Dataset("random", "here", images(6), np.arange(6), images(2), np.arange(2))
    trainer = Trainer(system, InSilico(CrossEntropy()), Adam(), data, Training(batch=2))
    trainer.advance()  # which makes tables, and compiles
    with strict_cupy.counted() as events:
        trainer.advance()
    found = strict_cupy.totals(events)
    assert found["launches"] <= 34
    assert found["operations"] <= 3, "\n".join(strict_cupy.places(events, "operations"))
    assert (found["syncs"], found["copies"]) == (0, 0)


def test_a_training_step_is_captured_on_a_gpu(cupy) -> None:
    """To the same bits, and as one launch."""
    found = {}
    for graph in ("on", "off"):
        system = network(dtype="float32", device="cuda", key=random.key(2))
        data = Dataset("random", "here", images(14), np.arange(14) % 10, images(2), np.arange(2))
        trainer = Trainer(system, InSilico(CrossEntropy()), Adam(), data, Training(batch=4, epochs=2), graph=graph)
        for _ in range(8):
            trainer.advance()
        found[graph] = trainer.saved()
    for name, value in found["on"].items():
        np.testing.assert_array_equal(value, found["off"][name], err_msg=name)


def test_host_runner_gives_the_cpu_result() -> None:
    geometry = Geometry(layers=1, size=128, detector_size=12, input_size=112)
    inputs = network(geometry).encode(images(2))
    system = network(geometry)
    expected, gradient = system.forward(inputs), gradient_of(CrossEntropy(), system, inputs, np.array([1, 2]))
    before = set(_launch.launched)
    with _launch.host():
        np.testing.assert_allclose(system.forward(inputs), expected, rtol=1e-11)
        host = gradient_of(CrossEntropy(), system, inputs, np.array([1, 2]))
    assert np.linalg.norm(host - gradient) < 1e-11 * np.linalg.norm(gradient)
    assert "pnn_layer_columns_c128" in _launch.launched | before  # 256 is a side of the fused chain


def covered(image: np.ndarray, size: int) -> np.ndarray:
    """Means over size x size squares that tile the smallest square canvas about the image, by the integral of the image from its corner."""
    height, width = image.shape
    side = max(image.shape)

    def integral(edge: np.ndarray, pixels: int, values: np.ndarray) -> np.ndarray:
        """Integral of piecewise constant `values` (pixels, ...) up to each edge, in pixels."""
        whole = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
        edge = (edge - (side - pixels) / 2).clip(0, pixels)
        below = np.minimum(edge.astype(int), pixels - 1)
        return whole[below] + (edge - below)[:, None] * values[below]

    edges = side * np.arange(size + 1) / size
    rows = np.diff(integral(edges, height, image), axis=0)
    return np.diff(integral(edges, width, rows.T), axis=0).T * (size / side) ** 2


@pytest.mark.parametrize("input_size", [14, 21, 24])
@pytest.mark.parametrize(("height", "width"), [(7, 7), (28, 28), (31, 33), (1, 1), (40, 10), (3, 50), (480, 640)])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-13)])
def test_encode_takes_the_mean_over_each_neuron(
    backend, rng: np.random.Generator, height: int, width: int, input_size: int, dtype: str, tolerance: float
) -> None:
    """Larger and smaller images, whatever divides what, at their own shape, in the middle, and with their mean."""
    geometry = Geometry(layers=1, size=24, spacing=5e-3, detector_size=2, input_size=input_size)
    image = rng.integers(0, 256, (2, height, width)).astype(np.uint8)
    field = backend.numpy(network(geometry, dtype, device(backend)).encode(image))
    first = (24 - input_size) // 2
    expected = np.zeros((2, 24, 24))
    expected[:, first : first + input_size, first : first + input_size] = [covered(i / 255, input_size) for i in image]
    assert field.dtype == np.result_type(dtype, np.complex64)
    np.testing.assert_allclose(field, expected, atol=tolerance)
    np.testing.assert_allclose(field.sum(axis=(1, 2)) * (max(height, width) / input_size) ** 2, image.sum(axis=(1, 2)) / 255, rtol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("oversample", [1, 3])
def test_encode_repeats_pixels_that_neurons_divide(backend, dtype: str, oversample: int) -> None:
    """To the bit: what was published was trained so."""
    geometry = Geometry(layers=1, size=24, spacing=5e-3, detector_size=2, input_size=21)
    system = network(geometry, dtype, device(backend)).variant(oversample=oversample)
    image = images(2)[:, :7, 3:10]
    field = backend.numpy(system.encode(image))
    k, first = 3 * oversample, 3 * oversample // 2
    inner = field[:, first : first + 7 * k, first : first + 7 * k]
    repeated = (image / np.dtype(dtype).type(255)).repeat(k, axis=1).repeat(k, axis=2)
    assert np.array_equal(inner.view(np.dtype(dtype))[..., ::2], repeated)
    assert np.count_nonzero(field) == np.count_nonzero(inner)


def test_samples_of_a_neuron_are_alike() -> None:
    """A finer grid resolves the light, not the image: else a check of convergence would change what is shown."""
    coarse, fine = network().encode(images(2)), network().variant(oversample=3).encode(images(2))
    np.testing.assert_array_equal(fine, coarse.repeat(3, axis=1).repeat(3, axis=2))


@pytest.mark.parametrize(("given", "error", "message"), [
    (np.zeros((2, 7, 7), np.int64), TypeError, r"images must be uint8, or floating in \[0, 1\], got int64"),
    (np.zeros((2, 7, 7), bool), TypeError, "got bool"),
    (np.zeros((2, 7, 7), np.complex64), TypeError, "got complex64"),
    (np.full((2, 7, 7), 255.0), ValueError, r"floating images must lie in \[0, 1\], got 255 .. 255"),
    (np.full((2, 7, 7), -0.1), ValueError, r"must lie in \[0, 1\], got -0.1 .. -0.1"),
    (np.full((2, 7, 7), np.inf), ValueError, r"must lie in \[0, 1\], got inf .. inf"),
    (np.array([[[0.5, np.nan]]]), ValueError, r"there are 1 NaN value\(s\) in images"),
    (np.zeros((7, 7), np.uint8), ValueError, r"images must be \(batch, height, width\), got shape \(7, 7\)"),
    (np.zeros((2, 0, 7), np.uint8), ValueError, r"got shape \(2, 0, 7\)"),
    (np.zeros((2, 7, 7, 3), np.uint8), ValueError, r"got shape \(2, 7, 7, 3\)"),
])  # fmt: skip
def test_images_that_are_none(given: np.ndarray, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        network().encode(given)
    assert "\n" not in str(caught.value)


def test_images_on_a_gpu_are_checked_without_a_wait(cupy) -> None:
    system = network(device="cuda")
    system.encode(images(2)[:, :7, :7])  # brings what does not change there
    for bad in (np.nan, 1.5, -0.5):
        shown = cupy.asarray(np.full((2, 7, 7), 0.5))
        shown[1, 2, 3] = bad
        with strict_cupy.counted() as events:
            system.encode(shown)
        assert strict_cupy.totals(events)["syncs"] == 0
        with pytest.raises(ValueError, match=r"images and features must be uint8, or numbers in \[0, 1\]"):
            pnn.check()
    system.encode(cupy.asarray(np.full((2, 7, 7), 0.5)))
    pnn.check()


def one_member(system: D2NN, inputs: object) -> None:
    system.forward_population(inputs, {"phase": system.parameters["phase"][None]})


PASSES = (D2NN.forward, D2NN.forward_saving, D2NN.measure, D2NN.forward_reading, D2NN.fields, one_member)


def heard(call: object, *arguments: object) -> None:
    """A call, and what a GPU has to say about it."""
    call(*arguments)
    pnn.check()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("run", PASSES)
@pytest.mark.parametrize("size", [24, 128])  # library transforms on the device branch, and the fused chain
def test_fields_and_phases_must_be_finite(backend, bad: float, run: object, size: int) -> None:
    geometry = Geometry(layers=1, size=size, spacing=5e-3, detector_size=2, input_size=14)
    system = network(geometry, device=device(backend))
    good = system.encode(images(2))
    spoilt = good.copy()
    spoilt[1, 3, 5] = bad
    heard(run, system, good)
    with pytest.raises(ValueError, match=r"NaN or infinite|must be finite"):
        heard(run, system, spoilt)
    system.parameters["phase"][0, 7, 9] = bad  # by an update that went wrong
    with pytest.raises(ValueError, match=r"NaN or infinite|must be finite"):
        heard(run, system, good)


def test_phases_that_are_given_must_be_finite(backend) -> None:
    phase = np.zeros((2, 24, 24), np.float32)
    phase[1, 2, 3] = np.nan
    given = {"phase": backend.array(phase)}
    with pytest.raises(ValueError, match=r"phase must be finite, and has NaN or infinite values|phases or fields of a diffractive network"):
        heard(lambda: D2NN(geometry=SMALL, parameters=given, device=device(backend)))


@pytest.mark.parametrize("given", [np.zeros((2, 24, 24)), np.zeros((2, 24, 23), complex), np.zeros((24, 24), complex)])
def test_fields_that_are_none(given: object) -> None:
    for name in ("forward", "forward_saving", "fields"):
        with pytest.raises(ValueError, match=r"inputs must be complex \(batch, 24, 24\), as `encode` makes them of images, got "):
            getattr(network(), name)(given)
        with pytest.raises(TypeError, match="inputs must be an array, got list"):
            getattr(network(), name)([[0]])


def test_perfect_copy_is_the_design() -> None:
    system, key = network(), random.key(1)
    inputs = system.encode(images(2))
    np.testing.assert_allclose(system.perturbed(key, Imperfections()).forward(inputs), system.forward(inputs), rtol=1e-12)


def test_phase_levels_round_to_the_nearest() -> None:
    built = network().perturbed(random.key(1), Imperfections(levels=8)).parameters["phase"]
    error = np.angle(np.exp(1j * (built - network().parameters["phase"])))
    assert np.abs(error).max() <= np.pi / 8 + 1e-12
    assert len(np.unique(np.round(np.mod(built, 2 * np.pi - 1e-9), 6))) <= 9


def test_height_errors_have_their_rms() -> None:
    system = network()
    built = system.perturbed(random.key(2), Imperfections(height_error=20e-6, index=1.7))
    rms = np.std(built.parameters["phase"] - system.parameters["phase"])
    assert rms == pytest.approx(2 * np.pi * 0.7 * 20e-6 / SMALL.wavelength, rel=0.06)  # 1152 draws


def test_misaligned_mask_by_a_whole_neuron_is_the_shifted_mask() -> None:
    """One layer moved by one neuron is its mask rolled by one, but for the little light that passes the edges of the plane."""
    geometry = Geometry(layers=1, size=60, spacing=2e-3, detector_size=4, input_size=6, band_limit=False)
    phase = np.zeros((1, 60, 60))
    phase[0, 20:40, 20:40] = np.random.default_rng(0).uniform(0, 6, (20, 20))
    rolled = D2NN(geometry=geometry, parameters={"phase": np.roll(phase, 1, axis=2)}, dtype="float64")
    inputs = rolled.encode(images(2))
    expected = rolled.forward(inputs)
    errors = []
    for sign in (1, -1):
        shifts = ((0.0, sign * geometry.pitch), (0.0, -sign * geometry.pitch))
        moved = D2NN(geometry=geometry, parameters={"phase": phase}, dtype="float64", shifts=shifts).forward(inputs)
        errors.append(np.linalg.norm(moved - expected) / np.linalg.norm(expected))
    assert errors[0] < 0.02
    assert errors[1] > 0.2  # the other way is another mask


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"store": "disk"}, "store of D2NN must be one of 'fields', 'half', 'recompute', got 'disk'"),
        ({"store": "half", "between": "photodetector"}, "store='half' is for light that goes from mask to mask"),
        ({"start": "zero"}, "start of D2NN must be one of 'uniform', 'pi', got 'zero'"),
        ({"dtype": "float16"}, "dtype must be 'float32' or 'float64', got 'float16'"),
        ({"chunk": 0}, "chunk of D2NN must be a finite number >= 1 and <= 16777216, got 0"),
        ({"key": None}, r"the phases that a diffractive network begins with are random, which needs a key: key=pnnkern.random.key\(seed\)"),
        ({"start": "pi", "imperfections": Imperfections(levels=2)}, "imperfections are random, which needs a key"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        D2NN(geometry=SMALL, **options)


def test_bad_geometry_and_parameters() -> None:
    with pytest.raises(ValueError, match=r"^layers of Geometry must be a finite number >= 1 and <= 1000, got 0$"):
        Geometry(layers=0)
    with pytest.raises(ValueError, match="input_size must not exceed size = 24, got 30"):
        Geometry(size=24, input_size=30)
    for name, value in (("spacing", 1e-16), ("spacing", -1e-300), ("pitch", 1e-16), ("wavelength", 5e-324)):
        with pytest.raises(ValueError, match=f"^{name} must be a length of 1e-15 metres or more, got {value:g}$"):
            Geometry(**{name: value})
    for name, value in (("pitch", 1e10), ("wavelength", np.inf), ("spacing", -1e16)):
        with pytest.raises(ValueError, match=f"^{name} of Geometry must be a finite number "):
            Geometry(**{name: value})
    with pytest.raises(ValueError, match=r"^index of Imperfections must be a finite number > 1, got 1.0$"):
        Imperfections(index=1.0)
    with pytest.raises(ValueError, match=r"phase must be float32 \(2, 24, 24\), got float32 \(2, 24, 23\)"):
        D2NN(geometry=SMALL, parameters={"phase": np.zeros((2, 24, 23), np.float32)})
    with pytest.raises(ValueError, match=r"images must be \(batch, height, width\), got shape \(28, 28\)"):
        network().encode(images(1)[0])


# ----------------------------------------------------------------------------------------------------------------- description
def test_keys_of_a_recipe() -> None:
    """As they have been since there are recipes of diffractive networks."""
    assert {key.name: key.default for key in _declared.keys(D2NN)} == {
        "layers": 5, "size": 200, "pitch": 0.4e-3, "wavelength": 299_792_458 / 0.4e12, "spacing": 30e-3, "pad": 2.0, "method": "auto",
        "band_limit": True, "oversample": 1, "detectors": "single", "detector_size": 20, "input_size": 112,
        "start": "uniform", "store": "fields", "misalignment": 0.0, "levels": 0, "height_error": 0.0, "index": 1.7227,
        "between": "field", "feature_grid": 16,
    }  # fmt: skip
    assert {key.name for key in _declared.keys(D2NN) if key.unit == "m"} == {"pitch", "wavelength", "spacing", "misalignment", "height_error"}


def test_phases_start_as_they_are_told() -> None:
    assert (D2NN(geometry=SMALL, start="pi", dtype="float64").parameters["phase"] == np.pi).all()
    drawn = D2NN(geometry=SMALL, key=random.key(3)).parameters["phase"]
    assert drawn.min() >= 0
    assert drawn.max() < 2 * np.pi
    assert drawn.mean() == pytest.approx(np.pi, abs=4 * np.pi / np.sqrt(3 * drawn.size))
    expected = random.uniform(random.key(3), (1, drawn.size)).reshape(drawn.shape)
    np.testing.assert_allclose(drawn, 2 * np.pi * expected, rtol=1e-6)


@pytest.mark.parametrize("detectors", ["single", "differential"])
def test_natural_loss_is_that_of_the_detectors(detectors: str) -> None:
    system = network(Geometry(layers=1, size=24, detector_size=2, input_size=14, detectors=detectors))
    loss = InSilico().loss_on(system)
    assert (type(loss), loss.scale) == (Differential if detectors == "differential" else CrossEntropy, 10.0)


def test_built_networks_are_drawn_by_the_key() -> None:
    """One key is one build, whose errors no design shows; the pass is that of the copy misbuilt with the key folded with "built"."""
    faults = Imperfections(misalignment=2e-4, height_error=1e-4)
    one, other = (network(imperfections=faults, key=random.key(k)) for k in (1, 2))
    inputs = one.encode(images(2))
    expected = network().perturbed(random.fold_in(random.key(1), "built"), faults).forward(inputs)
    np.testing.assert_array_equal(one.forward(inputs), expected)
    assert not np.allclose(other.forward(inputs), expected, rtol=1e-3)
    np.testing.assert_array_equal(one.forward_saving(inputs)[0], network().forward(inputs))
    assert [Imperfections(**{name: 1}).perfect for name in ("misalignment", "levels", "height_error")] == [False] * 3
    assert Imperfections(index=1.5).perfect


def test_exports_are_phases_within_a_turn_and_heights() -> None:
    """phase = 2 pi (n - 1) h / wavelength over air. 2 pi less 1e-20 is 2 pi in float64, which is not below 2 pi: it is 0."""
    system = network(imperfections=Imperfections(index=1.5))
    system.parameters["phase"][0, 0, :3] = [-1e-20, -0.1, 7.0]
    phase, height = system.export("phase"), system.export("height")
    np.testing.assert_allclose(phase[0, 0, :3], [0, 2 * np.pi - 0.1, 7 - 2 * np.pi], rtol=1e-12)
    np.testing.assert_allclose(2 * np.pi * 0.5 * height / SMALL.wavelength, phase, rtol=1e-12)
    np.testing.assert_allclose(system.export("height", index=3.0), height / 4, rtol=1e-12)
    assert {name: quantity.unit for name, quantity in system.exports().items()} == {"phase": "rad", "height": "m"}
    facts = system.facts("height", index=3.0)
    assert facts["full_scale"] == pytest.approx(SMALL.wavelength / 2)
    assert (facts["pitch"], facts["wavelength"], facts["index"]) == (SMALL.pitch, SMALL.wavelength, 3.0)
    assert (system.facts("phase")["full_scale"], system.facts("phase")["index"]) == (2 * np.pi, 1.5)
    assert system.costs() == {}
    for index in (1.0, np.inf):
        with pytest.raises(ValueError, match="a height needs a material of refractive index above 1"):
            system.export("height", index)
    with pytest.raises(ValueError, match="a system of kind 'd2nn' has nothing called 'width' to export"):
        system.export("width")


@pytest.mark.parametrize("size", [50, 64, 400])
def test_a_geometry_in_another_size(size: int) -> None:
    """Of the published one: parts in proportion, so that what a neuron's light spreads to by diffraction, spacing wavelength / pitch, is as
    large a part of a mask."""
    whole, other = Geometry(outputs=4), Geometry(outputs=4).scaled(size)
    spread, before = (g.spacing * g.wavelength / g.pitch / (g.size * g.pitch) for g in (other, whole))
    assert spread == pytest.approx(before)
    assert (other.pitch, other.wavelength, other.layers, other.outputs) == (whole.pitch, whole.wavelength, whole.layers, 4)
    assert (other.input_size, other.detector_size) == (round(0.56 * size), round(size / 10))
    with pytest.raises(ValueError, match="size of Geometry must be a finite number >= 1"):
        whole.scaled(0)
