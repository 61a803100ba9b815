"""Commands on the system `chopped` as a user types them, and presets of both systems."""

import json
import tomllib

import pytest

from sim import cli
from sim.systems import CHOPPED
from tests.sim.test_cli import SHORT, refused


def test_chopped_trains_and_goes_on(tmp_path):
    short = (*SHORT, "--set", "training.epochs=2", "--set", "training.batch_size=40")
    command = ["train", "chopped", "--scheme", "ttv2_reram", "--device", "ecram", *short]
    assert cli.main([*command, "--out", str(tmp_path / "whole")]) == 0
    summary = json.loads((tmp_path / "whole" / "summary.json").read_text())
    assert summary["system"] == "chopped"
    assert summary["counters"]["device_pulses_fast"] > 0
    values = tomllib.loads((tmp_path / "whole" / "config.toml").read_text())
    assert (values["scheme"]["algorithm"], values["update"]["desired_bl"]) == ("ttv2", 31)
    assert values["fast"] == values["slow"]
    assert values["slow"]["w_max"] == 1.1724
    again = ["train", "chopped", "--config", str(tmp_path / "whole" / "config.toml")]
    checkpoint = tmp_path / "whole" / "checkpoint.npz"
    more = ("--resume", str(checkpoint), "--out", str(tmp_path / "again"))
    assert cli.main([*again, *more]) == 0
    resumed = json.loads((tmp_path / "again" / "summary.json").read_text())
    assert resumed["loss"] == summary["loss"]


@pytest.mark.parametrize("name", CHOPPED.options["scheme"].table)
def test_every_scheme_fits(name):
    config = CHOPPED.chosen(CHOPPED.config((1, 28, 28)), {"scheme": name})
    assert config.scheme.algorithm in name


@pytest.mark.parametrize(
    ("system", "option", "message"),
    [
        ("chopped", ("--macro", "small"),
         "--macro must be one of --network, --scheme, --device, --mvm for chopped"),
        ("memristor", ("--scheme", "agad"),
         "--scheme must be one of --network, --device, --macro, --adc for memristor"),
        ("memristor", ("--device", "reram_sb"),
         "--device must be one of bulk, filamentary, ecram_mo for memristor, not reram_sb"),
        ("chopped", ("--set", "scheme.algorithm=ttv3"),
         "scheme.algorithm must be one of sgd, ttv1, ttv2, cttv2, agad, not 'ttv3'"),
    ],
)  # fmt: skip
def test_presets_of_another_system_are_refused(system, option, message, tmp_path, capsys):
    error = refused(capsys, ["train", system, *option], tmp_path / "out")
    assert error == f"imctwin: error: {message}\n"
