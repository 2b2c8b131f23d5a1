"""Errors that name what broke, whose fault it is and what to do.

::

    MetricsAIError
    ├── ConfigurationError      the user's: a setting, an option, a rules file
    ├── SchemaError             the outside's: bytes that are not what their topic promises
    ├── NewerVersionError       the outside's: bytes of a version that only a newer release reads
    ├── BrokerError             the outside's: the broker refuses, is away or differs from the catalogue
    ├── CheckpointError         ours: state that cannot be written or read back
    └── MachineError            the machine's: a port taken, a program or file missing
"""

from __future__ import annotations

from typing import ClassVar, Literal

Blame = Literal["user", "outside", "us"]


class MetricsAIError(Exception):
    """The base of every error that a user may see.

    Parameters
    ----------
    what
        One clear line: what broke.
    way_out
        What to do about it; empty where there is nothing to do.
    """

    blame: ClassVar[Blame] = "us"
    retry: ClassVar[bool] = False

    def __init__(self, what: str, way_out: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.way_out = way_out

    def __str__(self) -> str:
        return f"{self.what}. {self.way_out}" if self.way_out else self.what


class ConfigurationError(MetricsAIError):
    """A setting, an option or a rules file that cannot hold."""

    blame = "user"


class SchemaError(MetricsAIError):
    """Bytes that are not what their topic promises."""

    blame = "outside"


class NewerVersionError(MetricsAIError):
    """Bytes of a version that only a newer release reads: nothing to reject, and nothing to guess at."""

    blame = "outside"


class BrokerError(MetricsAIError):
    """The broker refuses, is away, or differs from the catalogue."""

    blame = "outside"
    retry = True


class CheckpointError(MetricsAIError):
    """State that cannot be written or read back."""


class MachineError(MetricsAIError):
    """A port that is taken, a program or file that is missing."""

    blame = "outside"
