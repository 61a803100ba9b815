"""Area and speed of one component: Yosys and nextpnr, the method of every figure of `peers`.

Area is that of the module alone. Speed is that of the module between registers (`wrapper`),
placed and routed once per seed; the median counts.
"""

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from amaranth.lib.wiring import Component

from sim.kernel.build import verilog_text
from sim.kernel.cache import cached, content_key
from sim.qor import tools, wrapper
from sim.qor.critical import compact

PACKAGES = {"25k": "CABGA381", "45k": "CABGA381", "85k": "CABGA756"}
SPEEDS = (6, 7, 8)
SEEDS = (1, 2, 3)
GOAL_MHZ = 400  # more than any unit reaches, so that the tools never rest
JOBS = 2
NAME = "unit"  # of every module that is compared: placement depends on names
METHOD = "4"  # part of every cache key; to be raised when figures may change


def measure(
    component: Component,
    name: str,
    *,
    dsp: bool = True,
    seeds: Sequence[int] = SEEDS,
    device: str = "25k",
    speed: int = 6,
    jobs: int = JOBS,
) -> dict[str, Any]:
    """Measure ``component`` as module ``name``.

    Parameters
    ----------
    dsp : bool
        Whether multiplications may go into DSP blocks.
    seeds : sequence of int
        Of the placement, one run each; none: area only.
    device, speed : str, int
        Size and speed grade of the ECP5.
    jobs : int
        Tool processes at a time.

    Returns
    -------
    dict
        ``lut`` (LUT4 and what else takes their place: 2 per carry pair, 8 per RAM slice),
        ``lut4``, ``ccu2c``, ``ff``, ``dsp``, ``fmax_mhz`` (median; None without seeds),
        ``fmax_all`` (by seed), ``path`` (worst path of the last
        seed, see `critical.compact`), ``sec``.

    Raises
    ------
    ValueError
        For an unknown device or speed grade.
    ToolchainError
        If a tool is missing or fails.
    """
    if device not in PACKAGES or speed not in SPEEDS:
        raise ValueError(f"device must be one of {', '.join(PACKAGES)} and speed 6, 7 or 8")
    start = time.perf_counter()
    job = _Job(verilog_text(component, name), name, () if dsp else ("-nodsp",))
    part = (f"--{device}", "--package", PACKAGES[device], "--speed", str(speed))
    with job, ThreadPoolExecutor(jobs) as pool:
        area = pool.submit(job.area)
        routed = list(pool.map(lambda seed: job.route(seed, part), seeds))
        cells = area.result()
    speeds = [one["fmax_mhz"] for one in routed]
    return _area(cells) | {
        "fmax_mhz": round(statistics.median(speeds), 2) if speeds else None,
        "fmax_all": speeds,
        "path": routed[-1]["path"] if routed else [],
        "sec": round(time.perf_counter() - start, 1),
    }


def _area(cells: dict[str, int]) -> dict[str, int]:
    lut4, ccu2c = cells.get("LUT4", 0), cells.get("CCU2C", 0)
    return {
        "lut": lut4 + 2 * ccu2c + 8 * cells.get("TRELLIS_DPR16X4", 0),
        "lut4": lut4,
        "ccu2c": ccu2c,
        "ff": cells.get("TRELLIS_FF", 0),
        "dsp": cells.get("MULT18X18D", 0),
    }


class _Job:
    """Tool runs of one module in a folder of their own; nothing runs that the cache holds."""

    def __init__(self, verilog: str, top: str, options: Sequence[str]):
        self._top, self._options = top, " ".join(options)
        # writing sorts the module: without it the figures would not be those of the peers' method
        self._read = f"read_verilog -sv design.v\nhierarchy -check -top {top}\nproc\n" + (
            "write_rtlil {0}.il\nwrite_json {0}.json\n"
        )
        self._wrapped = wrapper.wrapped(top, wrapper.ports(verilog, top))
        self._key = content_key(verilog, top, self._options, self._wrapped, METHOD, tools.ready())
        self._scratch = tempfile.TemporaryDirectory(prefix="qor-")
        self._folder = Path(self._scratch.name)
        self._lock, self._has_netlist = threading.Lock(), False
        (self._folder / "design.v").write_text(verilog)
        (self._folder / "wrap.v").write_text(self._wrapped)

    def __enter__(self) -> "_Job":
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.cleanup()

    def area(self) -> dict[str, int]:
        """Cells of the module alone by type."""
        name = f"{self._key}-area.json"
        return json.loads(cached(name, lambda _: self._count(), "qor").read_text())

    def route(self, seed: int, part: Sequence[str]) -> dict[str, Any]:
        """Reach of the wrapped module: ``fmax_mhz`` and its worst ``path``."""
        key = content_key(self._key, *part, str(seed), str(GOAL_MHZ))
        name = f"{key}-route.json"
        return json.loads(cached(name, lambda _: self._place(seed, part), "qor").read_text())

    def _count(self) -> Path:
        synth = f"synth_ecp5 -noiopad -top {self._top} {self._options}\n"
        self._yosys("area", self._read.format("area") + synth + "tee -q -o stat.txt stat -json\n")
        raw = (self._folder / "stat.txt").read_text()
        cells = json.loads(raw[raw.index("{") :])["design"]["num_cells_by_type"]
        return self._write("area.json", cells)

    def _place(self, seed: int, part: Sequence[str]) -> Path:
        with self._lock:  # the first seed makes the netlist of all
            if not self._has_netlist:
                self._synthesize()
                self._has_netlist = True
        report = f"report{seed}.json"
        goal = ("--freq", str(GOAL_MHZ), "--timing-allow-fail", "--lpf-allow-unconstrained")
        files = ("--json", "netlist.json", "--seed", str(seed), "--report", report)
        tools.run(tools.NEXTPNR, [*part, *goal, *files, "-q"], self._folder)
        found = json.loads((self._folder / report).read_text())
        achieved = min(clock["achieved"] for clock in found["fmax"].values())
        paths = [one["path"] for one in found["critical_paths"] if "<async>" not in one.values()]
        path = max(paths, key=lambda steps: sum(step["delay"] for step in steps), default=[])
        netlist = json.loads((self._folder / "netlist.json").read_text())
        result = {"fmax_mhz": round(achieved, 2), "path": compact(path, netlist)}
        return self._write(f"route{seed}.json", result)

    def _synthesize(self) -> None:
        # the module goes through a file so that its cells are named as in the stored figures
        around = "design -reset\nread_rtlil wrap.il\n"
        synth = f"synth_ecp5 -top {wrapper.TOP} {self._options} -json netlist.json\n"
        self._yosys(
            "wrap", self._read.format("wrap") + around + "read_verilog -sv wrap.v\n" + synth
        )

    def _yosys(self, name: str, script: str) -> None:
        (self._folder / f"{name}.ys").write_text(script)
        tools.run(tools.YOSYS, ["-q", "-s", f"{name}.ys"], self._folder)

    def _write(self, name: str, content: Any) -> Path:
        path = self._folder / name
        path.write_text(json.dumps(content))
        return path
