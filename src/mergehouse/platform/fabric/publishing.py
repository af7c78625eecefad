"""Publishing items with Microsoft's fabric-cicd, the only place that knows it.

fabric-cicd sends the items in the order of their kinds and stops after a kind of which one failed. It knows
neither what is published by then nor which were not reached: that is read from what it collected.
"""

from __future__ import annotations

import ast
import logging
import re
import sys
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mergehouse.errors import ConfigError
from mergehouse.platform.fabric.credentials import Credential
from mergehouse.platform.fabric.item import Key
from mergehouse.progress import Progress

FLAGS = (
    "enable_response_collection",
    "disable_workspace_folder_publish",  # items stay in the folders that somebody put them into
    "enable_experimental_features",
    "enable_items_to_include",
)
_FAILED = re.compile(r"Failed to (?:un)?publish (\w+) '(.+?)'[:.] (?:Raw exception: )?(.*)", re.DOTALL)
_UNHANDLED = re.compile(
    r"Unhandled error occurred calling (\w+) on '[^']*'\.(?: Message: (.*?)\.?  (.*))?", re.DOTALL
)


_OPERATION = re.compile(
    r"Operation failed\. Error Code: (.*?)\. Error Message: (.*?)(?:\. Details: (.*))?", re.DOTALL
)


@dataclass(frozen=True)
class Published:
    """`failed` by item, in the server's words; `stopped` is what went wrong with no item in particular."""

    done: set[Key] = field(default_factory=set)
    failed: dict[Key, str] = field(default_factory=dict)
    stopped: str = ""


def api_root() -> str:
    """The address of Fabric's API that fabric-cicd uses. Raises ConfigError where it is not installed."""
    return f"{_fabric_cicd().constants.FABRIC_API_ROOT_URL}/v1"


@dataclass(frozen=True)
class Target:
    """Where the items of a folder go: a workspace, by its id, with the values of an environment."""

    folder: Path
    workspace: str
    environment: str
    token: Callable[[], str]
    progress: Progress


def publish(target: Target, items: Sequence[Key]) -> Published:
    """Publishes the items of a folder. What fails is in the result."""
    stopped, space = "", None
    with _quiet(target.progress, len(items)) as heard:
        try:
            space = _space(target, items)
            _fabric_cicd().publish_all_items(space)
        except Exception as error:
            stopped = words(error, target.token())
    failed = _reasons(heard, target.token())
    done = _collected(space and space.responses) - failed.keys()
    return Published(done, failed, "" if failed else stopped)


def remove(target: Target, items: Sequence[Key]) -> Published:
    """Removes items that are in the workspace and not in the folder. What fails is in the result."""
    stopped, space = "no reason given", None
    with _quiet(target.progress, len(items)) as heard:
        try:
            space = _space(target, items)
            _fabric_cicd().unpublish_all_orphan_items(space, items_to_include=[f"{n}.{k}" for k, n in items])
        except Exception as error:
            stopped = words(error, target.token())
    done = _collected(space and space.unpublish_responses)
    reasons = _reasons(heard, target.token())
    return Published(done, {key: reasons.get(key, stopped) for key in items if key not in done})


def _collected(responses: Mapping[str, Mapping[str, Any]] | None) -> set[Key]:
    return {(kind, name) for kind, names in (responses or {}).items() for name in names}


def words(error: BaseException, token: str) -> str:
    """What an error of fabric-cicd says of the server, in one line and without the token.

    >>> said = "Unhandled error occurred calling POST on 'https://x/y'. Message: No.  [{'message': 'Full'}]"
    >>> words(Exception(said), "t0ken")
    'POST: No; Full'
    >>> said = "Operation failed. Error Code: E. Error Message: No. Details: [A] B | [C] D"
    >>> words(Exception(said), "t0ken")
    'E: No; B; D'
    """
    return _plain(str(error), token)


def _plain(text: str, token: str) -> str:
    found = _UNHANDLED.search(text)
    if found:
        details = "; ".join(_details(found[3]))
        text = f"{found[1]}: {'; '.join(filter(None, ((found[2] or 'no reason given').strip(), details)))}"
    elif found := _OPERATION.fullmatch(text):
        details = re.sub(r"(^| \| )\[[^\]]*\] ", r"\1", found[3] or "").replace(" | ", "; ")
        text = f"{found[1]}: {'; '.join(filter(None, (found[2].rstrip('.'), details)))}"
    text = re.sub(r"\s*Consider enabling the .*", "", text, flags=re.DOTALL)
    return " ".join(text.replace(token, "***").split())[:500].rstrip(".")


def _details(text: str | None) -> Iterator[str]:
    try:
        listed = ast.literal_eval((text or "").strip() or "[]")
    except (ValueError, SyntaxError):
        return
    for detail in listed if isinstance(listed, list) else []:
        if isinstance(detail, dict) and detail.get("message"):
            yield str(detail["message"])


def _reasons(heard: Sequence[str], token: str) -> dict[Key, str]:
    """What fabric-cicd said of items that failed."""
    found = filter(None, map(_FAILED.fullmatch, heard))
    return {(said[1], said[2]): _plain(said[3], token) for said in found}


def _space(target: Target, items: Sequence[Key]) -> Any:
    library = _fabric_cicd()
    for flag in FLAGS:
        library.append_feature_flag(flag)
    space = library.FabricWorkspace(
        workspace_id=target.workspace,
        repository_directory=str(target.folder.resolve()),
        environment=target.environment,
        item_type_in_scope=sorted({kind for kind, _ in items}),
        token_credential=Credential(target.token),
    )
    space.endpoint.invoke = _over_all_pages(space.endpoint.invoke)
    return space


def _over_all_pages(invoke: Callable[..., Any]) -> Callable[..., Any]:
    """fabric-cicd reads the first page of a list alone, and would create anew what stands on the next."""

    def invoked(method: str, url: str, **options: Any) -> Any:
        answer = page = invoke(method=method, url=url, **options)
        while method == "GET" and (more := page["body"].get("continuationToken")):
            token = urllib.parse.quote(more, safe="")
            page = invoke(method=method, url=f"{url}?continuationToken={token}", **options)
            answer["body"]["value"] += page["body"]["value"]
        return answer

    return invoked


class _Listener(logging.Handler):
    """Passes on which item it is at; keeps what is a warning or worse."""

    def __init__(self, progress: Progress, total: int):
        super().__init__(logging.INFO)
        self.progress, self.total, self.done = progress, total, 0
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        if record.levelno >= logging.WARNING:
            self.heard.append(said)
        elif found := re.fullmatch(r"(Publishing|Unpublishing) (\w+) '(.+)'", said):
            self.progress(f"{found[2]} {found[3]}", done=self.done, total=self.total)
            self.done += 1


@contextmanager
def _quiet(progress: Progress, total: int) -> Iterator[list[str]]:
    """fabric-cicd reports to `progress` and not to the screen."""
    logger, listener = logging.getLogger("fabric_cicd"), _Listener(progress, total)
    before = logger.handlers[:], logger.propagate
    logger.handlers, logger.propagate = [listener], False
    try:
        yield listener.heard
    finally:
        logger.handlers, logger.propagate = before


def _fabric_cicd() -> Any:
    hook = sys.excepthook
    try:
        import fabric_cicd
    except ImportError:
        raise ConfigError(
            "platform deploy needs Microsoft's fabric-cicd: pip install 'mergehouse[fabric]'."
        ) from None
    finally:
        sys.excepthook = hook  # it puts its own in
    return fabric_cicd
