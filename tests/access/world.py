"""Who is there to ask, and what is there to ask for?"""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.audit import OPERATOR
from accounts.callers import authentication
from accounts.models import ApiKey, User
from accounts.rights.permissions import AccountRights
from accounts.tests import builders
from accounts.words import Right, Role
from positions.engine.types import CaseKind
from positions.models import Case, Deal, Position
from positions.outbox import holding
from positions.projector.cases import open_case
from positions.tests.desk import Desk

KINDS = (
    "none",
    "other",
    "read",
    "trade",
    "restricted",
    "risk",
    "readonly",
    "admin",
    "revoked",
    "expired",
)
NOWHERE = 10**9
JSON = "application/json"


@dataclass
class World:
    """One hedging account with two strategies, and a caller of each kind.

    ``restricted`` may touch ``own`` only; ``other`` has an account of its own and none of this one.
    """

    desk: Desk = field(default_factory=lambda: Desk(position_mode="hedge"))
    keys: dict[str, str] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    # One for all: each of its own would load the middleware, with its list of every static file.
    client: Client = field(default_factory=Client)

    def __post_init__(self) -> None:
        own, foreign = self.desk.strategy(), self.desk.strategy()
        self._make_keys(own)
        self.ids |= {"account": self.desk.account.pk, "own": own.pk, "foreign": foreign.pk}
        self.make_objects()

    def make_objects(self) -> None:
        """Fresh positions and orders of both strategies, under the same names."""
        for name in ("own", "foreign"):
            strategy_id = self.ids[name]
            kept = self.desk.bought("2", strategy_id=strategy_id)
            self.ids |= {
                f"{name}_position": kept.pk,
                f"{name}_second": self.desk.bought("1", strategy_id=strategy_id).pk,
                f"{name}_short": self.desk.filled("sell", "1", strategy_id=strategy_id).position_id,
                f"{name}_order": self.desk.rest(price="90", strategy_id=strategy_id).pk,
                f"{name}_case": self._case_of(kept).pk,
                f"{name}_deal": Deal.objects.filter(position=kept).earliest("id").pk,
            }

    def _case_of(self, position: Position) -> Case:
        with holding(self.desk.account.pk) as lane:
            return open_case(
                lane,
                CaseKind.UNCLOSABLE,
                f"position {position.pk}",
                strategy_id=position.strategy_id,
                position=position,
            )

    def ask(self, kind: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status and body that this kind of caller gets; whatever it did is undone."""
        with transaction.atomic():
            answer = self.ask_for_good(kind, method, path, body)
            transaction.set_rollback(True)
        return answer

    def ask_for_good(self, kind: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The same, and it stays."""
        authentication.forget()  # What was read before may have been undone.
        headers = {} if kind == "none" else {"x-api-key": self.keys[kind]}
        sent = {} if body is None else {"data": json.dumps(body), "content_type": JSON}
        self.client.cookies.clear()
        answer = getattr(self.client, method.lower())(path, headers=headers, **sent)
        is_json = answer.headers.get("Content-Type", "").startswith(JSON)
        if answer.streaming:  # A file is made while it is read.
            content = b"".join(answer.streaming_content)
            return answer.status_code, json.loads(content) if is_json else None
        return answer.status_code, answer.json() if is_json else None

    def filled_in(self, template: Any, **instead: int) -> Any:
        """``template`` with ``{names}`` replaced by ids; a name alone becomes a number."""
        ids = self.ids | instead
        match template:
            case dict():
                return {name: self.filled_in(value, **instead) for name, value in template.items()}
            case list():
                return [self.filled_in(value, **instead) for value in template]
            case str() if template.strip("{}") in ids and template.startswith("{"):
                return ids[template.strip("{}")]
            case str():
                return template.format(**ids) if "{" in template else template
        return template

    def _make_keys(self, own: Any) -> None:
        account, trader = self.desk.account, self.desk.user
        reader = AccountRights(frozenset({Right.READ}))
        strangers = builders.account("somebody else's")
        made = {
            "other": builders.key(builders.user("other"), strangers),
            "read": services.create_api_key(user=trader, grants={account.pk: reader}, by=OPERATOR),
            "trade": builders.key(trader, account),
            "restricted": builders.key(
                builders.user("robot", Role.ROBOT), account, strategies=[own]
            ),
            "risk": builders.key(builders.user("risk", Role.RISK), account),
            "readonly": builders.key(builders.user("reader", Role.READONLY), account),
            "admin": builders.key(builders.user("admin", Role.ADMIN)),
            "revoked": builders.key(trader, account),
            "expired": builders.key(trader, account),
        }
        services.revoke_api_key(api_key=made["revoked"].row, by=OPERATOR)
        past = timezone.now() - timedelta(seconds=1)
        ApiKey.objects.filter(pk=made["expired"].row.pk).update(expires_at=past)
        self.keys = {kind: issued.plain for kind, issued in made.items()}
        self.ids |= {
            "trade_key": made["trade"].row.pk,
            "trade_user": trader.pk,
            "admin_user": User.objects.get(username="admin").pk,
        }
