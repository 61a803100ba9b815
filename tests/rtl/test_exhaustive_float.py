"""All inputs of the small units and all pairs of BF16, and directed vectors at full width."""

import pytest

from sim.verify.checks import run_part
from sim.verify.parts import parts

pytestmark = [pytest.mark.cosim, pytest.mark.formal]

QUICK = [part for part in parts() if part.quick and part.check != "proof"]


@pytest.mark.parametrize("part", QUICK, ids=lambda part: part.name)
def test_part(part, tmp_path):
    verdict = run_part(part, part.quick, tmp_path, lambda share: None)
    print(part.name, verdict)
    assert verdict.differences == 0
    assert verdict.signature == part.signature
    assert verdict.cases == 512 * part.quick
