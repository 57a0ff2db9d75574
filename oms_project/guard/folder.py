"""Who may read what this installation writes? Its own user, and nobody else.

The database holds browser sessions, so whoever can read its file is an admin. A leaf: settings use
it.
"""

import os
from pathlib import Path

from django.conf import settings
from django.core import checks

OTHERS = 0o077


def keep_to_ourselves() -> None:
    """Whatever this process writes from now on is its user's alone."""
    os.umask(OTHERS)


def make_private(folder: Path) -> None:
    """The folder is there; a new one is closed to others, an older one stays as it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def is_open(folder: Path) -> bool:
    """Whether other users of the machine may look into the folder."""
    try:
        return bool(folder.stat().st_mode & OTHERS)
    except OSError:
        return False


def check_data_folder(**_facts: object) -> list[checks.CheckMessage]:
    """Django's check, which every command and the worker make: is the data folder open?

    Changed by hand only: a folder of a person's own may be open on purpose.
    """
    folder = settings.OMS_DATA_DIR
    if not is_open(folder):
        return []
    return [
        checks.Warning(
            f"Other users of this machine can read {folder}: the database with its log-ins, and "
            "what else lies there.",
            hint=f"chmod -R go= {folder}",
            id="oms_project.W001",
        )
    ]
