"""Laws that the tests of the room share, as each is compiled once in a process."""

import numpy as np

from pnnkern import ScalarFunction
from pnnkern.dynamics import Law

# q'' = coupled + gain drive - k q - alpha q^3; derivatives by complex step
FORCE = ScalarFunction(
    lambda q, coupled, drive, k, gain, alpha=0.0: coupled + gain * drive - k * q - alpha * q * q * q,
    cuda="coupled + gain * drive - k * q - alpha * q * q * q",
    cuda_slope="-k - 3 * alpha * q * q",
    cuda_slopes={"coupled": "1", "drive": "gain", "k": "-q", "gain": "drive"},
)  # fmt: skip
OSCILLATOR = Law({"q": "v", "v": FORCE})

# Kuramoto's phases; derivatives are given
KURAMOTO = Law(
    {"phase": ScalarFunction(lambda omega, coupled: omega + coupled, lambda omega, coupled: 1.0, slopes={"coupled": lambda omega, coupled: 1.0},
                             cuda="omega + coupled", cuda_slope="1", cuda_slopes={"coupled": "1"})},
    ScalarFunction(lambda own, other, lag=0.0: np.sin(other - own - lag), between=(-3, 3), cuda="sin(other - own - lag)",
                   cuda_slope="-cos(other - own - lag)", cuda_slopes={"other": "cos(other - own - lag)"}),
)  # fmt: skip

# Lorenz's equations, coupled as phases are: three components, a function for each, one of them of a parameter; all have constants' derivatives,
# of which those by beta and lag are given
LORENZ = Law({
    "x": ScalarFunction(lambda y, x, coupled, sigma=10.0: sigma * (y - x) + coupled, cuda="sigma * (y - x) + coupled", cuda_slope="sigma",
                        cuda_slopes={"x": "-sigma", "coupled": "1", "sigma": "y - x"}),
    "y": ScalarFunction(lambda x, y, z, rho: x * (rho - z) - y, cuda="real left = rho - z; return x * left - y;", cuda_slope="rho - z",
                        cuda_slopes={"y": "-1", "z": "-x", "rho": "x"}),
    "z": ScalarFunction(lambda x, y, z, beta=8 / 3: x * y - beta * z, slopes={"beta": lambda x, y, z, beta: -z}, cuda="x * y - beta * z",
                        cuda_slope="y", cuda_slopes={"y": "x", "z": "-beta", "beta": "-z"}),
}, ScalarFunction(lambda own, other, lag=0.2: np.sin(other - own - lag), lambda own, other, lag: -np.cos(other - own - lag), between=(-3, 3),
                  slopes={"lag": lambda own, other, lag: -np.cos(other - own - lag)}, cuda="sin(other - own - lag)",
                  cuda_slope="-cos(other - own - lag)",
                  cuda_slopes={"other": "cos(other - own - lag)", "lag": "-cos(other - own - lag)"}))  # fmt: skip
