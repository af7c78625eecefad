"""What pages say while there is nothing to show."""

from __future__ import annotations

import pytest
from tests.app.trusted import House

from mergehouse.access.gateway import Gateway, NothingYet


def test_first_figures_are_awaited_while_they_are_written(
    trusted: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: object) -> None:
        raise NothingYet("none")

    monkeypatch.setattr(Gateway, "reader", nothing)
    answers = {}
    for state in ("", "writing"):
        monkeypatch.setattr(Gateway, "behind", lambda _, state=state: state)
        answers[state] = trusted.browser("executive").get("/quality")
        assert answers[state].status_code == 503
    assert "Nothing to show yet" in answers[""].text
    assert "are being prepared" in answers["writing"].text
    assert answers["writing"].headers["Retry-After"] == "5"
