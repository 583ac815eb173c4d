"""Measurements: ratios from interleaved runs on this machine, with the command to repeat them."""
