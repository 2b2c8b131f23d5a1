"""Several signals of one entity, judged together: which of them no longer fit each other.

Nothing here knows one series' own windows: what a series shows alone is left to them.
"""
