"""What of a machine decides on the last bits of results: its CPU, what code is compiled for, BLAS and the layer of threads."""

import os
import platform
from pathlib import Path

from .. import _array

FEATURES, PLANS = LONG = ("cpu features", "fft plans")  # lists of words


def describe() -> dict[str, str]:
    """CPU model and features, target of the compiler, BLAS and thread layer. Starts Numba's threads, which alone know their layer."""
    import llvmlite.binding as llvm
    import numba
    import scipy.linalg  # noqa: F401  (BLAS is known once it is loaded)
    import threadpoolctl

    numba.get_num_threads()
    features = llvm.get_host_cpu_features()
    target = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()
    blas = {
        " ".join([*(str(pool[k]) for k in ("internal_api", "version", "architecture") if pool.get(k)), f"with {pool['num_threads']} threads"])
        for pool in threadpoolctl.threadpool_info()
        if pool["user_api"] == "blas"
    }
    return {
        "cpu": _model(),
        FEATURES: " ".join(sorted(name for name, there in features.items() if there)),
        "jit target": f"{target} {os.environ.get('NUMBA_CPU_FEATURES', '')}".strip(),
        "blas": " and ".join(sorted(blas)) or "unknown",
        "thread layer": numba.threading_layer(),
    }


def processor() -> str:
    """The CPU in words: its name, its architecture, and how many processors this process may use."""
    return f"{_model()}, {platform.machine()}, {_array.processors()} processors for this process"


def _model() -> str:
    """The name of the CPU; of its architecture where the system does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # no Linux
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def plans() -> dict[str, str]:
    """Digests of FFTW's plans, where this process has any."""
    from ..optics._fft import plan_digests

    text = ", ".join(f"{where} {digest}" for where, digest in sorted(plan_digests().items()))
    return {PLANS: text} if text else {}


def changes(then: dict[str, str], now: dict[str, str]) -> list[str]:
    """What differs between two environments, in words; of the CPU's features those that came (+) and went (-), of FFT plans the sizes."""
    found = []
    for key in sorted(k for k in {*now, *then} if now.get(k) != then.get(k)):
        if key == PLANS:
            others = _other_plans(then.get(key, ""), now.get(key, ""))
            if others:
                found.append(f"the FFT plans of fields {' and '.join(others)}")
        elif key == FEATURES and key in then and key in now:
            a, b = set(then[key].split()), set(now[key].split())
            found.append(f"{key} {' '.join([*(f'+{x}' for x in sorted(b - a)), *(f'-{x}' for x in sorted(a - b))])}")
        elif key == FEATURES:
            found.append(f"{key} that were not recorded")
        else:
            found.append(f"{key} {then.get(key, 'none')} -> {now.get(key, 'none')}")
    return found


def _other_plans(then: str, now: str) -> list[str]:
    """Sizes whose plans have other digests. Those that one of the two has not met, or not yet, say nothing."""
    one, other = (dict(part.rsplit(" ", 1) for part in text.split(", ") if " " in part) for text in (then, now))
    return [size for size in one if other.get(size, one[size]) != one[size]]
