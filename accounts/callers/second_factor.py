"""Who may not go on without a second factor?"""

from django.conf import settings

from accounts.models import User
from accounts.words import Role

REQUIRED_ROLES = frozenset({Role.ADMIN, Role.RISK})


def is_required(user: User) -> bool:
    """Whether the user's role may not do without a second factor here."""
    return settings.OMS_TWO_FACTOR_REQUIRED and user.role in REQUIRED_ROLES


def lacks_required(user: User) -> bool:
    """Whether the user has to set one up before anything else."""
    return is_required(user) and not user.has_two_factor
