"""Whose turn it is: calendars of shifts, overrides before them, and who is told next while nobody answers.

Nothing here reads a clock, a file or a socket; calendars come as text, times as event time.
"""
