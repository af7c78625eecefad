"""The notebook tour of docs/reading.md, run from its first line to its last."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

import mergehouse as mh

PAGE = (Path(__file__).parents[2] / "docs" / "reading.md").read_text(encoding="utf-8")


def test_every_snippet_runs(shop_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop_folder)
    now = dt.datetime.now(dt.UTC).isoformat()
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        for there, here in {
            "my-project": "shop",
            "my-release": "release",
            "2026-11-01T00:00:00Z": now,
        }.items():
            code = code.replace(there, here)
        exec(code, names)
    assert names["sales"].polars()["gmv_eur"].sum() == 60
    assert names["found"].passed and not names["result"].changed


def test_the_page_has_every_name_of_the_facade() -> None:
    assert [name for name in mh.__all__ if f"mh.{name}(" not in PAGE] == []
