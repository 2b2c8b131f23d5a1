"""The API: what people and their tools read, and what they ask for.

Nothing here decides anything, and nothing is kept here: reads come from the stores, and every write is a command (or
a verdict) on the log of truth, which a stage takes up; whoever asked is told what became of it. What the API stands
on arrives by argument, as the ports say (``ports.py``).
"""

from console.app import Parts, make_app
from console.server import ConsoleServer
from console.settings import ConsoleSettings

__all__ = ["ConsoleServer", "ConsoleSettings", "Parts", "make_app"]
