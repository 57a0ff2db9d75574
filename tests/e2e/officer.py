"""A person of the risk desk, with a key on every account."""

import json

import requests

from tests.e2e.product import Json, Product


class Officer:
    """Made with the product's own commands; acts over REST."""

    def __init__(self, product: Product) -> None:
        self._product = product
        product.manage("create_user", "--user-name", "officer", "--role", "risk", "--no-password")
        accounts = [f"--account-id={account['id']}" for account in product.accounts]
        made = product.manage("create_api_key", "--user-name", "officer", *accounts)
        self._key = json.loads(made)["api_key"]["plain"]

    def act(self, name: str, **body: object) -> Json:
        """Do something that must be allowed; returns the answer."""
        answer = requests.post(
            f"{self._product.base}/oms/risk/{name}",
            json=body | {"comment": "a test"},
            headers={"x-api-key": self._key},
            timeout=60,
        )
        assert answer.status_code == 200, f"{answer.text}\n{self._product.logs()}"
        return answer.json()
