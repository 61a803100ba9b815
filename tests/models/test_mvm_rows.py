"""Reads of single rows are reads of one-hot vectors."""

import numpy as np
import pytest

from models.analog.mvm_kernels import read_one
from models.analog.mvm_read import prepared, read
from models.analog.mvm_rows import read_rows, row_numbers
from models.compiled import compiled
from models.config.mvm import MvmConfig


@compiled
def in_a_loop(weights, draws, full, ratio, spread, limit, middle, grid, out):
    for k in range(len(out)):
        out[k] = read_one(weights[k], draws[k], full, ratio, spread, limit, middle, grid)


@pytest.mark.parametrize("sums", ["exact", "float32"])
@pytest.mark.parametrize(
    "values",
    [
        {},
        {"weight_noise": 0.3},
        {"output_bound": 0.5},
        {"adc_bits": 16},
        {"output_bound": 0.001, "output_noise": 1e-5},  # weights so small that their grid shows
        {"output_noise": 0.0},
    ],
)
def test_rows_are_reads_of_one_hot_vectors(values, sums):
    config = MvmConfig(**{"output_bound": 20.0, "output_noise": 0.1} | values, sums=sums)
    size = min(0.4, config.output_bound / 3)
    weight = np.random.default_rng(4).normal(0, size, (40, 30)).astype(np.float32)
    codes = np.eye(40, dtype=np.int8) * np.int8(config.largest_input)
    found = read(codes, prepared(weight, config), np.random.default_rng(1), config, keep=True)
    draws = found.draws.output
    draws = np.zeros(weight.shape, np.float32) if draws is None else draws[0]
    assert np.array_equal(read_rows(weight, draws, config), found.codes)
    assert read_rows(weight, draws, config).dtype == np.int16
    out = np.empty(30, np.int64)
    in_a_loop(weight[3], draws[3], *row_numbers(config), out)
    assert np.array_equal(out, found.codes[3])


@pytest.mark.parametrize(
    "values",
    [{"ir_drop": 1.0}, {"input_noise": 0.1}, {"adc_stochastic": True}, {"adc_bits": 0}],
)
def test_rows_refuse_what_they_do_not_model(values):
    config = MvmConfig(**values)
    with pytest.raises(
        ValueError, match=r"^config must have adc_bits and no noise but weight and output noise$"
    ):
        row_numbers(config)
