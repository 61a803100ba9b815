"""``imctwin experiment``: experiments with the system `chopped`."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from models.config.toml import ConfigError
from sim.experiments.arguments import add_list, add_run, algorithms, names, numbers, within
from sim.files import prepared
from sim.options import add_out

EXAMPLES = (
    "imctwin experiment chopped-offset\n"
    "  imctwin experiment chopped-traces\n"
    "  imctwin experiment chopped-mnist --data ../shared/data/mnist\n"
    "  imctwin experiment chopped-runtime"
)


def add_experiment(parser: argparse.ArgumentParser) -> None:
    """Sub-commands of ``experiment``."""
    added = parser.add_subparsers(metavar="WHAT", dest="experiment", required=True)
    for name, (text, examples, options) in EXPERIMENTS.items():
        command = added.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=f"examples:\n  {examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        options(command)
        command.add_argument(
            "--seed", type=int, default=1, metavar="N", help="seed of every draw (default 1)"
        )
        add_out(command, f"build/experiment/{name}")


def experiment(args: argparse.Namespace) -> int:
    """Run one experiment; gives the exit code: 1 if it does not show what it has to."""
    if args.seed < 0:
        raise ConfigError(f"--seed must be at least 0, not {args.seed}")
    prepared(args.out)
    code, paths = RUN[args.experiment](args)
    for path in paths:
        print(f"  {path}")
    return code


def _offset_options(parser: argparse.ArgumentParser) -> None:
    add_list(parser, "--algorithms", "sgd,ttv2,cttv2,agad", "algorithms")
    add_list(parser, "--states", "20,100", "steps in the range of a device")
    add_list(parser, "--offsets", "0,0.1,0.2,0.5", "spreads of the reference")
    add_list(parser, "--bounds", "1,4,16,64", "bounds of A in the study of asymmetry")
    parser.add_argument(
        "--constructions", type=int, default=3, help="construction seeds (default 3)"
    )
    parser.add_argument("--updates", type=int, default=40_000, help="of a run (default 40000)")
    parser.add_argument("--size", type=int, default=20, help="rows and columns (default 20)")
    add_run(parser, "about a minute: 20 states, one construction, half the updates")


def _offset(args: argparse.Namespace) -> tuple[int, list[Path]]:
    from sim.experiments.offset import Plan, run

    within(args, jobs=(1, 64), constructions=(1, 100), updates=(400, 10**8), size=(2, 1023))
    plan = Plan(
        algorithms=algorithms(args.algorithms),
        states=numbers("--states", args.states, int, 2, 10_000),
        offsets=numbers("--offsets", args.offsets, float, 0, 10),
        bounds=numbers("--bounds", args.bounds, float, 0.01, 1000),
        constructions=args.constructions,
        seed=args.seed,
        updates=args.updates,
        size=args.size,
    )
    if args.quick:
        plan = plan.quick()
    return run(plan, args.out, jobs=args.jobs, fresh=args.fresh)


def _mnist_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with MNIST (default: the embedded digits, with small networks)",
    )
    add_list(parser, "--networks", "mlp,lenet", "networks")
    add_list(parser, "--algorithms", "ttv2,cttv2,agad", "algorithms; fp32 is always trained")
    add_list(parser, "--offsets", "0,0.1,0.3", "spreads of the reference")
    for flag, what in (
        ("--epochs", "epochs"),
        ("--samples", "training samples, 0 for all"),
        ("--test-samples", "test samples, 0 for all"),
    ):
        parser.add_argument(
            flag, type=int, metavar="N", help=f"{what} (default: reduced, see --whole)"
        )
    parser.add_argument(
        "--whole", action="store_true", help="all samples, 10 epochs (hours for LeNet on MNIST)"
    )
    add_run(parser, "a minute or two: the multilayer perceptron alone, on 2 offsets")


def _mnist(args: argparse.Namespace) -> tuple[int, list[Path]]:
    from models.trainer.data import load
    from sim.experiments.mnist import Plan, run

    within(args, jobs=(1, 64))
    schedule = {"samples": 0, "test_samples": 0, "epochs": 10} if args.whole else {}
    for name, least in (("epochs", 1), ("samples", 0), ("test_samples", 0)):
        if getattr(args, name) is not None:
            within(args, **{name: (least, 10**9)})
            schedule[name] = getattr(args, name)
    load(args.data)  # complains before anything is written
    plan = Plan(
        networks=names("--networks", args.networks, ("mlp", "lenet")),
        algorithms=algorithms(args.algorithms),
        offsets=numbers("--offsets", args.offsets, float, 0, 10),
        data="" if args.data is None else str(args.data),
        seed=args.seed,
        schedule=schedule,
    )
    if args.quick:
        plan = plan.quick()
    return run(plan, args.out, jobs=args.jobs, fresh=args.fresh)


def _traces_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--updates", type=int, default=3000, help="vector pairs (default 3000)")
    parser.add_argument(
        "--offset",
        type=float,
        default=0.8,
        help="reference below the symmetry points (default 0.8)",
    )


def _traces(args: argparse.Namespace) -> tuple[int, list[Path]]:
    from sim.experiments.traces import Plan, run

    within(args, updates=(1000, 10**7), offset=(0.001, 10))
    return run(Plan(updates=args.updates, offset=args.offset, seed=args.seed), args.out)


def _runtime_options(parser: argparse.ArgumentParser) -> None:
    for flag, default, text in (
        ("--size", 512, "rows and columns"),
        ("--updates", 400, "vector pairs that are counted"),
        ("--desired-bl", 5, "longest pulse train"),
        ("--transfer-every", 2, "updates per read"),
    ):
        parser.add_argument(flag, type=int, default=default, help=f"{text} (default {default})")
    add_run(parser, "a tenth of the vector pairs")


def _runtime(args: argparse.Namespace) -> tuple[int, list[Path]]:
    from sim.experiments.runtime import Plan, run

    within(args, jobs=(1, 64), size=(2, 1023), updates=(50, 10**7))
    within(args, desired_bl=(1, 127), transfer_every=(1, 65535))
    plan = Plan(
        size=args.size,
        updates=max(50, args.updates // 10) if args.quick else args.updates,
        desired_bl=args.desired_bl,
        transfer_every=args.transfer_every,
        seed=args.seed,
    )
    return run(plan, args.out, jobs=args.jobs, fresh=args.fresh)


Options = Callable[[argparse.ArgumentParser], None]
EXPERIMENTS: dict[str, tuple[str, str, Options]] = {
    "chopped-offset": (
        "weight-programming error against reference offset, states and device asymmetry",
        "imctwin experiment chopped-offset\n"
        "  imctwin experiment chopped-offset --quick\n"
        "  imctwin experiment chopped-offset --states 20 --algorithms ttv2,agad --jobs 1",
        _offset_options,
    ),
    "chopped-mnist": (
        "accuracy and pulses of two networks against reference offset, beside FP32",
        "imctwin experiment chopped-mnist --data ../shared/data/mnist\n"
        "  imctwin experiment chopped-mnist --quick\n"
        "  imctwin experiment chopped-mnist --data ../shared/data/mnist --networks lenet --whole",
        _mnist_options,
    ),
    "chopped-traces": (
        "traces of one element of a 5x5 matrix under a constant gradient",
        "imctwin experiment chopped-traces\n"
        "  imctwin experiment chopped-traces --offset 0.4 --updates 6000",
        _traces_options,
    ),
    "chopped-runtime": (
        "model of the time of an update, with counted events and cycles of the RTL",
        "imctwin experiment chopped-runtime\n"
        "  imctwin experiment chopped-runtime --transfer-every 4 --desired-bl 31",
        _runtime_options,
    ),
}
RUN: dict[str, Callable[[argparse.Namespace], tuple[int, Sequence[Path]]]] = {
    "chopped-offset": _offset,
    "chopped-mnist": _mnist,
    "chopped-traces": _traces,
    "chopped-runtime": _runtime,
}
