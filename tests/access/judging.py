"""What has been brought about, and whose right is it?

The database before and after says what happened; ``MAY`` says for whom that is right, in words of
the contract and not of the table that the services read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils import timezone

from accounts.models import Account, ApiKey, AuditEntry, Strategy, User
from accounts.rights.families import standings
from accounts.rights.permissions import KEY_TEMPLATES, AccountRights, is_within
from accounts.words import Role
from gateway.models import ReconcileRun
from positions.models import Case, Deal, Instruction, InstructionKind, Order, Position
from riskdesk.models import LIMIT_NAMES, Control, Flattening, KillSwitch
from tests.access.acts import Seen
from tests.access.world import World

HOLDERS = (
    "read",
    "trade",
    "restricted",
    "risk",
    "restricted risk",
    "readonly",
    "admin",
    "halted",
)
RESTRICTED = {"restricted", "restricted risk"}
_TRADERS, _DESK = {"trade", "restricted"}, {"risk", "restricted risk"}
_HELD_TRADERS = _TRADERS | {"halted"}
_CLOSERS = _HELD_TRADERS | _DESK

MAY: Mapping[str, set[str]] = {
    "a sight of orders": {*HOLDERS} - {"admin"},
    "a sight of the balance": {*HOLDERS} - {"admin"} - RESTRICTED,
    "an opening order": _TRADERS,
    "a closing order": _CLOSERS,
    "a close in doubt given again": _DESK,
    "a cancel": _CLOSERS,
    "a change of an order": _HELD_TRADERS,
    "a stop": _HELD_TRADERS,
    "a reassign": _HELD_TRADERS | {"admin"},
    "a position closed by another": _CLOSERS,
    "a merge": _CLOSERS,
    "another key's request": _TRADERS,
    "a reconciliation": {*HOLDERS} - {"admin"},
    "a decision": _CLOSERS | {"admin"},
    "a rest written off": _CLOSERS | {"admin"},
    "a position written off": _DESK | {"admin"},
    "a doubt ended": _DESK | {"admin"},
    "a setting of the account": {"trade", "halted"},
    "a strategy": _TRADERS | {"admin"},
    "limits": {"risk"},
    "limits of a strategy": _DESK,
    "openings allowed or not": {"risk"},
    "openings of a strategy allowed or not": _DESK,
    "a status": {"risk"},
    "a halt": {"risk"},
    "a halt of a strategy": _DESK,
    "a kill": {"risk"},
    "a flatten": {"risk"},
    "a release": {"risk"},
    "a key was changed": set(),
    "a key was widened": set(),
    "a key was made": set(),
    "an admin": set(),
}


@dataclass(frozen=True)
class Effect:
    """Something that happened, and to which strategies; ``None``: to none in particular."""

    what: str
    strategies: frozenset[int] | None = None


Rows = Mapping[int, Mapping[str, Any]]
_READ = {
    "orders": (
        Order,
        ("strategy_id", "position_id", "closes_position", "is_open", "cancel_requested_at",
         "status", "group_role", "exchange_order_id"),
    ),
    "instructions": (Instruction, ("kind", "order_id")),
    "positions": (
        Position,
        ("strategy_id", "qty", "state", "stop_loss", "stop_gain", "trailing", "merged_into_id"),
    ),
    "deals": (Deal, ("position_id", "order_id", "price", "position_strategy_id")),
    "cases": (Case, ("kind", "strategy_id", "position_id", "state", "comment", "owner_id")),
    "runs": (ReconcileRun, ("account_id",)),
    "controls": (Control, ("scope", "target", "state", "allow_new_positions", *LIMIT_NAMES)),
    "accounts": (Account, ("status",)),
    "switches": (KillSwitch, ("scope", "holds")),
    "flattenings": (Flattening, ("switch_id", "account_id")),
    "strategies": (Strategy, ("status",)),
    "keys": (ApiKey, ("status", "expires_at", "ip_allow_list", "user_id")),
}  # fmt: skip


@dataclass(frozen=True)
class State:
    """What acts can change, as it is at a moment."""

    orders: Rows
    instructions: Rows
    positions: Rows
    deals: Rows
    cases: Rows
    runs: Rows
    controls: Rows
    accounts: Rows
    switches: Rows
    flattenings: Rows
    strategies: Rows
    keys: Rows
    rights: Mapping[int, Mapping[int, AccountRights]]
    admins: frozenset[int]
    settings: int

    @classmethod
    def read(cls) -> "State":
        """As it is now."""
        rows: dict[str, Any] = {
            name: {row.pop("pk"): row for row in model.objects.values("pk", *columns)}
            for name, (model, columns) in _READ.items()
        }
        standing = standings(ApiKey.objects.all(), at=timezone.now())
        return cls(
            **rows,
            rights={
                number: each.rights if each.is_live else {} for number, each in standing.items()
            },
            admins=frozenset(User.objects.filter(role=Role.ADMIN).values_list("pk", flat=True)),
            settings=AuditEntry.objects.filter(action="ccxt_set_leverage").count(),
        )


@dataclass(frozen=True)
class Judge:
    """Compares what is with what was, for one holder."""

    world: World
    holder: str
    before: State

    def leaks(self, told: Any = None) -> list[str]:
        """What happened, or was ``told``, that is not the holder's right."""
        now = State.read()
        reach = {self.world.ids["own"], *(now.strategies.keys() - self.before.strategies.keys())}
        return [
            each.what
            for each in self.effects(now, told)
            if self.holder not in MAY[each.what]
            or (self.holder in RESTRICTED and not reach.issuperset(each.strategies or ()))
        ]

    def effects(self, now: State, told: Any = None) -> list[Effect]:
        """Everything that happened."""
        return [
            *Difference(self.before, now, self.world.ids).effects(),
            *self._of_keys(now),
            *self._of_sight(told),
        ]

    def _of_sight(self, told: Any) -> Iterator[Effect]:
        if isinstance(told, Seen):
            what = "a sight of the balance" if told.strategies is None else "a sight of orders"
            yield Effect(what, told.strategies)
        elif (
            getattr(told, "request_id", None) and self.world.ids["replayed_order"] in told.order_ids
        ):
            yield Effect("another key's request")

    def _of_keys(self, now: State) -> Iterator[Effect]:
        before, mine = self.before, self._mine
        for number in now.keys.keys() & before.keys.keys():
            if number != mine and now.keys[number] != before.keys[number]:
                yield Effect("a key was changed")
            if not self._is_within(now.rights[number], before.rights[number]):
                yield Effect("a key was widened")
        for number in now.keys.keys() - before.keys.keys():
            bound = before.rights[mine]
            if self.holder == "admin":
                owner = User.objects.get(pk=now.keys[number]["user_id"])
                template = AccountRights(KEY_TEMPLATES[Role(owner.role)].rights)
                bound = dict.fromkeys(now.rights[number], template)
            if self.holder == "halted" or not self._is_within(now.rights[number], bound):
                yield Effect("a key was made")

    def _is_within(
        self, wanted: Mapping[int, AccountRights], bound: Mapping[int, AccountRights]
    ) -> bool:
        """Whether nothing is wider but for strategies that a holder who may has just made."""
        for number, rights in wanted.items():
            kept = rights
            if self.holder in _TRADERS and rights.strategies is not None:
                known = self.before.strategies
                listed = {each: said for each, said in rights.strategies.items() if each in known}
                kept = AccountRights(rights.granted, listed)
            if not is_within(kept, bound.get(number, AccountRights())):
                return False
        return True

    @cached_property
    def _mine(self) -> int:
        return ApiKey.objects.get(prefix=self.world.keys[self.holder].split("_")[1]).pk


