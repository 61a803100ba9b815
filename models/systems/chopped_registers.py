"""Registers of the transfer side, as the host sets them."""

from models.config.chopped import ChoppedConfig
from models.digital.transfer import TransferControl
from models.systems.chopped_product import ONE, bits


def transfer_control(config: ChoppedConfig, rows: int, step: float, rate: float) -> TransferControl:
    """Set the registers of reference and transfer unit of one array.

    A read of ``v`` adds ``v * transfer_lr * rate / granularity`` thresholds to the accumulator,
    with ``granularity = auto_granularity * step / (rows * transfer_every)``, or ``step`` where
    ``auto_granularity`` is 0 (papers.md E3.3).

    Parameters
    ----------
    config : ChoppedConfig
        The system.
    rows : int
        Rows of the array: reads of a pass.
    step : float
        Mean step of the devices of the fast array.
    rate : float
        Learning rate of training.
    """
    scheme, digital = config.scheme, config.digital
    share = scheme.auto_granularity / (rows * scheme.transfer_every)
    granularity = (share or 1.0) * step
    per_code = config.read.output_step * scheme.transfer_lr * rate / granularity
    if digital.variant == "bf16":
        return TransferControl(
            threshold=ONE,
            step=bits(1 - scheme.momentum),
            momentum=bits(scheme.momentum),
            scale=bits(per_code),
            beta=bits(scheme.beta),
        )
    threshold = round(2**digital.fraction_bits / per_code)
    threshold = min(max(threshold, 1), 2 ** (digital.state_width - 1) - 1)
    return TransferControl(
        threshold=threshold,
        step=max(1, round((1 - scheme.momentum) * threshold)),
        momentum=round(scheme.momentum * 2**config.transfer.MOMENTUM_BITS),
        scale=0,
        beta=round(scheme.beta * 2**config.transfer.reference.BETA_BITS),
    )
