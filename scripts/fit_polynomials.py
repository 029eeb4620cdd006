"""The polynomial coefficients of kernels/include/pnnkern/philox.cuh. Prints them; needs NumPy.

float32: weighted minimax by iteratively reweighted least squares (Lawson), coefficients rounded one at a time, lowest power first, and
the others fitted again. float64: power series in exact fractions, cut short in the Chebyshev basis, which is minimax to a few per cent.
"""

from collections.abc import Callable
from fractions import Fraction
from math import factorial

import numpy as np

PI = Fraction(314159265358979323846264338327950288419716939937510582097494459, 10**62)
TERMS = 16  # of a power series


def lawson(x: np.ndarray, powers: list[int], target: np.ndarray, weight: np.ndarray) -> list[float]:
    """Coefficients, each a float32, of sum c_k x^k over `powers` for the smallest largest |weight (sum - target)|."""
    basis = np.stack([x**k for k in powers], 1)
    fixed = np.zeros(len(powers))
    for i in range(len(powers)):
        rest = target - basis[:, :i] @ fixed[:i]
        w = np.ones_like(x)
        for _ in range(200):
            scale = np.sqrt(w) * weight
            c = np.linalg.lstsq(basis[:, i:] * scale[:, None], rest * scale, rcond=None)[0]
            error = np.abs((basis[:, i:] @ c - rest) * weight)
            w *= error
            w /= w.sum() + 1e-300
        fixed[i] = np.float32(c[0])
    print(f"  error {np.abs((basis @ fixed - target) * weight).max():.1e}")
    return [float(c) for c in fixed]


def times(p: list[Fraction], a: Fraction, b: Fraction) -> list[Fraction]:
    """The polynomial p(t) (a + b t)."""
    return [a * lower + b * upper for lower, upper in zip([*p, Fraction(0)], [Fraction(0), *p])]


def substitute(p: list[Fraction], a: Fraction, b: Fraction) -> list[Fraction]:
    """The polynomial p(a + b t)."""
    out, power = [Fraction(0)] * len(p), [Fraction(1)]
    for c in p:
        out = [x + c * y for x, y in zip(out, power + [Fraction(0)] * len(p))]
        power = times(power, a, b)
    return out


def economised(series: Callable[[int], Fraction], top: Fraction, terms: int) -> list[float]:
    """Coefficients of the power series sum series(k) y^k, cut to `terms` terms for 0 <= y <= top."""
    exact = [series(k) for k in range(TERMS)]
    cut = substitute(exact, top / 2, top / 2)  # in t from -1 to 1
    chebyshev = [[Fraction(1)], [Fraction(0), Fraction(1)]]
    while len(chebyshev) < TERMS:
        twice = [Fraction(0), *(2 * c for c in chebyshev[-1])]
        chebyshev.append([a - b for a, b in zip(twice, chebyshev[-2] + [Fraction(0)] * 2)])
    for k in range(TERMS - 1, terms - 1, -1):
        factor = cut[k] / chebyshev[k][k]
        for i, c in enumerate(chebyshev[k]):
            cut[i] -= factor * c
    short = substitute(cut[:terms], Fraction(-1), 2 / top)
    grid = [top * i / 200 for i in range(201)]
    wrong = [a - b for a, b in zip(short + [Fraction(0)] * (TERMS - terms), exact)]
    print(f"  error {max(abs(float(sum(c * y**k for k, c in enumerate(wrong)))) for y in grid):.1e}")
    return [float(c) for c in short]


def show(title: str, coefficients: list[float]) -> None:
    print(f"{title}, lowest power first\n   ", "\n    ".join(c.hex() for c in coefficients))


def main() -> None:
    nodes = np.cos(np.pi * (np.arange(4000) + 0.5) / 4000)
    low, high = np.sqrt(0.5) - 1, np.sqrt(2) - 1
    f = (low + high) / 2 + (high - low) / 2 * nodes
    f = f[np.abs(f) > 1e-6]
    g = -2 * np.log1p(f)
    show("float32 p in -2 ln(1 + f) = -2 f + f^2 (1 + f p)", lawson(f, list(range(3, 11)), g + 2 * f - f * f, 1 / np.abs(g)))
    x = 0.5 * nodes[nodes > 2e-5]
    sine, cosine = np.sin(np.pi * x / 2), np.cos(np.pi * x / 2)
    show("float32 sin(pi x / 2) / x in x^2", lawson(x, [0, 2, 4, 6], sine / x, x / sine))
    show("float32 (cos(pi x / 2) - 1) / x^2 in x^2", lawson(x, [2, 4, 6, 8], cosine - 1, 1 / cosine))
    quarter = Fraction(1, 4)
    show("float64 sin(pi x / 2) / x in x^2",
         economised(lambda k: (PI / 2) ** (2 * k + 1) * (-1) ** k / factorial(2 * k + 1), quarter, 7))  # fmt: skip
    show("float64 (cos(pi x / 2) - 1) / x^2 in x^2",
         economised(lambda k: (PI / 2) ** (2 * k + 2) * (-1) ** (k + 1) / factorial(2 * k + 2), quarter, 7))  # fmt: skip
    top = Fraction(29437252, 10**9)  # (3 - 2 sqrt(2))^2
    show("float64 (2 artanh(s) - 2 s) / s^3 in s^2", economised(lambda k: Fraction(2, 2 * k + 3), top, 7))


if __name__ == "__main__":
    main()
