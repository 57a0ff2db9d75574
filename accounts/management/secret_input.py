"""How does a secret reach a command without staying behind?

In this order: options (the shell's history and the process list keep those), one JSON object on
standard input, environment variables, a prompt that shows nothing.
"""

import getpass
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.management.base import CommandError

WHAT_IS_KEPT = (
    "Options are kept by the shell history and shown in the process list; so is a variable set on "
    "the command line. Prompt, --stdin from a file, and an exported variable are not."
)


@dataclass(frozen=True, slots=True)
class Secret:
    """One value to ask for, at a terminal where ``is_prompted``."""

    name: str
    variable: str
    required: bool = True
    is_prompted: bool = True


def read_secrets(
    secrets: tuple[Secret, ...], *, given: Mapping[str, str | None], from_stdin: bool
) -> dict[str, str]:
    """The values by name; an optional one that was not given is empty.

    Sources are not mixed, except that what an option or a variable leaves out is prompted for at a
    terminal.

    Raises:
        CommandError: a required value came from nowhere, or standard input is not a JSON object of
            these names.
    """
    if from_stdin:
        found = _from_stdin(secrets)
    else:
        found = {item.name: given[item.name] or "" for item in secrets if given.get(item.name)}
        found = found or {
            item.name: os.environ[item.variable] for item in secrets if item.variable in os.environ
        }
        found = _completed(secrets, found)
    for item in secrets:
        if item.required and not found.get(item.name):
            raise CommandError(
                f"{item.name} is missing: use the prompt, --stdin, ${item.variable} "
                f"or --{item.name.replace('_', '-')}"
            )
    return {item.name: found.get(item.name, "") for item in secrets}


def _from_stdin(secrets: tuple[Secret, ...]) -> dict[str, str]:
    names = [item.name for item in secrets]
    try:
        value = json.loads(sys.stdin.read())
    except ValueError as error:
        # Without the parser's words: they can quote what was read.
        raise CommandError("--stdin: standard input is not valid JSON") from error
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise CommandError(f"--stdin takes a JSON object of texts: {', '.join(names)}")
    for name in value:
        if name not in names:
            raise CommandError(f"--stdin: {name!r} is not one of {', '.join(names)}")
    return value


def _completed(secrets: tuple[Secret, ...], found: dict[str, str]) -> dict[str, str]:
    """``found`` with what is missing asked at the terminal, if there is one."""
    if all(item.name in found for item in secrets if item.required) or not sys.stdin.isatty():
        return found
    asked = {
        item.name: getpass.getpass(f"{item.name}{'' if item.required else ' (optional)'}: ")
        for item in secrets
        if item.name not in found and item.is_prompted
    }
    return {**found, **asked}
