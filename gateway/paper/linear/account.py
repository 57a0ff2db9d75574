"""A login's futures wallet, positions and income over REST, and its listen key."""

from decimal import Decimal

from gateway.paper.calls import Access, Call, Route
from gateway.paper.errors import VenueError
from gateway.paper.linear.accounts import USDT, Income, Margin
from gateway.paper.linear.desk import Desk
from gateway.paper.linear.positions import (
    Position,
    PositionSide,
    liquidation_price,
    maintenance,
)
from gateway.paper.linear.symbols import largest_worth
from gateway.paper.linear.wire import number
from gateway.paper.market.asked import symbol_of
from gateway.paper.matching.amounts import ZERO, cut


class LinearAccount:
    """The endpoints that show what a login has."""

    def __init__(self, market: Desk) -> None:
        self._market = market
        self._venue = market.venue
        self._accounts = market.accounts

    def routes(self) -> list[Route]:
        signed, key, stream = Access.SIGNED, Access.KEY, "/fapi/v1/listenKey"
        return [
            Route("GET", "/fapi/v2/account", self.whole_account, signed, 5),
            Route("GET", "/fapi/v3/account", self.account, signed, 5),
            Route("GET", "/fapi/v2/balance", self.balance, signed, 5),
            Route("GET", "/fapi/v3/balance", self.balance, signed, 5),
            Route("GET", "/fapi/v2/positionRisk", self.every_position_risk, signed, 5),
            Route("GET", "/fapi/v3/positionRisk", self.position_risk, signed, 5),
            Route("GET", "/fapi/v1/income", self.income, signed, 30),
            Route("POST", stream, self.open_stream, key, changes=True),
            Route("PUT", stream, self.keep_stream, key, changes=True),
            Route("DELETE", stream, self.close_stream, key, changes=True),
        ]

    def account(self, call: Call) -> dict:
        """GET account of version 3: totals, and the positions that are or may become something."""
        login = call.login.api_key
        margin = self._accounts.margin(login)
        used = [held for held in self._sides(login) if self._in_use(login, *held)]
        return {
            **_totals(margin),
            "assets": [_asset(margin, call.now_ms)],
            "positions": [self._position(login, symbol, side) for symbol, side in used],
        }

    def whole_account(self, call: Call) -> dict:
        """GET account of version 2: with every symbol and with the login's permissions."""
        login = call.login.api_key
        margin = self._accounts.margin(login)
        return {
            "feeTier": 0,
            "canTrade": call.login.can_trade,
            "canDeposit": False,
            "canWithdraw": False,
            "updateTime": 0,
            "multiAssetsMargin": False,
            "tradeGroupId": -1,
            **_totals(margin),
            "assets": [_asset(margin, call.now_ms)],
            "positions": [self._position(login, *held) for held in self._sides(login)],
        }

    def balance(self, call: Call) -> list[dict]:
        """GET balance."""
        margin = self._accounts.margin(call.login.api_key)
        return [
            {
                "accountAlias": call.login.api_key,
                "asset": USDT,
                "balance": number(margin.wallet),
                "crossWalletBalance": number(margin.wallet),
                "crossUnPnl": number(margin.profit),
                "availableBalance": number(margin.available),
                "maxWithdrawAmount": number(_withdrawable(margin)),
                "marginAvailable": True,
                "updateTime": call.now_ms,
            }
        ]

    def position_risk(self, call: Call) -> list[dict]:
        """GET positionRisk of version 3: the positions that are or may become something."""
        login = call.login.api_key
        held = [held for held in self._named_sides(call) if self._in_use(login, *held)]
        return [self._risk(login, symbol, side) for symbol, side in held]

    def every_position_risk(self, call: Call) -> list[dict]:
        """GET positionRisk of version 2: of every symbol, flat or not."""
        login = call.login.api_key
        return [self._risk(login, symbol, side) for symbol, side in self._named_sides(call)]

    def income(self, call: Call) -> list[dict]:
        """GET income: profits, commissions, funding and what else moved the wallet."""
        symbol = symbol_of(call, self._market.specs).symbol if call.text("symbol") else None
        kind = call.text("incomeType")
        rows = self._market.store.income(
            call.login.api_key,
            symbol=symbol,
            kind=kind,
            from_ms=call.number("startTime"),
            to_ms=call.number("endTime"),
            limit=call.limit(100, 1000),
        )
        return [
            {
                "symbol": where,
                "incomeType": Income(what),
                "income": amount,
                "asset": USDT,
                "time": time_ms,
                "info": str(trade_id or what),
                "tranId": number_of,
                "tradeId": str(trade_id or ""),
            }
            for number_of, where, what, amount, time_ms, trade_id in rows
        ]

    def open_stream(self, call: Call) -> dict:
        """POST listenKey."""
        key = self._venue.listen_keys.issue(call.login.api_key, self._market.name, call.now_ms)
        return {"listenKey": key}

    def keep_stream(self, call: Call) -> dict:
        """PUT listenKey: the login's own, which need not be named."""
        keys = self._venue.listen_keys
        key = call.text("listenKey") or keys.of_login(
            call.login.api_key, self._market.name, call.now_ms
        )
        if key is None or not keys.extend(key, call.now_ms):
            raise VenueError(-1125, "This listenKey does not exist.")
        return {"listenKey": key}

    def close_stream(self, call: Call) -> dict:
        """DELETE listenKey."""
        keys = self._venue.listen_keys
        key = keys.of_login(call.login.api_key, self._market.name, call.now_ms)
        if key is not None:
            keys.close(key)
        return {}

    # The steps of the above.

    def _sides(self, login: str) -> list[tuple[str, PositionSide]]:
        """Every position that a login can have in its mode."""
        sides = [PositionSide.BOTH]
        if self._accounts.settings(login).hedged:
            sides = [PositionSide.LONG, PositionSide.SHORT]
        return [(symbol, side) for symbol in self._market.specs for side in sides]

    def _named_sides(self, call: Call) -> list[tuple[str, PositionSide]]:
        sides = self._sides(call.login.api_key)
        if call.text("symbol"):
            spec = symbol_of(call, self._market.specs)
            sides = [held for held in sides if held[0] == spec.symbol]
        return sides

    def _in_use(self, login: str, symbol: str, side: PositionSide) -> bool:
        return self._accounts.initial(login, symbol, side) > 0

    def _margins(self, login: str, position: Position) -> dict:
        """The margin that a position and its open orders ask for."""
        worth = position.worth(self._accounts.mark(position.symbol))
        leverage = self._accounts.settings(login).leverage_of(position.symbol)
        initial = self._accounts.initial(login, position.symbol, position.side)
        held = cut(worth / leverage)
        return {
            "initialMargin": number(initial),
            "maintMargin": number(maintenance(worth)),
            "positionInitialMargin": number(held),
            "openOrderInitialMargin": number(initial - held),
        }

    def _position(self, login: str, symbol: str, side: PositionSide) -> dict:
        position, mark = self._accounts.position(login, symbol, side), self._accounts.mark(symbol)
        leverage = self._accounts.settings(login).leverage_of(symbol)
        resting = self._accounts.resting(login, symbol, side)
        return {
            "symbol": symbol,
            "positionSide": side,
            "positionAmt": number(position.qty),
            "entryPrice": number(position.entry),
            "breakEvenPrice": number(position.entry),
            "unrealizedProfit": number(position.profit(mark)),
            "isolated": False,
            "isolatedMargin": "0",
            "isolatedWallet": "0",
            "notional": number(position.qty * mark),
            "leverage": str(leverage),
            "maxNotional": number(largest_worth(leverage)),
            "bidNotional": number(resting.buys),
            "askNotional": number(resting.sells),
            **self._margins(login, position),
            "updateTime": position.updated_ms,
        }

    def _risk(self, login: str, symbol: str, side: PositionSide) -> dict:
        position, mark = self._accounts.position(login, symbol, side), self._accounts.mark(symbol)
        leverage = self._accounts.settings(login).leverage_of(symbol)
        margin, resting = self._accounts.margin(login), self._accounts.resting(login, symbol, side)
        ruin = liquidation_price(position, mark, cushion=margin.balance - margin.maintenance)
        return {
            "symbol": symbol,
            "positionSide": side,
            "positionAmt": number(position.qty),
            "entryPrice": number(position.entry),
            "breakEvenPrice": number(position.entry),
            "markPrice": number(mark),
            "unRealizedProfit": number(position.profit(mark)),
            "liquidationPrice": number(ruin),
            "leverage": str(leverage),
            "maxNotionalValue": number(largest_worth(leverage)),
            "marginType": "cross",
            "isolatedMargin": "0",
            "isAutoAddMargin": "false",
            "notional": number(position.qty * mark),
            "marginAsset": USDT,
            "isolatedWallet": "0",
            **self._margins(login, position),
            "adl": 0,
            "bidNotional": number(resting.buys),
            "askNotional": number(resting.sells),
            "updateTime": position.updated_ms,
        }


