"""What a spot login may know of itself, and the account endpoints that clients ask at start."""

from gateway.paper.calls import Access, Call, Route
from gateway.paper.errors import VenueError
from gateway.paper.logins import Login
from gateway.paper.market.asked import symbol_of
from gateway.paper.market.market import Market
from gateway.paper.market.symbols import ASSETS
from gateway.paper.matching.amounts import fixed, plain


class SpotAccount:
    """Balances, fees, listen keys, and the ``/sapi`` answers that ccxt loads its markets with."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._venue = market.venue

    def routes(self) -> list[Route]:
        signed, stream = Access.SIGNED, "/api/v3/userDataStream"
        return [
            Route("GET", "/api/v3/account", self.account, signed, 20),
            Route("GET", "/api/v3/account/commission", self.commission, signed, 20),
            Route("GET", "/api/v3/rateLimit/order", self.order_limits, signed, 40),
            Route("POST", stream, self.open_stream, Access.KEY, 2, changes=True),
            Route("PUT", stream, self.keep_stream, Access.KEY, 2, changes=True),
            Route("DELETE", stream, self.close_stream, Access.KEY, 2, changes=True),
            Route("GET", "/sapi/v1/system/status", lambda call: {"status": 0, "msg": "normal"}),
            Route("GET", "/sapi/v1/capital/config/getall", self.coins, signed, 10),
            Route("GET", "/sapi/v1/margin/allPairs", lambda call: [], signed),
            Route("GET", "/sapi/v1/margin/isolated/allPairs", lambda call: [], signed),
            Route("GET", "/sapi/v1/asset/tradeFee", self.trade_fees, signed),
            Route("GET", "/sapi/v1/account/status", lambda call: {"data": "Normal"}, signed),
            Route("GET", "/sapi/v1/account/apiRestrictions", self.restrictions, signed),
        ]

    def account(self, call: Call) -> dict:
        """GET account: every asset of the venue, or only what is owned."""
        login = call.login
        owned = self._venue.ledger.of(login.api_key, self._market.name)
        assets = sorted({*ASSETS, *owned})
        if call.text("omitZeroBalances") == "true":
            assets = [name for name in assets if name in owned and _any(owned[name])]
        return {
            "makerCommission": int(login.maker * 10_000),
            "takerCommission": int(login.taker * 10_000),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": _rates(login),
            "canTrade": login.can_trade,
            "canWithdraw": False,
            "canDeposit": False,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": call.now_ms,
            "accountType": "SPOT",
            "balances": [_balance(self._venue.ledger, login, name) for name in assets],
            "permissions": ["SPOT"],
            "uid": login.uid,
        }

    def commission(self, call: Call) -> dict:
        """GET account/commission of one symbol."""
        zero = dict.fromkeys(("maker", "taker", "buyer", "seller"), "0.00000000")
        return {
            "symbol": symbol_of(call, self._market.specs).symbol,
            "standardCommission": _rates(call.login),
            "specialCommission": zero,
            "taxCommission": zero,
            "discount": {
                "enabledForAccount": call.login.fee_mode == "bnb",
                "enabledForSymbol": True,
                "discountAsset": "BNB",
                "discount": "0.00000000",
            },
        }

    def order_limits(self, call: Call) -> list[dict]:
        """GET rateLimit/order."""
        told = self._venue.limiters[self._market.name].told()
        return [limit for limit in told if limit["rateLimitType"] == "ORDERS"]

    def open_stream(self, call: Call) -> dict:
        """POST userDataStream."""
        key = self._venue.listen_keys.issue(call.login.api_key, self._market.name, call.now_ms)
        return {"listenKey": key}

    def keep_stream(self, call: Call) -> dict:
        """PUT userDataStream."""
        if not self._venue.listen_keys.extend(call.need("listenKey"), call.now_ms):
            raise VenueError(-1125, "This listenKey does not exist.")
        return {}

    def close_stream(self, call: Call) -> dict:
        """DELETE userDataStream."""
        self._venue.listen_keys.close(call.need("listenKey"))
        return {}

    def coins(self, call: Call) -> list[dict]:
        """GET capital/config/getall: the assets, none of which can be moved in or out."""
        owned = self._venue.ledger.of(call.login.api_key, self._market.name)
        return [
            {
                "coin": name,
                "name": name,
                "depositAllEnable": False,
                "withdrawAllEnable": False,
                "trading": True,
                "isLegalMoney": False,
                "free": plain(owned[name].free) if name in owned else "0",
                "locked": plain(owned[name].locked) if name in owned else "0",
                "freeze": "0",
                "ipoable": "0",
                "ipoing": "0",
                "storage": "0",
                "withdrawing": "0",
                "networkList": [],
            }
            for name in ASSETS
        ]

    def trade_fees(self, call: Call) -> list[dict]:
        """GET asset/tradeFee of one or all symbols."""
        specs = self._market.specs.values()
        if call.text("symbol"):
            specs = [symbol_of(call, self._market.specs)]
        return [
            {
                "symbol": spec.symbol,
                "makerCommission": plain(call.login.maker),
                "takerCommission": plain(call.login.taker),
            }
            for spec in specs
        ]

    def restrictions(self, call: Call) -> dict:
        """GET account/apiRestrictions: reading and trading, no withdrawals."""
        return {
            "ipRestrict": False,
            "createTime": 0,
            "enableReading": True,
            "enableSpotAndMarginTrading": call.login.can_trade,
            "enableFutures": call.login.can_trade,
            "enableWithdrawals": False,
            "enableInternalTransfer": False,
            "permitsUniversalTransfer": False,
            "enableMargin": False,
            "enableVanillaOptions": False,
        }


def _any(balance) -> bool:
    return bool(balance.free or balance.locked)


def _balance(ledger, login: Login, asset: str) -> dict:
    balance = ledger.get(login.api_key, "spot", asset)
    return {"asset": asset, "free": fixed(balance.free), "locked": fixed(balance.locked)}


def _rates(login: Login) -> dict:
    return {
        "maker": fixed(login.maker),
        "taker": fixed(login.taker),
        "buyer": "0.00000000",
        "seller": "0.00000000",
    }
