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
from .wire_noise import noise_through_wires, read_covariance, wire_noise
from .wires import TOPOLOGIES, Wires, as_wires, effective_conductance, effective_conductance_vjp, node_voltages

__all__ = [
    "DEVICES", "PCM", "RRAM", "SONOS", "TOPOLOGIES", "Custom", "Device", "HermesPCM", "ReRAM", "Wires", "as_wires",
    "device", "drift", "drift_compensation", "effective_conductance", "effective_conductance_vjp", "flicker",
    "node_voltages", "noise_through_wires", "program", "read_covariance", "wire_noise",
]  # fmt: skip
