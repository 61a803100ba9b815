"""cocotb side of the comparison: a plain driver and monitor on the pins, timed."""

import json
import os
import time
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge


@cocotb.test(timeout_time=1, timeout_unit="sec")
async def payloads_stream_through(dut):
    """Send the payloads in the file ``JOB`` without stalls; put results and CPU time there."""
    path = Path(os.environ["JOB"])
    job = json.loads(path.read_text())
    payload, edge, valid = dut.i__payload, RisingEdge(dut.clk), dut.o__valid
    result, taken = dut.o__payload, []
    for name, value in job["static"].items():
        getattr(dut, name).value = value
    dut.rst.value = 1
    dut.i__valid.value = 0
    dut.o__ready.value = 1
    Clock(dut.clk, 10, unit="ns").start()
    await RisingEdge(dut.clk)
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    dut.i__valid.value = 1
    start = time.process_time()
    for value in job["payloads"]:
        payload.value = value
        await edge
        if valid.value:
            taken.append(int(result.value))
    dut.i__valid.value = 0
    while len(taken) < len(job["payloads"]):
        await edge
        if valid.value:
            taken.append(int(result.value))
    seconds = time.process_time() - start
    path.write_text(json.dumps({"results": taken, "cpu_s": seconds}))
