"""`njit` for the CPU twins: Numba's, with a disk cache that also notices edits in *imported* kernels.

Numba keys its cache by the file that holds the function; a twin that calls a helper of another file would be served stale
machine code after that file changes. Here the name of an entry carries a digest of every kernel source instead.
"""

import contextlib
import functools
import hashlib
import pickle
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from . import _cache, _threads

_ROOT = Path(__file__).resolve().parent
_keeping: ContextVar[bool] = ContextVar("keeping", default=True)  # whether what is made now goes to the disk cache


@functools.cache
def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(_ROOT.glob("**/*.py")):
        digest.update(path.relative_to(_ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


class _Kept:
    """The compiled forms of one function, in our disk cache: what Numba asks of `numba.core.caching._Cache`.

    Numba's own ends every later start in a traceback where a file of it is damaged, or its folder full.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        self.function = function
        # sets, as those of `fastmath`, have another order in each process
        self.options = sorted((name, sorted(value) if isinstance(value, set) else value) for name, value in options.items())

    @property
    def cache_path(self) -> str:
        return str(_cache.folder() / "numba")

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The compiled form for a signature, or None."""
        from numba.core.compiler import CompileResult

        target.refresh()
        found = _cache.read("numba", self._name(signature, target.codegen()))
        if found is None:
            return None
        path, content = found
        try:
            return CompileResult._rebuild(target, *pickle.loads(content))
        except Exception as error:  # of any class, as a pickle may hold anything
            _cache.throw_away(path, f"{type(error).__name__}: {error}")
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep a compiled form, unless it holds addresses of this process."""
        from numba.core.serialize import dumps

        if not compiled.library.has_dynamic_globals:
            _cache.write("numba", self._name(signature, compiled.codegen), dumps(compiled._reduce()))

    def _name(self, signature: Any, codegen: Any) -> str:
        """By all that decides the machine code: sources, options, types, Numba, Python, and the processor."""
        import llvmlite
        import numba

        what = (*_identity(self.function), self.options)
        machine = (numba.__version__, llvmlite.__version__, sys.version, codegen.magic_tuple())
        return f"{self.function.__name__}-{_cache.key(_digest(), what, signature, machine)}"


def _identity(function: Callable[..., Any]) -> tuple[Any, ...]:
    """What tells a function from others of its file; those that it closes over by the same, as their repr is an address."""
    code, closure = function.__code__, [cell.cell_contents for cell in function.__closure__ or ()]
    held = [_identity(x.py_func) if hasattr(x, "py_func") else x for x in closure]
    return function.__module__, function.__qualname__, code.co_firstlineno, code.co_code, held


@functools.cache
def _compiler() -> Any:
    """Numba's compiler, by which what a function calls belongs to it alone.

    Numba leaves helpers visible, and of all copies of one in a process the first serves every caller: that which was compiled by itself, or
    in a process that has found its machine code in the cache that of whatever was loaded first. Where sums may be reordered copies differ in
    their last bits, and so did a first start and later ones. Nor is anything kept that has become part of its caller. Private and not internal,
    as names of the latter stand in the table of symbols: there code for several threads, compiled in another process, would find a helper whose
    arguments LLVM has changed, and end in a fault.
    """
    from llvmlite.binding import Linkage
    from numba.core.codegen import JITCodeLibrary
    from numba.core.compiler import Compiler

    class Library(JITCodeLibrary):  # type: ignore[misc, unused-ignore]
        def _optimize_final_module(self) -> None:
            for function in self._final_module.functions:
                if not function.is_declaration and function.linkage == Linkage.linkonce_odr:
                    function.linkage = Linkage.private
            super()._optimize_final_module()

    class Closed(Compiler):  # type: ignore[misc, unused-ignore]
        def compile_extra(self, func: Any) -> Any:
            self.state.library = Library(self.state.targetctx.codegen(), func.__qualname__)
            self.state.library.enable_object_caching()
            return super().compile_extra(func)

    return Closed


def njit(*args: Any, work: _threads.Work | None = None, **options: Any) -> Callable[..., Any]:
    """`numba.njit` with `nogil=True` and our disk cache. Options as Numba's; ``parallel=True`` uses threads where that can be done and, by the
    `work` of a call's arguments, is worth it (`_threads.choose`): ``prange`` is ``range`` elsewhere.
    """
    if args:
        return njit(work=work, **options)(args[0])

    try:
        import numba
    except ModuleNotFoundError:  # a machine that works on its GPU only: complain when a twin is called, not when it is imported
        return _absent

    _threads.watch(numba)

    def compiled(function: Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
        if function.__closure__:  # machine code from two processes may hold two helpers of one name, and the first loaded would serve both
            function.__qualname__ = f"{function.__qualname__}_{_cache.key(*_identity(function))[:12]}"
        # not with threads: what these call through Numba's own pointers does not bear it (their calls end in errors)
        closed = {} if options.get("parallel") else {"pipeline_class": _compiler()}
        jit: Any = numba.njit  # whose stubs do not know all of its options
        dispatcher: Any = jit(nogil=True, no_cfunc_wrapper=True, **closed, **options)(function)
        if _keeping.get():
            dispatcher._cache = _Kept(function, options)
        return dispatcher

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if not options.get("parallel"):
            return compiled(function, options)
        alone = {name: value for name, value in options.items() if name != "parallel"}
        return _threads.choose(function, compiled(function, alone), compiled(function, options), work)

    return decorate


def inner(*args: Any, **options: Any) -> Any:
    """`numba.njit` for what compiled functions alone call: not kept, as they hold its code, and without an entry for Python, which would take
    as long to compile as a short function does. Options as Numba's.
    """
    if args:
        return inner(**options)(args[0])
    try:
        import numba
    except ModuleNotFoundError:
        return _absent

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        jit: Any = numba.njit  # whose stubs do not know all of its options
        dispatcher: Any = jit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)(function)

        def refuse(*args: Any, **kwargs: Any) -> Any:
            raise TypeError(f"{function.__name__} has no entry for Python: compiled functions call it")

        def add(compiled: Any) -> None:
            dispatcher.overloads[tuple(compiled.signature.args)] = compiled

        # Numba would call a null pointer
        dispatcher.add_overload, dispatcher._compile_for_args = add, refuse
        decorated: Callable[..., Any] = dispatcher
        return decorated

    return decorate


@contextlib.contextmanager
def unkept() -> Iterator[None]:
    """Within this context `njit` makes functions for this process alone: those that hold code of a user, which no digest covers."""
    before = _keeping.set(False)
    try:
        yield
    finally:
        _keeping.reset(before)


def with_functions(*defaults: Callable[..., Any]) -> Callable[..., Any]:
    """For a function of functions that gives a twin: the twin with the default ones, and in its `of` that with others in their places.

    Others are a user's. They are part of the machine code, which is made once in a process for the same ones, and never kept on disk.
    """

    def decorate(make: Callable[..., Any]) -> Callable[..., Any]:
        @functools.cache
        def of(*functions: Callable[..., Any]) -> Callable[..., Any]:
            with unkept():
                made: Callable[..., Any] = make(*functions)
            return made

        twin: Any = make(*defaults)
        twin.of = of
        decorated: Callable[..., Any] = twin
        return decorated

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


__all__ = ["by_precision", "inner", "njit", "unkept", "with_functions"]
