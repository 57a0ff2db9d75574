"""Who can use the system?"""

from django.db import transaction

from accounts import audit, login_throttle
from accounts.audit import Actor
from accounts.authentication import forget
from accounts.models import LoginToken, User
from accounts.validation import require_password, require_valid, require_word
from accounts.words import Role
from oms_project.errors import Conflict, Invalid

PROFILE_FIELDS = ("email", "first_name", "last_name")


@transaction.atomic
def create_user(
    *, user_name: str, role: str, by: Actor, password: str | None = None, email: str = ""
) -> User:
    """A new active user; without a password nobody can log in as it, which suits robots.

    The role admin opens the admin site, and only it does.

    Raises:
        Conflict: the user name is taken.
        Invalid: the user name, role, e-mail or password is not acceptable.
    """
    user = User(username=user_name, email=email, role=require_word(Role, role, field="role"))
    # Checked before the row is, so that the row never holds the password as it was typed.
    if password is None:
        user.set_unusable_password()
    else:
        user.set_password(require_password(password, user=user))
    require_valid(user)
    if User.objects.filter(username=user_name).exists():
        raise Conflict("The user name is taken.", field="user_name", value=user_name)
    user.save()
    audit.record(
        by=by,
        action="user_created",
        object_type="user",
        object_id=user.pk,
        after={"user_name": user_name, "role": role, "email": email},
    )
    return user


def change_password(
    *,
    user: User,
    current_password: str,
    new_password: str,
    by: Actor,
    address: str | None = None,
) -> int:
    """The password is the new one and every log-in has ended; returns how many did.

    Raises:
        RateLimited: too many wrong passwords for this user from ``address``.
        Invalid: the present password is wrong, or the new one breaks the rules.
    """
    # Outside the transaction: the counting of failures must not be rolled back.
    login_throttle.require_login_allowed(user_name=user.username, address=address)
    if not user.check_password(current_password):
        login_throttle.note_failure(user_name=user.username, address=address)
        raise Invalid("The present password is wrong.", field="current_password")
    return set_password(user=user, password=new_password, by=by, field="new_password")


@transaction.atomic
def set_password(*, user: User, password: str, by: Actor, field: str = "password") -> int:
    """The password is ``password`` and every log-in has ended; returns how many did.

    Browser sessions end too: Django binds them to the password.

    Raises:
        Invalid: it breaks the rules.
    """
    user.set_password(require_password(password, user=user, field=field))
    user.save(update_fields=["password"])
    ended, _ = LoginToken.objects.filter(user=user).delete()
    transaction.on_commit(forget)
    audit.record(
        by=by,
        action="password_changed",
        object_type="user",
        object_id=user.pk,
        after={"log_ins_ended": ended},
    )
    return ended


@transaction.atomic
def update_profile(*, user: User, changes: dict[str, str], by: Actor) -> User:
    """The given ones of ``PROFILE_FIELDS`` are changed; what is not given stays.

    Raises:
        Invalid: another field, or a value that does not fit.
    """
    before = {name: getattr(user, name) for name in changes if name in PROFILE_FIELDS}
    for name, value in changes.items():
        if name not in PROFILE_FIELDS:
            raise Invalid("This cannot be changed here.", field=name, limit=PROFILE_FIELDS)
        setattr(user, name, value)
    require_valid(user)
    if changes:
        user.save(update_fields=list(changes))
        audit.record(
            by=by,
            action="profile_changed",
            object_type="user",
            object_id=user.pk,
            before=before,
            after=changes,
        )
    return user
