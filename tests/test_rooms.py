"""Each room imports only the rooms that design.md, section 2, allows it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "models": set(),
    "rtl_gen": {"models.config", "models.formats"},
    "sim": {"models", "rtl_gen"},
    "fpga": {"models.config", "models.formats", "rtl_gen", "sim.toolchain"},
}
EXCEPTIONS = {"sim/cli.py": {"fpga"}}
FOREIGN = {"models": {"amaranth", "cocotb"}}  # the models run without them


def imported_modules(path):
    """Absolute module names that a file imports, ``a.b`` for ``from a import b``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} must not import relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def faults(path, room):
    """Imports of ``path`` that its room does not allow."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    allowed = MAY_IMPORT[room] | EXCEPTIONS.get(name, set())
    for module in imported_modules(path):
        watched = {*MAY_IMPORT, "tests", *FOREIGN.get(room, ())} - {room}
        known = any(f"{module}.".startswith(f"{ok}.") for ok in allowed)
        if module.split(".")[0] in watched and not known:
            yield f"{name} must not import {module}"


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_room_imports_only_its_neighbours(room):
    assert [fault for path in (ROOT / room).rglob("*.py") for fault in faults(path, room)] == []


@pytest.mark.parametrize(
    ("room", "text", "count"),
    [
        ("models", "from rtl_gen import verilog", 1),
        ("rtl_gen", "import models.config.units\nfrom models.digital import sar", 1),
        ("fpga", "from sim import toolchain", 0),
        ("fpga", "from sim import kernel", 1),
        ("sim", "from fpga import build", 1),
        ("sim", "import tests.sim.designs", 1),
        ("models", "from amaranth import Signal", 1),
    ],
)
def test_forbidden_import_is_found(tmp_path, room, text, count):
    path = tmp_path / "unit.py"
    path.write_text(text)
    assert len(list(faults(path, room))) == count
