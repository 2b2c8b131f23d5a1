"""What to look at, and what to do: runbooks as text, and which of them fit an alert.

Nothing here is executed, and nothing here reads a clock, a file, a socket or a topic: runbooks come as text with a
name. Alerts and incidents are not known here, only labels.
"""

from __future__ import annotations
