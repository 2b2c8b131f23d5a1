"""A command line that cannot hold, in one plain line: what was given, and where it is said how."""

from __future__ import annotations

from typing import Any, Final

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails

# The command line's own errors: Typer shows them in a box, with words of the library that checks them.
UsageError: Final[type[Exception]] = typer.BadParameter.__mro__[1]
# Asking for nothing shows the help, which is no error to tell of.
NO_ARGUMENTS: Final = "NoArgsIsHelpError"
_LEAST: Final = ("greater_than_equal", "greater_than")
_MOST: Final = ("less_than_equal", "less_than")


def usage_line(error: Any) -> str:
    """What is wrong with a command line, and which help says more.

    Parameters
    ----------
    error
        What Typer raised.
    """
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "metrics-ai"
    return f"{_what(error)}. See {command} --help"


def _what(error: Any) -> str:
    match type(error).__name__:
        case "MissingParameter":
            return f"{_name(error)} is missing"
        case "NoSuchOption":
            near = " or ".join(sorted(error.possibilities or ()))
            return f"there is no option {error.option_name}" + (f"; did you mean {near}" if near else "")
        case "BadParameter":
            return _bad_value(error)
        case _:
            text = str(error.format_message()).rstrip(".?").replace(". Did you", "; did you")
            return text[:1].lower() + text[1:]


def _name(error: Any) -> str:
    """The option as it is typed, or the argument as the help shows it."""
    parameter = error.param
    if parameter is None:
        return str(error.param_hint or "a value")
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    return str(max(parameter.opts, key=len))


def _bad_value(error: Any) -> str:
    if not isinstance(error.__cause__, ValidationError):
        return f"{_name(error)}: {str(error.message).rstrip('.')}"
    first = error.__cause__.errors()[0]
    return f"{_name(error)} {str(first['input'])!r} {_complaint(first)}"


def _complaint(problem: ErrorDetails) -> str:
    """What is wrong with a value, said of it."""
    kind, limits = str(problem["type"]), problem.get("ctx", {})
    if kind in _LEAST:
        return f"is less than {next(iter(limits.values()))}"
    if kind in _MOST:
        return f"is more than {next(iter(limits.values()))}"
    if kind.startswith("int_"):
        return "is not a whole number"
    text = str(problem["msg"]).removeprefix("Value error, ").rstrip(".")
    # Its list of choices begins with the value, which stands before it already.
    _, found, rest = text.partition(" is not one of ")
    return f"is not one of {rest.replace(chr(39), '')}" if found else f"cannot be: {text}"
