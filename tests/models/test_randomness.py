import hashlib
import json

import numpy as np
import pytest
from numpy.random import Generator, Philox

from models.randomness import generator

PURPOSES = [(), ("a",), ("memristor", 3, 0, "step", 7), ('a "quote"', "\u00b5\u03a9", -1), (2**70,)]


@pytest.mark.parametrize("seed", [0, 1, -5, 2**64])
@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_key_is_the_documented_one(seed, purpose):
    text = json.dumps([seed, *purpose], separators=(",", ":"))
    key = int.from_bytes(hashlib.sha256(text.encode("ascii")).digest()[:16], "little")
    expected = Generator(Philox(key=key))
    found = generator(seed, *purpose)
    assert repr(found.bit_generator.state) == repr(expected.bit_generator.state)
    assert np.array_equal(found.random(99), expected.random(99))


def test_equal_numbers_of_any_type_are_equal_keys():
    first = generator(np.int64(3), np.uint8(4)).random()
    assert first == generator(3, 4).random()
    assert first != generator(3, "4").random()
    assert first != generator(4, 3).random()


@pytest.mark.parametrize("seed", [True, "1", 1.0, None])
def test_seeds_are_whole_numbers(seed):
    with pytest.raises(TypeError, match=f"^seed must be an int, not {seed!r}$"):
        generator(seed)


@pytest.mark.parametrize("part", [True, 1.0, None])
def test_purposes_are_whole_numbers_or_strings(part):
    with pytest.raises(TypeError, match=f"^purpose must be an int or a string, not {part!r}$"):
        generator(1, "a", part)
