"""Networks that relax to equilibrium: graphs of resistors, layered energy networks, oscillators."""
