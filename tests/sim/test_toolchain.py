import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sim import toolchain

ROOT = Path(__file__).parents[2]


def test_tools_are_found_by_name():
    shim = toolchain.setup()
    for name in ("verilator", "yosys", "sby", "z3", "yosys-smtbmc"):
        assert Path(shutil.which(name)).parent == shim
    done = subprocess.run(["verilator", "--version"], capture_output=True, text=True, check=True)
    assert "rev v" in done.stdout


def test_setup_again_changes_nothing():
    before = dict(os.environ)
    toolchain.setup.__wrapped__()
    assert dict(os.environ) == before


def test_caches_of_the_tools_are_inside_ours():
    assert Path(os.environ["XDG_CACHE_HOME"]).is_relative_to(toolchain.cache_dir())
    assert os.environ["AMARANTH_USE_YOSYS"] == "builtin"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"IMCTWIN_CACHE": "{tmp}/ours"}, "ours"),
        ({"XDG_CACHE_HOME": "{tmp}/xdg"}, "xdg/imctwin"),
        ({"HOME": "{tmp}/home"}, "home/.cache/imctwin"),
    ],
)
def test_cache_folder_is_where_the_environment_says(tmp_path, variables, expected):
    env = {"PATH": os.environ["PATH"], "HOME": "/nowhere"}
    env |= {name: value.format(tmp=tmp_path) for name, value in variables.items()}
    script = "from sim import toolchain; toolchain.setup(); print(toolchain.cache_dir())"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()) == tmp_path / expected
    assert list((tmp_path / expected).glob("bin-*/verilator"))


def test_missing_packages_are_named_in_one_line(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr("find_libpython.find_libpython", lambda: None)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert toolchain.missing_packages() == ["g++", "make", f"libpython{version}"]
    with pytest.raises(
        toolchain.ToolchainError, match=r"^please install the Debian packages: g\+\+$"
    ):
        toolchain.require("g++")


def test_check_before_the_build_names_packages(tmp_path):
    (tmp_path / "python3").symlink_to(sys.executable)
    for name in ("sh", "cat"):
        (tmp_path / name).symlink_to(shutil.which(name))
    env = {"PATH": str(tmp_path)}
    done = subprocess.run(
        ["/bin/sh", ".ci/packages"], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("please install the Debian packages: g++ make")
    assert done.stderr.count("\n") == 1


def test_lock_holds_out_others(tmp_path):
    script = (
        "import sys; from sim import toolchain\n"
        "with toolchain.locked('test'): print('in', flush=True)"
    )
    with toolchain.locked("test"):
        other = subprocess.Popen(
            [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(1)
    assert other.communicate(timeout=20)[0] == "in\n"
