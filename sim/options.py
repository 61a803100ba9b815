"""What the commands of `imctwin` share: options, configuration, data, errors."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.config.memristor import MemristorConfig
from models.config.presets import ADCS, DEVICES, MACROS, NETWORKS, memristor
from models.config.toml import ConfigError, overridden, parse_override, read
from models.trainer.data import DataSet, load

SYSTEMS = {"memristor": "mixed-precision training on memristor crossbars (Wu et al. 2023)"}
PRESETS: dict[str, dict[str, Any]] = {
    "network": NETWORKS,
    "device": DEVICES,
    "macro": MACROS,
    "adc": ADCS,
}


def add_common(parser: argparse.ArgumentParser, out: str) -> None:
    """Options that every command takes."""
    parser.add_argument("system", choices=SYSTEMS, help="what to build")
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML with values to change")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="NAME=VALUE",
        help="change one value by its dotted name, e.g. macro.adc_bits=6; may be repeated",
    )
    for kind, presets in PRESETS.items():
        parser.add_argument(
            f"--{kind}", choices=presets, help=f"{kind} preset, before --config and --set"
        )
    parser.add_argument("--seed", type=_seed, default=1, help="seed of every draw (default 1)")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path(out), metavar="DIR", help=f"results (default {out})"
    )


def add_data(parser: argparse.ArgumentParser) -> None:
    """Option of the commands that need samples."""
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with MNIST or Fashion-MNIST IDX files or CIFAR-10 binary batches, plain or "
        ".gz (default: the embedded digits of scikit-learn)",
    )


def _seed(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0, not {text!r}")
    return value


def load_data(args: argparse.Namespace) -> DataSet:
    """Load the samples that the command line asks for."""
    return load(args.data)


def load_config(
    args: argparse.Namespace,
    shape: tuple[int, ...] = (1, 8, 8),
    defaults: dict[str, Any] | None = None,
) -> MemristorConfig:
    """Make the configuration that the command line asks for.

    Presets come first, then ``defaults`` of the command, then ``--config``, then ``--set``.

    Raises
    ------
    ConfigError
        For anything that cannot be used.
    """
    config = memristor(shape)
    for kind, presets in PRESETS.items():
        name = getattr(args, kind)
        if name is not None:
            try:
                config = replace(config, **{kind: presets[name]})
            except (TypeError, ValueError) as error:
                raise ConfigError(f"--{kind} {name}: {error}") from error
    if defaults:
        config = overridden(config, defaults)
    if args.config is not None:
        config = overridden(config, read(args.config))
    for text in args.overrides:
        config = overridden(config, parse_override(text))
    return config


def check_shape(config: MemristorConfig, data: DataSet) -> None:
    """Raise ConfigError unless the network takes the samples of ``data``."""
    shape = data.train_images.shape[1:]
    if config.network.input_shape != shape:
        raise ConfigError(
            f"network.input_shape must be {list(shape)} for {data.name}, "
            f"not {list(config.network.input_shape)}"
        )
    if config.network.layers[-1].units != data.class_count:
        raise ConfigError(
            f"network.layers[{len(config.network.layers) - 1}].units must be {data.class_count} "
            f"for {data.name}, not {config.network.layers[-1].units}"
        )
