"""Service level objectives: what is promised, what was kept, what burns."""

from __future__ import annotations
