"""Tools on the path for every test."""

import signal

from sim import toolchain


def pytest_configure(config):
    toolchain.setup()
    if hasattr(config, "workerinput"):  # a worker of xdist ignores Ctrl-C, which some tests press
        signal.signal(signal.SIGINT, signal.default_int_handler)
