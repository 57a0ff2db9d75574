"""What is different about Binance, on spot and on derivatives?"""

from dataclasses import replace

from gateway.exchanges import codes, endings, filters
from gateway.exchanges.facts import Facts
from positions.engine.types import Reason, TriggerBy

SPOT = Facts(
    codes=codes.BINANCE,
    refusal_codes=codes.BINANCE_REFUSALS,
    filters=filters.BINANCE,
    endings=endings.BINANCE,
    duplicate_texts=("Duplicate order sent",),
    throttle_is_proof=True,
    client_id_length=36,
    original_id_key="origClientOrderId",
    order_trades_param="orderId",
    trades_from_id="fromId",
    edits_in_place=True,
    conditional_apart=True,
    conditional_id_keys=("algoId", "aid"),  # REST; ALGO_UPDATE on the stream.
    placed_id_keys=("actualOrderId", "ai"),
    trailing_percent=("0.1", "10"),  # USD-M and COIN-M, callbackRate.
    spot_trailing={"stopLossOrTakeProfit": "stopLoss"},
    expiry_param="goodTillDate",
    expiry_after_s=600,
    other_wallets=("/sapi/", "/papi/"),  # Margin accounts, and the portfolio's.
    # USD-M and COIN-M user data streams, ORDER_TRADE_UPDATE: "special client order id".
    forced_client_ids={"autoclose-": Reason.LIQUIDATION, "adl_autoclose": Reason.ADL},
    lists_every_open_order=True,
    funding_of_all=True,
    wallet_key="walletBalance",
    balance_keys=("balances", "assets", "userAssets"),
    permission_keys={"canTrade": "trade", "canWithdraw": "withdraw", "canDeposit": "deposit"},
    weight_per_cost=5.0,  # ccxt: 1,200 units a minute; Binance spot: 6,000.
    order_weight=1.0,
    order_limit_codes=("-1015",),
    # A list call per account type would be two to six requests, some of them signed.
    market_types={
        "": ("spot",),
        "spot": ("spot",),
        "margin": ("spot",),
        "swap": ("linear",),
        "future": ("linear",),
        "delivery": ("inverse",),
    },
    options={
        "fetchCurrencies": False,
        "fetchMargins": False,
        "warnOnFetchOpenOrdersWithoutSymbol": False,
    },
)
# ccxt makes up for the limits of orders by a cost of four; its other costs are Binance's weights.
LINEAR = replace(
    SPOT,
    market_types={"": ("linear",)},
    weight_per_cost=1.0,
    trigger_by={TriggerBy.MARK: {"workingType": "MARK_PRICE"}},
    mode_call=("fapiPrivateGetAccountConfig", "dualSidePosition"),  # Weighs 5, not 30.
)
INVERSE = replace(LINEAR, market_types={"": ("inverse",)}, trigger_by={}, mode_call=None)
