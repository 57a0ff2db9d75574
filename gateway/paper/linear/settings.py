"""What a login may choose in futures: leverage and position mode; and the fixed rest."""

from gateway.paper.calls import Access, Call, Route
from gateway.paper.errors import VenueError
from gateway.paper.linear.algos import LinearAlgos
from gateway.paper.linear.desk import Desk
from gateway.paper.linear.filters import flag
from gateway.paper.linear.positions import PositionSide
from gateway.paper.linear.symbols import BRACKETS, largest_worth
from gateway.paper.linear.wire import number
from gateway.paper.market.asked import symbol_of

DONE = {"code": 200, "msg": "success"}


class LinearSettings:
    """The endpoints that show and change settings."""

    def __init__(self, market: Desk, algos: LinearAlgos) -> None:
        self._market = market
        self._algos = algos
        self._accounts = market.accounts

    def routes(self) -> list[Route]:
        base, signed = "/fapi/v1", Access.SIGNED
        dual, multi = f"{base}/positionSide/dual", f"{base}/multiAssetsMargin"
        return [
            Route("POST", f"{base}/leverage", self.set_leverage, signed, changes=True),
            Route("POST", f"{base}/marginType", self.set_margin_type, signed),
            Route("POST", dual, self.set_mode, signed, changes=True),
            Route("GET", dual, self.mode, signed, 30),
            Route("POST", multi, self.set_multi_assets, signed),
            Route("GET", multi, lambda call: {"multiAssetsMargin": False}, signed, 30),
            Route("GET", f"{base}/leverageBracket", self.brackets, signed),
            Route("GET", f"{base}/symbolConfig", self.symbol_config, signed, 5),
            Route("GET", f"{base}/accountConfig", self.account_config, signed, 5),
            Route("GET", f"{base}/commissionRate", self.commission, signed, 20),
            Route("GET", f"{base}/feeBurn", lambda call: {"feeBurn": False}, signed, 30),
        ]

    def set_leverage(self, call: Call) -> dict:
        """POST leverage of one symbol. Margin already in use must still suffice."""
        login, symbol = call.login.api_key, symbol_of(call, self._market.specs).symbol
        call.need("leverage")
        leverage = call.number("leverage")
        if not 1 <= leverage <= BRACKETS[0].leverage:
            raise VenueError(-4028, f"Leverage {leverage} is not valid")
        before = self._accounts.settings(login).leverage_of(symbol)
        self._check_leverage(login, symbol, before, leverage)
        self._accounts.set_leverage(login, symbol, leverage)
        self._market.reports.leverage(login, symbol, leverage)
        return {
            "leverage": leverage,
            "maxNotionalValue": number(largest_worth(leverage)),
            "symbol": symbol,
        }

    def set_margin_type(self, call: Call) -> dict:
        """POST marginType: every position is cross, and stays so."""
        symbol_of(call, self._market.specs)
        match call.need("marginType"):
            case "CROSSED":
                raise VenueError(-4046, "No need to change margin type.")
            case "ISOLATED":
                raise VenueError(-4168, "Unable to adjust to isolated-margin mode here.")
            case _:
                raise VenueError(-4049, "Invalid margin type.")

    def set_mode(self, call: Call) -> dict:
        """POST positionSide/dual: hedge mode on or off, for all symbols."""
        login = call.login.api_key
        call.need("dualSidePosition")
        hedged = flag(call, "dualSidePosition")
        if hedged == self._accounts.settings(login).hedged:
            raise VenueError(-4059, "No need to change position side.")
        if self._market.open.of_login(login) or self._algos.open.of_login(login):
            raise VenueError(-4067, "Position side cannot be changed if there exists open orders.")
        if self._accounts.positions(login):
            raise VenueError(-4068, "Position side cannot be changed if there exists position.")
        self._accounts.set_hedged(login, hedged)
        return dict(DONE)

    def mode(self, call: Call) -> dict:
        """GET positionSide/dual."""
        return {"dualSidePosition": self._accounts.settings(call.login.api_key).hedged}

    def set_multi_assets(self, call: Call) -> dict:
        """POST multiAssetsMargin: the only margin asset is USDT, and stays so."""
        call.need("multiAssetsMargin")
        if flag(call, "multiAssetsMargin"):
            raise VenueError(-4167, "Unable to adjust to Multi-Assets mode here.")
        raise VenueError(-4171, "No need to change Multi-Assets mode.")

    def brackets(self, call: Call) -> list[dict]:
        """GET leverageBracket of one or all symbols."""
        table = [
            {
                "bracket": bracket.number,
                "initialLeverage": bracket.leverage,
                "notionalCap": int(bracket.cap),
                "notionalFloor": int(bracket.floor),
                "maintMarginRatio": float(bracket.maintenance),
                "cum": float(bracket.cum),
            }
            for bracket in BRACKETS
        ]
        return [
            {"symbol": symbol, "notionalCoef": 1.0, "brackets": table}
            for symbol in self._symbols(call)
        ]

    def symbol_config(self, call: Call) -> list[dict]:
        """GET symbolConfig of one or all symbols."""
        settings = self._accounts.settings(call.login.api_key)
        return [
            {
                "symbol": symbol,
                "marginType": "CROSSED",
                "isAutoAddMargin": False,
                "leverage": settings.leverage_of(symbol),
                "maxNotionalValue": number(largest_worth(settings.leverage_of(symbol))),
            }
            for symbol in self._symbols(call)
        ]

    def account_config(self, call: Call) -> dict:
        """GET accountConfig."""
        return {
            "feeTier": 0,
            "canTrade": call.login.can_trade,
            "canDeposit": False,
            "canWithdraw": False,
            "dualSidePosition": self._accounts.settings(call.login.api_key).hedged,
            "updateTime": 0,
            "multiAssetsMargin": False,
            "tradeGroupId": -1,
        }

    def commission(self, call: Call) -> dict:
        """GET commissionRate of one symbol."""
        return {
            "symbol": symbol_of(call, self._market.specs).symbol,
            "makerCommissionRate": number(call.login.linear_maker),
            "takerCommissionRate": number(call.login.linear_taker),
            "rpiCommissionRate": "0",
        }

    def _symbols(self, call: Call) -> list[str]:
        if call.text("symbol"):
            return [symbol_of(call, self._market.specs).symbol]
        return list(self._market.specs)

    def _check_leverage(self, login: str, symbol: str, before: int, after: int) -> None:
        """What the login holds and has ordered fits the new leverage."""
        initial = sum(self._accounts.initial(login, symbol, side) for side in PositionSide)
        worth = initial * before
        if worth > largest_worth(after):
            raise VenueError(-2027, "Exceeded the maximum allowable position at current leverage.")
        if worth / after - initial > self._accounts.margin(login).available:
            raise VenueError(
                -2028, "Leverage is smaller than permitted: insufficient margin balance."
            )
