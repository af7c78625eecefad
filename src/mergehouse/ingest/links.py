"""Links among exports: a file that lies elsewhere is no delivery, unless the house allows it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mergehouse.errors import SourceError
from mergehouse.project.brand import Brand
from mergehouse.project.places import lies_in
from mergehouse.storage import is_url


def expect_within(brand: Brand, paths: Iterable[str]) -> None:
    """Raises SourceError where a link leads a path out of the brand's landing zone and of what
    `allow_outside` names.

    >>> brand = mh.project("shop").brands["shop"]
    >>> expect_within(brand, ["shop/raw/shop/lines.csv"])
    >>> Path("shop/raw/shop/stock.csv").symlink_to("/etc/hostname")
    >>> expect_within(brand, ["shop/raw/shop/stock.csv"])
    Traceback (most recent call last):
    mergehouse.errors.SourceError: shop/raw/shop/stock.csv: a link to /etc/hostname, which lies outside of ...
    """
    if is_url(brand.landing_zone):
        return
    seen: dict[str, str] = {}  # by folder, what it is without links
    for path in paths:
        folder = path.rpartition("/")[0]
        real = seen.get(folder) or seen.setdefault(folder, str(Path(folder).resolve()))
        if Path(path).is_symlink():
            real = str(Path(path).resolve())
        if not any(lies_in(real, place) for place in (brand.landing_zone, *brand.outside)):
            raise SourceError(
                f"{path}: a link to {real}, which lies outside of {brand.landing_zone}. Put the file itself"
                " there, or name its folder as `allow_outside` in mergehouse.yml."
            )
