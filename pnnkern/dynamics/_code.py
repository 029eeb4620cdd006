"""What a law is in the kernels: the rates of all components of a node, and what it feels of another one, put together of the user's functions.

In twins they are functions of rows, one number for each of the samples that are side by side; on a GPU of one node of one sample.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._own import Code, Own, _text, _written

COUPLED, DRIVE = "coupled", "drive"


@dataclass(frozen=True, eq=False)
class LawCode(Own):
    """A law's functions in a kernel.

    rates : of each component, its function, or the name of the component that its rate is. firsts : where the constants of the functions
    begin, those of the coupling last. back : with the derivatives. by_constants : with those by the constants, which stand behind those by the
    parameters, a number for each node, too. forward : the law without derivatives, whose functions are compiled for both.
    """

    states: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    rates: tuple[Code | str, ...] = ()
    coupling: Code | None = None
    firsts: tuple[int, ...] = ()
    back: bool = False
    by_constants: bool = False
    forward: "LawCode | None" = None

    # ----------------------------------------------------------------------------------------------------------------- on a CPU
    @functools.cached_property
    def compiled(self) -> tuple[Callable[..., Any], ...]:
        """Rates and coupling; with derivatives those of both behind them."""
        made = (self._rates(), self._felt()) if self.forward is None else self.forward.compiled
        return (*made, self._rates_back(), self._felt_back()) if self.back else made

    def _loop(self, line: str) -> list[str]:
        return ["    for l in range(y.shape[1]):", f"        {line}"]

    def _head(self) -> list[str]:
        """Of a function of a node: its parameters and all constants, read before the loops."""
        values = [f"    p{j} = p[{j} * n + i]" for j in range(len(self.parameters))]
        return [*values, *(f"    k{j} = constants[{j}]" for j in range(self.firsts[-1]))]

    def _called(self, row: int, name: str) -> str:
        """A call of the function of component `row` in lane l."""
        code = self.rates[row]
        assert isinstance(code, Code)
        where = {s: f"y[{j} * n + i, l]" for j, s in enumerate(self.states)} | {COUPLED: "c[l]", DRIVE: "u[l]"}
        where |= {s: f"p{j}" for j, s in enumerate(self.parameters)}
        constants = [f"k{self.firsts[row] + j}" for j in range(len(code.names) - code.arguments)]
        return f"{name}({', '.join([*(where[a] for a in code.names[: code.arguments]), *constants])})"

    def _rates(self) -> Callable[..., Any]:
        space: dict[str, Any] = {}
        lines = ["def rates(y, i, n, c, u, p, constants, out):", *self._head()]
        for row, rate in enumerate(self.rates):
            if isinstance(rate, str):
                lines += self._loop(f"out[{row} * n + i, l] = y[{self.states.index(rate)} * n + i, l]")
            else:
                space[f"f{row}"] = rate.run
                lines += self._loop(f"out[{row} * n + i, l] = {self._called(row, f'f{row}')}")
        return _inner(lines, space)

    def _rates_back(self) -> Callable[..., Any]:
        """gy (components of node i) and rows gc and gu of cotangents g of the rates; those of the parameters are added to gp."""
        space: dict[str, Any] = {}
        lines = ["def back(y, i, n, c, u, p, constants, g, gy, gc, gu, gp):", *self._head()]
        for to, name in [*((f"gy[{j} * n + i, l]", s) for j, s in enumerate(self.states)), ("gc[l]", COUPLED), ("gu[l]", DRIVE)]:
            lines += self._loop(f"{to} = {self._terms(name, space) or '0.0'}")
        for j, name in enumerate(self.parameters):
            lines += ["    s = p0 - p0", *self._loop(f"s += {self._terms(name, space)}"), f"    gp[{j} * n + i] += s"]
        for row, rate in enumerate(self.rates):
            for j, (name, derivative) in enumerate(self._by_constants(rate)):
                space[f"f{row}_{name}"] = derivative.run
                at = len(self.parameters) + self.firsts[row] + j
                term = f"s += g[{row} * n + i, l] * {self._called(row, f'f{row}_{name}')}"
                lines += [f"    s = k{self.firsts[row] + j} - k{self.firsts[row] + j}", *self._loop(term), f"    gp[{at} * n + i] += s"]
        return _inner(lines, space, sums=True)

    def _by_constants(self, code: Code | str | None) -> list[tuple[str, Code]]:
        """Constants of a function, with its derivatives by them, if they are asked for."""
        names = code.names[code.arguments :] if self.by_constants and isinstance(code, Code) else ()
        return [(name, code.derivative_by(name)) for name in names if isinstance(code, Code)]

    def _terms(self, name: str, space: dict[str, Any]) -> str:
        """The derivative of all rates by an argument, each times its cotangent; empty where there is none."""
        terms = []
        for row, rate in enumerate(self.rates):
            if isinstance(rate, str):
                terms += [f"g[{row} * n + i, l]"] * (rate == name)
            elif name in rate.names[: rate.arguments]:
                space[f"f{row}_{name}"] = rate.derivative_by(name).run
                terms.append(f"g[{row} * n + i, l] * {self._called(row, f'f{row}_{name}')}")
        return " + ".join(terms)

    def _felt(self) -> Callable[..., Any]:
        space: dict[str, Any] = {}
        code = self.coupling
        head = ["def felt(own, other, weight, constants, c):"]
        value = "other[l]"
        if code is not None:
            space["f"] = code.run
            head, value = head + self._of_coupling(code), self._felt_call(code, "f")
        return _inner([*head, "    for l in range(c.shape[0]):", f"        c[l] += weight * {value}"], space)

    def _felt_back(self) -> Callable[..., Any]:
        """Adds to rows of cotangents of both nodes for a row gc of what the first one, i, feels; gives the weight's."""
        space: dict[str, Any] = {}
        code = self.coupling
        lines = ["def felt_back(own, other, weight, constants, gc, gown, gother, i, n, gp):"]
        loop = ["    for l in range(gc.shape[0]):"]
        if code is None:
            lines += [*loop, "        gother[l] += weight * gc[l]"]
            value = "other[l]"
        else:
            lines += self._of_coupling(code)
            for to, name in zip(("gown", "gother"), code.names, strict=False):
                space[f"f_{name}"] = code.derivative_by(name).run
                lines += [*loop, f"        {to}[l] += weight * gc[l] * {self._felt_call(code, f'f_{name}')}"]
            for j, (name, derivative) in enumerate(self._by_constants(code)):
                space[f"f_{name}"] = derivative.run
                at = len(self.parameters) + self.firsts[-2] + j
                lines += ["    s = weight - weight", *loop, f"        s += gc[l] * {self._felt_call(code, f'f_{name}')}"]
                lines += [f"    gp[{at} * n + i] += weight * s"]
            space["f"] = code.run
            value = self._felt_call(code, "f")
        lines += ["    s = weight - weight", *loop, f"        s += gc[l] * {value}", "    return s"]
        return _inner(lines, space, sums=True)

    def _of_coupling(self, code: Code) -> list[str]:
        return [f"    k{j} = constants[{self.firsts[-2] + j}]" for j in range(len(code.names) - code.arguments)]

    def _felt_call(self, code: Code, name: str) -> str:
        return f"{name}({', '.join(['own[l]', 'other[l]', *(f'k{j}' for j in range(len(code.names) - code.arguments))])})"

    # ----------------------------------------------------------------------------------------------------------------- on a GPU
    @functools.cached_property
    def text(self) -> str:
        """What stands in own.cuh. Raises `DeviceError` where there is neither text nor numba-cuda."""
        parts = [_text(name, code, part) for name, code, part in self.roles]
        constants, felt = (self.firsts[-2], self.firsts[-1] - self.firsts[-2]) if self.by_constants else (0, 0)
        sizes = (
            f"constexpr int OWN_STATES = {len(self.states)}, OWN_PARAMETERS = {len(self.parameters)}, OWN_CONSTANTS = {constants}, "
            f"OWN_FELT_CONSTANTS = {felt};"
        )
        lines = [*parts, "namespace pnn {", sizes, *self._rates_text(), *self._felt_text()]
        return "\n".join([*lines, *(self._back_text() if self.back else []), "}  // namespace pnn"])

    def _cuda_call(self, row: int, name: str) -> str:
        code = self.rates[row]
        assert isinstance(code, Code)
        where = {s: f"x[{j}]" for j, s in enumerate(self.states)} | {COUPLED: "c", DRIVE: "u"}
        where |= {s: f"p[{j}]" for j, s in enumerate(self.parameters)}
        return f"{name}({', '.join([*(where[a] for a in code.names[: code.arguments]), f'constants + {self.firsts[row]}'])})"

    def _rates_text(self) -> list[str]:
        head = "template <class real> PNN_HD void own_rates(const real* x, real c, real u, const real* p, const real* constants, real* out) {"
        lines = [head, "    (void)c; (void)u; (void)p; (void)constants;"]
        for row, rate in enumerate(self.rates):
            value = f"x[{self.states.index(rate)}]" if isinstance(rate, str) else self._cuda_call(row, f"own_rate{row}")
            lines.append(f"    out[{row}] = {value};")
        return [*lines, "}"]

    def _felt_text(self) -> list[str]:
        value = "other" if self.coupling is None else f"own_coupling(own, other, constants + {self.firsts[-2]})"
        head = "template <class real> PNN_HD real own_felt(real own, real other, const real* constants) {"
        return [head, f"    (void)own; (void)constants; return {value};", "}"]

    def _back_text(self) -> list[str]:
        takes = "const real* x, real c, real u, const real* p, const real* constants, const real* g, real* gx, real* gc, real* gu, real* gp"
        head = f"template <class real> PNN_HD void own_rates_back({takes}) {{"
        lines = [head, "    (void)c; (void)u; (void)p; (void)constants; (void)gp;"]
        places = [f"gx[{j}]" for j in range(len(self.states))], ["*gc", "*gu"], [f"gp[{j}]" for j in range(len(self.parameters))]
        for to, name in zip([*places[0], *places[1], *places[2]], [*self.states, COUPLED, DRIVE, *self.parameters], strict=True):
            terms = []
            for row, rate in enumerate(self.rates):
                if isinstance(rate, str):
                    terms += [f"g[{row}]"] * (rate == name)
                elif name in rate.names[: rate.arguments]:
                    terms.append(f"g[{row}] * {self._cuda_call(row, f'own_rate{row}_by_{name}')}")
            lines.append(f"    {to} = {' + '.join(terms) or '0'};")
        for row, rate in enumerate(self.rates):
            for j, (name, _) in enumerate(self._by_constants(rate), len(self.parameters) + self.firsts[row]):
                lines.append(f"    gp[{j}] = g[{row}] * {self._cuda_call(row, f'own_rate{row}_by_{name}')};")
        by = ["0", "1"]
        if self.coupling is not None:
            names = (*self.coupling.names[:2], *(name for name, _ in self._by_constants(self.coupling)))
            by = [f"own_coupling_by_{name}(own, other, constants + {self.firsts[-2]})" for name in names]
        head = (
            "template <class real> PNN_HD void own_felt_back(real own, real other, const real* constants, real* by_own, real* by_other, "
            "real* by_constants) {"
        )
        lines += ["}", head, "    (void)own; (void)other; (void)constants; (void)by_constants;"]
        lines += [f"    *by_own = {by[0]};", f"    *by_other = {by[1]};"]
        return [*lines, *(f"    by_constants[{j}] = {value};" for j, value in enumerate(by[2:])), "}"]


def roles(rates: Sequence[Code | str], coupling: Code | None, back: bool, constants: bool) -> tuple[tuple[str, Code, str], ...]:
    """The user's functions by what they are called in a kernel; with derivatives by all arguments, and by constants."""
    named: Mapping[str, Code] = {f"own_rate{row}": rate for row, rate in enumerate(rates) if isinstance(rate, Code)}
    named = named if coupling is None else {**named, "own_coupling": coupling}
    found = [(name, code, "f") for name, code in named.items()]
    if back:
        by = {name: code.names if constants else code.names[: code.arguments] for name, code in named.items()}
        found += [(f"{name}_by_{a}", code.derivative_by(a), "f") for name, code in named.items() for a in by[name]]
    return tuple(found)


def _inner(lines: Sequence[str], space: Mapping[str, Any], *, sums: bool = False) -> Callable[..., Any]:
    from ..kernels._jit import inner

    fast = {"contract", "nsz", "reassoc"} if sums else {"contract", "nsz"}
    made: Callable[..., Any] = inner(error_model="numpy", fastmath=fast)(_written("\n".join(lines), **space))
    return made


__all__ = ["COUPLED", "DRIVE", "LawCode", "roles"]
