"""Networks of nodes that obey ordinary differential equations of your own: oscillators, circuits, neurons, coupled over edges and driven."""

from .couplings import Couplings
from .integrate import integrate, integrate_vjp
from .law import Law

__all__ = ["Couplings", "Law", "integrate", "integrate_vjp"]
