"""Who asks Fabric: access tokens from the environment, or from Azure's default chain. None is in a message.

`FABRIC_TOKEN` is an access token for https://api.fabric.microsoft.com; a service principal is in
`AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`. Azure's chain also knows workload and managed
identities and whoever is signed in with the Azure CLI; it comes with the extra `fabric`.
"""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from mergehouse.errors import ConfigError
from mergehouse.platform.fabric.api import FabricError, secure, send, told

AUTHORITY = "https://login.microsoftonline.com"
SCOPE = "https://api.fabric.microsoft.com/.default"
RENEW = 300  # seconds before its end that a token is no longer used
PRINCIPAL = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")


def token_from_environment(environment: Mapping[str, str] = os.environ) -> Callable[[], str] | None:
    """Gives a token each time one is needed; None where no credentials are set. Raises ConfigError where they
    are set by half.
    """
    if token := environment.get("FABRIC_TOKEN"):
        return lambda: token
    there = [name for name in PRINCIPAL if environment.get(name)]
    if "AZURE_CLIENT_SECRET" not in there:
        return None
    if missing := [name for name in PRINCIPAL if name not in there]:
        raise ConfigError(f"{missing[0]} is not set; a service principal needs {', '.join(PRINCIPAL)}.")
    authority = environment.get("AZURE_AUTHORITY_HOST", AUTHORITY)
    tenant, client, secret = (environment[name] for name in PRINCIPAL)
    return ServicePrincipal(tenant, client, secret, authority)


def token_source() -> Callable[[], str]:
    """Tokens of the environment, or of Azure's default chain. Raises FabricError where neither gives one."""
    source = token_from_environment() or _default_chain()
    source()
    return source


def _default_chain() -> Callable[[], str]:
    try:
        from azure.core.exceptions import ClientAuthenticationError
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise ConfigError(
            f"no credentials of Fabric: set FABRIC_TOKEN, or {', '.join(PRINCIPAL)}. For a managed identity"
            " or the Azure CLI: pip install 'mergehouse[fabric]'."
        ) from None
    chain = DefaultAzureCredential()

    def token() -> str:
        try:
            return chain.get_token(SCOPE).token
        except ClientAuthenticationError:
            raise FabricError(
                "Fabric: no credentials. Set FABRIC_TOKEN, or those of a service principal"
                f" ({', '.join(PRINCIPAL)}), or sign in with `az login`."
            ) from None

    return token


class ServicePrincipal:
    """Access tokens for a service principal, by its secret (OAuth 2.0 client credentials, RFC 6749 section
    4.4).
    """

    def __init__(
        self,
        tenant: str,
        client: str,
        secret: str,
        authority: str = AUTHORITY,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._url = f"{secure(authority)}/{urllib.parse.quote(tenant, safe='')}/oauth2/v2.0/token"
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": secret,
            "scope": SCOPE,
        }
        self._clock, self._token, self._until = clock, "", 0.0

    def __call__(self) -> str:
        if not self._token or self._clock() >= self._until:
            asked = self._clock()
            try:
                _, _, answer = send("POST", self._url, {}, self._form, form=True)
                self._token, self._until = (
                    answer["access_token"],
                    asked + float(answer.get("expires_in", 0)) - RENEW,
                )
            except urllib.error.HTTPError as error:
                code = str(told(error).get("error", "no reason given"))
                raise FabricError(
                    f"Fabric: Microsoft Entra gives no token (HTTP {error.code}, {code}). Check"
                    f" {', '.join(PRINCIPAL)}."
                ) from None
            except (OSError, ValueError, KeyError) as error:
                raise FabricError(
                    f"Fabric: Microsoft Entra gives no token ({type(error).__name__}). Check the network and"
                    " run again."
                ) from None
        return self._token


class Credential:
    """Tokens as Azure's libraries ask for them.

    fabric-cicd asks again only where a token has ended: a token that nobody can renew is then said to have
    ended, where it would be tried without end.
    """

    def __init__(self, source: Callable[[], str], lives: float = 86400):
        self._source, self._lives, self._given = source, lives, ""

    def get_token(self, *_scopes: str, **_options: Any) -> Any:
        from azure.core.credentials import AccessToken

        token = self._source()
        if token == self._given:
            raise FabricError("Fabric: the token in FABRIC_TOKEN has ended. Set a new one and run again.")
        self._given = token
        return AccessToken(token, int(time.time() + self._lives))
