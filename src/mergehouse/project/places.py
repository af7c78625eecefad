"""Where a project may read and write. A brand folder may be from somebody else: what it names outside of the
project, the house allows in mergehouse.yml.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mergehouse.errors import ConfigError
from mergehouse.storage import is_url, located

OF_THE_PROJECT = ("brands", "mappings")  # folders that hold no tables and no exports


def expect_allowed(folder: Path, place: str, allowed: bool | Sequence[str], where: str) -> None:
    """Raises ConfigError where a folder lies outside of the project, links followed, and is not allowed.

    >>> expect_allowed(Path("shop"), located(Path("shop"), "raw/shop"), False, "brand.yml: raw")
    >>> expect_allowed(Path("shop"), "/etc", False, "brand.yml: raw")
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: brand.yml: raw: /etc lies outside of the project. ...
    """
    if allowed is True or is_url(place) or lies_in(place, located(folder, ".")):
        return
    if allowed and any(lies_in(place, located(folder, each)) for each in allowed):
        return
    raise ConfigError(
        f"{where}: {place} lies outside of the project. Where it is meant, say `allow_outside: [{place}]` in"
        f" {folder / 'mergehouse.yml'}."
    )


def expect_own_folder(folder: Path, lakehouse: str) -> None:
    """Raises ConfigError where the tables would lie among what the project itself is.

    >>> expect_own_folder(Path("shop"), located(Path("shop"), "."))
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: shop/mergehouse.yml: lakehouse: ...shop holds the project itself. Name ...
    """
    own = [located(folder, name) for name in OF_THE_PROJECT]
    if lies_in(located(folder, "."), lakehouse) or any(lies_in(lakehouse, each) for each in own):
        raise ConfigError(
            f"{folder / 'mergehouse.yml'}: lakehouse: {lakehouse} holds the project itself. Name a folder of"
            " its own, such as `lakehouse`."
        )


def expect_apart(folder: Path, zone: str, lakehouse: str, where: str) -> None:
    """Raises ConfigError where exports would be read from among the tables, or from what the project itself
    is, or tables be written among the exports.

    >>> expect_apart(Path("shop"), "/house/bronze/other", "/house", "shop/brands/shop/brand.yml: raw")
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: shop/brands/shop/brand.yml: raw: /house/bronze/other and the lakehouse, ...
    """
    if lies_in(zone, lakehouse) or lies_in(lakehouse, zone):
        raise ConfigError(
            f"{where}: {zone} and the lakehouse, {lakehouse}, lie in one another. Exports and tables have a"
            " folder of their own each."
        )
    own = [located(folder, name) for name in OF_THE_PROJECT]
    if lies_in(located(folder, "."), zone) or any(lies_in(zone, each) for each in own):
        raise ConfigError(f"{where}: {zone} holds the project itself. Name a folder of exports.")


def lies_in(place: str, folder: str) -> bool:
    """True of a location that is another one or lies below it.

    >>> lies_in("/data/raw/shop", "/data/raw"), lies_in("/data/raw2", "/data/raw"), lies_in("s3://b/x", "/")
    (True, False, False)
    """
    if is_url(place) or is_url(folder):
        return place == folder or place.startswith(f"{folder}/")
    return Path(place).is_relative_to(folder)
