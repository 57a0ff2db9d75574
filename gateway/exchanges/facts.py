"""What can be different about an exchange? Each difference has a name and a careful default.

Only what documentation or observation tells: what a class of ccxt does, ``gateway.exchanges.seen``
has seen.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.exchanges.endings import Endings
from gateway.exchanges.filters import Filters
from gateway.words import Verdict
from positions.engine.types import Reason, TriggerBy


@dataclass(frozen=True, slots=True)
class Facts:
    """What one exchange does differently.

    ``codes``: verdicts for its own error codes, stronger than ccxt's class.
    ``refusal_codes``: patterns of codes that it documents as its no, for those of which ccxt has no
        class; ``codes`` names the exceptions.
    ``filters``: how it names the rule of a market that an order broke.
    ``endings``: how it says why it ended an order by itself.
    ``duplicate_texts``: parts of an error that mean "this client id is live already".
    ``throttle_is_proof``: its "too busy" and "wrong time" errors prove that nothing was executed,
        also without HTTP 429.
    ``client_id_length``, ``client_id_prefix``: the longest id it takes; what ccxt puts in front.
    ``original_id_key``: where its own answer (``info``) keeps our id, when ccxt's ``clientOrderId``
        is another one: Binance's answer to a cancel names the cancel's own id there.
    ``edits_in_place``: on derivatives, ``edit_order`` changes price and total quantity of the same
        order.
    ``order_trades_param``: ``fetch_my_trades`` takes the order's id under this name.
    ``trades_from_id``: ``fetch_my_trades`` takes the first trade id under this name.
    ``trigger_style``: ``kind`` says stop or take-profit (``stopLossPrice``, ``takeProfitPrice``);
        ``direction`` says from which side the price comes (``triggerPrice``, ``triggerDirection``).
    ``conditional_apart``: resting triggers of derivatives live at other endpoints
        (``params.trigger``), under ids of their own.
    ``conditional_id_keys``: where its own answer keeps the id of such a trigger; without them it
        cannot be told from an order, so none are offered.
    ``placed_id_keys``: where such an answer keeps the id of the order that the trigger placed.
    ``lists_triggers``: its plain lists hold triggers too, though ccxt can ask for them apart.
    ``trigger_by``: the ``params`` with which a trigger of its derivatives waits for another price
        than the last.
    ``trailing_percent``: the least and the most by which a trailing stop of its derivatives stays
        behind the price.
    ``spot_trailing``: the ``params`` that a trailing stop on spot needs beside its distance.
    ``expiry_param``: the millisecond field of good-till-date, and ``expiry_after_s`` how far ahead
        its time has to be.
    ``orders_by_get``: it takes orders by HTTP GET.
    ``json_numbers``: it wants quantities as JSON numbers, where ccxt passes them through untouched.
    ``float_numbers``: its ccxt class computes with parsed numbers, so they cannot be text.
    ``other_wallets``: parts of addresses at which other wallets trade than the account's own.
    ``forced_client_ids``: how the client ids begin that it gives the orders by which it closes an
        account's position by force.
    ``lists_every_open_order``: ``fetch_open_orders`` without a symbol lists those of all symbols,
        in one call.
    ``funding_of_all``: ``fetch_funding_history`` without a symbol lists the payments of all.
    ``mode_call``: the raw read of ccxt that tells cheaper than ``fetch_position_mode`` whether long
        and short are kept apart, and the field of its answer that says so.
    ``wallet_key``: in the rows of ``info.assets`` of a derivatives balance, the money without
        unrealised profit; ccxt's ``total`` is with it.
    ``balance_keys``: where its balance answers keep the list of what is held: one without any of
        them does not tell a balance.
    ``permission_keys``: what its balance tells of the login's rights, by the words we show.
    ``weight_per_cost``, ``order_weight``: where the list of markets tells the limits, what a unit
        of ccxt's cost weighs among them, and what an order does.
    ``order_limit_codes``: the codes that say "too many orders", not "too many requests".
    ``market_types``: what ``load_markets`` is limited to, by the account's default type.
    ``options``: ccxt options that a session starts with.
    """

    codes: Mapping[str, Verdict] = field(default_factory=dict)
    refusal_codes: str = ""
    filters: Filters = field(default_factory=Filters)
    endings: Endings = field(default_factory=dict)
    duplicate_texts: tuple[str, ...] = ()
    throttle_is_proof: bool = False
    client_id_length: int = 32
    client_id_prefix: str = ""
    original_id_key: str | None = None
    edits_in_place: bool = False
    order_trades_param: str | None = None
    trades_from_id: str | None = None
    trigger_style: str = "kind"
    conditional_apart: bool = False
    conditional_id_keys: tuple[str, ...] = ()
    placed_id_keys: tuple[str, ...] = ()
    lists_triggers: bool = False
    trigger_by: Mapping[TriggerBy, Mapping[str, str]] = field(default_factory=dict)
    trailing_percent: tuple[str, str] | None = None
    spot_trailing: Mapping[str, str] = field(default_factory=dict)
    expiry_param: str | None = None
    expiry_after_s: int = 0
    orders_by_get: bool = False
    json_numbers: bool = False
    float_numbers: bool = False
    other_wallets: tuple[str, ...] = ()
    forced_client_ids: Mapping[str, Reason] = field(default_factory=dict)
    lists_every_open_order: bool = False
    funding_of_all: bool = False
    mode_call: tuple[str, str] | None = None
    wallet_key: str | None = None
    balance_keys: tuple[str, ...] = ()
    permission_keys: Mapping[str, str] = field(default_factory=dict)
    weight_per_cost: float = 1.0
    order_weight: float | None = None
    order_limit_codes: tuple[str, ...] = ()
    market_types: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def refuses(self, code: str | None) -> bool:
        """Whether the code is documented as a refusal."""
        return bool(self.refusal_codes and code and re.fullmatch(self.refusal_codes, code))
