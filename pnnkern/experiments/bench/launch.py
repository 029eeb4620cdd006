"""What a launch costs in Python: the launcher with all its checks beside a bare call of the same twin, on one thread and with no work."""

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

from ... import _array, _launch
from ..._sources import prototypes
from ._timing import Row, interleaved, with_ratios

CALLS = 1000  # between two looks at the clock
# stem, verb, dtype: few arguments, and many
KERNELS = (("optics/mask", "phasor", "float32"), ("crossbar/read", "adc", "float32"))


def _arguments(stem: str, verb: str, dtype: str, xp: Any) -> tuple[list[Any], Any]:
    """Arguments for no work at all, with which the kernel only returns (of arrays two values, as a key has); and its prototype."""
    prototype = next(p for name, p in prototypes(stem).items() if name.startswith(f"pnn_{stem.rpartition('/')[2]}_{verb}_f32"))
    given = [xp.zeros(2, p.dtype) if p.pointer else 0 if p.dtype.kind in "iu" else 0.0 for p in prototype.given]
    return given, prototype


def _case(device: str, seconds: float, stem: str, verb: str, dtype: str) -> list[Row]:
    given, prototype = _arguments(stem, verb, dtype, _array.device_namespace(device))

    def launches() -> None:
        for _ in range(CALLS):
            _launch.launch(stem, verb, dtype, *given, threads=1)

    contenders = {"pnnkern launch": launches}
    if device == "cpu":
        twin = getattr(importlib.import_module(f"pnnkern.kernels.{stem.replace('/', '.')}"), f"pnn_{stem.rpartition('/')[2]}_{verb}")
        bare = [v if p.pointer or p.dtype.itemsize == 8 else p.dtype.type(v) for v, p in zip(given, prototype.given, strict=True)]

        def calls() -> None:
            for _ in range(CALLS):
                twin(*bare)

        contenders["bare call of the twin"] = calls
    else:
        x = given[-1]

        def operations() -> None:
            for _ in range(CALLS):
                x + x

        contenders["CuPy, x + x"] = operations
    arrays = sum(p.pointer for p in prototype.given)
    work = f"{prototype.name}, {arrays} arrays and {len(given) - arrays} scalars"
    with _one_thread(device):
        times = interleaved(contenders, device, seconds)
    rows: list[Row] = [
        {"case": "launch", "work": work, "name": name, "device": device, "us": ms * 1e3 / CALLS} for name, ms in times.items()
    ]
    if device == "cpu":
        rows[0]["own_us"] = rows[0]["us"] - rows[1]["us"]
    return with_ratios(rows, figure="us")


@contextlib.contextmanager
def _one_thread(device: str) -> Iterator[None]:
    """Twins on one thread: waking others costs more than what is measured here."""
    if device != "cpu":
        yield
        return
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """All kernels on one device within about `budget` seconds."""
    return [r for kernel in KERNELS for r in _case(device, budget / len(KERNELS), *kernel)]
