"""Small real data sets shipped with the package; see README.md beside this file for where each came from."""
