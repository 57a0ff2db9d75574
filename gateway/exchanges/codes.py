"""What do an exchange's own error numbers prove, and where in an answer do they stand?

The verdicts are stronger than ccxt's classes. Of a code that ccxt has no class for nothing would be
proven; the patterns say which ones the exchange documents as its no, so that a refused order is
rejected at once instead of being looked for.
"""

import re
from collections.abc import Mapping
from typing import Any

from gateway.words import Verdict

BINANCE = {
    "-1000": Verdict.UNANSWERED,
    "-1001": Verdict.UNANSWERED,
    "-1003": Verdict.THROTTLED,
    "-1006": Verdict.UNANSWERED,
    "-1007": Verdict.UNANSWERED,
    "-1008": Verdict.THROTTLED,
    "-1015": Verdict.THROTTLED,
    "-1021": Verdict.THROTTLED,
    "-1022": Verdict.REFUSED,
    "-2014": Verdict.REFUSED,
    # After an earlier success ccxt calls -2015 DDoSProtection, thinking of a temporary ban.
    "-2015": Verdict.REFUSED,
    "-4078": Verdict.UNANSWERED,  # Of options: an internal error.
    "-4116": Verdict.ADOPT,
    "-5027": Verdict.ADOPT,  # "No need to modify the order": it is as we want it.
    "-5028": Verdict.THROTTLED,  # Outside the matching engine's recvWindow.
}
# 11xx request, 20xx trading (-2007 a callback rate, -2020 unable to fill, -2023 in liquidation),
# 4xxx filters and limits, 50xx; those of the server are 10xx.
BINANCE_REFUSALS = r"-(1013|11\d\d|20\d\d|4\d\d\d|50\d\d)"

BYBIT = {
    "110072": Verdict.ADOPT,
    "170141": Verdict.ADOPT,
    "10006": Verdict.THROTTLED,
    # Internal errors, time-outs and "failed": https://bybit-exchange.github.io/docs/v5/error
    "170001": Verdict.UNANSWERED,
    "170007": Verdict.UNANSWERED,
    "170032": Verdict.UNANSWERED,
    "170146": Verdict.UNANSWERED,
    "170147": Verdict.UNANSWERED,
    "170149": Verdict.UNANSWERED,
    "170150": Verdict.UNANSWERED,
    "170234": Verdict.UNANSWERED,
}
BYBIT_REFUSALS = r"(110|170)\d{3}"

# https://www.okx.com/docs-v5/en/#error-code-rest-api-trade
OKX = {
    "51016": Verdict.ADOPT,
    "51149": Verdict.UNANSWERED,  # "Order timed out. Please try again later."
    "50011": Verdict.THROTTLED,
    "50061": Verdict.THROTTLED,
}
OKX_REFUSALS = r"51[0-3]\d\d"

# https://docs.kraken.com/api/docs/guides/spot-errors
KRAKEN_REFUSALS = r"EOrder:.*|EAPI:Invalid.*|EGeneral:(Invalid|Permission).*"

_CODE_KEYS = ("code", "retCode", "ret_code", "errCode", "err_code", "error_code", "errorCode",
              "err-code", "error")  # fmt: skip
_NO_CODE = {"", "0", "200", "ok", "None"}
_SAFE_CODE = re.compile(r"[A-Za-z0-9_.:,\- ]{1,64}")


def venue_code(body: Any) -> str | None:
    """The exchange's own error number in a parsed answer, without its free text.

    Looks where exchanges put it: ``code``, ``retCode``, … OKX's per-order ``sCode``, Kraken's list
    of catalogue codes under ``error``. Anything that does not look like a code is left out, because
    an exchange's text may repeat what was sent.
    """
    if isinstance(body, list):
        return venue_code(body[0]) if len(body) == 1 else None
    if not isinstance(body, Mapping):
        return None
    rows = body.get("data")
    if isinstance(rows, list) and rows and isinstance(rows[0], Mapping):
        detail = str(rows[0].get("sCode", ""))
        if detail not in _NO_CODE:
            return _checked(detail)
    for key in _CODE_KEYS:
        value = body.get(key)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, Mapping):
            value = value.get("code")
        if isinstance(value, str | int) and str(value) not in _NO_CODE:
            return _checked(str(value))
    return None


def _checked(code: str) -> str | None:
    return code if _SAFE_CODE.fullmatch(code) else None
