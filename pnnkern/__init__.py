"""pnnkern: physical neural networks on hand-written GPU and CPU kernels.

Rooms: `optics` (fields), `crossbar` (conductance arrays), `networks` (networks that relax), `dynamics` (ODEs), `systems` (trainable networks),
`learning` (rules, losses, optimisers), `random` (counter-based draws), `experiments` (recipes, runs, reports). `train` trains a system by
a rule, `run` runs a recipe, `load` gives back what a run has trained, `evaluate` tests a system as it is, `load_data` loads a data set,
`linear_control` is what it comes to without physics, `results` opens a file for large results. The arrays you pass decide where the work runs.
`import pnnkern.torch` and `import pnnkern.jax` put what has a derivative on the tapes of these libraries.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from ._kernels import Kernel

_HERE = os.path.dirname(os.path.realpath(__file__))
if not os.path.isdir(os.path.join(_HERE, "kernels")):  # a bare checkout: kernels/ and data/ lie beside this package and are mapped into it
    __path__.append(os.path.dirname(_HERE))

_ROOMS = ("optics", "crossbar", "networks", "dynamics", "systems", "learning", "random", "testing", "experiments")
# what stands at the top, and where it comes from: loaded when it is first asked for, as experiments need the libraries of the command line
_FROM = {
    "ScalarFunction": ("_own", "ScalarFunction"), "train": ("experiments.api", "train"), "run": ("experiments.api", "run"),
    "evaluate": ("experiments.api", "evaluate"), "load": ("experiments.api", "load"), "load_data": ("experiments.data", "load"),
    "linear_control": ("experiments.controls", "linear"), "results": ("experiments.results", "results"),
}  # fmt: skip
__all__ = ["__version__", "check", "clear_caches", "get_include", "get_kernels", *_FROM, *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _FROM:
        module, its = _FROM[name]
        return getattr(importlib.import_module(f"{__name__}.{module}"), its)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def get_include() -> str:
    """Folder to pass as `-I` so that C++ code can `#include "pnnkern/layer.cuh"` and the other headers."""
    from . import _sources

    return str(_sources.include_folder())


def get_kernels() -> "dict[str, Kernel]":
    """Every CUDA kernel, by name: what it computes and moves, its arguments with types, shapes and units, and its file. Nothing is compiled."""
    from . import _kernels

    return _kernels.get_kernels()


def check() -> None:
    """Read the fault words of all devices (synchronises) and raise `FaultError` if a kernel has flagged a bad value."""
    from . import _launch

    _launch.check()


def clear_caches() -> None:
    """Give back what is kept for later calls: transfer functions, transforms, index tables, workspaces of threads. Planned objects keep theirs.

    On a GPU the memory goes back to CuPy's pool (`cupy.get_default_memory_pool().free_all_blocks()` gives it to the system).
    """
    from . import _constants

    _constants.clear_caches()
