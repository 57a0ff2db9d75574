"""What has to be true of books and journal once everything has come to rest?

Told from the venue's journal and the OMS's rows alone, with arithmetic of its own.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal

from positions.engine.orders import MOVES
from positions.engine.types import OrderStatus
from positions.models import (
    Command,
    Deal,
    Dust,
    Event,
    ExchangeOrder,
    Execution,
    JournalEntry,
    Order,
    Position,
)
from positions.tests.ledger.checking import differences
from tests.campaign.life import Life
from tests.campaign.venue import LIVE

ZERO = Decimal(0)
FINAL = {"FILLED": "FILLED", "CANCELED": "CANCELED", "EXPIRED": "EXPIRED"}


def violations(life: Life) -> list[str]:
    """Everything that is not as it has to be, in words; empty as a rule."""
    return [
        *_sent_once(life),
        *_known_here(life),
        *_nobodys(life),
        *_fills(life),
        *_net(life),
        *_states(life),
        *_totals(life),
        *_at_rest(life),
        *_moves(life),
        *_events(life),
        *differences(life.desk),
        *life.between,
    ]


def presumed(life: Life) -> int:
    """Orders that the exchange never showed: not lost, and counted apart."""
    return Order.objects.filter(account=life.desk.account, note="presumed").count()


def settled(life: Life) -> int:
    """How often real trades took the place of a provisional booking."""
    entries = JournalEntry.objects.filter(account=life.desk.account, kind="settle_provisional")
    return entries.count()


def _sent_once(life: Life) -> Iterator[str]:
    taken = Counter(order.client_id for order in life.venue.orders)
    for client_id, count in taken.items():
        if count > 1:
            yield f"the venue took {client_id} {count} times"


def _known_here(life: Life) -> Iterator[str]:
    ours = set(_legs(life).values_list("client_order_id", flat=True))
    for order in life.venue.orders:
        if order.client_id not in ours:
            yield f"the venue has {order.client_id}, which nobody here knows"


def _nobodys(life: Life) -> Iterator[str]:
    """Every order of this login was given here, so none is a stranger's."""
    for order in Order.objects.filter(account=life.desk.account, reason="external"):
        yield f"{order} was taken for a stranger's"


def _fills(life: Life) -> Iterator[str]:
    """Executions and the deals made of them are the venue's fills, to the last digit."""
    theirs = {
        (str(t.id), t.order_id): (t.qty, t.price, t.fee, t.fee_currency) for t in life.venue.trades
    }
    mine = {
        (e.exchange_trade_id, e.exchange_order_id): (e.qty, e.price, e.fee, e.fee_currency)
        for e in Execution.objects.filter(account=life.desk.account, provisional=False)
    }
    for key in theirs.keys() - mine.keys():
        yield f"lost: trade {key} {theirs[key]}"
    for key in mine.keys() - theirs.keys():
        yield f"invented: trade {key} {mine[key]}"
    for key in mine.keys() & theirs.keys():
        if mine[key] != theirs[key]:
            yield f"trade {key}: {mine[key]} here, {theirs[key]} there"
    yield from _deals(life)


def _deals(life: Life) -> Iterator[str]:
    """Every trade has its deals, or its part in what was booked for it and then corrected."""
    booked: defaultdict[str, Decimal] = defaultdict(Decimal)
    for deal in Deal.objects.live().filter(account=life.desk.account, kind="fill"):
        booked[deal.exchange_trade_id] += deal.qty
    entries = JournalEntry.objects.filter(account=life.desk.account, kind="settle_provisional")
    for facts in entries.values_list("facts", flat=True):
        if facts["from_booking_no"] is None:
            stood = Execution.objects.filter(pk__in=facts["provisional_ids"])
            real = Execution.objects.filter(pk__in=facts["execution_ids"])
            if sum(booked.pop(e.exchange_trade_id) for e in stood) == sum(e.qty for e in real):
                booked |= {e.exchange_trade_id: e.qty for e in real}
    qtys = {str(trade.id): trade.qty for trade in life.venue.trades}
    for name in booked.keys() | qtys.keys():
        if booked[name] != qtys.get(name, ZERO):
            yield f"deals of trade {name}: {booked[name]}, not {qtys.get(name, ZERO)}"


