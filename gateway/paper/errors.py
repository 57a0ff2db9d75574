"""How the venue says no: Binance's codes and texts, in the body ``{"code": n, "msg": text}``.

Source: https://developers.binance.com/docs/binance-spot-api-docs/errors
"""


class VenueError(Exception):
    """A refused request. ``status`` is the HTTP status; nothing was changed."""

    def __init__(
        self,
        code: int,
        msg: str,
        *,
        status: int = 400,
        headers: dict | None = None,
        data: dict | None = None,
    ) -> None:
        super().__init__(msg)
        self.code = code
        self.msg = msg
        self.status = status
        self.headers = headers or {}
        self.data = data

    def body(self) -> dict:
        """The answer's JSON."""
        body = {"code": self.code, "msg": self.msg}
        return body | {"data": self.data} if self.data is not None else body


def missing(name: str) -> VenueError:
    return VenueError(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def illegal(name: str, legal: str) -> VenueError:
    return VenueError(
        -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    )


def not_required(name: str) -> VenueError:
    return VenueError(-1106, f"Parameter '{name}' sent when not required.")


def too_precise(name: str) -> VenueError:
    return VenueError(-1111, f"Parameter '{name}' has too much precision.")


def filter_failure(name: str) -> VenueError:
    return VenueError(-1013, f"Filter failure: {name}")


def bad_symbol() -> VenueError:
    return VenueError(-1121, "Invalid symbol.")


def refused(msg: str) -> VenueError:
    """-2010: a new order that the matching engine does not take."""
    return VenueError(-2010, msg)


def insufficient_balance() -> VenueError:
    return refused("Account has insufficient balance for requested action.")


def duplicate_order() -> VenueError:
    return refused("Duplicate order sent.")


def unknown_order() -> VenueError:
    return VenueError(-2011, "Unknown order sent.")


def no_such_order() -> VenueError:
    return VenueError(-2013, "Order does not exist.")


def bad_key() -> VenueError:
    return VenueError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
