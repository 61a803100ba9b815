"""Whether measured figures beat a bar, and by how much."""

from collections.abc import Mapping
from typing import Any

from sim.qor.forms import Bar, Form
from sim.qor.peers import Peer, peers

LABELS = {"lut": "LUT", "dsp": "DSP", "fmax_mhz": "Fmax", "cycles": "cycles"}
FIGURES = tuple(LABELS)


def bars(form: Form) -> list[Bar]:
    """All that ``form`` has to beat: its peers, then its other bars."""
    return [_bar(peers()[name]) for name in form.peers] + list(form.bars)


def compare(ours: Mapping[str, Any], bar: Bar) -> tuple[bool, str]:
    """Compare ``ours`` (``lut``, ``dsp``, ``fmax_mhz``, ``cycles``) with ``bar``.

    Returns
    -------
    bool
        Whether no figure that counts is worse.
    str
        The same in words: ``beats: 20 % fewer LUT, 1.50 x Fmax``, or where the other one wins.
    """
    found = {name: _margin(name, ours[name], getattr(bar, name)) for name in FIGURES}
    better = [text for sign, text in found.values() if sign > 0]
    worse = [text for sign, text in found.values() if sign < 0]
    if worse:
        also = f"; wins: {', '.join(better)}" if better else ""
        return False, f"loses: {', '.join(worse)}{also}"
    return True, f"beats: {', '.join(better)}" if better else "equals"


def _margin(name: str, ours: float | None, bar: float | None) -> tuple[float, str]:
    """Give what is positive if we are better and negative if worse, and by how much in words."""
    if ours is None or bar is None:
        return 0, ""
    if name == "fmax_mhz":
        return ours - bar, f"{ours / bar:.2f} x Fmax"
    more = "fewer" if ours < bar else "more"
    if name == "lut":
        return bar - ours, f"{abs(ours - bar):.0f} ({abs(ours - bar) / bar:.0%}) {more} LUT"
    return bar - ours, f"{abs(ours - bar):.0f} {more} {LABELS[name]}"


def _bar(peer: Peer) -> Bar:
    figures = {name: getattr(peer, name) for name in (*FIGURES, "ff")}
    return Bar(name=peer.name, **figures)
