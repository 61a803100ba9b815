"""Tools on the path for every test."""

from sim import toolchain

toolchain.setup()
