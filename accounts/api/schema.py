"""How does the key show in the OpenAPI document?"""

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The header ``x-api-key``, holding an API key or a login token."""

    target_class = "accounts.callers.authentication.KeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "x-api-key",
            "description": "An API key (`cxp_…`) or a login token (`tok_…`).",
        }
