"""Looking on as a role: an admin sees what it shows, within what the admin may see, and changes nothing.

The choice is in the address, `view_as=<role>`, as all that a page shows is: two tabs may look on as two
roles, a bookmark says what it shows, going back goes back, and there is nothing on the server that somebody
might forget to end. A link that loses it shows the admin's own pages, without the banner, never more.
"""

from __future__ import annotations

import re
from html import escape

from fastapi import Request
from starlette.exceptions import HTTPException

from mergehouse.access.policy import Policy

PARAMETER = "view_as"
_FORM = re.compile(r'(<form method="get"(?! class="look-on")[^>]*>)')  # but the one that chooses a role


def asked_for(request: Request, policy: Policy, is_admin: bool) -> str | None:
    """The role to look on as, None where an address has none. 403 where that is not an admin who reads pages,
    422 where it is not one role that there is.
    """
    given = request.query_params.getlist(PARAMETER)
    if not given:
        return None
    is_page = not request.state.entry.path.startswith("/api/")
    if not is_admin or not is_page or request.method not in ("GET", "HEAD"):
        raise HTTPException(403)
    if len(given) > 1 or given[0] not in policy.roles:
        raise HTTPException(422)
    return given[0]


def kept_in_forms(page: str, role: str) -> str:
    """A page whose forms of filters keep the role: what such a form sends takes the place of its address's
    parameters.

    >>> kept_in_forms('<form method="get" action="/x"><button>', "a")
    '<form method="get" action="/x"><input type="hidden" name="view_as" value="a"><button>'
    """
    field = f'<input type="hidden" name="{PARAMETER}" value="{escape(role)}">'
    return _FORM.sub(lambda found: found[1] + field, page)
