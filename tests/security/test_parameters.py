"""Whatever is sent in the place of a value is a value, or is refused; and its refusal tells of nothing.

Which parameters a door reads is found by opening it: names of its signature, filters that all pages share,
and what the page itself asks the address for.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from urllib.parse import quote

import pytest
from tests.security.doors import Door
from tests.security.merged import SHOP, Merged, shown_in, told

from mergehouse.app import parameters
from mergehouse.app.view import FILTERS

INSIDE = (
    r"duckdb|binder error|parser error|catalog error|traceback|read_parquet|/serving/|site-packages|\.py\b"
)
SQL = (
    "'", '"', ";--", "') OR 1=1--", "shop' OR '1'='1", "$$", "E'\\''", "U&'\\0027'", "`", "/**/", "\x00",
    "1;select 1",
    "(select 1)", "random()", "rowid", "'/etc/passwd'", "glob('*')", "https://evil.example/a.parquet", "%",
    "_", "\\",
    "[a]", "gold.customer_360", "asc nulls first,(select 1)", "{{7*7}}", "${7*7}",
    "<script>alert(1)</script>",
    "__class__", "../../etc/passwd", "a\r\nSet-Cookie: x=1", "\u202e\u0627", "x" * 5000,
)  # fmt: skip
NUMBERS = (
    "NaN", "inf", "-infinity", "1e400", "-0", "-1", "９", "1_000", "0x10", "true", "1e9", "epoch",
    "0000-01-01",
    "294247-01-01", "2024-02-30", "'infinity'::date", "9" * 400,
)  # fmt: skip


@pytest.fixture(scope="module")
def asked_by_doors(merged: Merged) -> list[tuple[Door, list[str]]]:
    """Doors that read, each with the names of all its parameters."""
    read = defaultdict(set)
    with pytest.MonkeyPatch.context() as patch:
        text = parameters.text

        def noted(request: object, name: str) -> str | None:
            read[request.url.path].add(name)  # type: ignore[attr-defined]
            return text(request, name)  # type: ignore[arg-type]

        patch.setattr(parameters, "text", noted)
        found = []
        for door in merged.doors:
            if door.method == "GET":
                address = door.addresses(merged.own_key("executive"))[0]
                assert merged.opener(door, "executive").get(address).status_code == 200
                own = read[address.split("?")[0]] | set(door.names)
                shared = set() if door.is_for_programs else {*FILTERS, "view_as"}
                found.append((door, sorted(own | shared)))
    return found


def test_parameters_are_found(asked_by_doors: list[tuple[Door, list[str]]]) -> None:
    names = {door.path: set(own) for door, own in asked_by_doors}
    assert {"segment", "q", "sort", "dir", "page", "brand"} <= names["/customers/list"]
    assert {"days", "chance", "top", "r5", "f2"} <= names["/what-if"]
    assert {"cost", "budget", "rate"} <= names["/campaign"] == names["/campaign/contacts.csv"]
    assert {"since", "until", "kpi", "by"} <= names["/api/v1/kpis/values"]


def attack(
    merged: Merged, doors: list[tuple[Door, list[str]]], values: tuple[str, ...], only: int = 0
) -> None:
    """Every value in every parameter; with `only`, each value in one parameter of so many."""
    tried = 0
    for door, names in doors:
        person = merged.opener(door, SHOP)
        address = door.addresses(merged.own_key(SHOP))[0].split("?")[0]
        for name in names:
            for place, value in enumerate(values):
                tried += 1
                if only and (tried + place) % only:
                    continue
                answer = person.get(f"{address}?{name}={quote(value)}")
                assert answer.status_code in (200, 303, 403, 404, 422), (address, name, value)
                told_back = answer.status_code in (200, 303)
                assert not shown_in(INSIDE, told(answer).replace(value, "") if told_back else told(answer)), (
                    address,
                    name,
                    value,
                )
                is_page = answer.headers.get("content-type", "").startswith("text/html")
                assert not (is_page and "<script>alert" in answer.text) and "set-cookie" not in answer.headers
                if answer.status_code == 422:
                    assert value not in answer.text or len(value) < 8, (address, name, value)
                if answer.status_code == 303:
                    assert answer.headers["location"].split("?")[0] == address


def test_no_value_is_anything_else(merged: Merged, asked_by_doors: list[tuple[Door, list[str]]]) -> None:
    attack(merged, asked_by_doors, SQL, only=37)
    attack(merged, asked_by_doors, NUMBERS, only=23)


@pytest.mark.long("some 200 parameters, each with half of 49 values")
def test_many_values_in_every_parameter(merged: Merged, asked_by_doors: list[tuple[Door, list[str]]]) -> None:
    attack(merged, asked_by_doors, SQL + NUMBERS, only=2)


@pytest.mark.parametrize("name", ["sort", "dir", "order", "page", "segment", "risk", "tier", "recency"])
def test_lists_are_ordered_and_cut_by_what_they_offer(merged: Merged, name: str) -> None:
    person = merged.asks("executive")
    plain = person.get("/customers/list.csv").text.splitlines()
    for value in (
        "email",
        "1;select",
        "(select 1)",
        "random()",
        "rowid",
        "NaN",
        "0",
        "-1",
        "1e9",
        "99999999",
    ):
        answer = person.get(f"/customers/list.csv?{name}={quote(value)}")
        if name == "order":  # there is none of that name
            assert [line for line in answer.text.splitlines() if line[:9] != "# address"] == [
                line for line in plain if line[:9] != "# address"
            ]
        else:
            assert answer.status_code == 422, value


@pytest.mark.parametrize("search", ["%", "_", "\\", "[a]", "c_", "%1", "' OR '1'='1", "%" * 64, "C1'--"])
def test_a_search_takes_letters_as_they_are(merged: Merged, search: str) -> None:
    answer = merged.asks("executive").get("/customers/list.csv", params={"q": search})
    assert answer.status_code == 200
    lines = [line for line in answer.text.splitlines() if not line.startswith(("#", "\ufeff#"))]
    assert len(list(csv.reader(io.StringIO("\n".join(lines))))) == 1  # headings alone
    assert merged.asks("executive").get("/customers/list", params={"q": "%" * 65}).status_code == 422


@pytest.mark.parametrize(
    "asked",
    ["size=-1", "size=0", "size=1e9", "size=1001", "size=NaN", "since=infinity", "until=epoch",
     "since=2024-13-01",
     "country=de", "country=D%27", "since=2025-01-02&until=2025-01-01", "cursor=x", "by=source_system",
     "kpi=1%3Bselect"],
)  # fmt: skip
def test_programs_are_refused_alike(merged: Merged, asked: str) -> None:
    person, refused = merged.asks("executive"), 0
    for door in merged.doors:
        if door.is_for_programs and asked.split("=")[0] in door.names:
            answer = person.get(f"{door.addresses('')[0].split('?')[0]}?{asked}")
            assert answer.status_code == 422, door.path
            assert f"`{asked.split('=')[1]}`" not in answer.text and "input" not in answer.text
            refused += 1
    assert refused


def test_names_are_text_wherever_they_are(merged: Merged) -> None:
    """Brands, files, products and people are called what a browser or a template would act on."""
    for role in ("executive", SHOP):
        for door in merged.doors:
            if door.method != "GET":
                continue
            answer = merged.opener(door, role).get(door.addresses(merged.own_key(role))[0])
            kind = answer.headers["content-type"].split(";")[0]
            assert kind in ("text/html", "application/json", "text/csv", "application/vnd.apache.parquet")
            if kind == "text/html":
                for markup in (
                    "<img src=x",
                    "<svg onload",
                    '</script>"',
                    "onerror=alert(1)>'",
                    "<b>.csv",
                    "<i>",
                ):
                    assert markup not in answer.text, (door.path, markup)
                assert "&lt;img src=x" in answer.text or answer.status_code == 403  # it is there as text
