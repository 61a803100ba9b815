"""Bench for the runner's own tests: three sums, with a bias from the environment."""

import os

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge


@cocotb.test(timeout_time=10, timeout_unit="us")
async def sums_come_out(dut):
    dut.rst.value = 1
    dut.i__valid.value = 0
    dut.o__ready.value = 1
    dut.control.value = (int(os.environ["BIAS"]) & 15) << 2
    Clock(dut.clk, 10, unit="ns").start()
    await RisingEdge(dut.clk)
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    for a, b in [(1, 2), (65535, 32767), (0, 0)]:
        dut.i__payload.value = a | b << 16
        dut.i__valid.value = 1
        await RisingEdge(dut.clk)
        dut.i__valid.value = 0
        while not dut.o__valid.value:
            await RisingEdge(dut.clk)
        expected = a + b + int(os.environ["EXPECTED"])
        assert int(dut.o__payload.value) >> 16 == expected % 2**19
        await RisingEdge(dut.clk)
