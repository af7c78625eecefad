"""Codes of the pipeline in a business reader's words, for reports and pages."""

from __future__ import annotations

import functools
from pathlib import Path

from mergehouse.project.yaml_file import parse_yaml

FILE = Path(__file__).with_name("words.yml")


@functools.cache
def words() -> dict[str, dict[str, str]]:
    """By kind of code, then by code.

    >>> words()["steps"]["duplicates"]
    'The same fact delivered again'
    """
    found: dict[str, dict[str, str]] = parse_yaml(FILE.read_text(encoding="utf-8"))
    return found
