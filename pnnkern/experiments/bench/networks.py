"""Networks that relax: layered ones, oscillators and spins, and networks on graphs."""

from . import _networks_graph, _networks_layered
from ._timing import Row, environment


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """All cases on one device within about `budget` seconds."""
    with environment(PNNKERN_NUM_THREADS="1"):
        return _networks_layered.run(device, budget / 2) + _networks_graph.run(device, budget / 2)
