"""Who gets which status in the back office? See ``expectations``."""

from tests.access.table import ADMIN, DAYS, MADE, case

BACK_OFFICE = [
    case("GET /system/status", ADMIN),
    case("GET /backoffice/accounts", ADMIN),
    case(
        "POST /backoffice/accounts",
        MADE,
        body={"exchange_id": "ccxt.binance", "label": "new"},
    ),
    case("GET /backoffice/accounts/{account_id}", ADMIN, "/backoffice/accounts/{account}"),
    case(
        "PATCH /backoffice/accounts/{account_id}",
        ADMIN,
        "/backoffice/accounts/{account}",
        {"label": "renamed"},
    ),
    case(
        "POST /backoffice/accounts/{account_id}/test-connection",
        ADMIN,
        "/backoffice/accounts/{account}/test-connection",
    ),
    case("GET /backoffice/users", ADMIN),
    case("POST /backoffice/users", MADE, body={"user_name": "new", "role": "robot"}),
    case("GET /backoffice/users/{user_id}", ADMIN, "/backoffice/users/{trade_user}"),
    case(
        "PATCH /backoffice/users/{user_id}",
        ADMIN,
        "/backoffice/users/{trade_user}",
        {"is_active": False},
    ),
    case(
        "DELETE /backoffice/users/{user_id}/two-factor",
        ADMIN,
        "/backoffice/users/{trade_user}/two-factor",
    ),
    case("GET /backoffice/api-keys", ADMIN),
    case("POST /backoffice/api-keys", MADE, body={"user_id": "{trade_user}"}),
    case("GET /backoffice/api-keys/{api_key_id}", ADMIN, "/backoffice/api-keys/{trade_key}"),
    case(
        "PATCH /backoffice/api-keys/{api_key_id}",
        ADMIN,
        "/backoffice/api-keys/{trade_key}",
        {"status": "revoked"},
    ),
    case(
        "GET /backoffice/api-keys/{api_key_id}/permissions",
        ADMIN,
        "/backoffice/api-keys/{trade_key}/permissions",
    ),
    case(
        "PUT /backoffice/api-keys/{api_key_id}/permissions",
        ADMIN,
        "/backoffice/api-keys/{trade_key}/permissions",
        {"permissions": []},
    ),
    case(
        "PATCH /backoffice/api-keys/{api_key_id}/permissions",
        ADMIN,
        "/backoffice/api-keys/{trade_key}/permissions",
        {"permissions": [{"account_id": "{account}", "can_trade": False}]},
    ),
    case("GET /backoffice/strategies", ADMIN),
    case("POST /backoffice/strategies", MADE, body={"name": "new"}),
    case("GET /backoffice/strategies/{strategy_id}", ADMIN, "/backoffice/strategies/{own}"),
    case(
        "PATCH /backoffice/strategies/{strategy_id}",
        ADMIN,
        "/backoffice/strategies/{own}",
        {"status": "disabled"},
    ),
    case(
        "GET /backoffice/oms/orders/open",
        ADMIN,
        "/backoffice/oms/orders/open?account_ids={account}",
    ),
    case("GET /backoffice/oms/orders", ADMIN, f"/backoffice/oms/orders?{DAYS}"),
    case("GET /backoffice/oms/orders/history", ADMIN, f"/backoffice/oms/orders/history?{DAYS}"),
    case("GET /backoffice/oms/orders/{ids}", ADMIN, "/backoffice/oms/orders/{own_order}"),
    case("GET /backoffice/oms/deals", ADMIN, f"/backoffice/oms/deals?{DAYS}"),
    case("GET /backoffice/oms/deals/{ids}", ADMIN, "/backoffice/oms/deals/{own_deal}"),
    case(
        "GET /backoffice/oms/positions/open",
        ADMIN,
        "/backoffice/oms/positions/open?account_ids={account}",
    ),
    case(
        "GET /backoffice/oms/positions/history",
        ADMIN,
        f"/backoffice/oms/positions/history?{DAYS}",
    ),
    case("GET /backoffice/oms/positions/{ids}", ADMIN, "/backoffice/oms/positions/{own_position}"),
    case("GET /backoffice/oms/events", ADMIN, "/backoffice/oms/events?account_ids={account}"),
    *(
        case(f"GET {path}/export", ADMIN, f"{path}/export?{query}")
        for path, query in {
            "/backoffice/oms/orders": DAYS,
            "/backoffice/oms/orders/open": "account_ids={account}",
            "/backoffice/oms/orders/history": DAYS,
            "/backoffice/oms/deals": DAYS,
            "/backoffice/oms/positions/open": "account_ids={account}",
            "/backoffice/oms/positions/history": DAYS,
            "/backoffice/oms/events": "account_ids={account}",
        }.items()
    ),
]
