"""From alerts to people: who is told what, when, and why not.

Routes, groups, silences, inhibitions, time intervals, fatigue and escalation, in one operator that says of every alert
why somebody was, or was not, told. Nothing here sends: what is to be told is a record of the outbox.
"""
