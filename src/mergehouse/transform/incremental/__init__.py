"""How deliveries reach tables without rebuilding them. The pipeline uses `Changes` alone."""

from mergehouse.transform.incremental.changes import Changes
from mergehouse.transform.incremental.plan import Change

__all__ = ["Change", "Changes"]
