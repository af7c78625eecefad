"""How deliveries reach tables without rebuilding them. The pipeline uses `Changes` alone."""

from mergehouse.transform.incremental.changes import Change, Changes

__all__ = ["Change", "Changes"]
