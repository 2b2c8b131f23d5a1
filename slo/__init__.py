"""Service level objectives: what is promised, what was kept, what burns.

Nothing here reads a clock, a file, a socket or a topic: definitions come as text with a name, time with the event.
"""

from __future__ import annotations
