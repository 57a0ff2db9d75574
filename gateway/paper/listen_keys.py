"""Listen keys: short-lived words in a URL that open a login's own stream."""

import secrets
from collections.abc import Callable

from gateway.paper.store import Store

LIFE_MS = 3_600_000

Tell = Callable[[str, str, str], None]


class ListenKeys:
    """One key per login and market, valid for an hour after it was last asked for or kept alive."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: dict[str, dict] = {}
        self.load()

    def load(self) -> None:
        """Take everything from the store."""
        self._keys = self._store.documents("listen_key")

    def issue(self, login: str, market: str, now_ms: int) -> str:
        """The login's key, a new one if it has none, fresh for an hour."""
        key = self.of_login(login, market, now_ms) or secrets.token_hex(32)
        self._put(key, {"login": login, "market": market, "ends_ms": now_ms + LIFE_MS})
        return key

    def of_login(self, login: str, market: str, now_ms: int) -> str | None:
        """The login's key in a market, if it has one."""
        mine = (
            key
            for key, body in self._keys.items()
            if (body["login"], body["market"]) == (login, market) and body["ends_ms"] > now_ms
        )
        return next(mine, None)

    def extend(self, key: str, now_ms: int) -> bool:
        """Keep a key alive; false when there is no such key."""
        if self.owner_of(key, now_ms) is None:
            return False
        self._put(key, self._keys[key] | {"ends_ms": now_ms + LIFE_MS})
        return True

    def owner_of(self, key: str, now_ms: int) -> tuple[str, str] | None:
        """(market, login) of a key; ``None`` when it is over or never was."""
        body = self._keys.get(key)
        return (body["market"], body["login"]) if body and body["ends_ms"] > now_ms else None

    def close(self, key: str) -> None:
        if self._keys.pop(key, None) is not None:
            self._store.drop_document("listen_key", key)

    def expire(self, now_ms: int, tell: Tell) -> None:
        """Close the keys whose hour is over and ``tell(market, login, key)`` of each."""
        for key in [key for key, body in self._keys.items() if body["ends_ms"] <= now_ms]:
            body = self._keys[key]
            self.close(key)
            tell(body["market"], body["login"], key)

    def expire_now(self, now_ms: int, login: str | None, tell: Tell) -> int:
        """Close the keys of one login, or all, as if their hour were over; gives their number."""
        mine = [key for key, body in self._keys.items() if login in (None, body["login"])]
        for key in mine:
            self._put(key, self._keys[key] | {"ends_ms": now_ms})
        self.expire(now_ms, tell)
        return len(mine)

    def _put(self, key: str, body: dict) -> None:
        self._keys[key] = body
        self._store.put_document("listen_key", key, body)
