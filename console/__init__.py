"""The API: what people and their tools read, and what they ask for.

Nothing here decides anything, and nothing is kept here: reads come from the stores, and every write is a command (or
a verdict) on the log of truth, which a stage takes up; whoever asked is told what became of it. What the API stands
on arrives by argument, as the ports say (``ports.py``). The application is made by ``app.make_app``, which is not
imported here: settings are read by every command, and FastAPI takes its time.
"""
