"""The `imctwin` command.

Exit codes: 0 done and equal; 1 a difference or a failed check, named; 2 bad input, in one line;
130 interrupted, with a checkpoint to go on from.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from models.config.toml import ConfigError, config_hash, dumps
from models.trainer.checkpoint import CheckpointError
from models.trainer.data import DataError
from models.trainer.interrupt import Interrupted
from sim.files import OutputError, prepared
from sim.options import (
    PRESETS,
    SYSTEMS,
    add_common,
    add_data,
    check_shape,
    load_config,
    load_data,
)
from sim.toolchain import ToolchainError, require, setup

BAD_INPUT = (ConfigError, DataError, CheckpointError, OutputError, ToolchainError)
LARGE = 5000  # training samples from which a cross-check takes a short form by default


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; give its exit code."""
    args = _parser().parse_args(arguments)
    try:
        with threadpool_limits(1):  # our own threads share the cores; sums stay the same
            return args.run(args)
    except BAD_INPUT as error:
        print(f"imctwin: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except Interrupted as stopped:
        print(f"imctwin: {stopped}", file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        print("imctwin: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="imctwin",
        description="Digital twin of in-memory-computing hardware that trains: Verilog, analog "
        "models, golden training, and the proof that they agree.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _generate_options(_command(commands, "generate", generate, "write the Verilog of a system"))
    _train_options(_command(commands, "train", train, "train on the golden models"))
    _crosscheck_options(
        _command(commands, "crosscheck", crosscheck, "compare training on golden models and RTL")
    )
    _cosim_options(_command(commands, "cosim", cosim, "run random operations of a tile at the pins"))
    _command(commands, "systems", systems, "list systems and presets")
    return parser


EXAMPLES = {
    "generate": "imctwin generate memristor -o build/rtl --set macro.adc_bits=6\n"
    "  imctwin generate memristor --macro small --lint",
    "train": "imctwin train memristor\n"
    "  imctwin train memristor --data ../shared/data/mnist --set training.epochs=2\n"
    "  imctwin train memristor --resume build/train/memristor/checkpoint.npz",
    "crosscheck": "imctwin crosscheck memristor\n"
    "  imctwin crosscheck memristor --data ../shared/data/mnist\n"
    "  imctwin crosscheck memristor --set update.variant=bf16 --pin-steps 2",
    "cosim": "imctwin cosim memristor --operations 60 --seed 3\n"
    "  imctwin cosim memristor --macro small --waves",
    "systems": "imctwin systems",
}


def _command(
    commands: argparse._SubParsersAction, name: str, run: Callable[..., int], text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=f"examples:\n  {EXAMPLES[name]}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def _generate_options(parser: argparse.ArgumentParser) -> None:
    add_common(parser, "build/rtl")
    parser.add_argument("--lint", action="store_true", help="run verilator --lint-only -Wall too")


def _train_options(parser: argparse.ArgumentParser) -> None:
    add_common(parser, "build/train/memristor")
    add_data(parser)
    parser.add_argument("--resume", type=Path, metavar="CHECKPOINT", help="go on from a checkpoint")
    parser.add_argument(
        "--checkpoint-every",
        type=int,
        default=200,
        metavar="STEPS",
        help="write checkpoint.npz every so many steps as well as every epoch (default 200)",
    )


def _crosscheck_options(parser: argparse.ArgumentParser) -> None:
    add_common(parser, "build/crosscheck/memristor")
    add_data(parser)
    parser.add_argument(
        "--pin-steps", type=int, default=5, help="steps replayed at pin level (default 5)"
    )
    parser.add_argument(
        "--pin-vectors",
        type=int,
        default=8,
        help="conversions replayed per such step, layer, direction and macro (default 8)",
    )


def _cosim_options(parser: argparse.ArgumentParser) -> None:
    add_common(parser, "build/cosim/memristor")
    parser.add_argument(
        "--operations", type=int, default=30, help="random operations to run (default 30)"
    )
    parser.add_argument("--waves", action="store_true", help="write a waveform")


def _paths(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.exists():
            print(f"  {path}")


def systems(_args: argparse.Namespace) -> int:
    """List systems and presets with their sources."""
    for name, text in SYSTEMS.items():
        print(f"{name}: {text}")
    for kind, presets in PRESETS.items():
        print(f"\n--{kind}")
        for name, preset in presets.items():
            print(f"  {name}: {getattr(preset, 'source', '') or preset}")
    return 0


def generate(args: argparse.Namespace) -> int:
    """Write Verilog, manifests and the configuration."""
    config = load_config(args)
    folder = prepared(args.out)
    setup()
    from sim.generate import generate_memristor, lint

    paths = generate_memristor(config, folder)
    if args.lint:
        failed = [message for path in paths if path.suffix == ".v" for message in lint(path)]
        for message in failed:
            print(message, file=sys.stderr)
        if failed:
            return 1
        print("verilator --lint-only -Wall: clean")
    print(f"configuration {config_hash(config)}")
    _paths(paths)
    return 0


def train(args: argparse.Namespace) -> int:
    """Train on the golden models and, for comparison, in FP32."""
    data = load_data(args)
    config = load_config(args, data.train_images.shape[1:])
    check_shape(config, data)
    if args.checkpoint_every < 0:
        raise ConfigError(f"--checkpoint-every must be at least 0, not {args.checkpoint_every}")
    from sim.training import train_memristor

    folder = prepared(args.out)
    summary, paths = train_memristor(
        config,
        data,
        seed=args.seed,
        folder=folder,
        resume=args.resume,
        checkpoint_every=args.checkpoint_every,
    )
    print(
        f"test accuracy {summary['accuracy']:.2%} after {summary['epochs']} epochs "
        f"({summary['seconds']:.0f} s), FP32 reference {summary['reference_accuracy']:.2%}"
    )
    _paths(paths)
    return 0


def crosscheck(args: argparse.Namespace) -> int:
    """Compare a training run on golden models with one on generated RTL."""
    data = load_data(args)
    short = {"epochs": 1, "train_samples": 960, "test_samples": 1000}
    large = len(data.train_labels) > LARGE
    defaults = {"training": short} if large else None
    config = load_config(args, data.train_images.shape[1:], defaults)
    check_shape(config, data)
    for name in ("pin_steps", "pin_vectors"):
        if getattr(args, name) < 0:
            raise ConfigError(f"--{name.replace('_', '-')} must be at least 0")
    folder = prepared(args.out)
    require("g++", "make", "libpython")
    setup()
    from sim.crosscheck import Crosscheck, Plan, lines, outputs

    if large:
        samples = config.training.train_samples or len(data.train_labels)
        print(f"crosscheck: {samples:,} training samples; --set training.train_samples=0 for all")
    plan = Plan(pin_steps=args.pin_steps, pin_vectors=args.pin_vectors)
    summary = Crosscheck(config, data, args.seed, folder, plan).run()
    print("\n".join(lines(summary)))
    _paths(outputs(folder))
    return 0 if summary["equal"] else 1


def cosim(args: argparse.Namespace) -> int:
    """Run random operations of a tile at pin level and compare them with the twins."""
    config = load_config(args)
    if args.operations < 1:
        raise ConfigError(f"--operations must be at least 1, not {args.operations}")
    folder = prepared(args.out)
    require("g++", "make", "libpython")
    setup()
    from sim.cosim.random_ops import run_random

    (folder / "config.toml").write_text(dumps(config))
    verdict = run_random(config, folder, args.operations, seed=args.seed, waves=args.waves)
    print(
        f"{verdict['operations']:,} operations in {verdict['cycles']:,} cycles, "
        f"{verdict['compared']:,} values compared, {verdict['differences']:,} differences"
    )
    if verdict["first_difference"]:
        print(f"first difference: {verdict['first_difference']}", file=sys.stderr)
    _paths([folder / "summary.json", folder / "test.log", *sorted(folder.glob("dump.*"))])
    return 1 if verdict["differences"] else 0


if __name__ == "__main__":
    sys.exit(main())
