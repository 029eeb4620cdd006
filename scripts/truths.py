"""Truths that others made, and how far our results are from them: `scripts/validation.py` draws them.

Each is a function of a dtype that gives one error, relative to the size of what is compared unless its words say otherwise. Truths are
closed forms, published numbers, other codes' numbers, conservation laws, and plain NumPy or SciPy written from the physics; none is made by
what it judges. The tests that hold them look at more shapes, at all backends, and at what is refused.
"""

import dataclasses
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats

import pnnkern as pnn
from pnnkern import crossbar, dynamics, learning, networks, optics, systems
from pnnkern.networks import graphs, ising, oscillator
from pnnkern.systems.d2nn import Geometry

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path += [str(TESTS / "crossbar"), str(TESTS / "kernels/random")]
import definition  # noqa: E402 (draws in plain NumPy and whole numbers)
from nodal_truth import cells, lines  # noqa: E402 (Kirchhoff's law of all nodes, by SuperLU)

UM, WAVE = 1e-6, 0.633e-6  # metres
K = 2 * np.pi / WAVE
KEY = pnn.random.key(7)


@dataclass(frozen=True)
class Truth:
    """One truth. single, double : largest errors allowed in float32 and float64, None where it is not asked in that precision."""

    room: str
    what: str
    kind: str
    source: str
    single: float | None
    double: float | None
    test: str
    error: Callable[[str], float]


TRUTHS: list[Truth] = []


def truth(room: str, what: str, kind: str, source: str, single: float | None, double: float | None, test: str) -> Callable[..., None]:
    """File the function below among the truths. test : path under tests/ and name of the one that holds it."""

    def filed(error: Callable[[str], float]) -> None:
        TRUTHS.append(Truth(room, what, kind, source, single, double, test, error))

    return filed


def off(got: np.ndarray, right: np.ndarray) -> float:
    """Distance over size."""
    return float(np.linalg.norm(np.asarray(got, complex) - right) / np.linalg.norm(right))


