"""All parts of the evidence in turn: progress, stored results, table, summary."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.config.toml import ConfigError
from sim.files import prepared, write_atomically
from sim.verify.checks import part_key, run_part
from sim.verify.native import Progress, Verdict
from sim.verify.parts import Part, parts

TICK = 1.0  # seconds between progress lines of a terminal


def chosen(pattern: str | None, *, quick: bool) -> list[Part]:
    """Return the parts whose name contains ``pattern``, those of the quick form only if ``quick``.

    Raises
    ------
    ConfigError
        If there are none.
    """
    found = [part for part in parts() if (part.quick or not quick) and (pattern or "") in part.name]
    if not found:
        names = dict.fromkeys(part.name.split("_")[0] for part in parts())
        form = "parts of the quick form" if quick else "parts"
        raise ConfigError(
            f"--only must occur in the name of {form} ({', '.join(names)} ...), not {pattern!r}"
        )
    return found


def verify_float(folder: Path, *, quick: bool, only: str | None = None, fresh: bool = False) -> int:
    """Run the parts, print the table, write ``summary.json``; give the exit code.

    A part that is stored in ``folder`` with the same design, checks and size is not run again.
    """
    store = prepared(folder / ("quick" if quick else "parts"))
    results: list[dict[str, Any]] = []
    todo = chosen(only, quick=quick)
    for number, part in enumerate(todo, 1):
        blocks = part.quick if quick else part.blocks
        path, key = store / f"{part.name}.json", part_key(part, blocks)
        stored = None if fresh else _stored(path, key)
        head = f"[{number}/{len(todo)}] {part.name}"
        if stored is None:
            verdict = _attempt(part, blocks, folder, _Progress(head))
            stored = {"name": part.name, "key": key, **_result(part, verdict)}
            if verdict.cases:
                write_atomically(path, _json(stored))
        _line(head, stored)
        results.append(stored)
    summary = {"is_quick": quick, "passed": all(one["passed"] for one in results)}
    write_atomically(folder / "summary.json", _json({**summary, **_flat(results)}))
    _table(results)
    failed = [one for one in results if not one["passed"]]
    for one in failed[:1]:
        print(f"imctwin: {one['name']} failed: {_why(one)}", file=sys.stderr)
    return 1 if failed else 0


def _attempt(part: Part, blocks: int, folder: Path, progress: Progress) -> Verdict:
    """Run a part; one that a tool cannot run fails without cases, and the others go on."""
    try:
        return run_part(part, blocks, folder, progress)
    except (AssertionError, RuntimeError, ValueError) as error:  # ToolchainError is one
        return Verdict(differences=1, classes={f"not run: {' '.join(str(error).split())}": 1})


def _result(part: Part, verdict: Verdict) -> dict[str, Any]:
    """Figures of a part in JSON types; ``passed`` is the judgement."""
    passed = verdict.cases > 0 and verdict.differences == 0 and verdict.signature == part.signature
    result = asdict(verdict)
    result["examples"] = [[hex(number) for number in one] for one in verdict.examples]
    return {
        "passed": passed,
        "check": part.check,
        "unit": type(part.config).__name__.removesuffix("Config"),
        "signature_wanted": part.signature,
        "limit": part.limit,
        **result,
    }


def _flat(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures of all parts with the part's name before them."""
    flat: dict[str, Any] = {}
    for one in results:
        for name in ("cases", "differences", "signature", "seconds", "passed"):
            flat[f"{one['name']}_{name}"] = one[name]
        kinds = one["classes"] if one["cases"] else {}
        for name, value in {**one["measures"], **kinds}.items():
            flat[f"{one['name']}_{name}"] = value
        if one["limit"]:
            flat[f"{one['name']}_limit"] = one["limit"]
        if one["examples"]:
            flat[f"{one['name']}_examples"] = one["examples"]
    return flat


def _why(one: dict[str, Any]) -> str:
    if not one["cases"]:
        return next(iter(one["classes"]))
    if one["differences"]:
        kinds = ", ".join(f"{count} {name}" for name, count in one["classes"].items())
        text = f"{one['differences']} of {one['cases']} cases differ ({kinds})"
        if one["examples"]:
            case, got, want = one["examples"][0]
            text += f"; first: input {case} gives {got}, not {want}"
        return text
    return (
        f"{one['signature']} cases differ from IEEE arithmetic, not the "
        f"{one['signature_wanted']} that flushing makes differ"
    )


def _stored(path: Path, key: str) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("key") == key else None


def _line(head: str, one: dict[str, Any]) -> None:
    verdict = "ok" if one["passed"] else "FAILED"
    print(f"{head}: {verdict}, {one['cases']:,} cases, {one['seconds']:.1f} s", flush=True)


def _table(results: list[dict[str, Any]]) -> None:
    print(f"\n{'part':36}{'cases':>15}{'differ':>10}{'not IEEE':>12}{'s':>8}  notes")
    for one in results:
        notes = ""
        if one["check"] == "proof":
            notes = "proved for all inputs" if one["passed"] else "counterexample"
        if measures := one["measures"]:
            notes = (
                f"{100 * measures['rounded_right_share']:.4f} % rounded right, worst "
                f"{measures['worst_window']:.3f} of {one['limit']:g} window LSB, "
                f"{measures['worst_relative']:.2g} of the largest term before rounding, "
                f"{measures['worst_ulp']:.3g} ulp"
            )
        print(
            f"{one['name']:36}{one['cases']:15,}{one['differences']:10,}"
            f"{one['signature']:12,}{one['seconds']:8.1f}  {notes}".rstrip()
        )


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


class _Progress:
    """Lines of progress, on terminals over one another, elsewhere every half minute."""

    def __init__(self, head: str):
        self.head, self.is_terminal = head, sys.stdout.isatty()
        self.next = 0.0
        if self.is_terminal:
            self(0.0)
        self.next = time.monotonic() + (TICK if self.is_terminal else 30 * TICK)

    def __call__(self, share: float) -> None:
        now = time.monotonic()
        if now < self.next:
            return
        self.next = now + (TICK if self.is_terminal else 30 * TICK)
        end = "\r" if self.is_terminal else "\n"
        print(f"{self.head}: {100 * share:.0f} %", end=end, flush=True)
