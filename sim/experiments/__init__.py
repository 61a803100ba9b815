"""Experiments: grids of runs of golden systems, with tables, plots and verdicts."""
