"""One config wired into one design."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped

from models.config.chopped_tile import ChoppedTileConfig
from models.config.tile import TileConfig
from rtl_gen.train.chopped_tile import ChoppedTile
from rtl_gen.train.tile import SEED, Tile


class Top(wiring.Component):
    """One tile with its streams and the pins of its macro on ports; members as those of the tile.

    Parameters
    ----------
    config : TileConfig or ChoppedTileConfig
        A :class:`Tile`, or for pulsed training a :class:`ChoppedTile`.
    seed : int
        State after reset of its random source: of stochastic rounding, or of pulse trains;
        nonzero.
    """

    def __init__(self, config: TileConfig | ChoppedTileConfig, *, seed: int = SEED):
        self.config = config
        tile = ChoppedTile if isinstance(config, ChoppedTileConfig) else Tile
        self._tile = tile(config, seed=seed)
        super().__init__(self._tile.signature)

    @property
    def latencies(self) -> dict[str, int]:
        """Latencies of the units inside, in cycles."""
        return self._tile.latencies

    def elaborate(self, platform):
        m = Module()
        m.submodules.tile = self._tile
        connect(m, flipped(self), self._tile)
        return m
