"""The Faust shell: one thin agent a stage, around a pure operator.

No threshold and no rule lives here; only step.py may catch every exception.
"""
