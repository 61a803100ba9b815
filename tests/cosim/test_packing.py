import numpy as np
import pytest

from sim.cosim.packing import pack_fields, unpack_fields, unpack_words, word_array


def random_layout(rng, count):
    """Fields of every width up to 63 bits, one after another."""
    fields, offset = [], 0
    for number in range(count):
        width = int(rng.choice([1, 2, 31, 32, 33, 63, rng.integers(1, 64)]))
        signed = bool(rng.integers(2))
        fields.append({"name": f"f{number}", "offset": offset, "width": width, "signed": signed})
        offset += width
    return {"width": offset, "fields": fields}


@pytest.mark.parametrize("seed", range(20))
def test_arrays_of_words_are_the_payloads_one_by_one(seed):
    rng = np.random.default_rng(seed)
    layout = random_layout(rng, int(rng.integers(1, 6)))
    payloads = [int.from_bytes(rng.bytes(48)) % 2 ** layout["width"] for _ in range(30)]
    payloads[:2] = [0, 2 ** layout["width"] - 1]
    words = word_array(payloads, layout["width"])
    assert words.shape == (30, max(2, -(-layout["width"] // 32)))
    columns = unpack_words(layout, words)
    for number, payload in enumerate(payloads):
        fields = unpack_fields(layout, payload)
        assert {name: int(column[number]) for name, column in columns.items()} == fields
        assert pack_fields(layout, fields) == payload


@pytest.mark.parametrize("width", [5, 40, 63, 64, 100])
def test_negative_values_and_no_values(width):
    words = word_array([-1, -(2**4)], width)
    assert [int.from_bytes(row.tobytes(), "little") for row in words] == [
        2**width - 1,
        2**width - 16,
    ]
    assert word_array([], width).shape == (0, max(2, -(-width // 32)))


def test_no_payloads_have_empty_columns():
    layout = {"width": 3, "fields": [{"name": "x", "offset": 0, "width": 3, "signed": True}]}
    assert unpack_words(layout, word_array([], 3))["x"].shape == (0,)
