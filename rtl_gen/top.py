"""One config wired into one design."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped

from models.config.tile import TileConfig
from rtl_gen.train.tile import SEED, Tile


class Top(wiring.Component):
    """One tile with its streams and the pins of its macro on ports; members as :class:`Tile`.

    Parameters
    ----------
    config : TileConfig
        The tile.
    seed : int
        State of the random source of stochastic rounding after reset, nonzero.
    """

    def __init__(self, config: TileConfig, *, seed: int = SEED):
        self.config = config
        self._tile = Tile(config, seed=seed)
        super().__init__(self._tile.signature)

    @property
    def latencies(self) -> dict[str, int]:
        """As :attr:`Tile.latencies`."""
        return self._tile.latencies

    def elaborate(self, platform):
        m = Module()
        m.submodules.tile = self._tile
        connect(m, flipped(self), self._tile)
        return m
