import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.kernel import Kernel
from sim.kernel.cache import cached
from sim.toolchain import cache_dir
from tests.sim.designs import Add, AddConfig

pytestmark = pytest.mark.cosim

ROOT = Path(__file__).parents[2]
# Each of these is killed by itself where it says; a tool that it has just started goes on.
SCRIPT = """
import os, signal, subprocess, sys
from pathlib import Path
from sim.kernel import Kernel, build
from tests.sim.designs import Add, AddConfig, Counter

point, run, replace = sys.argv[1], subprocess.run, Path.replace

def die(pid=0):
    print(pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

def killed_run(command, **options):
    if "cwd" not in options:
        return run(command, **options)
    name = Path(command[0]).name + (" -shared" if "-shared" in command else "")
    if name == point:
        pipe = subprocess.PIPE
        die(subprocess.Popen(command, cwd=options["cwd"], stdout=pipe, stderr=pipe).pid)
    print(name, flush=True)
    return run(command, **options)

def killed_replace(path, target):
    if str(target).endswith(point):
        die()
    return replace(path, target)

subprocess.run, Path.replace = killed_run, killed_replace
if point == "call":
    Kernel(Counter(), "counter").build()
    print("calling", flush=True)
    Kernel(Counter(), "counter")(outputs=10**9, keep_state=True)
else:
    kernel = Kernel(Add(AddConfig(width=5)), "add")
    print(kernel(a=[30], b=[-3])["sum"][0])
"""
BUILD = ["verilator_bin", "g++", "g++ -shared"]  # the tools of one build, in their order
RIGHT = [*BUILD, "27"]


@pytest.fixture
def cache(tmp_path):
    """An empty kernel cache, but with what is compiled once per machine."""
    Kernel(Add(AddConfig(width=4)), "add").build()
    (tmp_path / "xdg").symlink_to(cache_dir() / "xdg")
    (tmp_path / "kernels").mkdir()
    for path in (cache_dir() / "kernels").glob("*.o"):
        (tmp_path / "kernels" / path.name).symlink_to(path)
    return tmp_path


def start(cache, point="never"):
    pipe, env = subprocess.PIPE, dict(os.environ, IMCTWIN_CACHE=str(cache))
    command = [sys.executable, "-c", SCRIPT, point]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=pipe, stderr=pipe, text=True)


def finish(process):
    """Lines of the output, and the messages of a process that succeeds."""
    out, messages = process.communicate(timeout=60)
    assert process.returncode == 0, messages
    return out.splitlines(), messages


def kill_at(cache, point):
    """Run until the process is killed at ``point``; gives the tool that it leaves behind."""
    victim = start(cache, point)
    out, messages = victim.communicate(timeout=60)
    assert victim.returncode == -signal.SIGKILL, messages
    return int(out.splitlines()[-1])


def wait_for(pid):
    """Wait until a process, if there is one, is dead."""
    deadline = time.monotonic() + 30
    while pid and time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.02)
    assert not pid


def built(cache):
    return list(cache.glob("kernels/*.so"))


def left_over(cache):
    return [*cache.glob("kernels/build-*"), *cache.glob("locks/kernel-*")]


@pytest.mark.parametrize("point", [*BUILD, ".so.record", ".so"])
def test_killed_builds_leave_nothing_that_hinders(cache, point):
    tool = kill_at(cache, point)
    assert built(cache) == []
    assert len(left_over(cache)) == 2  # a folder and a free lock
    assert finish(start(cache)) == (RIGHT, "")
    wait_for(tool)
    assert len(built(cache)) == 1
    assert left_over(cache) == []


def test_another_build_sweeps_what_a_killed_one_left(cache):
    kill_at(cache, ".so")
    (folder,) = cache.glob("kernels/build-*")
    other = start(cache, "call")
    while "calling" not in other.stdout.readline():
        assert other.poll() is None
    other.kill()
    other.communicate()
    assert not folder.exists()


def test_two_processes_build_once(cache):
    both = [start(cache), start(cache)]
    outputs = [finish(process)[0] for process in both]
    assert sorted(outputs, key=len) == [["27"], RIGHT]
    assert len(built(cache)) == 1
    assert left_over(cache) == []


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def spoil_record(path):
    path.with_name(f"{path.name}.record").write_text('{"unit": ')


DAMAGES = [cut, empty, flip, spoil_record]


def test_damaged_library_is_seen_and_built_again(cache):
    assert finish(start(cache)) == (RIGHT, "")
    (path,) = built(cache)
    cut(path)
    message = f"imctwin: cached file {path.name} is damaged: building again\n"
    assert finish(start(cache)) == (RIGHT, message)
    assert finish(start(cache)) == (["27"], "")
    assert left_over(cache) == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_is_seen(tmp_path, monkeypatch, capsys, damage):
    monkeypatch.setenv("IMCTWIN_CACHE", str(tmp_path))
    name, made = "a" * 32 + ".json", []

    def make(folder):
        made.append(folder)
        (folder / "x").write_text("content")
        return folder / "x"

    damage(cached(name, make))
    assert cached(name, make).read_text() == "content"
    assert len(made) == 2
    assert capsys.readouterr().err == f"imctwin: cached file {name} is damaged: building again\n"
    cached(name, make)
    assert len(made) == 2


def test_killed_call_leaves_nothing_that_hinders(cache):
    victim = start(cache, "call")
    while "calling" not in victim.stdout.readline():
        assert victim.poll() is None
    time.sleep(0.3)
    assert victim.poll() is None  # in the middle of 1,000,000,000 cycles
    victim.kill()
    victim.communicate()
    assert left_over(cache) == []
    assert finish(start(cache)) == (RIGHT, "")
