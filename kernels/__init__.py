"""The kernels: CUDA C++ (`*.cu`, over the headers in `include/pnnkern`) and their CPU twins (`*.py`, same names, same arguments)."""