def _net(life: Life) -> Iterator[str]:
    """Positions and dust are what the venue's account has."""
    held = sum((p.holding.signed_qty for p in _positions(life)), ZERO)
    kept = "BTC" if life.venue.is_spot else life.venue.symbol
    held += sum(
        (d.qty for d in Dust.objects.filter(account=life.desk.account, currency=kept)), ZERO
    )
    there = life.venue.net
    there -= sum((t.fee for t in life.venue.trades if t.fee_currency == "BTC"), ZERO)
    if held != there:
        yield f"net {held} here, {there} there"


def _states(life: Life) -> Iterator[str]:
    """An order's state is what the venue says of its newest leg; nobody is in doubt any more."""
    theirs = {order.client_id: order for order in life.venue.orders}
    for order in Order.objects.filter(account=life.desk.account):
        there = theirs.get(order.exchange_client_order_id)
        if there is None:
            if order.is_open:
                yield f"{order} is open, and the venue has none"
            continue
        expected = FINAL.get(there.status)
        if there.status in LIVE and not order.is_open:
            yield f"{order} is final, the venue's lives"
        elif expected and order.status != expected and not _replaced_whole(order):
            yield f"{order}: the venue says {there.status}"


def _replaced_whole(order: Order) -> bool:
    """A change that found the new total filled already ends FILLED with its leg cancelled."""
    return order.edit_replace_state is not None and order.filled_qty >= order.qty


def _totals(life: Life) -> Iterator[str]:
    filled: defaultdict[int, Decimal] = defaultdict(Decimal)
    by_id = {leg.exchange_order_id: leg.order_id for leg in _legs(life)}
    for trade in life.venue.trades:
        filled[by_id.get(trade.order_id, 0)] += trade.qty
    for order in Order.objects.filter(account=life.desk.account):
        if filled[order.pk] != order.filled_qty:
            yield f"{order}: filled {order.filled_qty} here, {filled[order.pk]} there"
        if filled[order.pk] > order.qty:
            yield f"{order}: filled {filled[order.pk]}, more than was intended"


def _at_rest(life: Life) -> Iterator[str]:
    for order in Order.objects.filter(account=life.desk.account, provisional=True):
        yield f"{order} is provisional, and all of its trades are listed"
    for order in Order.objects.open().filter(account=life.desk.account):
        if order.status not in ("SUBMITTED", "PARTIALLY_FILLED"):
            yield f"{order} is still on its way"
    commands = Command.objects.filter(account=life.desk.account)
    for command in commands.filter(status__in=("accepted", "unknown")):
        yield f"{command} has no answer"
    gone = set(life.answered) - set(commands.values_list("pk", flat=True))
    if gone:
        yield f"answered, then gone: commands {sorted(gone)}"


def _moves(life: Life) -> Iterator[str]:
    """Every move of every order that was told is one of its life cycle."""
    before: dict[int, str] = {}
    for event in Event.objects.filter(account=life.desk.account).order_by("seq"):
        if not event.event.startswith("order") or "status" not in event.payload:
            continue
        order_id, status = event.payload["id"], event.payload["status"]
        last = before.get(order_id, status)
        if status != last and not _reachable(OrderStatus(last), OrderStatus(status)):
            yield f"order {order_id} went from {last} to {status}"
        before[order_id] = status


def _reachable(old: OrderStatus, new: OrderStatus) -> bool:
    """In one step, or by the silent one to SENDING and back."""
    silent = OrderStatus.SENDING
    return new in MOVES[old] or (silent in MOVES[old] and new in MOVES[silent])


def _events(life: Life) -> Iterator[str]:
    seqs = list(
        Event.objects.filter(account=life.desk.account)
        .order_by("seq")
        .values_list("seq", flat=True)
    )
    if seqs != list(range(1, len(seqs) + 1)):
        yield "event numbers have a gap"


def _legs(life: Life):
    return ExchangeOrder.objects.filter(account=life.desk.account)


def _positions(life: Life):
    return Position.objects.filter(account=life.desk.account)