def _withdrawable(margin: Margin) -> Decimal:
    """What could leave: never a profit that is not realised."""
    return max(ZERO, min(margin.available, margin.wallet))


def _totals(margin: Margin) -> dict:
    return {
        "totalInitialMargin": number(margin.positions + margin.orders),
        "totalMaintMargin": number(margin.maintenance),
        "totalWalletBalance": number(margin.wallet),
        "totalUnrealizedProfit": number(margin.profit),
        "totalMarginBalance": number(margin.balance),
        "totalPositionInitialMargin": number(margin.positions),
        "totalOpenOrderInitialMargin": number(margin.orders),
        "totalCrossWalletBalance": number(margin.wallet),
        "totalCrossUnPnl": number(margin.profit),
        "availableBalance": number(margin.available),
        "maxWithdrawAmount": number(_withdrawable(margin)),
    }


def _asset(margin: Margin, now_ms: int) -> dict:
    return {
        "asset": USDT,
        "walletBalance": number(margin.wallet),
        "unrealizedProfit": number(margin.profit),
        "marginBalance": number(margin.balance),
        "maintMargin": number(margin.maintenance),
        "initialMargin": number(margin.positions + margin.orders),
        "positionInitialMargin": number(margin.positions),
        "openOrderInitialMargin": number(margin.orders),
        "crossWalletBalance": number(margin.wallet),
        "crossUnPnl": number(margin.profit),
        "availableBalance": number(margin.available),
        "maxWithdrawAmount": number(_withdrawable(margin)),
        "marginAvailable": True,
        "updateTime": now_ms,
    }
