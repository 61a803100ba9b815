"""Verilog of a whole system: the tile, its units one by one, manifests and configuration."""

import hashlib
import json
import subprocess
from pathlib import Path

from amaranth.lib.wiring import Component

from models.config.memristor import MemristorConfig
from models.config.toml import config_hash, dumps
from rtl_gen.array.pulse_sequencer import PulseSequencer
from rtl_gen.array.sar import SarAdc
from rtl_gen.top import Top
from rtl_gen.units.accumulate_threshold import AccumulateThreshold
from rtl_gen.units.adc_interface import AdcInterface
from rtl_gen.units.max_pool import MaxPool
from rtl_gen.units.post_process import PostProcess
from rtl_gen.units.requantize import Requantize
from rtl_gen.verilog import write_verilog
from sim.files import write_atomically
from sim.toolchain import verilator_root

WAIVERS = Path(__file__).with_name("lint.vlt")


def components(config: MemristorConfig, seed: int = 1) -> dict[str, Component]:
    """Top-level components by the name of their Verilog file.

    The random source of the tile starts from ``seed`` (from 1 if it is 0).
    """
    tile, macro = config.tile, config.macro
    return {
        "tile": Top(tile, seed=max(1, seed % 2**32)),
        "adc_interface": AdcInterface(tile.adc_interface),
        "post_process": PostProcess(tile.post_process),
        "requantize": Requantize(tile.post_process.requantize),
        "accumulate_threshold": AccumulateThreshold(tile.update),
        "max_pool": MaxPool(macro.code_width),
        "pulse_sequencer": PulseSequencer(macro, tile.scheme),
        "sar": SarAdc(macro.adc_count, macro.adc_bits, macro.group_count),
    }


def generate_memristor(config: MemristorConfig, folder: Path, seed: int = 1) -> list[Path]:
    """Write every component, ``config.toml`` and ``manifest.json``; give the paths.

    The same configuration and seed give the same bytes.
    """
    paths = [write_verilog(part, name, folder) for name, part in components(config, seed).items()]
    write_atomically(folder / "config.toml", dumps(config).encode())
    manifest = {
        "system": "memristor",
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