def dice(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def light(dtype: str) -> str:
    return {"float32": "complex64", "float64": "complex128"}[dtype]


def noise(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    return (dice(seed).standard_normal(shape) + 1j * dice(seed + 1).standard_normal(shape)).astype(light(dtype))


def plane(n: int, pitch: float) -> tuple[np.ndarray, np.ndarray]:
    at = (np.arange(n) - n // 2) * pitch
    return at[:, None], at[None, :]


# ------------------------------------------------------------------------------------------------------------------------- optics
def beam(n: int, pitch: float, z: float, waist: float = 60 * UM) -> np.ndarray:
    y, x = plane(n, pitch)
    rayleigh = np.pi * waist**2 / WAVE
    q = z - 1j * rayleigh
    return -1j * rayleigh / q * np.exp(1j * K * z + 1j * K * (x**2 + y**2) / (2 * q))


@truth("optics", "Gaussian beam, Fresnel", "closed form", "Saleh and Teich 3.1-7", 2e-6, 1e-7,
       "optics/test_propagation.py::test_gaussian_beam")  # fmt: skip
def _(dtype: str) -> float:
    u = beam(130, 5 * UM, -2e-3).astype(light(dtype))
    return off(optics.propagate(u, distance=5e-3, wavelength=WAVE, pitch=5 * UM, method="fresnel"), beam(130, 5 * UM, 3e-3))


@truth("optics", "Gaussian beam, exact (the form is paraxial)", "closed form", "Saleh and Teich 3.1-7", 3e-5, 3e-5,
       "optics/test_propagation.py::test_gaussian_beam")  # fmt: skip
def _(dtype: str) -> float:
    u = beam(130, 5 * UM, -2e-3).astype(light(dtype))
    return off(optics.propagate(u, distance=5e-3, wavelength=WAVE, pitch=5 * UM), beam(130, 5 * UM, 3e-3))


@truth("optics", "Gaussian aperture, point by point", "integral", "Rayleigh-Sommerfeld, trapezoidal rule", 5e-6, 1e-6,
       "optics/test_propagation.py::test_gaussian_aperture_by_quadrature")  # fmt: skip
def _(dtype: str) -> float:
    n, pitch, radius = 64, 2 * WAVE, 14 * WAVE
    z = 2 * n * pitch**2 / WAVE
    y, x = plane(n, pitch)
    u = np.exp(-(x**2 + y**2) / radius**2).astype(light(dtype))
    line = np.linspace(-6 * radius, 6 * radius, 601)
    weight = np.exp(-(line[:, None] ** 2 + line**2) / radius**2) * (line[1] - line[0]) ** 2
    places, right = [(32, 32), (32, 40), (20, 25), (50, 32)], []
    for i, j in places:
        r = np.sqrt((y[i, 0] - line[:, None]) ** 2 + (x[0, j] - line) ** 2 + z**2)
        right.append((weight * z / (2 * np.pi * r**2) * (1 / r - 1j * K) * np.exp(1j * K * r)).sum())
    got = optics.propagate(u, distance=z, wavelength=WAVE, pitch=pitch, pad=4)
    return float(max(abs(got[place] - one) for place, one in zip(places, right, strict=True)) / abs(right[0]))


@truth("optics", "on the axis of a circular aperture (second order in the pitch)", "closed form", "exp(ikz) - z/R exp(ikR)", 8e-3, 8e-3,
       "optics/test_propagation.py::test_circular_aperture_on_axis")  # fmt: skip
def _(dtype: str) -> float:
    n, pitch, radius, z = 420, 0.2 * UM, 20 * UM, np.array([100.4, 200.9]) * UM
    u = optics.circular_aperture((n, n), radius=radius, pitch=pitch, dtype=dtype).astype(light(dtype))
    got = optics.propagate(u, distance=z, wavelength=WAVE, pitch=pitch, pad=3)[:, n // 2, n // 2]
    far = np.hypot(z, radius)
    return float(np.abs(got - (np.exp(1j * K * z) - z / far * np.exp(1j * K * far))).max())


@truth("optics", "Talbot image of a grating", "closed form", "period 2 d^2 / lambda", 2e-6, 1e-9,
       "optics/test_propagation.py::test_talbot_image")  # fmt: skip
def _(dtype: str) -> float:
    row = np.tile(np.where(np.arange(16) < 5, 1.0, 0.2) * np.exp(0.3j * np.arange(16)), 4)
    u, z = np.broadcast_to(row, (6, 64)).astype(light(dtype)), 2 * (32 * UM) ** 2 / WAVE
    got = optics.propagate(u, distance=z, wavelength=WAVE, pitch=2 * UM, method="fresnel", pad=1, band_limit=False)
    return off(got, np.broadcast_to(row, (6, 64)) * np.exp(1j * K * z))


@truth("optics", "evanescent wave of a fine grating", "closed form", "exp(-|z| sqrt(kx^2 - k^2))", 2e-6, 1e-12,
       "optics/test_propagation.py::test_evanescent_wave")  # fmt: skip
def _(dtype: str) -> float:
    pitch, z = 0.2 * UM, 0.1 * UM
    fx = 12 / (32 * pitch)
    u = (np.exp(2j * np.pi * fx * np.arange(32) * pitch) * np.ones((32, 1))).astype(light(dtype))
    got = optics.propagate(u, distance=z, wavelength=WAVE, pitch=pitch, pad=1)
    return off(got, u * np.exp(-z * np.sqrt((2 * np.pi * fx) ** 2 - K**2)))


@truth("optics", "axial phase of a tilted plane wave", "closed form", "kz = sqrt(k^2 - kx^2 - ky^2)", 2e-6, 1e-9,
       "optics/test_propagation.py::test_plane_wave_gains_its_axial_phase")  # fmt: skip
def _(dtype: str) -> float:
    n, pitch, z = 36, 1.1 * UM, 1e-3
    y, x = plane(n, pitch)
    fy, fx = 3 / (n * pitch), -5 / (n * pitch)
    wave = np.exp(2j * np.pi * (fx * x + fy * y))
    got = optics.propagate(wave.astype(light(dtype)), distance=z, wavelength=WAVE, pitch=pitch, pad=1, band_limit=False)
    return off(got, wave * np.exp(1j * np.sqrt(K**2 - (2 * np.pi) ** 2 * (fx**2 + fy**2)) * z))


@truth("optics", "peak in the focus of a lens (edge of the aperture on pixels)", "closed form", "Airy: pi a^2 / (lambda f)", 5e-3, 5e-3,
       "optics/test_masks.py::test_lens_focuses_a_plane_wave")  # fmt: skip
def _(dtype: str) -> float:
    pitch, f, w, radius = 3 * UM, 20e-3, 0.6 * UM, 300 * UM
    u = optics.circular_aperture((256, 256), radius=radius, pitch=pitch, dtype=dtype).astype(light(dtype))
    behind = optics.lens(u, focal_length=f, wavelength=w, pitch=pitch)
    focus = optics.propagate_scaled(behind, distance=f, wavelength=w, pitch=pitch, out_pitch=0.5 * UM, out_shape=(3, 3))
    return float(abs(abs(focus[1, 1]) / (np.pi * radius**2 / (w * f)) - 1))


PERIODIC = {"wavelength": WAVE, "pitch": 0.25 * UM, "pad": 1, "band_limit": False}


def smooth(dtype: str, seed: int = 0) -> np.ndarray:
    f = np.fft.fftfreq(40, 0.25 * UM)
    return np.fft.ifft2(noise((40, 40), "float64", seed) * (f**2 + f[:, None] ** 2 < (0.9 / WAVE) ** 2)).astype(light(dtype))


@truth("optics", "energy of propagating waves", "conservation", "sum |u|^2 is kept", 2e-6, 1e-12,
       "optics/test_propagation.py::test_energy_and_reciprocity")  # fmt: skip
def _(dtype: str) -> float:
    u = smooth(dtype).astype(light(dtype))
    return float(abs(np.linalg.norm(optics.propagate(u, distance=30 * UM, **PERIODIC)) / np.linalg.norm(u) - 1))


@truth("optics", "there and back", "conservation", "P(-z) P(z) = 1", 5e-6, 1e-11, "optics/test_propagation.py::test_there_and_back")
def _(dtype: str) -> float:
    u = smooth(dtype)
    return off(optics.propagate(optics.propagate(u, distance=40 * UM, **PERIODIC), distance=-40 * UM, **PERIODIC), u)


@truth("optics", "adjoint of propagation", "dot test", "Re<g, P u> = Re<P* g, u>", 5e-6, 1e-12,
       "optics/test_propagation.py::test_adjoint")  # fmt: skip
def _(dtype: str) -> float:
    u, g = noise((31, 33), dtype), noise((31, 33), dtype, 5)
    there = {"distance": 60 * UM, "wavelength": WAVE, "pitch": UM}
    one = np.vdot(g.astype(complex), optics.propagate(u, **there)).real
    return float(abs(np.vdot(optics.propagate_vjp(g, u, **there).astype(complex), u).real / one - 1))


@truth("optics", "gradient of the phases of a network", "differences", "central, of the mean cross-entropy", 2e-2, 1e-6,
       "systems/test_d2nn.py::test_gradient_by_central_differences")  # fmt: skip
def _(dtype: str) -> float:
    geometry = Geometry(layers=2, size=20, input_size=12, detector_size=3, spacing=3e-3)
    network = systems.D2NN(geometry=geometry, key=KEY, dtype=dtype)
    u, loss = network.encode(dice().random((3, 6, 6)).astype(dtype)), learning.CrossEntropy()
    along = dice(1).normal(size=network.parameters["phase"].shape).astype(dtype)
    slope = float((learning.in_silico_gradient(network, u, np.arange(3), loss)[0]["phase"] * along).sum())
    step, values = (1e-2 if dtype == "float32" else 1e-5), []
    for sign in (1, -1):
        network.parameters["phase"] += np.asarray(sign * step * along, dtype)
        values.append(float(loss(network.forward(u), np.arange(3))[0]))
        network.parameters["phase"] -= np.asarray(sign * step * along, dtype)
    return abs((values[0] - values[1]) / (2 * step) / slope - 1)


@truth("optics", "light past the window (absolute; the form knows no pixels)", "closed form", "erf of a Gaussian beam", 2e-2, 2e-2,
       "optics/test_propagation.py::test_losses_add_up")  # fmt: skip
def _(dtype: str) -> float:
    n, pitch, waist, z = 64, 2 * UM, 12 * UM, 5e-3
    u = optics.gaussian_beam((n, n), waist=waist, wavelength=WAVE, pitch=pitch, dtype=light(dtype))
    spread = waist * np.hypot(1, z * WAVE / (np.pi * waist**2))
    lost = optics.Propagator((n, n), distance=z, pad=4, pitch=pitch, wavelength=WAVE).losses(u)
    return abs(float(lost.outside) - 1 + scipy.special.erf(np.sqrt(2) * n * pitch / 2 / spread) ** 2)


@truth("optics", "photons that a camera counts, mean and variance of 50 000", "closed form", "Poisson; five standard errors",
       3.2e-2, 3.2e-2,
       "optics/test_camera.py::test_shot_noise_is_poisson")  # fmt: skip
def _(dtype: str) -> float:
    counts = optics.detect(np.full((50, 1000), 0.05, dtype), optics.Camera(photons=80.0), key=KEY).astype(float) * 80
    return float(max(abs(counts.mean() / 4 - 1), abs(counts.var() / 4 - 1)))


# ----------------------------------------------------------------------------------------------------------------------- crossbar
@truth("crossbar", "currents through wires, exactly", "other code", "Kirchhoff's law of all nodes, SuperLU", 2e-6, 1e-9,
       "crossbar/test_wires.py::test_effective_conductance_is_that_of_nodal_analysis")  # fmt: skip
def _(dtype: str) -> float:
    G = cells(dice(), 33, 17).astype(dtype)
    wires = crossbar.Wires(word=20.0, bit=30.0, source=10.0, load=5.0)
    return off(crossbar.effective_conductance(G, wires=wires), lines(G, 20.0, 30.0, 10.0, 5.0).T())


@truth("crossbar", "the same, by conjugate gradients", "other code", "Kirchhoff's law of all nodes, SuperLU", 1e-5, 1e-10,
       "crossbar/test_solve.py::test_conjugate_gradients")  # fmt: skip
def _(dtype: str) -> float:
    G, V = cells(dice(), 40, 40).astype(dtype), dice(1).uniform(0, 0.2, (5, 40)).astype(dtype)
    wires = crossbar.Wires(word=20.0, bit=30.0, source=10.0, load=5.0)
    return off(crossbar.solve_currents(V, G, wires=wires, method="cg"), V @ lines(G, 20.0, 30.0, 10.0, 5.0).T())


@truth("crossbar", "read from either side", "conservation", "reciprocity: T of the array turned over", 2e-6, 1e-12,
       "crossbar/test_wires.py::test_anti_transpose")  # fmt: skip
def _(dtype: str) -> float:
    G = cells(dice(), 13, 22).astype(dtype)
    turned = np.ascontiguousarray(G[::-1, ::-1].T)
    one = crossbar.effective_conductance(G, wires=crossbar.Wires(2.0, 5.0, 11.0, 3.0))
    return off(crossbar.effective_conductance(turned, wires=crossbar.Wires(5.0, 2.0, 3.0, 11.0))[::-1, ::-1].T, one)


@truth("crossbar", "derivative of the currents by all cells", "differences", "central, of nodal analysis by SuperLU", None, 1e-6,
       "crossbar/test_wires.py::test_derivatives")  # fmt: skip
def _(dtype: str) -> float:
    G, weights = cells(dice(), 6, 5), dice(1).normal(size=(6, 5))
    slope = crossbar.effective_conductance_vjp(weights, G, wires=crossbar.Wires(20.0, 10.0), wrt="G")
    right, h = np.zeros((6, 5)), 1e-8
    for at in np.ndindex(6, 5):
        shift = np.zeros((6, 5))
        shift[at] = h
        right[at] = ((lines(G + shift, 20.0, 10.0).T() - lines(G - shift, 20.0, 10.0).T()) * weights).sum() / (2 * h)
    return off(slope, right)


FITS = {  # microsiemens: of Nandakumar et al. and Joshi et al. (PCM), Wan et al. (RRAM), as in tests/crossbar/test_devices.py
    "pcm": (20.0, 0.26348 + 1.9650 * 0.8 - 1.1731 * 0.64),
    "pcm-joshi": (20.0, -0.00178767 * 400 + 0.07585724 * 20 + 0.28638599),
    "rram": (25.0, 0.348 + 16.030 * 0.625 - 43.853 * 0.625**2 + 45.393 * 0.625**3 - 16.815 * 0.625**4),
    "reram": (50.0, 0.0112185391 + 0.01129027418 * 50),
}


@truth("crossbar", "programming noise of four devices, rms of 40 000 cells", "published", "their fits, in microsiemens", 1.6e-2, 1.6e-2,
       "crossbar/test_devices.py::test_programming_noise_is_the_published_one")  # fmt: skip
def _(dtype: str) -> float:
    found = [(crossbar.program(np.full(40_000, g * 1e-6, dtype), name, key=KEY).std() * 1e6, s) for name, (g, s) in FITS.items()]
    return float(max(abs(got / right - 1) for got, right in found))


@truth("crossbar", "drift exponents of PCM, mean of 40 000 cells (absolute)", "published", "Nandakumar et al., ICECS 2019, as in aihwkit",
       1e-3, 1e-3, "crossbar/test_devices.py::test_drift_exponents_are_the_published_ones")  # fmt: skip
def _(dtype: str) -> float:
    g, r = 0.5e-6, 0.5 / 25
    mean, std = np.clip(-0.0155 * np.log(r) + 0.0244, 0.049, 0.1), np.clip(-0.0125 * np.log(r) - 0.0059, 0.008, 0.045)
    found = -np.log(crossbar.drift(np.full(40_000, g, dtype), time=3600.0, key=KEY).astype(float) / g) / np.log(3620 / 20)
    return float(abs(found.mean() - scipy.stats.foldnorm(mean / std, scale=std).mean()))


AIHWKIT = {
    "reram-es": (0.359109, -0.544108, -0.367804), "reram-sb": (0.412368, -0.444148, -0.193473), "capacitor": (1.0, -1.0, -0.481444),
    "ecram": (0.487953, -0.483592, -0.276107), "ecram-mo": (0.069664, -0.071148, -0.042365),
}  # fmt: skip


@truth("crossbar", "weights after 250 pulses up, 500 down, 100 up (absolute)", "other code", "measured on aihwkit 1.1.0", 2e-6, None,
       "crossbar/test_pulsed.py::test_trajectories_without_variation")  # fmt: skip
def _(dtype: str) -> float:
    worst = 0.0
    for name, expected in AIHWKIT.items():
        described = crossbar.pulsed_device(name)
        spreads = [field for field in vars(described) if field.endswith("dtod") or field == "noise"]
        quiet = dataclasses.replace(described, **dict.fromkeys(spreads, 0.0))
        w = np.zeros((1, 1), np.float32)
        for count, after in zip((250, -500, 100), expected, strict=True):
            w = crossbar.apply_pulses(w, np.full((1, 1), count, np.int32), device=quiet, key=KEY)
            worst = max(worst, abs(float(w[0, 0]) - after))
    return worst


# ----------------------------------------------------------------------------------------------------------------------- networks
@truth("networks", "voltages of resistors", "other code", "L v = i by numpy.linalg.solve", 2e-6, 1e-8,
       "networks/test_resistor.py::test_states_obey_kirchhoff")  # fmt: skip
def _(dtype: str) -> float:
    net = networks.ResistorNetwork(graphs.delaunay(127, pnn.random.key(3))[0], 127)
    g = dice().uniform(0.5, 2, net.n_edges).astype(dtype)
    b = np.zeros((net.n_edges, 127))
    b[np.arange(net.n_edges), net.edges[:, 0]], b[np.arange(net.n_edges), net.edges[:, 1]] = 1, -1
    full, free = b.T @ (g.astype(float)[:, None] * b), np.arange(2, 127)
    right = np.linalg.solve(full[2:, 2:], -full[2:, 0])
    return off(net.solve(g, [0, 1], np.array([[1.0, 0.0]], dtype))[0, free], right)


@truth("networks", "power that is fed in is dissipated", "conservation", "Tellegen", 2e-6, 1e-9,
       "networks/test_resistor.py::test_states_obey_kirchhoff")  # fmt: skip
def _(dtype: str) -> float:
    net = networks.ResistorNetwork(graphs.delaunay(60, pnn.random.key(3))[0], 60)
    g, driven = dice().uniform(0.5, 2, net.n_edges).astype(dtype), np.zeros((1, 60), dtype)
    driven[0, [10, 20]] = 1.0, -1.0
    v = net.solve(g, [0], np.zeros((1, 1), dtype), currents=driven)
    return float(abs(net.power(g, v)[0] / (v[0, 10] - v[0, 20]) - 1))


@truth("networks", "voltages of ten networks of diodes (volts)", "other code", "ngspice", None, 1e-6,
       "networks/test_diodes.py::test_voltages_of_ngspice")  # fmt: skip
def _(dtype: str) -> float:
    worst = 0.0
    for net in json.loads((TESTS / "networks/ngspice.json").read_text()):
        edges = np.array(net["edges"])
        made = networks.DiodeNetwork(edges, net["n_nodes"], diode=net["diode"], reverse=net["reverse"], drop=net["drop"])
        v = made.solve(np.array(net["conductance"]), net["nodes"], np.array([net["voltages"]]), currents=np.array([net["currents"]]))
        worst = max(worst, float(np.abs(v[0] - net["ngspice"]).max()))
    return worst


@truth("networks", "a node between two transistors", "closed form", "a - sqrt(a^2 - a + 1/2), a = gate - threshold", None, 1e-9,
       "networks/test_transistor.py::test_one_node_by_hand")  # fmt: skip
def _(dtype: str) -> float:
    v = networks.TransistorNetwork(np.array([[0, 1], [1, 2]]), 3).solve(np.array([3.0, 3.0]), [0, 2], np.array([[0.0, 1.0]]))[0, 1]
    return abs(v / (2.3 - np.sqrt(2.3**2 - 1.8)) - 1)


@truth("networks", "a node between two springs", "closed form", "k1 (x - 1) = k2 (2 - x)", None, 1e-9,
       "networks/test_elastic.py::test_two_springs_by_hand")  # fmt: skip
def _(dtype: str) -> float:
    net, start = networks.ElasticNetwork(np.array([[0, 1], [1, 2]]), 3, dimension=1), np.array([[0.0], [1.4], [3.0]])
    return abs(net.solve(np.array([3.0, 1.0]), np.ones(2), [0, 2], start[None, [0, 2]], start)[0, 1, 0] / 1.25 - 1)


@truth("networks", "a network of springs at rest (metres)", "other code", "least energy by SciPy's BFGS", None, 1e-5,
       "networks/test_elastic.py::test_least_energy_and_balance")  # fmt: skip
def _(dtype: str) -> float:
    edges, x = graphs.triangular(4, 4, jitter=0.1, key=KEY)
    net = networks.ElasticNetwork(edges, len(x))
    k, rest, held = dice().uniform(0.5, 1.5, len(edges)), net.lengths(x[None])[0], [0, 15]
    at, free = x[held] + np.array([[0.1, 0.0], [0.0, -0.1]]), np.arange(1, 15)

    def energy(z: np.ndarray) -> float:
        y = x.copy()
        y[held], y[free] = at, z.reshape(-1, 2)
        return float((k / 2 * (np.linalg.norm(y[edges[:, 0]] - y[edges[:, 1]], axis=1) - rest) ** 2).sum())

    best = scipy.optimize.minimize(energy, x[free].ravel(), method="BFGS", options={"gtol": 1e-9}).x
    return float(np.abs(net.solve(k, rest, held, at[None], x)[0, free].ravel() - best).max())


@truth("networks", "two oscillators lock (radians)", "closed form", "tan(d/2) = tan(d0/2) exp(-2 J t), first order in the step", 2e-3, 2e-3,
       "networks/test_oscillator.py::test_two_oscillators_lock")  # fmt: skip
def _(dtype: str) -> float:
    J, step, steps = 0.5, 1e-3, 2000
    start = np.array([[0.0, 2.0]], dtype)
    coupling = np.array([[0, J], [J, 0]], dtype)
    got = oscillator.relax(start, coupling, step=step, steps=steps, tolerance=1e-30, on_failure="flag").phase[0]
    return float(abs(got[1] - got[0] - 2 * np.arctan(np.tan(1.0) * np.exp(-2 * J * step * steps))))


@truth("networks", "a warm oscillator, mean of 40 000 (absolute)", "closed form", "I1(x/T) / I0(x/T)", 2.5e-2, None,
       "networks/test_oscillator.py::test_a_warm_oscillator_follows_boltzmann")  # fmt: skip
def _(dtype: str) -> float:
    start, alone = np.zeros((40_000, 1), "f"), np.zeros((1, 1), "f")
    found = oscillator.relax(start, alone, x=np.ones(1, "f"), temperature=0.7, step=0.1, steps=100, key=KEY)
    return float(abs(np.cos(found.phase).mean() - scipy.special.i1(1 / 0.7) / scipy.special.i0(1 / 0.7)))


@truth("networks", "marginals of an Ising machine, 40 000 chains (absolute)", "closed form",
       "Boltzmann's law, sum over all states", 2.5e-2, None,
       "networks/test_ising.py::test_sweeps_follow_boltzmann")  # fmt: skip
def _(dtype: str) -> float:
    edges = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [0, 4], [1, 3]])
    graph, J, h = ising.SpinGraph(edges, 5), dice().normal(0, 0.5, 6).astype("f"), dice(1).normal(0, 0.5, 5).astype("f")
    states = 1 - 2.0 * ((np.arange(32)[:, None] >> np.arange(5)) & 1)
    p = np.exp(0.8 * ((states[:, edges[:, 0]] * states[:, edges[:, 1]]) @ J + states @ h))
    found = ising.sweep(ising.random_state(graph, 40_000, KEY), graph, J, h, beta=0.8, sweeps=40, key=KEY)
    return float(np.abs(ising.moments(found, graph)[1] - p @ states / p.sum()).max())


@truth("networks", "energy of a square lattice of spins above its critical point", "published",
       "Onsager, Phys. Rev. 65, 117 (1944)", 8e-3, None,
       "networks/test_ising.py::test_onsager_energy")  # fmt: skip
def _(dtype: str) -> float:
    K_, graph = 0.35, ising.SpinGraph(graphs.lattice(32, 32, periodic=True), 1024)
    exact = 1 + 2 / np.pi * (2 * np.tanh(2 * K_) ** 2 - 1) * scipy.special.ellipk((2 * np.sinh(2 * K_) / np.cosh(2 * K_) ** 2) ** 2)
    J, state, mean = np.ones(graph.n_edges, "f"), ising.random_state(graph, 64, KEY), 0.0
    for n in range(40):
        state = ising.sweep(state, graph, J, beta=K_, sweeps=10, key=KEY, sweep0=10 * n)
        mean += float(ising.energy(state, graph, J).mean()) / 1024 / 30 * (n >= 10)
    return abs(mean / (-exact / np.tanh(2 * K_)) - 1)


# ----------------------------------------------------------------------------------------------------------------------- dynamics
SPRING = dynamics.Law({"q": "v", "v": pnn.ScalarFunction(lambda q, k=1.0, alpha=0.0: -k * q - alpha * q * q * q)})
LEAK = dynamics.Law({"x": pnn.ScalarFunction(lambda x, rate=1.5: -rate * x)})


@truth("dynamics", "Duffing's oscillator, two periods of 800 steps", "closed form", "A cn(w t, m), DLMF 22.19", 1e-4, 5e-7,
       "dynamics/test_integrate.py::test_duffings_oscillator_is_elliptic")  # fmt: skip
def _(dtype: str) -> float:
    alpha, A = 2.0, np.array([0.5, 1.0, 3.0])
    w = np.sqrt(1 + alpha * A**2)
    m = alpha * A**2 / (2 * w**2)
    dt, start = 8 * scipy.special.ellipk(m[1]) / w[1] / 1600, np.stack([A, 0 * A])[None].astype(dtype)
    found = dynamics.integrate(SPRING.with_constants(alpha=alpha), start, dt, 1600, every=100)[0, :, 0]
    return off(found, A * scipy.special.ellipj(w * dt * 100 * np.arange(1, 17)[:, None], m)[1])


@truth("dynamics", "order of Runge and Kutta's method (absolute)", "closed form", "cos t, half as long a step", None, 5e-2,
       "dynamics/test_integrate.py::test_orders_of_a_harmonic_oscillator")  # fmt: skip
def _(dtype: str) -> float:
    ends = [dynamics.integrate(SPRING, np.array([[[1.0], [0.0]]]), 6.0 / n, n, every=n)[0, 0, :, 0] for n in (80, 160)]
    errors = [np.linalg.norm(end - [np.cos(6.0), -np.sin(6.0)]) for end in ends]
    return float(abs(np.log2(errors[0] / errors[1]) - 4))


@truth("dynamics", "energy of a leapfrog after 1600 oscillations (RK4 loses half of it)", "conservation", "v^2 / 2 + q^2 / 2 + q^4 / 8",
       None, 1e-4, "dynamics/test_integrate.py::test_leapfrog_keeps_an_energy_and_goes_back")  # fmt: skip
def _(dtype: str) -> float:
    """What it comes back to: means over the first and the last oscillations."""
    law, start = SPRING.with_constants(alpha=0.5), np.array([[[1.0], [0.0]]])
    q, v = dynamics.integrate(law, start, 0.3, 30_000, method="leapfrog")[0, :, :, 0].T
    energy = v**2 / 2 + q**2 / 2 + 0.5 * q**4 / 4
    return float(abs(energy[-3000:].mean() / energy[:3000].mean() - 1))


@truth("dynamics", "variance of 4000 leaky nodes in white noise", "closed form", "Ornstein and Uhlenbeck, s^2 / (2 rate); five standard errors",
       None, 0.12, "dynamics/test_integrate.py::test_a_leaky_node_in_noise")  # fmt: skip
def _(dtype: str) -> float:
    found = dynamics.integrate(LEAK, np.zeros((4000, 1, 1)), 0.05, 100, method="heun", noise=0.6, key=KEY, every=100)
    return float(abs(found.var() / (0.6**2 / (2 * 1.5)) - 1))


@truth("dynamics", "derivative by a constant, the rate of a decay", "closed form", "-t exp(-rate t)", None, 5e-6,
       "dynamics/test_integrate.py::test_the_derivative_by_a_rate_of_decay")  # fmt: skip
def _(dtype: str) -> float:
    start, t = np.array([[[1.0, -0.4]]]), 0.05 * np.arange(1, 41)
    found = [dynamics.integrate_vjp(np.ones((1, 1, 1, 2)), LEAK, start, 0.05, n, every=n, wrt="constants")[0] for n in range(1, 41)]
    return off(found, -0.6 * t * np.exp(-1.5 * t))


# ----------------------------------------------------------------------------------------------------------------------- learning
@truth("learning", "cross-entropy of powers and its cotangent", "closed form", "softmax, in float64", 1e-6, 1e-11,
       "learning/test_losses.py::test_judgement")  # fmt: skip
def _(dtype: str) -> float:
    p, y = dice().uniform(0.05, 1.2, (64, 10)).astype(dtype), dice(1).integers(0, 10, 64)
    wide = p.astype(float)
    s = 10 * wide / wide.max(axis=1, keepdims=True)
    g = scipy.special.softmax(s, axis=1) - np.eye(10)[y]
    top, at = wide.max(axis=1, keepdims=True), wide.argmax(axis=1)
    right = 10 * g / top
    right[np.arange(64), at] -= (10 * g * wide / top**2).sum(axis=1)
    return off(learning.CrossEntropy().judge(p, y)[1], right)


@truth("learning", "Adam after five steps", "published", "Kingma and Ba, ICLR 2015", 2e-6, 1e-13, "learning/test_optimizers.py::test_adam")
def _(dtype: str) -> float:
    start = dice().standard_normal(257)
    p, m, v = start.astype(dtype).astype(float), 0.0, 0.0
    held, adam = {"w": start.astype(dtype)}, learning.Adam(lr=0.1)
    for t in range(1, 6):
        g = dice(t).standard_normal(257).astype(dtype)
        adam.apply(held, {"w": g})
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g.astype(float) ** 2
        p = p - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return off(held["w"], p)


@truth("learning", "fitted read-out", "other code", "ridge regression by numpy.linalg.lstsq", None, 1e-9,
       "learning/test_readout.py::test_weights_minimise_the_ridge_loss")  # fmt: skip
def _(dtype: str) -> float:
    x, y, ridge = dice().normal(size=(40, 5)), dice(1).normal(size=(40, 2)), 0.3
    size = np.sqrt(ridge * np.mean((x**2).sum(axis=0)))
    rows = np.vstack([np.hstack([x, np.ones((40, 1))]), np.hstack([size * np.eye(5), np.zeros((5, 1))])])
    return off(learning.ridge_weights(*learning.moments(x, y), ridge), np.linalg.lstsq(rows, np.vstack([y, np.zeros((5, 2))]), rcond=None)[0])


def resistors() -> tuple:
    """A network, its conductances, what is held at which voltages, targets, and the gradient of their cost by central differences."""
    net = networks.ResistorNetwork(graphs.delaunay(12, pnn.random.key(2))[0], 12)
    g, held, x, at, y = dice().uniform(0.5, 2, net.n_edges), [0, 1], np.array([[1.0, 0.0]]), [5, 7], np.array([[0.2, 0.9]])

    def cost(g: np.ndarray) -> float:
        return float(0.5 * ((net.solve(g, held, x)[:, at] - y) ** 2).sum())

    return net, g, held, x, at, y, np.array([(cost(g + h) - cost(g - h)) / 2e-5 for h in 1e-5 * np.eye(len(g))])


@truth("learning", "nudged learning of resistors, a small nudge", "differences", "central, of the cost", None, 1e-4,
       "learning/test_coupled.py::test_nudged_learning")  # fmt: skip
def _(dtype: str) -> float:
    net, g, held, x, at, y, right = resistors()
    return off(learning.nudged_learning_update(net, g, held, x, at, y, beta=1e-5), right)


@truth("learning", "adjoint learning of resistors", "differences", "central, of the cost", None, 1e-8,
       "learning/test_coupled.py::test_adjoint_learning_is_the_gradient")  # fmt: skip
def _(dtype: str) -> float:
    net, g, held, x, at, y, right = resistors()
    return off(learning.adjoint_learning_update(net, g, held, x, at, y), right)


@truth("learning", "equilibrium propagation, centred, a Hopfield network", "differences",
       "central, of the loss, along one direction", None, 1e-4,
       "learning/test_equilibrium.py::test_small_nudges_give_the_exact_gradient")  # fmt: skip
def _(dtype: str) -> float:
    net = systems.Hopfield(hidden=(9, 6), outputs=3, inputs=5, activation="sigmoid", sweeps=500, nudged_sweeps=500, tolerance=None,
                           dtype="float64", key=KEY)  # fmt: skip
    batch = learning.Batch(net.encode(dice().normal(size=(7, 5))), np.arange(7) % 3)
    update = learning.one_step(learning.EquilibriumPropagation(1e-3), net, batch)[0]["W2"].dense()
    along, values, loss, h = dice(2).normal(size=update.shape), [], learning.losses.make(net), 1e-5
    for sign in (1, -1):
        net.parameters["W2"] += sign * h * along
        net.touch()
        values.append(float(loss(net.forward(batch.inputs), batch.labels)[0]))
        net.parameters["W2"] -= sign * h * along
    return abs((update * along).sum() / ((values[0] - values[1]) / (2 * h)) - 1)


# ------------------------------------------------------------------------------------------------------------------------- random
@truth("random", "words of Philox4x32-10 (share that is wrong)", "published", "known answers, Salmon et al., SC 2011", 0.0, 0.0,
       "kernels/random/test_draws.py::test_known_answers_reachable_by_kernels")  # fmt: skip
def _(dtype: str) -> float:
    words = pnn.random.words(pnn.random.key(0), (1, 4))[0].tolist()
    right = definition.hexadecimal(definition.KNOWN_ANSWERS[0][2])
    return float(np.mean([a != b for a, b in zip(words, right, strict=True)]))


@truth("random", "mean, variance and fourth moment of a million normals", "closed form", "0, 1, 3; five standard errors", 5e-2, 5e-2,
       "test_random.py::test_moments_and_tails")  # fmt: skip
def _(dtype: str) -> float:
    z = pnn.random.normal(KEY, (1000, 1000), dtype=np.dtype(dtype)).astype(float)
    return float(max(abs(z.mean()), abs((z**2).mean() - 1), abs((z**4).mean() - 3)))
