"""Crossbars: arrays of conductances that multiply. Siemens, volts, amperes, ohms; conductances (..., n_in, n_out)."""
