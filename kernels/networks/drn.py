"""CPU twin of drn.cu."""

from .._jit import njit
from ._layered import DIODES, run


@njit
def pnn_drn_relax(batch, hidden, outputs, positive, phases, sweeps, nudged_sweeps, tolerance, weight, drive, total1, total2, bias, nudge,
                  target, h, o, dh, d_o, change):  # fmt: skip
    """Every sweep of every phase of a deep resistive network with one hidden layer."""
    run(DIODES, positive, batch, hidden, outputs, phases, sweeps, nudged_sweeps, tolerance, weight, drive, total1, total2, bias, nudge,
        target, h, o, dh, d_o, change)  # fmt: skip
