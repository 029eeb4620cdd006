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

__all__ = [
    "DEVICES", "PCM", "RRAM", "SONOS", "Custom", "Device", "HermesPCM", "ReRAM", "device", "drift", "drift_compensation", "flicker",
    "program",
]  # fmt: skip
