"""A call of every operation that has a derivative, small and smooth, for the wrappers of other libraries: they must agree with differences."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pnnkern import ScalarFunction, crossbar, dynamics, optics, random
from pnnkern.networks.oscillator import Between

KEY = random.key(11)
CHAIN = dynamics.Law({"q": "v", "v": ScalarFunction(lambda q, v, coupled, drive, k: coupled + drive - k * q * q * q - 0.1 * v)})
OPTICS = {"wavelength": 0.6, "pitch": 1.0}  # metres, so that differences of all arguments can be taken with one step


@dataclass
class Case:
    """given : the arguments, NumPy arrays and settings. scales : the arrays to differentiate by (dots lead into dicts and lists) and the size
    of their unit. pairs : couplings: symmetric, without a diagonal."""

    op: str
    given: dict[str, Any]
    scales: dict[str, float]
    pairs: tuple[str, ...] = ()
    title: str = ""

    def __str__(self) -> str:
        return f"{self.op} {self.title}".strip()

    def at(self, path: str) -> np.ndarray:
        value: Any = self.given
        for step in path.split("."):
            value = value[int(step) if isinstance(value, list | tuple) else step]
        return value

    def leaves(self) -> list[np.ndarray]:
        """The arrays to differentiate by, in their units."""
        return [np.asarray(self.at(path) / scale) for path, scale in self.scales.items()]

    def filled(self, leaves: Any, other: Callable[[Any], Any] = lambda x: x) -> dict[str, Any]:
        """The arguments with these in the place of the arrays to differentiate by, and `other` of the other arrays."""

        def changed(value: Any, path: str) -> Any:
            if path in named:
                leaf = named[path] * self.scales[path]
                if path in self.pairs:
                    leaf = (leaf + leaf.T) / 2 * other(1 - np.eye(len(leaf)))
                return leaf
            if isinstance(value, np.ndarray):
                return other(value)
            if isinstance(value, dict):
                return {k: changed(v, f"{path}.{k}" if path else k) for k, v in value.items()}
            if isinstance(value, list):
                return [changed(v, f"{path}.{i}") for i, v in enumerate(value)]
            return value

        named = dict(zip(self.scales, leaves, strict=True))
        made: dict[str, Any] = changed(self.given, "")
        return made


def _field(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def cases() -> list[Case]:
    rng = np.random.default_rng(5)
    u, one = _field(rng, 2, 3, 4), np.array(1.0)
    W, x = rng.uniform(-1, 1, (3, 4)), rng.uniform(-1, 1, (2, 3))
    G, V = rng.uniform(0.5e-4, 1.5e-4, (3, 4)), rng.uniform(-1, 1, (2, 3))
    fixed = crossbar.Crossbar(w_max=1.5, tile=(2, 3))
    noisy = crossbar.GaussianNoise(relative=0.1)
    layers = [rng.uniform(0.2, 1.0, (3, 4)), rng.uniform(0.2, 1.0, (4, 2))]
    biases = [rng.uniform(-0.1, 0.1, 4), rng.uniform(-0.1, 0.1, 2)]
    inputs = rng.uniform(0.1, 1.0, (2, 3))
    exact = {"sweeps": 2000, "tolerance": 1e-13}
    J = rng.uniform(0.5, 1.0, (4, 4))
    J = np.triu(J, 1) + np.triu(J, 1).T
    phases = rng.uniform(-0.3, 0.3, (2, 4))
    fields = {"x": rng.uniform(0.5, 1.0, (2, 4)), "y": rng.uniform(-0.5, 0.5, 4), "second": rng.uniform(0.0, 0.2, 4)}
    slow = {"step": 0.1, "steps": 20000, "tolerance": 1e-13}
    state = crossbar.program_weights(W, fixed)
    state = {"G": state["G"] * 0.8 + 4e-6, "w_max": state["w_max"]}
    waves = {"distance": one * 3.0, "wavelength": one * 0.6}
    return [
        Case("optics.amplitude_mask", {"field": u, "amplitude": rng.uniform(0, 1, (3, 4))}, {"field": 1, "amplitude": 1}),
        Case("optics.detect", {"light": rng.uniform(0.5, 1, (2, 3)), "camera": optics.Camera(read_noise=0.1, full_well=2.0), "key": KEY},
             {"light": 1}),
        Case("optics.fraunhofer", {"field": u, "pitch": 1.0, "pad": 2} | waves | {"distance": one * 40.0},
             {"field": 1, "distance": 1, "wavelength": 0.01}),
        Case("optics.height_mask", {"field": u, "height": rng.uniform(0, 1, (2, 3, 4)), "wavelength": 0.6, "index": 1.5, "absorption": 0.01},
             {"field": 1, "height": 0.1}),
        Case("optics.intensity", {"field": u}, {"field": 1}),
        Case("optics.lens", {"field": u, "focal_length": np.array([30.0, 40.0])} | OPTICS, {"field": 1, "focal_length": 1}),
        Case("optics.phase_mask", {"field": u, "phase": rng.uniform(-3, 3, (3, 4))}, {"field": 1, "phase": 1}),
        Case("optics.powers", {"field": u, "regions": optics.Regions((3, 4), [(0, 2, 0, 2), (1, 3, 2, 4)])}, {"field": 1}),
        Case("optics.propagate", {"field": u, "pitch": 1.0} | waves | {"distance": np.array([3.0, 4.0])},
             {"field": 1, "distance": 0.1, "wavelength": 0.01}),
        Case("optics.propagate", {"field": u, "pitch": (1.0, 1.2), "out_shape": (2, 5), "shift": (0.3, 0.0), "pad": 2} | waves,
             {"field": 1}, title="shifted"),
        Case("optics.propagate_scaled", {"field": u, "pitch": 1.0, "out_pitch": 0.7, "out_shape": (5, 3)} | waves,
             {"field": 1, "distance": 0.1, "wavelength": 0.01}),
        Case("optics.transmit", {"field": u, "transmission": _field(rng, 3, 4)}, {"field": 1, "transmission": 1}),
        Case("crossbar.apply", {"x": x, "state": state, "description": fixed}, {"state.G": 1e-6}),
        Case("crossbar.apply", {"x": x, "state": state, "description": crossbar.Crossbar(w_max=1.5, input_scale=2.0)},
             {"x": 1, "state.G": 1e-6}, title="of one scale"),
        Case("crossbar.conductances", {"W": W, "description": crossbar.Crossbar(weights=crossbar.OffsetColumn(), w_max=1.5)}, {"W": 1}),
        Case("crossbar.convert", {"x": x, "converter": crossbar.ADC(bits=None, range=0.5)}, {"x": 1}),
        Case("crossbar.effective_conductance", {"G": G[None] * [[[1.0]], [[2.0]]], "wires": crossbar.Wires(200.0, 300.0)}, {"G": 1e-4}),
        Case("crossbar.matmul", {"x": x, "W": W, "description": crossbar.Crossbar(w_max=1.5, input_scale=2.0)}, {"x": 1, "W": 1}),
        Case("crossbar.read", {"V": V, "G": G, "wires": 200.0, "iv": None}, {"V": 1, "G": 1e-4}),
        Case("crossbar.read", {"V": V, "G": np.stack([G, 2 * G])}, {"V": 1, "G": 1e-4}, title="of two arrays"),
        Case("crossbar.read", {"V": V, "G": G, "noise": noisy, "key": KEY, "sample": 3}, {"V": 1, "G": 1e-4}, title="with noise"),
        Case("crossbar.solve_currents", {"V": V, "G": G, "wires": 200.0, "method": "cg", "iv": crossbar.cubic_iv(0.1), "tolerance": 1e-12},
             {"V": 1, "G": 1e-4}),
        Case("networks.convolutional.relax",
             {"images": rng.uniform(0, 1, (2, 1, 4, 4)), "weights": [rng.uniform(-1, 1, (2, 1, 3, 3)), rng.uniform(-1, 1, (8, 2))],
              "biases": [np.zeros(2), np.zeros(2)], "activation": "tanh"} | exact,
             {"weights.0": 1, "weights.1": 1, "biases.0": 1}),
        Case("networks.drn.relax", {"inputs": inputs, "weights": layers, "biases": biases} | exact,
             {"weights.0": 1, "weights.1": 1, "biases.0": 1, "biases.1": 1}),
        Case("networks.hopfield.relax", {"inputs": inputs, "weights": layers, "biases": biases, "activation": "tanh"} | exact,
             {"weights.0": 1, "weights.1": 1, "biases.0": 1, "biases.1": 1}),
        Case("networks.hopfield.relax",
             {"inputs": inputs, "weights": layers, "backward": [w / 2 for w in layers], "activation": "sigmoid", "readout": "softmax"} | exact,
             {"weights.0": 1, "weights.1": 1, "backward.0": 1}, title="backward"),
        Case("networks.oscillator.relax", {"phase": phases, "coupling": J} | fields | slow, {"coupling": 1, "x": 1, "y": 1, "second": 1},
             pairs=("coupling",)),
        Case("networks.oscillator.relax", {"phase": phases, "coupling": Between(J[:2, 2:])} | fields | slow, {"x": 1}, title="between"),
        Case("dynamics.integrate",
             {"law": CHAIN, "state": rng.uniform(-1, 1, (2, 2, 3)), "dt": 0.1, "steps": 4, "every": 2, "parameters": rng.uniform(1, 2, (1, 3)),
              "drive": rng.uniform(-1, 1, (2, 5, 1)), "couplings": dynamics.Couplings([(0, 1), (1, 2)], 3), "weights": rng.uniform(0, 1, 2)},
             {"state": 1, "parameters": 1, "weights": 1, "drive": 1}),
    ]  # fmt: skip


CASES = cases()


def public_with_vjp() -> set[str]:
    """ROOM.NAME or ROOM.MODULE.NAME of every public function of the rooms with a `NAME_vjp` beside it."""
    found = set()
    for room in ("optics", "crossbar", "networks", "dynamics", "systems", "learning", "random"):
        whole = importlib.import_module(f"pnnkern.{room}")
        modules = {room: whole} | {f"{room}.{n}": m for n in whole.__all__ if inspect.ismodule(m := getattr(whole, n))}
        for name, module in modules.items():
            found |= {f"{name}.{n[:-4]}" for n in vars(module) if n.endswith("_vjp") and not n.startswith("_")}
    return found


def methods_with_vjp() -> set[str]:
    """ROOM.CLASS.METHOD of every public derivative that is a method of a public class."""
    found = set()
    for room in ("optics", "crossbar", "networks", "dynamics", "learning", "random"):
        whole = importlib.import_module(f"pnnkern.{room}")
        for name in whole.__all__:
            if inspect.isclass(thing := getattr(whole, name)):
                found |= {f"{room}.{name}.{n}" for n in dir(thing) if n.endswith("vjp") and not n.startswith("_")}
    return found
