"""Numbers and times as in every other language: a point, and ISO 8601."""

from oms_project.desk.formats.everywhere import *  # noqa: F403
