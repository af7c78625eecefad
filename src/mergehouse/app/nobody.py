"""What is said where nobody can sign in."""

from __future__ import annotations

from mergehouse.access.people import People
from mergehouse.app.audit import Audit
from mergehouse.project.config import Project

ADD = "`mergehouse users add NAME --role ROLE -C {}` lets somebody in"


def nobody_may_sign_in(project: Project) -> str | None:
    """Why not, and what to do; None where somebody may, with a password or by an identity provider.

    >>> nobody_may_sign_in(mh.project("shop")).partition(";")[0]
    'Nobody can sign in: there are no users yet'
    """
    people, audit = People(project.folder), Audit(project.folder)
    users = people.users()
    if project.config.serve.sign_in or any(not user.disabled for user in users):
        return None
    add = ADD.format(project.folder)
    if users:
        return "Nobody can sign in: all users are disabled; `mergehouse users enable NAME` lets one in again."
    if not people.file.exists() and audit.names_somebody():
        return (
            f"Nobody can sign in: {people.file} is gone, though {audit.file} tells of people who have signed"
            f" in. Put a copy of it back; without one, {add}."
        )
    return f"Nobody can sign in: there are no users yet; {add}."
