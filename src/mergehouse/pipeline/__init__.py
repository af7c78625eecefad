"""A run: load what was delivered, build what is stale, check, publish, record."""

from mergehouse.pipeline.run import run  # for notebooks written before this was a package

__all__ = ["run"]
