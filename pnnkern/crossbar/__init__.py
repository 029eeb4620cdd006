"""Crossbars: arrays of conductances that multiply. Siemens, volts, amperes, ohms; conductances (..., n_in, n_out)."""

from .devices import (
    DEVICES,
    PCM,
    RRAM,
    SONOS,
    Custom,
    Device,
    HermesPCM,
    ReRAM,
    device,
    drift,
    drift_compensation,
    flicker,
    program,
)
from .pulsed import apply_pulses, clip_weights, device_cells, pulse_update, symmetry_point
from .pulsed_devices import (
    PULSED_DEVICES,
    ConstantStep,
    ExponentialStep,
    LinearStep,
    PiecewiseStep,
    PowerStep,
    PulsedDevice,
    SoftBounds,
    pulsed_device,
)
from .solve import IV, cubic_iv, sinh_iv, solve_currents, solve_currents_vjp
from .transfer import MixedPrecision, TikiTaka, transfer_start, transfer_update, transfer_weights
from .wire_noise import noise_through_wires, read_covariance, wire_noise
from .wires import TOPOLOGIES, Wires, as_wires, effective_conductance, effective_conductance_vjp, node_voltages

__all__ = [
    "DEVICES", "IV", "PCM", "PULSED_DEVICES", "RRAM", "SONOS", "TOPOLOGIES", "ConstantStep", "Custom", "Device",
    "ExponentialStep", "HermesPCM", "LinearStep", "MixedPrecision", "PiecewiseStep", "PowerStep", "PulsedDevice", "ReRAM",
    "SoftBounds", "TikiTaka", "Wires", "apply_pulses", "as_wires", "clip_weights", "cubic_iv", "device", "device_cells",
    "drift", "drift_compensation", "effective_conductance", "effective_conductance_vjp", "flicker", "node_voltages",
    "noise_through_wires", "program", "pulse_update", "pulsed_device", "read_covariance", "sinh_iv", "solve_currents",
    "solve_currents_vjp", "symmetry_point", "transfer_start", "transfer_update", "transfer_weights", "wire_noise",
]  # fmt: skip
