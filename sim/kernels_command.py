"""``imctwin kernels``: what lies in the kernel cache, and its deletion."""

import argparse
import math
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from sim import toolchain

if TYPE_CHECKING:
    from sim.kernel.inventory import Entry

EXAMPLES = (
    "imctwin kernels list\n"
    "  imctwin kernels clear --older-than 30\n"
    "  imctwin kernels clear --unit 'float_*' --dry-run"
)
DAY_S = 24 * 3600.0


def add_kernels(parser: argparse.ArgumentParser) -> None:
    """Sub-commands of ``kernels``."""
    added = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    added.add_parser("list", help="list the cached files, used last first")
    delete = added.add_parser(
        "clear", help="delete cached files, but none that a running build holds"
    )
    delete.add_argument(
        "--older-than",
        type=_days,
        default=0.0,
        metavar="DAYS",
        help="only what has not been used for so many days",
    )
    delete.add_argument(
        "--unit",
        default="*",
        metavar="NAME",
        help="only what was made for the unit; * and ? stand for any letters",
    )
    delete.add_argument("--dry-run", action="store_true", help="say what would go, delete nothing")


def kernels(args: argparse.Namespace) -> int:
    """List or clear the cache; gives the exit code."""
    return _list() if args.action == "list" else _clear(args)


def _list() -> int:
    from sim.kernel.inventory import LOCK, entries

    found = [entry for entry in entries() if entry.kind != LOCK]
    print(f"{'unit':24} {'kind':13} {'size':>10} {'unused for':>10}  file")
    for one in found:
        size, age = _size(one.size), _age(one.age_s)
        print(f"{one.unit:24} {one.kind:13} {size:>10} {age:>10}  {one.path.name}")
    print(f"{len(found)} files, {_total(found)}, in {toolchain.cache_dir()}")
    return 0


def _clear(args: argparse.Namespace) -> int:
    from sim.kernel.inventory import LOCK, clear, entries

    chosen = [
        entry
        for entry in entries()
        if fnmatchcase(entry.unit, args.unit) and entry.age_s >= args.older_than * DAY_S
    ]
    gone, kept = clear(chosen, dry_run=args.dry_run)
    files = [entry for entry in gone if entry.kind != LOCK]
    what = "would free" if args.dry_run else "freed"
    print(f"{what} {_total(files)}: {len(files)} files, {len(gone) - len(files)} lock files")
    held = [entry for entry in kept if entry.kind != LOCK]
    if held:
        print(f"kept {len(held)} files that running builds hold, {_total(held)}")
    return 0


def _total(found: "Sequence[Entry]") -> str:
    return _size(sum(entry.size for entry in found))


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _age(seconds: float) -> str:
    for unit, length in (("d", DAY_S), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _days(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of days from 0, not {text!r}")
    return value
