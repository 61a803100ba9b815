"""Count the beats per second that a plain driver and monitor get through a stream unit."""

import os
import time
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge


@cocotb.test(timeout_time=1, timeout_unit="sec")
async def payloads_stream_through(dut):
    """Send ``COUNT`` random payloads without stalls and write beats per second to ``RATE``."""
    count, width = int(os.environ["COUNT"]), len(dut.i__payload)
    rng = np.random.default_rng(cocotb.RANDOM_SEED)
    payloads = [int.from_bytes(rng.bytes(-(-width // 8))) % 2**width for _ in range(count)]
    payload, edge, valid = dut.i__payload, RisingEdge(dut.clk), dut.o__valid
    result = dut.o__payload
    dut.rst.value = 1
    dut.i__valid.value = 0
    dut.o__ready.value = 1
    Clock(dut.clk, 10, unit="ns").start()
    await RisingEdge(dut.clk)
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    dut.i__valid.value = 1
    taken = []
    start = time.perf_counter()
    for value in payloads:
        payload.value = value
        await edge
        if valid.value:
            taken.append(int(result.value))
    seconds = time.perf_counter() - start
    assert taken
    Path(os.environ["RATE"]).write_text(str(count / seconds))
