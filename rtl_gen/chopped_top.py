"""One config of pulsed training wired into one design."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped

from models.config.chopped_tile import ChoppedTileConfig
from rtl_gen.train.chopped_tile import SEED, ChoppedTile


class ChoppedTop(wiring.Component):
    """One tile with its streams and the pins of its macro; members as :class:`ChoppedTile`.

    Parameters
    ----------
    config : ChoppedTileConfig
        The tile.
    seed : int
        State of the register of the pulse trains after reset, nonzero.
    """

    def __init__(self, config: ChoppedTileConfig, *, seed: int = SEED):
        self.config = config
        self._tile = ChoppedTile(config, seed=seed)
        super().__init__(self._tile.signature)

    @property
    def latencies(self) -> dict[str, int]:
        """As :attr:`ChoppedTile.latencies`."""
        return self._tile.latencies

    def elaborate(self, platform):
        m = Module()
        m.submodules.tile = self._tile
        connect(m, flipped(self), self._tile)
        return m
