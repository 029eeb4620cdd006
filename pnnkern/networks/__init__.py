"""Networks that relax to equilibrium: graphs of resistors, layered energy networks, oscillators."""

from . import graphs
from .resistor import ResistorNetwork, Response

__all__ = ["ResistorNetwork", "Response", "graphs"]
