"""What the commands of `imctwin` share: options, configuration, data, errors."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.config.toml import ConfigError, overridden, parse_override, read
from models.trainer.data import DataSet, load
from sim.systems import SYSTEMS, System


def add_common(parser: argparse.ArgumentParser, command: str) -> None:
    """Options that every command on a system takes."""
    parser.add_argument("system", choices=SYSTEMS, help="what to build")
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML with values to change")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="NAME=VALUE",
        help="change one value by its dotted name, e.g. training.epochs=2; may be repeated",
    )
    for option, names in preset_names().items():
        having = [one.name for one in SYSTEMS.values() if option in one.options]
        whose = "" if len(having) == len(SYSTEMS) else f" of {' and '.join(having)}"
        text = f"{option} preset{whose}, before --config and --set"
        parser.add_argument(f"--{option}", choices=names, help=text)
    parser.add_argument("--seed", type=_seed, default=1, help="seed of every draw (default 1)")
    folders = " or ".join(str(one.folder(command)) for one in SYSTEMS.values())
    parser.add_argument(
        "-o", "--out", type=Path, metavar="DIR", help=f"results (default {folders})"
    )
    parser.set_defaults(command=command)


def preset_names() -> dict[str, list[str]]:
    """Names that any system knows, by option."""
    names: dict[str, dict[str, None]] = {}
    for system in SYSTEMS.values():
        for option, presets in system.options.items():
            names.setdefault(option, {}).update(dict.fromkeys(presets.table))
    return {option: list(known) for option, known in names.items()}


def system_of(args: argparse.Namespace) -> System:
    """Give the system that the command line names, and its folder if none is given."""
    system = SYSTEMS[args.system]
    if args.out is None:
        args.out = system.folder(args.command)
    return system


def add_data(parser: argparse.ArgumentParser) -> None:
    """Option of the commands that need samples."""
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with MNIST or Fashion-MNIST IDX files or CIFAR-10 binary batches, plain or "
        ".gz (default: the embedded digits of scikit-learn)",
    )


def add_resume(parser: argparse.ArgumentParser) -> None:
    """Options of the commands that can stop and go on."""
    parser.add_argument("--resume", type=Path, metavar="CHECKPOINT", help="go on from a checkpoint")
    parser.add_argument(
        "--checkpoint-every",
        type=int,
        default=200,
        metavar="STEPS",
        help="write checkpoint.npz every so many steps as well as every epoch (default 200)",
    )


def add_bench(
    parser: argparse.ArgumentParser, kernels: Callable[..., int], qor: Callable[..., int]
) -> None:
    """Sub-commands of ``bench``, run by ``kernels`` and ``qor``."""
    added = parser.add_subparsers(metavar="WHAT", required=True)
    speed = added.add_parser(
        "kernels",
        help="speed of compiled RTL, training and analog models, as ratios measured in one run",
        epilog="examples:\n  imctwin bench kernels --quick\n"
        "  imctwin bench kernels --only training",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_speed(speed)
    speed.set_defaults(run=kernels)
    area = added.add_parser(
        "qor",
        help="area and speed of the float units on ECP5 beside public ones",
        epilog="examples:\n  imctwin bench qor\n  imctwin bench qor --only mul --only add_kept "
        "--seeds 1\n  imctwin bench qor --sweep --only fma --depths 0,2,4",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    area.set_defaults(run=qor)
    add_out(area, "build/qor")
    area.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="measure only units whose name is or begins with NAME; may be repeated",
    )
    area.add_argument("--seeds", type=int, default=3, help="placements of each (default 3)")
    area.add_argument("--jobs", type=int, default=2, help="tool processes at a time (default 2)")
    area.add_argument("--sweep", action="store_true", help="measure over pipeline depths, and plot")
    area.add_argument(
        "--depths",
        default="0,1,2,3,4,5,6,7,8",
        metavar="LIST",
        help="of the sweep (default %(default)s)",
    )


def _add_speed(parser: argparse.ArgumentParser) -> None:
    """Options of the measurement of speed."""
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PART",
        help="measure only kernels, training, pulsed or analog; may be repeated",
    )
    parser.add_argument(
        "--quick", action="store_true", help="within a minute: fewer repeats, no cocotb"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with MNIST (default: ../shared/data/mnist, or enlarged digits without it)",
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path("build/bench.json"),
        metavar="FILE",
        help="results; tables (.md) and bars (.png) beside it (default %(default)s)",
    )


def add_engine(parser: argparse.ArgumentParser, flag: str) -> None:
    """Option for what clocks the tile."""
    parser.add_argument(
        flag,
        choices=("cocotb", "kernel"),
        default="cocotb",
        help="what clocks the tile: cocotb, or the compiled tile with the macro as C++, ten to "
        "forty times as fast (default cocotb)",
    )


def add_out(parser: argparse.ArgumentParser, out: str) -> None:
    """Option for the folder of results."""
    parser.add_argument(
        "-o", "--out", type=Path, default=Path(out), metavar="DIR", help=f"results (default {out})"
    )


def add_verify(parser: argparse.ArgumentParser) -> None:
    """Options of the evidence of units."""
    out = Path("build/verify/float")
    parser.add_argument("units", choices=("float",), help="which units")
    parser.add_argument(
        "--quick", action="store_true", help="about a minute: fewer cases and parts"
    )
    parser.add_argument("--only", metavar="NAME", help="parts whose name contains this, e.g. fma")
    parser.add_argument("--fresh", action="store_true", help="run also what is stored as done")
    parser.add_argument(
        "-o", "--out", type=Path, default=out, metavar="DIR", help=f"results (default {out})"
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
) -> Any:
    """Make the configuration that the command line asks for.

    Presets come first, then ``defaults`` of the command, then ``--config``, then ``--set``.

    Raises
    ------
    ConfigError
        For anything that cannot be used.
    """
    system = system_of(args)
    chosen = {option: getattr(args, option) for option in preset_names()}
    config = system.chosen(system.config(shape), chosen)
    if defaults:
        config = overridden(config, defaults)
    if args.config is not None:
        config = overridden(config, read(args.config))
    for text in args.overrides:
        config = overridden(config, parse_override(text))
    return config


def check_shape(config: Any, data: DataSet) -> None:
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
