"""What the command line asks to measure."""

from collections.abc import Sequence

from models.config.floats import MAX_DEPTH
from models.config.toml import ConfigError
from sim.qor.forms import Form


def chosen(forms: Sequence[Form], names: Sequence[str]) -> list[Form]:
    """Forms whose name is one of ``names``, or else begins with it; all without names.

    Raises
    ------
    ConfigError
        If a name picks nothing.
    """
    if not names:
        return list(forms)
    picked = set()
    for name in names:
        exact = {form.name for form in forms if form.name == name}
        found = exact or {form.name for form in forms if form.name.startswith(name)}
        if not found or not name:
            known = ", ".join(form.name for form in forms)
            raise ConfigError(f"--only {name!r} is none of: {known}")
        picked |= found
    return [form for form in forms if form.name in picked]


def depths(text: str) -> list[int]:
    """Pipeline depths of a list such as ``0,2,4``.

    Raises
    ------
    ConfigError
        If it is no such list.
    """
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = [-1]
    if not all(0 <= depth <= MAX_DEPTH for depth in found):
        raise ConfigError(
            f"--depths must be whole numbers from 0 to {MAX_DEPTH} with commas, not {text!r}"
        )
    return list(dict.fromkeys(found))
