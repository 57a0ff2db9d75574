"""The world that acts are tried in: the real gate, an exchange that answers, what is in doubt."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

from django.db import connections
from django.test import override_settings
from django.utils import timezone

from accounts import services
from accounts.audit import OPERATOR, Actor
from accounts.models import ApiKey, KeyPermission, User
from accounts.rights.permissions import AccountRights, StrategyRights
from accounts.tests import builders
from accounts.words import Role
from gateway import loop
from gateway.clients import readers
from gateway.loop import LoopThread
from gateway.tests.api.calling import with_login
from gateway.tests.venue import Answer, Venue, venue
from positions import ports, projector
from positions.engine.types import CaseAction, CaseKind, OrderStatus, OrderType, Side
from positions.models import Order
from positions.outbox import holding
from positions.projector.cases import open_case
from positions.reports import OrderReport
from positions.tests.desk import Desk
from positions.tests.fakes import LINEAR
from riskdesk import services as desk_acts
from riskdesk.targets import Target
from riskdesk.words import HaltState, KillScope, Scope
from tests.access.acts import Hands
from tests.access.world import World

_IN_EARNEST = {
    "OMS_RISK_PORT": "riskdesk.gate.Gate",
    "EXCHANGE_IDS": "gateway.exchanges.capabilities.exchange_ids",
}
_MONEY = {"asset": "USDT", "walletBalance": "1000", "availableBalance": "900",
          "marginBalance": "1000", "initialMargin": "100"}  # fmt: skip


@contextmanager
def staged() -> Iterator[World]:
    """A world of contracts with what every act is about; for use inside a transaction."""
    with override_settings(**_IN_EARNEST, OMS_DB_THREADS=1):
        ports.risk_gate.cache_clear()
        with _answering(), _one_connection():
            world = World(with_login(Desk(position_mode="hedge", exchange_id="ccxt.binanceusdm")))
            ports.exchange().prices[LINEAR] = 100
            _add_holders(world)
            _add_doubts(world)
            stray = world.desk.external("buy", "1")
            trader = Hands(world, world.keys["trade"])
            told = trader.give("send_order", **_REPLAYED)
            world.ids |= {"stray_order": stray.pk, "replayed_order": told.order_ids[0]}
            yield world
    ports.risk_gate.cache_clear()


_REPLAYED = {"symbol": LINEAR, "side": "buy", "order_type": "market", "qty": "1",
             "strategy_id": 0, "request_id": "r-1"}  # fmt: skip


def _add_holders(world: World) -> None:
    """A key that is halted, one that a switch stops, and a desk that minds one strategy."""
    account, own = world.desk.account, world.ids["own"]
    halted = builders.key(builders.user("held"), account)
    stopped = builders.user("stopped")
    builders.key(stopped, account)
    minder = builders.user("minder", Role.RISK)
    whole = services.template_grants(Role.RISK, [account.pk], [])[account.pk]
    narrow = services.create_api_key(
        user=minder,
        grants={account.pk: AccountRights(whole.granted, {own: StrategyRights()})},
        by=OPERATOR,
    )
    KeyPermission.objects.filter(api_key=_key(world, "restricted")).update(can_see_balance=False)
    world.keys |= {"halted": halted.plain, "restricted risk": narrow.plain}
    world.ids |= {
        "halted_key": halted.row.pk,
        "stopped_user": stopped.pk,
        "read_key": _key(world, "read").pk,
    }
    by = Actor(User.objects.get(username="risk").pk, "risk")
    desk_acts.set_halt(
        account_id=account.pk,
        target=Target(Scope.KEY, str(halted.row.pk)),
        state=HaltState.HALTED,
        comment="why",
        by=by,
    )
    desk_acts.pull(scope=KillScope.USER, target_id=stopped.pk, flatten=False, comment="why", by=by)


def _key(world: World, holder: str) -> ApiKey:
    return ApiKey.objects.get(prefix=world.keys[holder].split("_")[1])


def _add_doubts(world: World) -> None:
    """An order of the foreign strategy in doubt, with its case, and a position's close in doubt."""
    desk, foreign = world.desk, world.ids["foreign"]
    position = desk.bought("1", strategy_id=foreign)
    _into_doubt(desk, desk.close(position))
    order = _into_doubt(desk, desk.send(strategy_id=foreign))
    with holding(desk.account.pk) as lane:
        case = open_case(
            lane,
            CaseKind.UNKNOWN_ORDER,
            f"order {order.pk}",
            symbol=LINEAR,
            action=CaseAction.ADOPT,
            strategy_id=foreign,
            order=order,
        )
    ports.exchange().there[LINEAR, "x-there"] = OrderReport(
        symbol=LINEAR,
        exchange_order_id="x-there",
        client_order_id=None,
        status=OrderStatus.SUBMITTED,
        side=Side.BUY,
        qty=order.qty,
        filled_qty=order.qty * 0,
        order_type=OrderType.MARKET,
        placed_at=timezone.now(),
    )
    world.ids |= {"doubtful_position": position.pk, "doubt_case": case.pk}


def _into_doubt(desk: Desk, order: Order) -> Order:
    claim = desk.claim_one()
    projector.mark_unknown(claim.instruction.pk, claim.instruction.fence)
    return desk.fresh(order)


@contextmanager
def _answering() -> Iterator[Venue]:
    """An exchange that tells a balance and takes settings, on a loop of its own."""
    thread, stack = LoopThread("venue"), AsyncExitStack()
    here: Venue = thread.call(stack.enter_async_context(venue()), 10)
    here.answers |= {
        "POST /fapi/v1/leverage": Answer(body={"leverage": 5}),
        "GET /fapi/v3/account": Answer(body={"assets": [_MONEY], "positions": []}),
        "GET /fapi/v2/account": Answer(body={"assets": [_MONEY], "positions": []}),
    }
    try:
        yield here
    finally:
        thread.call(stack.aclose(), 10)
        thread.stop(5)


@contextmanager
def _one_connection() -> Iterator[None]:
    """What coroutines do in the database is done in this thread's transaction.

    Only ever one of the two threads works: whoever calls a coroutine here waits for it.
    """
    ours = connections["default"]

    def lend() -> None:
        connections["default"] = ours

    loop.stop()
    ours.inc_thread_sharing()
    # What a thread does after each of its works would end the transaction.
    ours.close_if_unusable_or_obsolete = lambda: None
    loop.reading.call(loop.db(lend), 10)
    try:
        yield
    finally:
        loop.reading.call(readers.close_all(), 5)
        loop.stop()
        del ours.close_if_unusable_or_obsolete
        ours.dec_thread_sharing()
