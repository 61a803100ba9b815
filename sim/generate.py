"""Verilog of a whole system: the tile, its units one by one, manifests and configuration."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

from models.config.toml import config_hash, dumps
from rtl_gen.verilog import write_verilog
from sim.files import write_atomically
from sim.systems import System
from sim.toolchain import verilator_root

WAIVERS = Path(__file__).with_name("lint.vlt")


def generate(system: System, config: Any, folder: Path, seed: int = 1) -> list[Path]:
    """Write every component, ``config.toml`` and ``manifest.json``; give the paths.

    The same configuration and seed give the same bytes.
    """
    parts = system.parts.components(config, seed)
    paths = [write_verilog(part, name, folder) for name, part in parts.items()]
    write_atomically(folder / "config.toml", dumps(config).encode())
    manifest = {
        "system": system.name,
        "config_hash": config_hash(config),
        "top": "tile",
        "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths},
    }
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    write_atomically(folder / "manifest.json", text.encode())
    return [*paths, folder / "config.toml", folder / "manifest.json"]


def lint(path: Path) -> list[str]:
    """Warnings of ``verilator --lint-only -Wall`` that `WAIVERS` does not waive."""
    command = [str(verilator_root() / "bin" / "verilator_bin"), "--lint-only", "-Wall"]
    done = subprocess.run(
        [*command, str(WAIVERS), str(path), "--top-module", path.stem],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return []
    return [line for line in done.stderr.splitlines() if line.startswith("%")] or [done.stderr]
