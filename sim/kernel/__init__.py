"""The generated RTL as numpy functions."""

from sim.kernel.batch import Kernel, build_all

__all__ = ["Kernel", "build_all"]
