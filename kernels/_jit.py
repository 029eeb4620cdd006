"""`njit` for the CPU twins: Numba's, with a disk cache that also notices edits in *imported* kernels.

Numba keys its cache by the file that holds the function; a twin that calls a helper of another file would be served stale
machine code after that file changes. Here the cache folder carries a digest of every kernel source instead.
"""

import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent


def cache_folder() -> Path:
    """Folder for compiled code: `PNNKERN_CACHE_DIR`, or `~/.cache/pnnkern`."""
    return Path(
        os.environ.get("PNNKERN_CACHE_DIR") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pnnkern"
    )


def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(_ROOT.glob("**/*.py")):
        digest.update(path.relative_to(_ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@functools.cache
def _cache() -> str:
    """Where Numba keeps the machine code of these very sources."""
    return str(cache_folder() / "numba" / _digest())


def njit(*args: Any, **options: Any) -> Callable[..., Any]:
    """`numba.njit` with `cache=True`, `nogil=True` and the digest-keyed cache folder. Options as Numba's."""
    if args:
        return njit(**options)(args[0])

    try:
        import numba
        from numba.core import config
    except ModuleNotFoundError:  # a machine that works on its GPU only: complain when a twin is called, not when it is imported
        return _absent

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        before = config.CACHE_DIR
        # read when the decorator runs; put back, for the caller's own functions. Numba's own key does not know of `parallel`
        config.CACHE_DIR = os.path.join(_cache(), "parallel" if options.get("parallel") else "serial")
        try:
            return numba.njit(cache=True, nogil=True, **options)(function)
        finally:
            config.CACHE_DIR = before

    return decorate


def njit_sized(small: int, **options: Any) -> Callable[..., Any]:
    """`njit` twice, with and without threads: calls whose first two arguments, samples and elements, make at most `small` values run
    without, as they are done sooner than other threads are woken. ``prange`` is ``range`` there.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        alone, together = njit(**options)(function), njit(parallel=True, **options)(function)

        @functools.wraps(function)
        def call(samples: int, elements: int, *rest: Any) -> Any:
            return (alone if samples * elements <= small else together)(samples, elements, *rest)

        call.alone, call.together = alone, together  # type: ignore[attr-defined]
        return call

    return decorate


def by_precision(single: Callable[..., Any], double: Callable[..., Any], out: int) -> Callable[..., Any]:
    """A twin whose arithmetic differs between float32 and float64: `single` or `double`, by the type of argument number `out`."""

    def call(*args: Any) -> Any:
        return (single if args[out].dtype.itemsize == 4 else double)(*args)

    call.versions = {"f32": single, "f64": double}  # type: ignore[attr-defined]
    return call


def _absent(function: Callable[..., Any]) -> Callable[..., Any]:
    """What stands for a twin where Numba is not installed."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        raise ModuleNotFoundError(f"No module named 'numba': {function.__name__} runs on the CPU and needs it (pip install numba)")

    return call


__all__ = ["by_precision", "cache_folder", "njit", "njit_sized"]
