"""The systems that the commands know: how each is configured, and where its parts are."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.config import chopped_presets, presets
from models.config.pulsed_presets import PULSED_DEVICES
from models.config.toml import ConfigError, overridden

if TYPE_CHECKING:
    from sim.parts import Parts


@dataclass(frozen=True, kw_only=True)
class PresetOption:
    """An option that chooses among named presets.

    Parameters
    ----------
    table : mapping of str
        By name, configs, or mappings of fields of the configuration to configs or nested values.
    sources : mapping of str to str
        By name, where each is from.
    fields : tuple of str
        Fields that a config replaces.
    """

    table: Mapping[str, Any]
    sources: Mapping[str, str]
    fields: tuple[str, ...] = ()

    def apply(self, config: Any, name: str) -> Any:
        """Copy of ``config`` with a preset; TypeError or ValueError if it does not fit."""
        preset = self.table[name]
        values = dict.fromkeys(self.fields, preset) if self.fields else preset
        configs = {name: one for name, one in values.items() if is_dataclass(one)}
        nested = {name: one for name, one in values.items() if name not in configs}
        return overridden(replace(config, **configs), nested)


@dataclass(frozen=True, kw_only=True)
class System:
    """What the commands know of a system before any tool is set up.

    Parameters
    ----------
    name, description : str
        As on the command line and in its help.
    config : callable
        Default configuration for images of a shape (channels, height, width).
    golden : callable
        A learner on golden models, from configuration and seed.
    options : mapping of str to PresetOption
        Presets by the name of their option.
    verilog : str
        Where ``generate`` writes if it is not told.
    obstacle : callable
        What keeps a configuration from being compared with RTL; empty if nothing does.
    """

    name: str
    description: str
    config: Callable[[tuple[int, ...]], Any]
    golden: Callable[[Any, int], Any]
    options: Mapping[str, PresetOption]
    verilog: str
    obstacle: Callable[[Any], str] = lambda _config: ""

    def folder(self, command: str) -> Path:
        """Where a command writes if it is not told."""
        return Path(self.verilog if command == "generate" else f"build/{command}/{self.name}")

    def chosen(self, config: Any, names: Mapping[str, str | None]) -> Any:
        """Copy of ``config`` with presets by option; ConfigError if one does not fit."""
        for option, name in names.items():
            if name is None:
                continue
            if option not in self.options:
                known = ", ".join(f"--{one}" for one in self.options)
                raise ConfigError(f"--{option} must be one of {known} for {self.name}")
            table = self.options[option].table
            if name not in table:
                known = ", ".join(table)
                raise ConfigError(f"--{option} must be one of {known} for {self.name}, not {name}")
            try:
                config = self.options[option].apply(config, name)
            except (TypeError, ValueError) as error:
                raise ConfigError(f"--{option} {name}: {error}") from error
        return config

    @property
    def parts(self) -> "Parts":
        """What runs the system: imports the tools, so set them up before."""
        return importlib.import_module(f"sim.{self.name}_parts").PARTS


def _option(table: Mapping[str, Any], *fields: str) -> PresetOption:
    return PresetOption(table=table, sources=presets.SOURCES, fields=fields)


def _memristor(config: Any, seed: int) -> Any:
    from models.digital.golden import GoldenUnits
    from models.systems.memristor import MemristorSystem

    return MemristorSystem(config, GoldenUnits(config.tile), seed)


MEMRISTOR = System(
    name="memristor",
    description="mixed-precision training on memristor crossbars (Wu et al. 2023)",
    config=presets.memristor,
    golden=_memristor,
    options={
        "network": _option(presets.NETWORKS, "network"),
        "device": _option(presets.DEVICES, "device"),
        "macro": _option(presets.MACROS, "macro"),
        "adc": _option(presets.ADCS, "adc"),
    },
    verilog="build/rtl",
)


def _chopped(config: Any, seed: int) -> Any:
    from models.digital.chopped import GoldenChoppedUnits
    from models.systems.chopped import ChoppedSystem

    return ChoppedSystem(config, GoldenChoppedUnits(config), seed)


def _random_words(config: Any) -> str:
    if config.digital.source == "lfsr":
        return ""
    return f"digital.source must be lfsr for a comparison with RTL, not {config.digital.source!r}"


CHOPPED = System(
    name="chopped",
    description="pulsed training: SGD, Tiki-Taka v1 and v2, c-TTv2, AGAD (Rasch et al. 2024)",
    config=chopped_presets.chopped,
    golden=_chopped,
    options={
        "network": _option(presets.NETWORKS, "network"),
        "scheme": PresetOption(
            table=chopped_presets.SCHEMES, sources=chopped_presets.SCHEME_SOURCES
        ),
        "device": PresetOption(
            table=PULSED_DEVICES,
            sources={name: one.source for name, one in PULSED_DEVICES.items()},
            fields=("fast", "slow"),
        ),
        "mvm": PresetOption(
            table=chopped_presets.CONVERTERS, sources=chopped_presets.CONVERTER_SOURCES
        ),
    },
    verilog="build/rtl/chopped",
    obstacle=_random_words,
)
SYSTEMS = {one.name: one for one in (MEMRISTOR, CHOPPED)}
