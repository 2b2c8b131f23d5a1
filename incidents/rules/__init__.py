"""Alert rules: what a state of an episode means for people, by rules that they write down.

A rule never makes an alert and never renames one: it says how urgent one is, whether users notice it, and what helps.
Nothing here reads a clock, a file or a topic; rules come as text with a name.
"""
