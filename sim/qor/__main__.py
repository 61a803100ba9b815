"""One unit: ``python -m sim.qor MODULE:CLASS [MODULE:CONFIG NAME=VALUE ...]``.

Example: ``python -m sim.qor rtl_gen.units.float_mul:FloatMul models.config.floats:FloatMulConfig
subnormals=flushed depth=7 --nodsp --seeds 1 --critical``. Prints one line of JSON.
"""

import argparse
import importlib
import json
from typing import Any

from models import formats
from sim.qor.critical import readable
from sim.qor.measure import NAME, measure


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m sim.qor", description=__doc__)
    parser.add_argument("unit", help="MODULE:CLASS")
    parser.add_argument("config", nargs="?", help="MODULE:CLASS of its configuration")
    parser.add_argument("values", nargs="*", metavar="NAME=VALUE", help="of the configuration")
    parser.add_argument("--nodsp", action="store_true", help="no DSP blocks")
    parser.add_argument("--seeds", type=int, default=3, help="placements (default 3)")
    parser.add_argument("--no-pnr", action="store_true", help="area only")
    parser.add_argument("--critical", action="store_true", help="print the worst path")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (default 2)")
    args = parser.parse_intermixed_args()
    values = dict(_value(text) for text in args.values)
    unit = _named(args.unit)
    component = unit(_named(args.config)(**values)) if args.config else unit()
    seeds = () if args.no_pnr else tuple(range(1, args.seeds + 1))
    result = measure(component, NAME, dsp=not args.nodsp, seeds=seeds, jobs=args.jobs)
    path = result.pop("path")
    print(json.dumps(result), flush=True)
    if args.critical:
        print(readable(path))


def _named(text: str) -> Any:
    module, _, name = text.partition(":")
    return getattr(importlib.import_module(module), name)


def _value(text: str) -> tuple[str, Any]:
    """Split ``name=value``; the value is a format, a truth value, an integer or a word."""
    name, _, value = text.partition("=")
    if isinstance(getattr(formats, value, None), formats.FloatFormat):
        return name, getattr(formats, value)
    if value in ("true", "false"):
        return name, value == "true"
    try:
        return name, int(value)
    except ValueError:
        return name, value


if __name__ == "__main__":
    main()
