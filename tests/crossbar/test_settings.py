"""Settings that cannot be meant: noise larger than what it is noise of, and conductances that look like ohms."""

import re
import warnings

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import crossbar
from pnnkern._errors import UnitWarning
from pnnkern.crossbar import (
    ADC,
    DAC,
    SAR,
    Chain,
    ConstantStep,
    GaussianNoise,
    LognormalNoise,
    Ramp,
    TelegraphNoise,
    TikiTaka,
    Wires,
)
from pnnkern.experiments import recipe
from pnnkern.learning import HardwareAware
from pnnkern.learning.losses import MeanSquare

KEY = pnn.random.key(3)


def through(sigma: float) -> np.ndarray:
    return crossbar.wire_noise(np.ones((1, 2)), np.full((2, 2), 1e-4), sigma, wires=1.0, key=KEY)


@pytest.mark.parametrize(
    ("most", "above", "message"),
    [
        (lambda: GaussianNoise(relative=1.0), lambda: GaussianNoise(relative=5.0), "relative noise must be at most 1 (of the cond"),
        (lambda: GaussianNoise(sigma=1.0), lambda: GaussianNoise(sigma=20.0), "sigma of a noise must be at most 1 (siemens), got 20.0"),
        (lambda: LognormalNoise(2.0), lambda: LognormalNoise(10.0), "s of a lognormal noise must be at most 2"),
        (lambda: TelegraphNoise(relative=2.0), lambda: TelegraphNoise(relative=5.0), "relative amplitude of a telegraph noise must be"),
        (lambda: TelegraphNoise(1.0), lambda: TelegraphNoise(3.0), "amplitude of a telegraph noise must be at most 1 (siemens)"),
        (lambda: Chain(output_noise=1.0), lambda: Chain(output_noise=2.0), "output_noise must be at most 1 (amperes), got 2.0"),
        (lambda: DAC(noise=0.2), lambda: DAC(noise=0.3), "noise of a DAC must be at most 0.2 (volts, up to its range), got 0.3"),
        (lambda: ADC(noise=1.0), lambda: ADC(noise=2.0), "noise of an ADC must be at most 1 (amperes)"),
        (lambda: SAR(mismatch=1.0), lambda: SAR(mismatch=5.0), "mismatch of a SAR converter must be at most 1 (of a unit capacitor)"),
        (lambda: Ramp(slope=1.0), lambda: Ramp(slope=5.0), "slope of a ramp converter must be at most 1 (relative), got 5.0"),
        (lambda: Ramp(bow=1.0), lambda: Ramp(bow=-1.0), "bow of a ramp converter must be finite and 0 or more (codes)"),
        (lambda: through(1.0), lambda: through(2.0), "sigma must be at most 1 (siemens), got values up to 2"),
        (lambda: crossbar.RRAM(relative_read_noise=1.0), lambda: crossbar.RRAM(relative_read_noise=3.0), "relative_read_noise must be at"),
        (lambda: ConstantStep(noise=10.0), lambda: ConstantStep(noise=30.0), "noise of a pulsed device is relative, at most 10, got 30.0"),
        (lambda: ConstantStep(step_dtod=1.0), lambda: ConstantStep(step_dtod=30.0), "step_dtod of a pulsed device is relative"),
        (lambda: ConstantStep(w_max_dtod=1.0), lambda: ConstantStep(w_max_dtod=2.0), "w_max_dtod of a pulsed device is relative"),
        (lambda: TikiTaka(read_noise=2.0), lambda: TikiTaka(read_noise=2.1), "of TikiTaka must be at most the range of its fast device, 2"),
        (lambda: TikiTaka(reference_error=2.0), lambda: TikiTaka(reference_error=3.0), "reference_error of TikiTaka must be at most the range"),
        (lambda: HardwareAware(MeanSquare(), noise=1.0), lambda: HardwareAware(MeanSquare(), noise=4.0),
         "noise of HardwareAware must be a finite number >= 0 and <= 1, got 4.0"),
    ],
)  # fmt: skip
def test_noise_has_an_upper_bound(most, above, message: str) -> None:
    most()
    with pytest.raises(ValueError, match=re.escape(message)):
        above()


@pytest.mark.parametrize("noise", [GaussianNoise(0.05), TelegraphNoise(0.05)])
def test_noise_of_a_layer_is_no_larger_than_its_cells(noise) -> None:
    """0.05 was meant of the conductance, and is siemens."""
    d = crossbar.Crossbar(chain=Chain(noise=noise))
    with pytest.raises(ValueError, match=r"must be at most g_max of the device, 2.5e-05 S, got 0.05: relative= is of G"):
        crossbar.matmul(np.ones((2, 3)), np.ones((3, 4)), d, key=KEY)
    fits = crossbar.Crossbar(chain=Chain(noise=type(noise)(25e-6)))
    assert np.isfinite(crossbar.matmul(np.ones((2, 3)), np.ones((3, 4)), fits, key=KEY)).all()


@pytest.mark.parametrize("setting", ["system.cell_noise=4", "rule.noise=4"])
def test_noise_of_recipes_has_an_upper_bound(setting: str) -> None:
    with pytest.raises(ValueError, match=rf"{setting.partition('=')[0]}.*less than or equal to 1"):
        recipe.find("crossbar-digits", [setting])


OHMS = np.full((4, 3), 5e4)
V = np.ones((2, 4))
LOOKS = r"up to 5e\+04 S looks like resistances in ohms: conductances are in siemens"


@pytest.mark.parametrize(
    "call",
    [
        lambda: crossbar.read(V, OHMS),
        lambda: crossbar.read(V, OHMS, wires=1.0),
        lambda: crossbar.Reader(OHMS),
        lambda: crossbar.effective_conductance(OHMS, wires=1.0),
        lambda: crossbar.node_voltages(V, OHMS, wires=1.0),
        lambda: crossbar.solve_currents(V, OHMS, wires=1.0, method="cg"),
        lambda: crossbar.solve_currents(V, OHMS, wires=Wires(1, 1, topology="gated")),
        lambda: crossbar.read_covariance(V, OHMS, 1e-6, wires=1.0),
        lambda: crossbar.drift(OHMS, time=1.0, key=KEY),
        lambda: crossbar.flicker(OHMS, time=0.0, key=KEY),
        lambda: crossbar.Device(g_min=1e3, g_max=5e4),
        lambda: crossbar.PCM(g_max=5e4),
    ],
)
def test_conductances_that_look_like_ohms(call) -> None:
    with pytest.warns(UnitWarning, match=LOOKS) as seen:
        call()
    assert {w.filename for w in seen} == {__file__}  # at the user's line


def test_siemens_do_not_warn(backend) -> None:
    """A normalised array, up to one siemens, is not taken for ohms either."""
    there = backend.array(V)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnitWarning)
        for G in (np.full((4, 3), 1.0), np.full((4, 3), 2e-4), np.zeros((4, 3))):
            crossbar.read(there, backend.array(G))
            crossbar.read(there, backend.array(G), wires=1.0)
            crossbar.drift(backend.array(G), time=1.0, key=KEY)
