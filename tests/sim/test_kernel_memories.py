import numpy as np
import pytest

from sim.kernel import Kernel, memories
from tests.sim.designs import Add, Counter, Shown, Table

pytestmark = [pytest.mark.cosim, pytest.mark.formal]

BACKENDS = ("verilator", "cxxrtl")
WIDTHS = (1, 8, 17, 33, 64, 72, 79)


def patterns(width, rows, seed=1):
    """Random rows as ``dump`` gives them, the first all ones."""
    rng = np.random.default_rng(seed)
    if width > 64:
        values = rng.integers(0, 256, (rows, -(-width // 8)), dtype=np.uint8)
        values[0] = 255
        values[:, -1] &= 255 >> (-width % 8)
        return values
    size = next(size for size in (8, 16, 32, 64) if width <= size)
    values = rng.integers(0, 2**width, rows, dtype=np.uint64)
    values[0] = 2**width - 1
    return values.astype(f"u{size // 8}")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("domain", ["sync", "comb"])
def test_load_run_dump_run_load_run(backend, domain):
    kernel = Kernel(Table(domain=domain), "table", backend=backend)
    rng = np.random.default_rng(1)
    steps = {
        "address": rng.integers(0, 16, 400),
        "value": rng.integers(0, 2**12, 400),
        "write": rng.integers(0, 2, 400),
    }
    start = patterns(12, 16)

    def run():
        return kernel(keep_state=True, **steps)["payload"]

    kernel.load("rows_", start)
    first, after = run(), kernel.dump("rows_")
    model, expected = start.copy(), []
    for address, value, write in zip(*steps.values(), strict=True):
        expected.append(model[address])
        model[address] = value if write else model[address]
    assert first.tolist() == expected
    assert after.tolist() == model.tolist()
    assert run().tolist() != first.tolist()
    kernel.load("rows_", start)
    assert run().tolist() == first.tolist()
    assert kernel.dump("rows_").tolist() == after.tolist()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_width_and_its_hidden_bits(backend, width):
    kernel = Kernel(Table(width, 5), "table", backend=backend)
    assert kernel.memories() == {"rows_": (5, width)}
    rows = patterns(width, 5)
    kernel.load("rows_", rows)
    back = kernel.dump("rows_")
    assert back.dtype == rows.dtype
    assert np.array_equal(back, rows)
    read = kernel(keep_state=True, address=range(5), value=0, write=0)["payload"]
    is_cut = width > 64 and width % 8
    assert np.array_equal(read, rows[:, :8].copy().view("<u8")[:, 0] if is_cut else rows)


@pytest.mark.parametrize("backend", BACKENDS)
def test_state_starts_with_the_first_contents_and_reset_gives_them_back(backend):
    kernel = Kernel(Table(), "table", backend=backend)
    first = [3, 4, *[0] * 14]
    assert kernel.dump("rows_").tolist() == first
    kernel.load("rows_", 7)  # for all rows
    kernel(address=[0], value=[1], write=[1])  # a call without the state
    assert kernel.dump("rows_").tolist() == [7] * 16
    assert kernel(keep_state=True, address=[5], value=[9], write=[1])["payload"].tolist() == [7]
    assert kernel.dump("rows_").tolist() == [*[7] * 5, 9, *[7] * 10]
    kernel.reset()
    assert kernel(keep_state=True, address=[1, 5], value=0, write=0)["payload"].tolist() == [4, 0]
    assert kernel.dump("rows_").tolist() == first


@pytest.mark.parametrize("backend", BACKENDS)
def test_loaded_rows_reach_logic_behind_them_at_once(backend):
    kernel = Kernel(Shown(), "shown", backend=backend)
    assert kernel(keep_state=True, payload=[9, 10])["payload"].tolist() == [1, 2]
    assert kernel.dump("rows").tolist() == [9, 10, 3, 4]
    kernel.load("rows", [11, 12, 77, 13])
    assert kernel(keep_state=True, payload=[0, 0, 0])["payload"].tolist() == [77, 13, 11]


@pytest.mark.parametrize("backend", BACKENDS)
def test_reset_of_a_source(backend):
    kernel = Kernel(Counter(), "counter", backend=backend)
    assert kernel.memories() == {}
    kernel(outputs=3, keep_state=True)
    kernel.reset()
    assert kernel(outputs=2, keep_state=True)["payload"].tolist() == [5, 6]


@pytest.mark.parametrize(
    ("name", "rows", "error", "message"),
    [
        ("rows", [0] * 16, ValueError, r"memories of table must be rows_, not 'rows'"),
        ("rows_", [0] * 15, ValueError, r"rows_ must have shape \(16,\), not .*"),
        ("rows_", 4096, ValueError, "rows_ must be between 0 and 4095, not 4096"),
        ("rows_", 0.5, TypeError, "rows_ must be integers, not float64"),
    ],
)
def test_bad_rows(name, rows, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        Kernel(Table(), "table").load(name, rows)


def test_bits_above_a_wide_row():
    kernel = Kernel(Table(65, 5), "table")
    rows = np.zeros((5, 9), np.uint8)
    rows[3, 8] = 2
    with pytest.raises(ValueError, match=r"^the last byte of rows_ must be at most 1, not 2"):
        kernel.load("rows_", rows)


def test_where_there_is_nothing_to_see():
    with pytest.raises(ValueError, match=r"^backend must be verilator or cxxrtl .* not bitsliced$"):
        Kernel(Add(), "add", backend="bitsliced").memories()
    with pytest.raises(ValueError, match=r"^copies must be 1 for this, not 2$"):
        Kernel(Add(), "add", copies=2).reset()
    with pytest.raises(ValueError, match=r"^memories of add must be none, not 'x'$"):
        Kernel(Add(), "add").dump("x")


def test_names_of_both_simulators():
    header = """
    CData/*0:0*/ top__DOT__a__DOT__x;
    VlUnpacked<CData/*0:0*/, 2> top__DOT__fifo__05F__024b__DOT__a_b;
    VlUnpacked<VlWide<3>/*79:0*/, 16> top__DOT__storage;
    VlUnpacked<QData/*63:0*/, 1> __VstlTriggered;
    VlUnpacked<CData/*7:0*/, 4> __Vdly__top__DOT__storage;
    """
    assert memories.verilated(header) == (
        'MEMORY(top__DOT__fifo__05F__024b__DOT__a_b, "fifo_$b.a_b", 2, 1)\n'
        'MEMORY(top__DOT__storage, "storage", 16, 80)\n'
    )
    design = "\tmemory<80> memory_p_d__a_2e_storage { 16u };\n\tmemory<1> memory_p_x {2u};\n"
    assert memories.simulated(design) == (
        'MEMORY(memory_p_d__a_2e_storage, "d_a.storage", 16, 80)\nMEMORY(memory_p_x, "x", 2, 1)\n'
    )
