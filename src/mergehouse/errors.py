"""Every error a user can meet. Each says what was found, where, what was expected and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class MergehouseError(Exception):
    """Base class. `exit_code` is what the command line returns: 1 checks failed, 2 bad usage or input."""

    exit_code = 2


class ConfigError(MergehouseError):
    """mergehouse.yml, a brand folder, a contract or a mapping file cannot be used as written."""


class BrandError(ConfigError):
    """A brand's folder cannot be used as written. Stops that brand; others go on."""

    def __init__(self, message: str, brand: str):
        super().__init__(message)
        self.brand = brand


class SourceError(MergehouseError):
    """A delivered file cannot be loaded. Stops that source; other sources go on."""


class ModelError(MergehouseError):
    """A SQL model cannot be compiled or run."""


class FitError(MergehouseError):
    """A statistical model cannot be fitted to the customers given, or asked about such customers."""


class RegistryError(MergehouseError):
    """The model registry cannot be reached, or a model in it cannot be used."""


class LakehouseError(MergehouseError):
    """A table cannot be found, read or written."""


class AccessError(MergehouseError):
    """What somebody may see cannot be told, written or read."""


class LogError(LakehouseError):
    """The log of a table is damaged."""


class CheckFailed(MergehouseError):
    """At least one check of severity `error` failed; the tables concerned kept their previous version."""

    exit_code = 1


@contextmanager
def of_brand(name: str) -> Iterator[None]:
    """What is wrong with a folder is wrong with its brand.

    >>> with of_brand("shop"):
    ...     raise ConfigError("brands/shop/brand.yml: key `currency` is missing.")
    Traceback (most recent call last):
    mergehouse.errors.BrandError: brands/shop/brand.yml: key `currency` is missing.
    """
    try:
        yield
    except BrandError:
        raise
    except ConfigError as error:
        raise BrandError(str(error), name) from None
