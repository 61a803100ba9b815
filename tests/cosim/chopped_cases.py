"""Tiles of pulsed training that the tests of all engines share."""

from models.config.chopped_macro import ChoppedMacroConfig
from models.config.chopped_tile import ChoppedTileConfig
from models.config.chopped_units import (
    PulseTrainConfig,
    ReferenceConfig,
    SequencerConfig,
    TransferConfig,
)
from models.config.pulsed import PulsedUpdateConfig
from sim.cosim.chopped_expected import compare

SMALL, SIZE = {"rows": 5, "columns": 3}, {"rows": 16, "columns": 8}
# one that cocotb builds soon; lines that are not there in the last group of converters
TINY = ChoppedTileConfig(
    macro=ChoppedMacroConfig(**SMALL, adc_count=2, adc_bits=4, dac_bits=3, settle_cycles=2),
    trains=PulseTrainConfig(**SMALL, random_bits=4),
    sequencer=SequencerConfig(
        **SMALL, chopping="random", period=2, in_chance=20000, out_chance=20000, waits=True
    ),
    transfer=TransferConfig(
        reference=ReferenceConfig(code_width=4, fraction_bits=4), state_width=16
    ),
    update=PulsedUpdateConfig(desired_bl=4),
    follows=True,
)
WIDE = ChoppedTileConfig(
    macro=ChoppedMacroConfig(**SIZE, adc_count=3, adc_bits=6, dac_bits=5),
    trains=PulseTrainConfig(**SIZE, random_bits=6),
    sequencer=SequencerConfig(**SIZE, period=3),
    transfer=TransferConfig(reference=ReferenceConfig(variant="bf16", code_width=6), forget=False),
    update=PulsedUpdateConfig(desired_bl=7, update_bl_management=False),
)
CONFIGS = {"fixed, reference, random": TINY, "bf16, regular": WIDE}


def check(results, wanted):
    """Every number equal, no protocol error, and more than nothing compared."""
    for result, want in zip(results, wanted, strict=True):
        assert list(result.errors) == []
        counts = compare(result, want)
        assert sum(compared for compared, _ in counts.values()) > 0
        assert {name: wrong for name, (_, wrong) in counts.items() if wrong} == {}
