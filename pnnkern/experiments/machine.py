"""What of a machine decides on the last bits of results: its CPU, what code is compiled for, BLAS and the layer of threads."""

import os
import platform
from pathlib import Path

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


def _model() -> str:
    """The name of the CPU; of its architecture where the system does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # no Linux
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def plans(then: dict[str, str] | None = None) -> dict[str, str]:
    """Digests of FFTW's plans of this process, if it has any; where those of an earlier one are given, of all there are on this machine."""
    from ..optics._fft import plan_digests

    found = plan_digests(look=then is not None and PLANS in then)
    return {PLANS: " ".join(found)} if found else {}


def changes(then: dict[str, str], now: dict[str, str]) -> list[str]:
    """What differs between two environments, in words; of the CPU's features those that came (+) and went (-), of FFT plans how many went."""
    found = []
    for key in sorted(k for k in {*now, *then} if now.get(k) != then.get(k)):
        if key == PLANS:
            a, b = ({*env.get(key, "").split()} for env in (then, now))
            if a - b and then.get("fft") == now.get("fft"):
                found.append(f"FFT plans ({len(a - b)} of {len(a)} are gone or others)")
        elif key == FEATURES and key in then and key in now:
            a, b = set(then[key].split()), set(now[key].split())
            found.append(f"{key} {' '.join([*(f'+{x}' for x in sorted(b - a)), *(f'-{x}' for x in sorted(a - b))])}")
        elif key == FEATURES:
            found.append(f"{key} that were not recorded")
        else:
            found.append(f"{key} {then.get(key, 'none')} -> {now.get(key, 'none')}")
    return found
