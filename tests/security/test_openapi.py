"""Whatever the API's own description allows somebody to send is answered as it says, for every role."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.security.merged import ORIGIN, ROLES, Merged

MOST = 10  # made-up requests an operation


@pytest.mark.long("some hundred made-up requests for each role")
@pytest.mark.parametrize("role", [*ROLES, "south", "two", "nobody"])
def test_every_request_is_answered_as_described(merged: Merged, role: str) -> None:
    schemathesis: Any = pytest.importorskip("schemathesis")
    from schemathesis.specs.openapi import checks

    kept_to = [
        schemathesis.checks.not_a_server_error, checks.status_code_conformance,
        checks.content_type_conformance, checks.response_schema_conformance,
        checks.response_headers_conformance, checks.negative_data_rejection,
    ]  # fmt: skip
    person = merged.asks(role)
    bearer = {"Authorization": person.headers["Authorization"]}
    schema = schemathesis.openapi.from_dict(merged.asks("executive").get("/api/v1/openapi.json").json())
    schema.app = merged.app
    told: list[int] = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=MOST, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def answered(case: Any) -> None:
            told.append(case.call_and_validate(base_url=ORIGIN, headers=bearer, checks=kept_to).status_code)

        answered()
    assert len(told) > 50 and (set(told) == {403}) == (role == "nobody")
