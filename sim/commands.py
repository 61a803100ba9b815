"""What the commands of `imctwin` do; each gives its exit code."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from models.config.network import NetworkConfig
from models.config.toml import ConfigError, config_hash, dumps, to_dict
from models.trainer import checkpoint
from sim.files import prepared, write_atomically
from sim.options import check_shape, load_config, load_data, system_of
from sim.systems import SYSTEMS, PresetOption
from sim.toolchain import require, setup

LARGE = 5000  # training samples from which a cross-check takes a short form by default


def _paths(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.exists():
            print(f"  {path}")


def _values(preset: Any) -> str:
    """Values of a preset in one line."""
    if isinstance(preset, NetworkConfig):
        layers = (f"{one.kind} {one.units or one.kernel or ''}".rstrip() for one in preset.layers)
        return f"{'x'.join(map(str, preset.input_shape))}: {', '.join(layers)}"
    if isinstance(preset, Mapping):  # of parts of a configuration
        return "; ".join(f"{name}: {_listed(part)}" for name, part in preset.items())
    return _listed(preset)


def _listed(part: Any) -> str:
    values = to_dict(part) if is_dataclass(part) else part
    return ", ".join(f"{name} {value}" for name, value in values.items() if name != "source")


def systems(_args: argparse.Namespace) -> int:
    """List systems and presets with their sources."""
    for system in SYSTEMS.values():
        print(f"{system.name}: {system.description}")
    shown: list[PresetOption] = []
    for system in SYSTEMS.values():
        for option, presets in system.options.items():
            if presets in shown:
                continue
            shown.append(presets)
            having = [one.name for one in SYSTEMS.values() if presets in one.options.values()]
            print(f"\n--{option} ({', '.join(having)})")
            for name, preset in presets.table.items():
                print(f"  {name}: {presets.sources[name]}")
                print(f"    {_values(preset)}")
    return 0


def generate(args: argparse.Namespace) -> int:
    """Write Verilog, manifests and the configuration."""
    config = load_config(args)
    folder = prepared(args.out)
    setup()
    from sim import generate as writing

    paths = writing.generate(system_of(args), config, folder, args.seed)
    if args.lint:
        failed = [
            message for path in paths if path.suffix == ".v" for message in writing.lint(path)
        ]
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
    _check_resume(args)
    from sim.training import train_system

    folder = prepared(args.out)
    summary, paths = train_system(
        system_of(args),
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


def _check_resume(args: argparse.Namespace) -> None:
    """Look at the options of checkpoints before anything is written."""
    if args.checkpoint_every < 0:
        raise ConfigError(f"--checkpoint-every must be at least 0, not {args.checkpoint_every}")
    if args.resume is not None:
        checkpoint.load(args.resume)


def crosscheck(args: argparse.Namespace) -> int:
    """Compare a training run on golden models with one on generated RTL."""
    data = load_data(args)
    short = {"epochs": 1, "train_samples": 1000, "test_samples": 1000}
    large = len(data.train_labels) > LARGE
    defaults = {"training": short} if large else None
    config = load_config(args, data.train_images.shape[1:], defaults)
    check_shape(config, data)
    if obstacle := system_of(args).obstacle(config):
        raise ConfigError(obstacle)
    for name in ("pin_steps", "pin_vectors"):
        if getattr(args, name) < 0:
            raise ConfigError(f"--{name.replace('_', '-')} must be at least 0")
    _check_resume(args)
    folder = prepared(args.out)
    require("g++", "make", "libpython")
    setup()
    from sim.crosscheck import Crosscheck, Plan
    from sim.report.text import lines, outputs

    if large:
        samples = config.training.train_samples or len(data.train_labels)
        print(f"crosscheck: {samples:,} training samples; --set training.train_samples=0 for all")
    plan = Plan(**{one.name: getattr(args, one.name) for one in fields(Plan)})
    summary = Crosscheck(system_of(args), config, data, args.seed, folder, plan).run()
    print("\n".join(lines(summary)))
    _paths(outputs(folder))
    return 0 if summary["equal"] else 1


def cosim(args: argparse.Namespace) -> int:
    """Run random operations of a tile at pin level and compare them with the twins."""
    config = load_config(args)
    if args.operations < 1:
        raise ConfigError(f"--operations must be at least 1, not {args.operations}")
    if args.waves and args.engine != "cocotb":
        raise ConfigError(f"--waves needs --engine cocotb, not {args.engine}")
    folder = prepared(args.out)
    require("g++", "make", "libpython")
    setup()
    run_random = system_of(args).parts.random_ops
    write_atomically(folder / "config.toml", dumps(config).encode())
    how = {"seed": args.seed, "waves": args.waves, "engine": args.engine}
    verdict = run_random(config, folder, args.operations, **how)
    print(
        f"{verdict['operations']:,} operations in {verdict['cycles']:,} cycles, "
        f"{verdict['compared']:,} values compared, {verdict['differences']:,} differences"
    )
    if verdict["first_difference"]:
        print(f"first difference: {verdict['first_difference']}", file=sys.stderr)
    built = folder / "sim"
    _paths([folder / "summary.json", built / "test.log", *sorted(built.glob("dump.*"))])
    return 1 if verdict["differences"] else 0


def verify(args: argparse.Namespace) -> int:
    """Run the evidence of the floating-point units."""
    folder = prepared(args.out)
    require("g++")
    setup()
    from sim.verify.evidence import verify_float

    code = verify_float(folder, quick=args.quick, only=args.only, fresh=args.fresh)
    _paths([folder / "summary.json"])
    return code


def bench_kernels(args: argparse.Namespace) -> int:
    """Measure speed: kernels, training, analog models."""
    from sim.bench.run import chosen, main, settings
    from sim.bench.settings import Unequal

    parts = chosen(args.only)
    folder = prepared(args.out.parent)
    require("g++", "make", "libpython")
    setup()
    try:
        main(args.out, parts, settings(folder / "bench", data=args.data, quick=args.quick))
    except Unequal as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    _paths([args.out.with_suffix(f".{kind}") for kind in ("json", "md", "png")])
    return 0


def bench_qor(args: argparse.Namespace) -> int:
    """Measure area and speed of float units, beside public ones or over pipeline depths."""
    from sim.qor import tools
    from sim.qor.forms import FORMS, SWEEPS
    from sim.qor.selection import chosen, depths

    for name in ("seeds", "jobs"):
        if getattr(args, name) < 1:
            raise ConfigError(f"--{name} must be at least 1, not {getattr(args, name)}")
    forms = chosen(SWEEPS if args.sweep else FORMS, args.only)
    steps = depths(args.depths)
    folder = prepared(args.out)
    tools.ready()
    from sim.qor.run import compare_forms, sweep
    from sim.qor.table import plain

    seeds = range(1, args.seeds + 1)
    if args.sweep:
        results = sweep(forms, steps, folder, seeds, args.jobs)
    else:
        results = compare_forms(forms, folder, seeds, args.jobs)
    print(plain(results))
    names = [f"sweep.{kind}" for kind in ("json", "md", "png", "svg")]
    _paths([folder / name for name in (names if args.sweep else ("summary.json", "table.md"))])
    return 0
