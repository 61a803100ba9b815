"""Compiler cache for machines without ccache: ``python objcache.py g++ ... -c -o x.o x.cpp``.

Runs on the standard library alone (make calls it with ``python -I -S``).
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

SOURCES = (".cpp", ".cc")


def main(command: list[str]) -> int:
    """Run ``command`` or copy its object from the cache; return the exit status."""
    sources = [word for word in command if word.endswith(SOURCES)]
    if "-c" not in command or "-o" not in command or len(sources) != 1 or "c++-header" in command:
        return subprocess.call(command)
    preprocessed = _preprocess(command)
    if preprocessed is None:
        return subprocess.call(command)
    output = Path(command[command.index("-o") + 1])
    stored = _store() / (_key(command, sources[0], preprocessed) + ".o")
    with suppress(FileNotFoundError):  # not there, or deleted just now
        shutil.copyfile(stored, output)
        return 0
    status = subprocess.call(command)
    if status == 0:
        new = stored.with_suffix(f".{os.getpid()}.{output.stem}")
        shutil.copyfile(output, new)
        with new.open("rb") as file:
            os.fsync(file.fileno())  # before its name is there: a power cut leaves no empty file
        new.replace(stored)
    return status


def compiler_identity(compiler: str) -> str:
    """Describe the compiler and, for ``-march=native``, the processor."""
    path = Path(shutil.which(compiler) or compiler).resolve()
    info = path.stat()
    cpu = re.findall(r"^(?:model name|flags)\s*:.*", Path("/proc/cpuinfo").read_text(), re.M)
    return "\n".join([str(path), str(info.st_size), str(info.st_mtime_ns), *cpu[:2]])


def _store() -> Path:
    folder = Path(os.environ["IMCTWIN_CACHE"]) / "objects"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _key(command: list[str], source: str, preprocessed: bytes) -> str:
    flags = [word for word in _without_outputs(command) if word != source and word[:2] != "-I"]
    digest = hashlib.sha256("\0".join([compiler_identity(command[0]), *flags]).encode())
    digest.update(preprocessed)
    return digest.hexdigest()


def _without_outputs(command: list[str]) -> list[str]:
    words = iter(command)
    return [
        word
        for word in words
        if word not in ("-c", "-MMD", "-MP") and not (word == "-o" and next(words))
    ]


def _preprocess(command: list[str]) -> bytes | None:
    words = _without_outputs(command)
    for index, word in enumerate(words):  # a precompiled header: read its source instead
        if word == "-include" and not Path(words[index + 1]).exists():
            words[index + 1] = re.sub(r"\.(fast|slow)$", "", words[index + 1])
    done = subprocess.run([*words, "-E", "-P"], capture_output=True)
    return None if done.returncode else done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
