"""Is an exchange account one-way, as ours have to be on derivatives?

A two-way account keeps long and short apart and wants to be told which one an order is for; our
positions are virtual over one net, so nothing is sent to such an account (contract, section 6).
What the exchange said is stored, so that a web process refuses without asking the network; the
sending path asks where nothing was said yet.
"""

from time import monotonic

from django.utils import timezone

from gateway.loop import db
from gateway.models import ExchangeState
from gateway.sessions.outcomes import CallFailed, NotSent, Refused, Throttled
from gateway.sessions.session import Session
from gateway.words import ExchangePositionMode
from oms_project.errors import Invalid

REMEMBERED_S = 1.0
KEPT_S = 3_600.0  # An exchange refuses an order of the wrong mode, and then it is asked again.

# What exchanges told this process and when, and what it read of the stored rows.
_told: dict[int, ExchangePositionMode] = {}
_told_at_s: dict[int, float] = {}
_doubted: set[int] = set()
_remembered: dict[int, tuple[ExchangePositionMode | None, float]] = {}


async def look(session: Session) -> ExchangePositionMode:
    """Ask the exchange how the account is set up, and store what it says.

    An account that trades no derivatives is not asked.

    Raises:
        CallFailed: it did not say; nothing is stored.
    """
    two_way = await session.is_two_way() if session.has_contracts else None
    mode = {
        None: ExchangePositionMode.UNTOLD,
        True: ExchangePositionMode.TWO_WAY,
        False: ExchangePositionMode.ONE_WAY,
    }[two_way]
    await db(_store, session.account_id, mode)
    _told[session.account_id] = mode
    _told_at_s[session.account_id] = monotonic()
    _doubted.discard(session.account_id)
    return mode


async def look_again(session: Session) -> None:
    """``look``, unless it was told within ``KEPT_S``, also before a start, that nothing stands in
    the way of orders.

    The question is dear where every account asks it in every round.

    Raises:
        CallFailed: the exchange did not say; nothing is stored.
    """
    account_id = session.account_id
    mode = _told.get(account_id)
    age_s = monotonic() - _told_at_s.get(account_id, 0.0)
    if mode is None and account_id not in _doubted:
        mode, age_s = await db(_stored, account_id)
    if mode in (None, ExchangePositionMode.TWO_WAY) or age_s >= KEPT_S:
        await look(session)


async def require_one_way(session: Session, symbol: str) -> None:
    """Return when an order for ``symbol`` may be sent; nothing has left otherwise.

    Asked where it is not known yet, and again where it was two-way: somebody may have changed it.

    Raises:
        Invalid: the account is two-way.
        NotSent: the exchange could not be asked.
        Refused, Throttled: it refused the question itself.
    """
    if session.is_spot(symbol):
        return
    mode = _told.get(session.account_id)
    if mode in (None, ExchangePositionMode.TWO_WAY):
        try:
            mode = await look(session)
        except (Refused, Throttled, NotSent):
            raise
        except CallFailed as failure:
            raise NotSent(failure.outcome) from None
    _refuse_two_way(mode)


def doubt(account_id: int) -> None:
    """Ask again before the next order: the exchange refused one, perhaps since it was changed."""
    _told.pop(account_id, None)
    _doubted.add(account_id)


def check(account_id: int) -> None:
    """Refuse an account that is known to be two-way, without asking the network.

    Raises:
        Invalid: with ``details.exchange_position_mode``.
    """
    _refuse_two_way(_known(account_id))


def forget() -> None:
    """Know nothing."""
    _told.clear()
    _told_at_s.clear()
    _doubted.clear()
    _remembered.clear()


def _refuse_two_way(mode: ExchangePositionMode | None) -> None:
    if mode is ExchangePositionMode.TWO_WAY:
        raise Invalid(
            "The exchange account keeps long and short apart. Switch it to one-way mode there.",
            field="account_id",
            limit=ExchangePositionMode.ONE_WAY,
            value=mode,
            exchange_position_mode=mode,
        )


def _known(account_id: int) -> ExchangePositionMode | None:
    mode, read_at_s = _remembered.get(account_id, (None, -REMEMBERED_S))
    if monotonic() - read_at_s >= REMEMBERED_S:
        rows = ExchangeState.objects.filter(pk=account_id)
        word = rows.values_list("position_mode", flat=True).first()
        mode = None if word is None else ExchangePositionMode(word)
        _remembered[account_id] = (mode, monotonic())
    return mode


def _stored(account_id: int) -> tuple[ExchangePositionMode | None, float]:
    """What was told last, perhaps to another process, and how many seconds ago."""
    row = ExchangeState.objects.filter(pk=account_id).first()
    if row is None:
        return None, 0.0
    age_s = (timezone.now() - row.asked_at).total_seconds()
    return ExchangePositionMode(row.position_mode), age_s


def _store(account_id: int, mode: ExchangePositionMode) -> None:
    ExchangeState.objects.update_or_create(
        account_id=account_id, defaults={"position_mode": mode, "asked_at": timezone.now()}
    )
    _remembered.pop(account_id, None)
