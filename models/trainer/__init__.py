"""Golden numpy trainer: data sets, layers, loss, optimiser, checkpoints, training loop."""
