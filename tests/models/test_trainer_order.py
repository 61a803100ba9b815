"""Order of the training samples, and the keyed generators that it comes from."""

import hashlib

import numpy as np
import pytest
from numpy.random import Generator, Philox

from models.randomness import generator
from models.trainer.data import Batches


def test_order_visits_each_sample_once_an_epoch():
    batches = Batches(10, 4, seed=5)
    assert batches.steps_per_epoch == 3
    steps = [batches.indices(step).tolist() for step in range(6)]
    assert [len(step) for step in steps] == [4, 4, 2, 4, 4, 2]
    epochs = [np.concatenate(part).tolist() for part in (steps[:3], steps[3:])]
    assert [sorted(epoch) for epoch in epochs] == [list(range(10))] * 2
    assert epochs[0] != epochs[1]
    assert epochs[1] == generator(5, "data", 1).permutation(10).tolist()
    assert Batches(10, 4, seed=5).indices(4).tolist() == steps[4]


def test_generators_are_keyed_by_every_part():
    purposes = [(), ("a",), ("b",), ("a", "b"), ("ab",), ("a", 1), ("a", "1"), (1, "a")]
    first = {generator(seed, *p).integers(2**63) for seed in (0, 1) for p in purposes}
    assert len(first) == 2 * len(purposes)
    digest = hashlib.sha256(b'[0,"data",3]').digest()
    documented = Generator(Philox(key=int.from_bytes(digest[:16], "little"))).integers(2**63)
    assert documented == generator(np.int64(0), "data", 3).integers(2**63) == 8457888228560195281


@pytest.mark.parametrize("seed", [True, 1.0, "1"])
def test_seed_must_be_an_int(seed):
    with pytest.raises(TypeError, match=rf"^seed must be an int, not {seed!r}$"):
        generator(seed)


def test_purpose_must_be_a_string_or_an_int():
    with pytest.raises(TypeError, match=r"^purpose must be an int or a string, not 1\.5$"):
        generator(1, 1.5)
