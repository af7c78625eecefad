"""Bundles to test with, and the shop whose rights are compared."""

from __future__ import annotations

import pytest
from tests.conftest import prepared_shop
from tests.platform.databricks_rights import Rights
from tests.security.merged import fill
from tests.suite import at_once, bundle_folder

from mergehouse.platform.databricks.bundle import bundle, targets_of
from mergehouse.project.config import Project, load_project

# Rules that a table of scores can only keep by looking up where a customer is at home; a name with a quote.
MORE_ROLES = """
  "l'équipe 😀":
    {label: All but Spain, rows: [{column: country, operator: not in, values: [ES]}], persons: true}
  both:
    label: Alder in the south
    persons: true
    rows: [{column: brand, values: [shop]}, {column: region, values: [South Europe]}]
"""


@pytest.fixture(scope="session")
def rights(tmp_path_factory: pytest.TempPathFactory) -> Rights:
    with at_once(bundle_folder(tmp_path_factory.mktemp("suite") / "static")):
        shop = prepared_shop("merged", fill, tmp_path_factory.mktemp("rights") / "project")
    access = shop.folder / "access.yml"
    access.write_text(access.read_text() + MORE_ROLES)
    return Rights(shop.with_science())


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project as `mergehouse init` makes it."""
    from mergehouse.cli.scaffold import write_project

    folder = tmp_path_factory.mktemp("template") / "project"
    write_project(folder)
    return load_project(folder)


@pytest.fixture(scope="session")
def files(template: Project) -> dict[str, str]:
    """The template's bundle."""
    return bundle(template, targets_of(template)[0])
