"""Figures are kept up while pages are served, and what stands in the way is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.conftest import Shop
from tests.security.served_house import browser
from tests.suite import PASSWORD

from mergehouse.access.audience import audience, refresh_extracts
from mergehouse.access.gateway import Gateway
from mergehouse.access.people import People
from mergehouse.access.policy import load_policy
from mergehouse.access.serving import current_version, serving_folder
from mergehouse.app.serve import Service, expect_servable
from mergehouse.app.server import create_app
from mergehouse.app.upkeep import Upkeep
from mergehouse.errors import ConfigError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.lock import exclusive
from mergehouse.lakehouse.published import publish

pytestmark = pytest.mark.slow("processes that publish and write")


def test_what_others_publish_is_shown_soon(
    house: Shop, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run by a machine that knows nothing of dashboards, and a user with two roles that nobody had."""
    refresh_extracts(house.project)
    upkeep = Upkeep(house.project, None)
    written: list[str] = []

    def here() -> None:
        written.append(Gateway(house.project, load_policy(house.project)).behind())
        refresh_extracts(house.project)

    monkeypatch.setattr(Upkeep, "_written", lambda self: (self._tell(True, False), here(), None)[-1])
    upkeep.look()
    assert written == []
    people.add("cleo", "Cleo", ["brand_manager_shop", "brand_manager_zebra"], PASSWORD)
    upkeep.look()
    policy = load_policy(house.project)
    both = policy.scope(["brand_manager_shop", "brand_manager_zebra"])
    assert both and written == ["writing"]
    gateway = Gateway(house.project, policy)
    assert gateway.reader(both).rows("brands") and gateway.behind() == ""
    lakehouse, before = Lakehouse(house.project.lakehouse_location), current_version(gateway.root)
    with exclusive(lakehouse):
        lakehouse.delta("gold.dim_brand").alter.set_table_properties({"delta.appendOnly": "false"})
        publish(lakehouse)
    upkeep.look()
    assert len(written) == 2 and current_version(gateway.root) != before
    assert gateway.reader(both).version == current_version(gateway.root)
    upkeep.look()
    assert len(written) == 2


def test_that_nobody_can_sign_in_any_more_is_said_once(
    house: Shop, people: People, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Upkeep, "_is_behind", lambda self: False)
    upkeep, kept = Upkeep(house.project, None), people.file.read_bytes()
    upkeep.look()
    people.file.unlink()
    for _ in range(2):
        upkeep.look()
        upkeep._seen = None
    assert not people.file.exists()
    people.file.write_bytes(kept)
    said = [record.getMessage() for record in caplog.records if "Nobody can sign in" in record.getMessage()]
    assert len(said) == 1


def test_what_cannot_be_written_is_said(
    house: Shop, people: People, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    policy = refresh_extracts(house.project)
    app = create_app(house.project)
    upkeep = Upkeep(house.project, None)
    monkeypatch.setattr(Upkeep, "_is_behind", lambda self: True)
    monkeypatch.setattr(Upkeep, "_written", lambda self: "/secret/serving: cannot be written (disk full).")
    upkeep.look()
    upkeep._seen = None
    upkeep.look()
    assert [record.more["why"] for record in caplog.records if hasattr(record, "more")] == [  # type: ignore[attr-defined]
        "/secret/serving: cannot be written (disk full)."
    ]
    assert Gateway(house.project, policy).behind() == "failed"
    client = browser(app, "bob")
    shown = client.get("/about").text
    assert "Newer figures could not be prepared" in shown and "/secret" not in shown
    assert client.get("/ready").json() == {"status": "ready", "newer": "could not be prepared"}
    monkeypatch.undo()
    upkeep._look_again = 0.0
    upkeep.look()
    assert "Newer figures" not in browser(app, "bob").get("/about").text


def test_a_lakehouse_that_has_gone_is_said(house: Shop, people: People) -> None:
    """Pages show what they showed, and say so, until it is there again."""
    policy = refresh_extracts(house.project)
    upkeep, lakehouse = Upkeep(house.project, None), house.folder / "lakehouse"
    away = lakehouse.rename(lakehouse.with_name("away"))
    try:
        upkeep.look()
        gateway = Gateway(house.project, policy)
        scope = policy.scope(["executive"])
        assert scope and gateway.behind() == "failed" and gateway.reader(scope).rows("brands")
    finally:
        shutil.rmtree(lakehouse, ignore_errors=True)
        away.rename(lakehouse)
    upkeep.look()
    assert gateway.behind() == ""


def test_it_does_not_begin_where_no_audit_can_be_kept(house: Shop, tmp_path: Path) -> None:
    shop = house.copy(tmp_path / "copy")
    shutil.rmtree(shop.folder / "logs", ignore_errors=True)
    (shop.folder / "logs").write_text("a file")
    with pytest.raises(ConfigError, match=r"audit\.jsonl: cannot be written: .*nothing is shown without it"):
        expect_servable(
            Service(shop.folder, None, "127.0.0.1", 8800, 1, (), (), ""), shop.project, allow_root=True
        )


def test_a_process_of_its_own_writes(house: Shop, people: People) -> None:
    shutil.rmtree(serving_folder(house.project), ignore_errors=True)
    upkeep = Upkeep(house.project, None)
    upkeep.look()
    policy = load_policy(house.project)
    gateway = Gateway(house.project, policy)
    assert all(gateway.reader(scope).rows("brands") for scope in policy.scopes())
    assert gateway.behind() == ""


def test_for_whom_figures_are_written(house: Shop, people: People) -> None:
    policy = load_policy(house.project)
    found = {scope.id for scope in audience(policy, people)}
    assert {scope.id for scope in policy.scopes()} <= found
    admin = policy.scope(["admin"])
    assert admin and {scope.id for role in policy.roles if (scope := policy.within(admin, role))} <= found
    people.add("dan", "Dan", ["analyst", "marketing"], PASSWORD)
    both = policy.scope(["analyst", "marketing"])
    assert both and both.id in {scope.id for scope in audience(policy, people)}
    people.disable("dan")
    assert both.id not in {scope.id for scope in audience(policy, people)} - {s.id for s in policy.scopes()}
