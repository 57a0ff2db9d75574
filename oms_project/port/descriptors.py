"""How many connections may this process hold, and does it have the descriptors for them?"""

import logging
import resource

from django.conf import settings

log = logging.getLogger(__name__)

# For the database, exchanges, files and what starts a process; a third where there are few.
RESERVED = 256


def raise_soft_limit() -> int:
    """Use every descriptor that the system allows; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in (soft, resource.RLIM_INFINITY):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft


def most_connections(descriptors: int) -> int:
    """``OMS_CONNECTIONS``, or as many as leave descriptors for everything else."""
    most = min(settings.OMS_CONNECTIONS, descriptors - min(RESERVED, descriptors // 3))
    log.info("port.limits", extra={"descriptors": descriptors, "connections": most})
    return most
