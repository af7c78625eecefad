"""For whom scope extracts are written: each role, people with several, and admins who look on as a role."""

from __future__ import annotations

from mergehouse.access.extract import write_extracts
from mergehouse.access.people import People
from mergehouse.access.policy import Policy, Scope, load_policy
from mergehouse.progress import Progress, silent
from mergehouse.project.config import Project


def audience(policy: Policy, people: People) -> list[Scope]:
    """Every scope that somebody may ask for, each once.

    >>> project = mh.project("shop")
    >>> policy = load_policy(project)
    >>> asked = {scope.id for scope in audience(policy, People(project.folder))}
    >>> asked >= {scope.id for scope in policy.scopes()}
    True
    """
    held = [*((name,) for name in policy.roles), *people.held_roles()]
    found = {scope.id: scope for roles in held if (scope := policy.scope(roles))}
    for roles in held:
        if policy.is_admin(roles) and (own := policy.scope(roles)):
            seen = (policy.within(own, name) for name in policy.roles)
            found |= {scope.id: scope for scope in seen if scope}
    return list(found.values())


def refresh_extracts(project: Project, progress: Progress = silent, release: str | None = None) -> Policy:
    """Brings the extracts of all who may ask up to what is published. Everything that publishes does this
    last, and `mergehouse serve` whenever somebody else has published. Raises as `write_extracts` does.

    >>> from mergehouse.access.serving import current_version, serving_folder
    >>> project = mh.project("shop")
    >>> sorted(refresh_extracts(project).roles)[:2], len(current_version(serving_folder(project)))
    (['admin', 'analyst'], 12)
    """
    policy = load_policy(project)
    write_extracts(project, policy, audience(policy, People(project.folder)), progress, release)
    return policy
