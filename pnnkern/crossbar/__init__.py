"""Crossbars: arrays of conductances that multiply. Siemens, volts, amperes, ohms; conductances (..., n_in, n_out)."""

from .converters import ADC, DAC, SAR, BitSerial, Ramp, convert, convert_vjp
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
from .energy import Technology, estimate
from .layer import Layer, aged, apply, apply_vjp, calibrate, matmul, matmul_vjp, program_weights
from .mapping import Crossbar, DifferentialPair, OffsetColumn, conductances, conductances_vjp, weights
from .noise import CellNoise, GaussianNoise, LognormalNoise, TelegraphNoise, stuck_cells, stuck_masks
from .pulsed import apply_pulses, clip_weights, device_cells, pulse_update, symmetry_point
from .pulsed_devices import (
    PULSED_DEVICES,
    ConstantStep,
    ExponentialStep,
    FunctionStep,
    LinearStep,
    PiecewiseStep,
    PowerStep,
    PulsedDevice,
    SoftBounds,
    pulsed_device,
)
from .read import Chain, Reader, read, read_vjp
from .solve import IV, cubic_iv, sinh_iv, solve_currents, solve_currents_vjp
from .transfer import MixedPrecision, TikiTaka, transfer_start, transfer_update, transfer_weights
from .wire_noise import WireFields, noise_through_wires, read_covariance, wire_noise
from .wires import TOPOLOGIES, Wires, as_wires, effective_conductance, effective_conductance_vjp, node_voltages

__all__ = [
    "ADC", "DAC", "DEVICES", "IV", "PCM", "PULSED_DEVICES", "RRAM", "SAR", "SONOS", "TOPOLOGIES", "BitSerial", "CellNoise",
    "Chain", "ConstantStep", "Crossbar", "Custom", "Device", "DifferentialPair", "ExponentialStep", "FunctionStep", "GaussianNoise",
    "HermesPCM", "Layer", "LinearStep", "LognormalNoise", "MixedPrecision", "OffsetColumn", "PiecewiseStep", "PowerStep",
    "PulsedDevice", "Ramp", "ReRAM", "Reader", "SoftBounds", "Technology", "TelegraphNoise", "TikiTaka", "WireFields",
    "Wires", "aged", "apply", "apply_pulses", "apply_vjp", "as_wires", "calibrate", "clip_weights", "conductances",
    "conductances_vjp", "convert", "convert_vjp", "cubic_iv", "device", "device_cells", "drift", "drift_compensation",
    "effective_conductance", "effective_conductance_vjp", "estimate", "flicker", "matmul", "matmul_vjp", "node_voltages",
    "noise_through_wires", "program", "program_weights", "pulse_update", "pulsed_device", "read", "read_covariance",
    "read_vjp", "sinh_iv", "solve_currents", "solve_currents_vjp", "stuck_cells", "stuck_masks", "symmetry_point",
    "transfer_start", "transfer_update", "transfer_weights", "weights", "wire_noise",
]  # fmt: skip
