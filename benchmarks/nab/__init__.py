"""The Numenta Anomaly Benchmark: its data, its scoring rules, cross-fitted evaluation.

The data (MIT licence, https://github.com/numenta/NAB) are not part of this repository; every command takes their
folder.
"""
