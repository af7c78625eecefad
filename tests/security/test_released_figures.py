"""Pages of a release show what its lakehouse shows, say what it lacks, and show nothing that is damaged."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from tests.conftest import Shop
from tests.security.served_house import browser

from mergehouse.access.audience import refresh_extracts
from mergehouse.access.gateway import Gateway
from mergehouse.access.people import People
from mergehouse.access.serving import current_version, serving_folder
from mergehouse.app.server import create_app
from mergehouse.errors import AccessError, MergehouseError

pytestmark = pytest.mark.slow("releases of a served lakehouse")

NO_FILTER = dict.fromkeys(("brand", "region", "country", "since", "until"))


@pytest.fixture(scope="module")
def released(house: Shop) -> str:
    return str(house.project.folder / "releases")


def test_a_release_shows_what_its_lakehouse_shows(house: Shop, people: People, released: str) -> None:
    policy = refresh_extracts(house.project)
    assert refresh_extracts(house.project, release=released) == policy
    ours, theirs = (Gateway(house.project, policy, place) for place in (None, released))
    assert ours.root != theirs.root
    for scope in policy.scopes():
        here, there = ours.reader(scope), theirs.reader(scope)
        assert here.tables == there.tables
        for question, given in (("sales", NO_FILTER | {"by": "brand"}), ("brands", {})):
            found = here.rows(question, **given)
            assert found and there.rows(question, **given) == found
        assert (here.source, there.source) == ("lakehouse", "release 1.0.0")
        assert not here.absent and not any(name.startswith("gold.") for name in there.absent)
        assert {"cube.cohorts", "monitor.runs"} <= there.absent


def test_pages_of_a_release_say_what_it_lacks(house: Shop, people: People, released: str) -> None:
    refresh_extracts(house.project, release=released)
    client = browser(create_app(house.project, release=released), "ann")
    told = {}
    pages = [page for page, _ in client.app.state.suite.pages if "identity" not in page.needs]  # type: ignore[attr-defined]
    for page in pages:
        answer = client.get(page.path, follow_redirects=True)
        assert answer.status_code == 200 and "release 1.0.0" in answer.text, page.path
        told[page.path] = "which holds Gold alone" in answer.text
    assert told["/first-look"] and told["/quality"] and not told["/about"] and not told["/kpis"]
    refresh_extracts(house.project)
    both = (browser(create_app(house.project), "ann"), client)
    texts = [page.get("/", params={"period": "all"}, follow_redirects=True).text for page in both]
    cards = [re.findall(r'class="figure">(.*?)</', text, re.DOTALL) for text in texts]
    assert cards[0] and cards[0] == cards[1], cards


def test_a_damaged_release_is_not_shown(house: Shop, released: str, tmp_path: Path) -> None:
    root = Path(shutil.copytree(released, tmp_path / "releases"))
    file = next((root / "gold" / "sales_daily").rglob("*.parquet"))
    manifest = next(root.rglob("release_manifest.json"))
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(AccessError, match="release 1.0.0: gold/sales_daily/.*its SHA-256"):
        refresh_extracts(house.project, release=str(root))
    file.write_bytes(content)
    manifest.write_text(manifest.read_text().replace("1.0.0", "1.0.1"))
    with pytest.raises(AccessError, match="release_manifest.json: its SHA-256"):
        refresh_extracts(house.project, release=str(root))
    with pytest.raises(MergehouseError, match="there is no release"):
        refresh_extracts(house.project, release=str(root / "nowhere"))
    assert current_version(serving_folder(house.project, str(root))) is None
