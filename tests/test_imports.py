"""Imports run one way through the house, and what is heavy is imported where it is needed."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PHYSICS = ("optics", "crossbar", "networks", "dynamics")
# what a part of the house may import beside itself; the machinery is all of pnnkern/ that is no room
BELOW: dict[str, tuple[str, ...]] = {
    "kernels": (),
    "machinery": ("kernels",),
    **dict.fromkeys(PHYSICS, ("machinery", "kernels")),
    "systems": (*PHYSICS, "machinery", "kernels"),
    "learning": ("systems", *PHYSICS, "machinery", "kernels"),
    "experiments": ("learning", "systems", *PHYSICS, "machinery", "kernels"),
    # what other people's tapes can record: by what is in the rooms
    **dict.fromkeys(("_operations", "torch", "jax"), (*PHYSICS, "_operations", "machinery", "kernels")),
    "cli": ("experiments", "learning", "systems", *PHYSICS, "machinery", "kernels"),
}
INTERFACE = ("pydantic", "typer", "rich", "matplotlib", "sklearn", "tomli_w")  # of runs and the command line only
GPU = ("cupy", "cupyx")
FILES = sorted([*(ROOT / "pnnkern").glob("**/*.py"), *(ROOT / "kernels").glob("**/*.py")], key=str)


def module(path: Path) -> str:
    """The name that a file is imported by; a package's ends in `__init__`."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return f"pnnkern.{name}" if name.startswith("kernels.") else name


def imports(source: str, name: str) -> Iterator[tuple[str, bool]]:
    """What the source of a module imports, by absolute names, and whether as soon as it is imported itself."""
    tree, parents = ast.parse(source), name.split(".")
    late = {id(inner) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for inner in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) not in late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = [*parents[: -node.level], *([node.module] if node.module else [])] if node.level else [node.module or ""]
            yield from ((".".join([*origin, alias.name]), id(node) not in late) for alias in node.names)


def part(name: str) -> str | None:
    """The part of the house that a module is in; None for those of others."""
    house, _, inside = name.partition(".")
    if house != "pnnkern":
        return None
    room = inside.partition(".")[0]
    return room if room in BELOW else "cli" if room in ("__main__", "completion") else "machinery"


def upward(source: str, name: str) -> list[str]:
    """What a module imports from parts of the house that are not below its own."""
    own = part(name)
    assert own is not None
    return [other for other, _ in imports(source, name) if part(other) not in (None, own, *BELOW[own])]


def test_imports_run_one_way() -> None:
    """cli -> experiments -> learning -> systems -> optics | crossbar | networks | dynamics -> machinery -> kernels."""
    wrong = {module(path): found for path in FILES if (found := upward(path.read_text(), module(path)))}
    assert not wrong


def test_imports_that_run_the_other_way_are_found() -> None:
    assert upward("from .._errors import DeviceError", "pnnkern.kernels._cache") == ["pnnkern._errors.DeviceError"]
    assert upward("def f():\n    import pnnkern.random", "pnnkern.kernels.random.draws") == ["pnnkern.random"]
    assert upward("from .. import _array, crossbar", "pnnkern.optics.masks") == ["pnnkern.crossbar"]
    assert upward("from ..learning import losses", "pnnkern.systems.__init__") == ["pnnkern.learning.losses"]
    assert upward("from .optics import masks", "pnnkern._array") == ["pnnkern.optics.masks"]
    assert not upward("from .. import _array\nfrom ..kernels import _cache\nimport cupy", "pnnkern.optics.masks")


def test_what_is_heavy_is_imported_late_or_by_runs_only() -> None:
    """CuPy and its like when a GPU is asked for, Numba at the first launch, and what draws or parses by experiments and cli alone."""
    for path in FILES:
        name = module(path)
        for imported, at_once in imports(path.read_text(), name):
            library, where = imported.partition(".")[0], f"{name} imports {imported}"
            assert library not in GPU or not at_once, where
            assert library != "numba" or part(name) == "kernels" or not at_once, where
            assert library not in INTERFACE or part(name) in ("experiments", "cli"), where


def loaded(code: str) -> set[str]:
    """The modules that a process has loaded by `code` beside those of NumPy and of Python itself at its start."""
    probe = f"import sys, numpy; before = set(sys.modules); {code}; print(*sorted(set(sys.modules) - before))"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_pnnkern_loads_nothing_but_itself() -> None:
    """Milliseconds depend on the machine, what is loaded does not."""
    assert loaded("import pnnkern") == {"pnnkern", "pnnkern._version"}


def test_rooms_are_light() -> None:
    """No GPU, MPI, plotting or interface library, no Numba before the first launch, and of SciPy what is asked for, when it is."""
    rooms = "optics", "crossbar", "networks", "dynamics", "random", "systems", "learning"
    found = loaded(f"import pnnkern; [getattr(pnnkern, n) for n in {rooms}]")
    heavy = {"mpi4py", "numba", "llvmlite", "torch", "jax", "h5py", "threadpoolctl", "unittest", "email", "urllib.request", *GPU, *INTERFACE}
    assert not heavy & found
    parts = {"numpy.ma", "numpy.f2py", "numpy.testing", "scipy.fft", "scipy.linalg", "scipy.sparse", "scipy.special", "importlib.metadata"}
    assert not parts & found


def test_drawing_loads_no_masked_arrays() -> None:
    """NumPy loads them when they are named."""
    assert "numpy.ma" not in loaded("from pnnkern import random; random._key(random.key(1))")
