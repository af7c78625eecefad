"""What is told of the work is what the bar shows; a stage holds until another begins."""

from __future__ import annotations

from mergehouse.cli.render import steps


def test_a_stage_holds_until_the_next() -> None:
    bar = steps("train", hidden=True)
    (task,) = bar.bar.tasks
    with bar as told:
        told("churn model")
        assert (task.fields["stage"], task.description, task.total) == ("train", "churn model", None)
        told("gold.sales_daily", "gold", 3, 12)
        told("gold.customer_360", done=4, total=12)
        assert (task.fields["stage"], task.description) == ("gold", "gold.customer_360")
        assert (task.completed, task.total) == (4, 12)
