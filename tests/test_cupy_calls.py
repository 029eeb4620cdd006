"""No line of the package, run by a test or not, calls a function of CuPy's that does not exist or with arguments that it does not take."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from strict_cupy import signatures

import pnnkern

MODULES = {
    "namespace": "cupy",
    "device_namespace": "cupy",
    "cupy": "cupy",
    "scipy_fft": "cupyx.scipy.fft",
}  # what these functions give
UFUNC = {"out", "dtype", "casting"}
# Names of methods that more than arrays have; what arrays do by them takes no keyword that CuPy lacks.
COMMON = {"copy", "dump", "dumps", "get", "item", "set", "sort", "take", "view"}
TORCH = {"keepdim"}
CPU = {"np", "numpy", "math", "scipy"}


def module_of(node: ast.expr, names: dict[str, str]) -> str | None:
    """The module of CuPy that an expression may stand for: `xp`, `self.xp`, `_array.namespace(x)`, `xp.linalg`, a name bound to one."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return MODULES.get(called)
    if isinstance(node, ast.Attribute):
        if node.attr == "xp":
            return "cupy"
        parent = module_of(node.value, names)
        inner = f"{parent}.{node.attr}"
        return inner if parent and any(path.startswith(f"{inner}.") for path in signatures.LINES) else None
    return None


def bound_names(tree: ast.AST) -> dict[str, str]:
    """Names that modules are bound to anywhere in a file."""
    names = {"xp": "cupy"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            values = [node.value.body, node.value.orelse] if isinstance(node.value, ast.IfExp) else [node.value]
            for value in values:
                module = module_of(value, {}) if isinstance(value, ast.Call) else None
                if module:
                    names[node.targets[0].id] = module
    return names


def root(node: ast.expr) -> str:
    """The name that a chain of attributes and calls starts with."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def fault(path: str, call: ast.Call) -> str | None:
    """What is wrong with a call of `path`."""
    keywords = {k.arg: None for k in call.keywords if k.arg and k.arg not in TORCH}
    if signatures.ufunc(path):
        wrong = sorted(set(keywords) - UFUNC)
        return f"{path} takes no {', '.join(wrong)}" if wrong else None
    if not signatures.LINES[path].startswith("("):
        return None
    spread = any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords)
    bind = signatures.signature(path).bind_partial if spread else signatures.signature(path).bind
    try:
        bind(*(() if spread else call.args), **keywords)
    except TypeError as error:
        return f"{path}{signatures.LINES[path]}: {error}"
    return None


def faults(text: str) -> Iterator[tuple[int, str]]:
    """Lines with what CuPy would refuse there."""
    tree = ast.parse(text)
    names = bound_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            module = module_of(node.value, names)
            if (
                module
                and not node.attr.startswith("__")
                and f"{module}.{node.attr}" not in signatures.LINES
                and not module_of(node, names)
            ):
                yield node.lineno, f"CuPy has no {module}.{node.attr}"
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        module, name = module_of(node.func.value, names), node.func.attr
        path = f"{module}.{name}" if module else f"cupy.ndarray.{name}"
        if path not in signatures.LINES or (
            module is None and (root(node.func.value) in CPU or name in COMMON or not node.keywords)
        ):
            continue
        found = fault(path, node)
        if found:
            yield node.lineno, found


FOLDER = Path(pnnkern.__file__).parent


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_calls_are_those_of_cupy(file: Path) -> None:
    found = [f"{file.name}:{line}: {what}" for line, what in faults(file.read_text())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("float(x.max(initial=0))", "cupy.ndarray.max.*unexpected keyword argument 'initial'"),
        ("xp.abs(x - y).min(axis=1, initial=0.0)", "cupy.ndarray.min.*'initial'"),
        ("xp.add(x, y, where=m)", "cupy.add takes no where"),
        ("_array.namespace(x).sum(x, initial=1)", "cupy.sum.*'initial'"),
        ("self.xp.linalg.solve(a)", "cupy.linalg.solve.*missing a required argument: 'b'"),
        ("xp.float128(3)", "CuPy has no cupy.float128"),
        ("xp.fft.fft3(x)", "CuPy has no cupy.fft.fft3"),
        ("library = _array.scipy_fft(x)\nlibrary.fft2(x, s=(4, 4), threads=2)", "cupyx.scipy.fft.fft2.*'threads'"),
        ("xp = _array.cupy() if gpu else np\nxp.where(c, x, y, z)", "cupy.where.*too many positional"),
    ],
)
def test_a_planted_fault_is_found(line: str, message: str) -> None:
    ((_, found),) = faults(line)
    assert re.search(message, found), found


def test_what_is_right_is_left_alone() -> None:
    text = "xp.where(c, x, y)\nx.sum(axis=0, keepdims=True)\nnp.abs(x).max(initial=0)\nxp.linalg.solve(a, b)\nsystem.set(initial=3)\n"
    assert list(faults(text)) == []
