"""Metrics and targets of models as people call them."""

from __future__ import annotations

METRIC_NAMES = {
    "auc": "ROC AUC", "pr_auc": "PR AUC", "brier": "Brier score", "log_loss": "Log loss",
    "accuracy": "Accuracy", "ece": "Calibration error", "lift": "Top-decile lift", "spearman": "Spearman",
    "gini": "Normalised Gini", "top_share": "Top-tenth share", "mae": "MAE, EUR", "rmse": "RMSE, EUR",
    "r2": "R2", "bias": "Predicted over true total", "observed_mean": "What happened, mean",
}  # fmt: skip


def title(target: str) -> str:
    """A target in words: `churn_90d` is churn within 90 days.

    >>> title("churn_90d"), title("clv_365d")
    ('Churn within 90 days', 'Customer value within 365 days')
    """
    what, _, days = target.partition("_")
    return {"churn": "Churn within", "clv": "Customer value within"}.get(
        what, what.capitalize()
    ) + f" {days.removesuffix('d')} days"
