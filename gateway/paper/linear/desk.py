"""What the endpoints of futures ask of their market, which is built from them."""

from abc import abstractmethod
from decimal import Decimal

from gateway.paper.linear.accounts import Accounts
from gateway.paper.linear.reports import LinearReports
from gateway.paper.market.market import Market
from gateway.paper.matching.orders import Order


class Desk(Market):
    """A market with margined accounts."""

    accounts: Accounts
    reports: LinearReports

    @abstractmethod
    def check_margin(self, order: Order, worth: Decimal | None = None) -> None:
        """May the login risk ``worth`` USDT more with this order? (Default: all it may come to.)

        Raises:
            VenueError: -2019 no margin for it, -2027 more than the leverage allows.
        """

    @abstractmethod
    def change_order(self, order: Order, *, qty: Decimal, price: Decimal) -> None:
        """Give an open limit order another total quantity and price; ids stay.

        Raises:
            VenueError: no margin for it; nothing was changed.
        """
