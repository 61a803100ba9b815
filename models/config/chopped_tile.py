"""One tile of pulsed training: the digital side of one macro with a fast array and weights."""

from dataclasses import dataclass, field

from models.config.checks import check_bool, check_kind
from models.config.chopped_macro import ChoppedMacroConfig
from models.config.chopped_units import PulseTrainConfig, SequencerConfig, TransferConfig
from models.config.managed import check_managed
from models.config.pulsed import PulsedUpdateConfig


@dataclass(frozen=True, kw_only=True)
class ChoppedTileConfig:
    """Units of one tile around one macro.

    Parameters
    ----------
    macro : ChoppedMacroConfig
        The analog macro and its pins.
    trains : PulseTrainConfig
        Pulse generators; as many rows and columns as the macro.
    sequencer : SequencerConfig
        Read sequencer and choppers; as many rows and columns as the macro.
    transfer : TransferConfig
        Transfer unit; ``transfer.reference.code_width`` must be the macro's ``adc_bits``.
    update : PulsedUpdateConfig
        Update management; ``desired_bl`` at most 127.
    follows : bool
        A reference unit subtracts the mean that it follows from what is read (AGAD).
    """

    macro: ChoppedMacroConfig = field(default_factory=ChoppedMacroConfig)
    trains: PulseTrainConfig = field(default_factory=PulseTrainConfig)
    sequencer: SequencerConfig = field(default_factory=SequencerConfig)
    transfer: TransferConfig = field(default_factory=TransferConfig)
    update: PulsedUpdateConfig = field(default_factory=PulsedUpdateConfig)
    follows: bool = False

    def __post_init__(self) -> None:
        for name, kind in (
            ("macro", ChoppedMacroConfig),
            ("trains", PulseTrainConfig),
            ("sequencer", SequencerConfig),
            ("transfer", TransferConfig),
            ("update", PulsedUpdateConfig),
        ):
            check_kind(name, getattr(self, name), kind)
        check_bool("follows", self.follows)
        for name in ("trains", "sequencer"):
            for side in ("rows", "columns"):
                ours, theirs = getattr(getattr(self, name), side), getattr(self.macro, side)
                if ours != theirs:
                    raise ValueError(f"{name}.{side} must be the macro's {theirs}, not {ours}")
        width = self.transfer.reference.code_width
        if width != self.macro.adc_bits:
            raise ValueError(
                f"transfer.reference.code_width must be the macro's {self.macro.adc_bits}, "
                f"not {width}"
            )
        check_managed(self.update, "update.")
