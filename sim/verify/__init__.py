"""The evidence of the floating-point units: `imctwin verify float`."""
