"""Crossbars: reading with converters and noise, wires solved exactly, training by pulses. One thread."""

import importlib
import pkgutil

from . import __path__ as _folder
from ._timing import Row, environment


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """The cases of all `_crossbar_*` modules beside this one on one device, within about `budget` seconds."""
    parts = sorted(m.name for m in pkgutil.iter_modules(_folder) if m.name.startswith("_crossbar_"))
    with environment(PNNKERN_NUM_THREADS="1"):
        return [r for part in parts for r in importlib.import_module(f"{__package__}.{part}").run(device, budget / len(parts))]
