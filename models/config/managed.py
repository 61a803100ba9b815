"""Update management in hardware: what its unit can do of what a config can ask."""

from models.config.checks import check_int
from models.config.pulsed import PulsedUpdateConfig

MAX_SLOTS = 127


def check_managed(config: PulsedUpdateConfig, prefix: str = "") -> None:
    """Raise ValueError unless the unit `update_management` does as ``config`` says.

    ``prefix`` comes before the names in messages.
    """
    check_int(f"{prefix}desired_bl", config.desired_bl, 1, MAX_SLOTS)
    wanted = {"pulse_type": "stochastic_compressed", "resolution": 0.0}
    if not config.update_bl_management:
        wanted["fixed_bl"] = True
    for name, value in wanted.items():
        given = getattr(config, name)
        if given != value:
            raise ValueError(f"{prefix}{name} must be {value!r}, not {given!r}")
