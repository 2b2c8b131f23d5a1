"""Windowed state: the series bank, windows, watermarks, checkpoints as bytes.

Nothing here reads a clock, a socket or a topic; time comes with the samples.
"""
