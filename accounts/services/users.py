"""Who can use the system?"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from accounts.callers import login_throttle
from accounts.callers.authentication import forget
from accounts.models import LoginToken, User
from accounts.trail import refusals
from accounts.validation import require_password, require_valid, require_word
from accounts.words import Role
from oms_project.errors import Conflict, Invalid

PROFILE_FIELDS = ("email", "first_name", "last_name")
ADMIN_FIELDS = (*PROFILE_FIELDS, "role", "is_active", "password")


@transaction.atomic
def create_user(
    *, user_name: str, role: str, by: Actor, password: str | None = None, email: str = ""
) -> User:
    """A new active user; without a password nobody can log in as it, which suits robots.

    The role admin opens the admin site, and only it does.

    Raises:
        Conflict: the user name is taken.
        Invalid: the user name, role, e-mail or password is not acceptable.
        PermissionDenied: another admin, by a key only.
    """
    if role == Role.ADMIN:
        by.require_log_in(field="role")
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
        refusals.note("password", user_name=user.username, address=address)
        raise Invalid(
            "The present password is wrong.",
            field="current_password",
            limit="the present password",
        )
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
def update_user(*, user: User, changes: Mapping[str, Any], by: Actor) -> User:
    """The given ones of ``ADMIN_FIELDS`` are changed; what is not given stays.

    Who is disabled, or has a new password, is logged out; another role counts within a second.

    Raises:
        Invalid: another field, or a value that does not fit.
        Conflict: nobody would be left to run the back office.
        PermissionDenied: it makes an admin or sets an admin's password, by a key only.
    """
    wanted = dict(changes)
    password = wanted.pop("password", None)
    role = require_word(Role, wanted.get("role", user.role), field="role")
    _require_log_in_for_admins(user, role, sets_password=password is not None, by=by)
    require_an_admin_left(user, role=role, is_active=wanted.get("is_active", user.is_active))
    if wanted:
        _write_changes(user, wanted, by=by, action="user_changed", allowed=ADMIN_FIELDS)
    if password is not None:
        set_password(user=user, password=password, by=by)
    return user


def _require_log_in_for_admins(user: User, role: Role, *, sets_password: bool, by: Actor) -> None:
    """A new admin, and a way into an admin's log-in, where keys are widened."""
    if role is Role.ADMIN and not user.is_admin:
        by.require_log_in(user_id=user.pk, field="role")
    if sets_password and user.is_admin:
        by.require_log_in(user_id=user.pk, field="password")


def require_an_admin_left(user: User, *, role: str, is_active: bool) -> None:
    """Someone runs the back office after ``user`` has this role and state; under a lock.

    Raises:
        Conflict: ``user`` is the last active admin.
    """
    if user.pk is None or (role == Role.ADMIN and is_active):
        return
    admins = User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True)
    if set(admins.values_list("pk", flat=True)) == {user.pk}:
        raise Conflict("This is the last active admin.", user_id=user.pk)


@transaction.atomic
def update_profile(*, user: User, changes: dict[str, str], by: Actor) -> User:
    """The given ones of ``PROFILE_FIELDS`` are changed; what is not given stays.

    Raises:
        Invalid: another field, or a value that does not fit.
    """
    if changes:
        _write_changes(user, changes, by=by, action="profile_changed", allowed=PROFILE_FIELDS)
    return user


def _write_changes(
    user: User, changes: Mapping[str, Any], *, by: Actor, action: str, allowed: tuple[str, ...]
) -> None:
    for name in changes:
        if name not in allowed:
            raise Invalid("This cannot be changed here.", field=name, limit=allowed)
    before = {name: getattr(user, name) for name in changes}
    for name, value in changes.items():
        setattr(user, name, value)
    require_valid(user)
    user.save()
    transaction.on_commit(forget)
    audit.record(
        by=by,
        action=action,
        object_type="user",
        object_id=user.pk,
        before=before,
        after=changes,
    )
