"""What the functions, classes and methods of CuPy accept, read from the wheel (no GPU or driver is needed).

    python scripts/dump_cupy_signatures.py tests/strict_cupy/signatures.json

For a Python that has the CuPy which the stand-in of the tests should stand in for. One line per name: `(a, axis=..., out=...)` for what
can be called (`?` where CuPy does not say), `ufunc 2 1` with inputs and outputs, `class`, `attribute`.
"""

import importlib
import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

MODULES = (
    "cupy", "cupy.cuda", "cupy.cuda.nvrtc", "cupy.cuda.runtime", "cupy.fft", "cupy.linalg", "cupy.random", "cupyx.scipy.fft",
    "cupyx.scipy.special",
)  # fmt: skip
CLASSES = (
    "cupy.ndarray", "cupy.RawKernel", "cupy.RawModule", "cupy.cuda.Device", "cupy.cuda.Event", "cupy.cuda.ExternalStream",
    "cupy.cuda.MemoryPointer", "cupy.cuda.Stream", "cupy.random.Generator",
)  # fmt: skip


def find(path: str) -> Any:
    """The object of a dotted path: a module, or an attribute of one."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        parent, _, name = path.rpartition(".")
        return getattr(find(parent), name)


def python_signature(function: Any) -> str | None:
    """Parameters of a Python function, defaults written `...`; None for a compiled one."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    plain = [
        p.replace(annotation=p.empty, default=p.default if p.default is p.empty else ...) for p in parameters if p.name != "self"
    ]
    return re.sub(r"\s*=\s*Ellipsis", "=...", str(inspect.Signature(plain)))


def documented_signature(function: Any) -> str | None:
    """The same of a compiled function, which says its C signature in the first line of its docstring."""
    line = (function.__doc__ or "").strip().partition("\n")[0]
    found = re.match(r"[\w.]+\((.*)\)(?: -> .*)?$", line)
    if found is None:
        return None
    parameters = []
    for text in re.split(r",\s*(?![^()\[\]]*[)\]])", found[1].replace("\\", "")):
        declaration, default, _ = text.partition("=")
        name = declaration.split()[-1] if declaration.split() else ""
        if name not in ("", "self", "cls"):
            parameters.append(name + "=..." * bool(default))
    return f"({', '.join(parameters)})"


def described(value: Any, ufunc: type) -> str:
    """The line of one name."""
    if isinstance(value, ufunc):
        return f"ufunc {value.nin} {value.nout}"
    if isinstance(value, type):
        return "class"
    if not callable(value):
        return "attribute"
    if type(value).__name__ == "_GUFunc":
        return python_signature(value.__call__) or "?"
    return python_signature(value) or documented_signature(value) or "?"


def signatures() -> dict[str, str]:
    """All of `MODULES` and `CLASSES`, with the version of CuPy under "version"."""
    cupy = importlib.import_module("cupy")
    found = {"version": cupy.__version__}
    for path in MODULES:
        module = find(path)
        for name in dir(module):
            value = getattr(module, name)
            if not name.startswith("_") and not inspect.ismodule(value):
                found[f"{path}.{name}"] = described(value, cupy.ufunc)
    for path in CLASSES:
        value = find(path)
        found[path] = documented_signature(value) or python_signature(value) or "?"
        for name in dir(value):
            if not name.startswith("_"):
                found[f"{path}.{name}"] = described(getattr(value, name), cupy.ufunc)
    return dict(sorted(found.items()))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Path(sys.argv[1]).write_text(json.dumps(signatures(), indent=0) + "\n")
