"""Counting events of objectives as their samples stream by, in the detect stage."""