@dataclass(frozen=True)
class Difference:
    """Two states, told as what happened between them."""

    before: State
    now: State
    ids: Mapping[str, int]

    def effects(self) -> list[Effect]:
        """What happened to anything but keys."""
        return [
            *self._of_new_orders(),
            *self._of_orders(),
            *self._of_positions(),
            *self._of_cases(),
            *self._of_the_account(),
            *self._of_the_desk(),
        ]

    def _of_new_orders(self) -> Iterator[Effect]:
        for number in self.now.orders.keys() - self.before.orders.keys():
            order = self.now.orders[number]
            if order["group_role"] and not order["closes_position"]:
                what = "a stop"
            elif not order["closes_position"]:
                what = "an opening order"
            elif order["position_id"] == self.ids["doubtful_position"]:
                what = "a close in doubt given again"
            else:
                what = "a closing order"
            yield Effect(what, frozenset({order["strategy_id"]}))

    def _of_orders(self) -> Iterator[Effect]:
        decided = {each.what for each in self._of_cases()}
        for was, order in self._changed("orders"):
            both = frozenset({was["strategy_id"], order["strategy_id"]})
            if both != {order["strategy_id"]}:
                yield Effect("a reassign", both)
            if order["cancel_requested_at"] != was["cancel_requested_at"] or (
                was["is_open"] and not order["is_open"] and "a doubt ended" not in decided
            ):
                yield Effect("a cancel", both)
            if was["status"] == "UNKNOWN" != order["status"]:
                yield Effect("a doubt ended", both)
        for number in self.now.instructions.keys() - self.before.instructions.keys():
            told = self.now.instructions[number]
            order = self.now.orders[told["order_id"]]
            # Changed in place, or cancelled to be replaced: nobody asked for a cancel.
            if told["kind"] != InstructionKind.CREATE and order["cancel_requested_at"] is None:
                yield Effect("a change of an order", frozenset({order["strategy_id"]}))

    def _of_positions(self) -> Iterator[Effect]:
        changed = list(self._changed("positions"))
        merged = any(was["merged_into_id"] != row["merged_into_id"] for was, row in changed)
        moved = {each.what for each in self._of_orders()} & {"a reassign"}
        written_off = {each.what for each in self._written_off()}
        for was, row in changed:
            both = frozenset({was["strategy_id"], row["strategy_id"]})
            if any(was[name] != row[name] for name in ("stop_loss", "stop_gain", "trailing")):
                yield Effect("a merge" if merged else "a stop", both)
            if was["qty"] == row["qty"] or moved or written_off:
                continue
            yield Effect("a merge" if merged else "a position closed by another", both)
        yield from self._written_off()

    def _written_off(self) -> Iterator[Effect]:
        """A deal without an order, while the case of its position came to an end."""
        decided = {row["position_id"] for was, row in self._changed("cases")
                   if was["state"] != row["state"]}  # fmt: skip
        for number in self.now.deals.keys() - self.before.deals.keys():
            deal = self.now.deals[number]
            if deal["order_id"] is None and deal["position_id"] in decided:
                what = "a rest written off" if deal["price"] == 100 else "a position written off"
                yield Effect(what, frozenset({deal["position_strategy_id"]}))

    def _of_cases(self) -> Iterator[Effect]:
        for was, row in self._changed("cases"):
            of_doubt = row["kind"] == "unknown_order" and was["state"] != row["state"]
            by_someone = row["owner_id"] is not None
            if by_someone:
                what = "a doubt ended" if of_doubt else "a decision"
                yield Effect(what, frozenset({row["strategy_id"]}))

    def _of_the_account(self) -> Iterator[Effect]:
        if self.now.runs.keys() - self.before.runs.keys():
            yield Effect("a reconciliation")
        if self.now.settings != self.before.settings:
            yield Effect("a setting of the account")
        if self.now.strategies.keys() - self.before.strategies.keys():
            yield Effect("a strategy")
        if self.now.admins != self.before.admins:
            yield Effect("an admin")

    def _of_the_desk(self) -> Iterator[Effect]:
        nothing = dict.fromkeys(("state", "allow_new_positions", *LIMIT_NAMES))
        nothing |= {"state": "active", "allow_new_positions": True}
        for number, row in self.now.controls.items():
            was = self.before.controls.get(number, nothing)
            of_strategy = row["scope"] == "strategy"
            touched = frozenset({int(row["target"])}) if of_strategy else None
            of_one = " of a strategy" if of_strategy else ""
            if row["state"] != was["state"]:
                yield Effect(f"a halt{of_one}", touched)
            if row["allow_new_positions"] != was["allow_new_positions"]:
                yield Effect(f"openings{of_one} allowed or not", touched)
            if any(row[name] != was[name] for name in LIMIT_NAMES):
                yield Effect(f"limits{of_one}", touched)
        if self.now.accounts != self.before.accounts:
            yield Effect("a status")
        if self.now.flattenings.keys() - self.before.flattenings.keys():
            yield Effect("a flatten")
        if self.now.switches.keys() - self.before.switches.keys():
            yield Effect("a kill")
        if any(was["holds"] != row["holds"] for was, row in self._changed("switches")):
            yield Effect("a release")

    def _changed(self, name: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        before, now = getattr(self.before, name), getattr(self.now, name)
        for number in now.keys() & before.keys():
            if now[number] != before[number]:
                yield before[number], now[number]
