"""Detectors, drift, thresholds and their explanations; the only room that knows River.

Nothing here reads a clock, a socket or a topic, or draws unseeded chance.
"""
