"""A house of two brands that is served: whose words must not be met, and a browser that has signed in."""

from __future__ import annotations

import re

from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.conftest import Shop
from tests.security.test_scopes import share_a_customer
from tests.suite import PASSWORD

from mergehouse.release.export.export import release

# of the other brand: what its name, customers, goods and orders are called
CANARIES = re.compile("zebra|hidden lamp|secret[12]|K7", re.IGNORECASE)


def share_and_release(shop: Shop) -> None:
    share_a_customer(shop)
    release(shop.project, to=str(shop.folder / "releases"))


def browser(app: FastAPI, name: str | None = None) -> TestClient:
    client = TestClient(
        app, base_url="http://localhost", follow_redirects=False, raise_server_exceptions=False
    )
    if name:
        assert client.post("/sign-in", data={"name": name, "password": PASSWORD}).status_code == 303
    return client
