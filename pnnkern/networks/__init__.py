"""Networks that relax to equilibrium: graphs of resistors, layered energy networks, oscillators."""

from . import graphs
from .diodes import DiodeNetwork
from .resistor import ResistorNetwork, Response
from .transistor import TransistorNetwork

__all__ = ["DiodeNetwork", "ResistorNetwork", "Response", "TransistorNetwork", "graphs"]
