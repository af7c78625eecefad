"""Where tables and deliveries lie: a folder of this machine or an object store. The only file that knows
object stores.

A location is a path or a URL: `abfss://container@account.dfs.core.windows.net/folder`,
`az://container/folder`, `s3://bucket/folder`. Credentials come from the environment: an account key, a SAS
token, a service principal, workload or managed identity, the Azure CLI, an AWS profile's keys or role.
obstore and delta-rs read the same variables; no file of a project and no message holds any.

DuckDB works on files of this machine. Data files never change once written, so those of an object store are
copied once and kept.
"""

from __future__ import annotations

import errno
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mergehouse.errors import ConfigError, LakehouseError
from mergehouse.machine import existing, refusal, unwritable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("abfss", "abfs", "az", "s3", "gs")
CACHE = "MERGEHOUSE_CACHE"  # the environment variable that names the folder of copies
RETRY_SECONDS = 60  # how long a store that is busy or out of reach is asked again
TRANSFERS_AT_ONCE = 4
CHUNK = 8 * 2**20


def http_status(codes: str) -> str:
    """A pattern of HTTP statuses, given as alternatives, that stand by themselves: not in a name or a path.

    >>> denied = http_status("401|403")
    >>> [bool(re.search(denied, said)) for said in ("failed with 403: no", "no such file: /data-403/a")]
    [True, False]
    """
    return rf"(?<![\w./-])({codes})(?![\w/-])"


_REASONS = (  # what stores and their clients say, and what a user can do about it
    (
        http_status("401|403")
        + r"|Forbidden|Unauthorized|Unauthenticated|PermissionDenied|AuthenticationFailed"
        r"|AuthorizationFailure",
        "access is denied (HTTP 401 or 403). Give the identity of this environment the right to read and "
        "write there (on Azure: Storage Blob Data Contributor), or set its credentials; "
        "`mergehouse doctor` tries them",
    ),
    (
        http_status("429|503")
        + r"|ServerBusy|SlowDown|TooManyRequests|Too Many Requests|Service Unavailable",
        f"the store is too busy and stayed so for {RETRY_SECONDS} seconds (HTTP 429 or 503). Run again later",
    ),
    (
        r"NoSuchBucket|ContainerNotFound|(container|bucket) does not exist",
        "there is no such container. Make it, or correct the name",
    ),
    (
        r"IMDS|metadata/identity|169\.254|must be specified|Missing(Key|Secret)|builder error"
        r"|Generic.*[Cc]redential",
        "no credentials were found. Set those of this environment: the page on object stores lists them",
    ),
    (
        r"[Cc]onnect|dns|timed out|[Tt]imeout|error sending request|reset|closed before"
        r"|decoding response body|incomplete",
        "the connection failed. Check the network and the name of the account, and run again",
    ),
)


def write_folder(folder: Path, texts: dict[str, str], named: str = "") -> list[Path]:
    """Writes text files, by name, into a folder of this machine and returns their paths.

    Raises ConfigError, calling the folder what the user did (`named`), where it cannot be written.

    >>> write_folder(Path("pages"), {"index.html": "<p>"})
    [PosixPath('pages/index.html')]
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(unwritable(named or folder, error)) from None
    return [folder / name for name in texts]


def located(base: Path, text: str) -> str:
    """A location as a project writes it: a URL, or a path relative to `base`.

    Raises ConfigError on an unknown scheme, on a URL that carries a secret, and on a path that leads nowhere.

    >>> located(Path("/projects/retail"), "lakehouse"), located(Path("/projects/retail"), "s3://bucket/house/")
    ('/projects/retail/lakehouse', 's3://bucket/house')
    >>> located(Path(), "ftp://host/house")
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: ftp://host/house: `ftp://` is not supported; expected a path or one of ...
    """
    if not is_url(text):
        try:
            folder = str((base / text).resolve())
        except (OSError, RuntimeError):
            raise ConfigError(f"{base / text}: its symbolic links lead in a circle. Mend them.") from None
        expect_utf8(folder)
        return folder
    url = urlsplit(text)
    if url.scheme not in SCHEMES:
        raise ConfigError(
            f"{text.partition('?')[0]}: `{url.scheme}://` is not supported; expected a path or one of"
            f" {', '.join(SCHEMES)}."
        )
    if url.query or url.password or url.fragment:
        raise ConfigError(
            f"{url.scheme}://{url.hostname}{url.path}: a location carries no key, token or password. Put it"
            " into the environment, for example AZURE_STORAGE_SAS_TOKEN, and take it out of the file."
        )
    if not url.hostname or ".." in url.path.split("/"):
        raise ConfigError(f"{text}: expected {url.scheme}://container/folder.")
    return text.rstrip("/")


# what delta-rs or DuckDB take for something else in a table's folder: for a pattern, an escape, a partition
_MISREAD = re.compile(r"[][^|\\*?=\x00-\x1f\x7f]|%[0-9A-Fa-f]{2}")


def expect_plain(folder: Path, what: str) -> None:
    """Raises ConfigError where tables cannot lie in a folder, for the characters in its path.

    >>> expect_plain(Path("/data/retail (new)"), "lakehouse")
    >>> expect_plain(Path("/data/year=2026"), "lakehouse")
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: lakehouse: /data/year=2026: no table can lie below a folder with '=' in ...
    """
    expect_utf8(str(folder))
    if found := _MISREAD.search(str(folder)):
        raise ConfigError(
            f"{what}: {_printable(str(folder))}: no table can lie below a folder with {found[0]!r} in its"
            " name. Rename the folder, or name another one."
        )


def expect_utf8(path: str) -> None:
    """Raises ConfigError where the name of a file or folder is no text.

    >>> expect_utf8(os.fsdecode(b"lines_" + bytes([255])))
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: lines_...udcff: this name is not UTF-8. Rename it.
    """
    if _printable(path) != path:
        raise ConfigError(f"{_printable(path)}: this name is not UTF-8. Rename it.")


def _printable(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def one_file(path: str) -> str:
    """A path as DuckDB takes it for that file alone: it reads `*`, `?` and `[` as a pattern.

    >>> one_file("raw/lines[1]*.csv")
    'raw/lines[[]1][*].csv'
    """
    return re.sub(r"[*?[]", r"[\g<0>]", path)


def state_of(file: Path) -> object:
    """Other than before where a file on this machine has been written or exchanged; None where it is not
    there.

    >>> _ = Path("a.txt").write_text("a")
    >>> before = state_of(Path("a.txt"))
    >>> _ = Path("a.txt").write_text("changed")
    >>> state_of(Path("a.txt")) == before, state_of(Path("b.txt")) is None
    (False, True)
    """
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def is_url(location: str) -> bool:
    """True of a location in an object store.

    >>> is_url("s3://bucket/house"), is_url("/data/house")
    (True, False)
    """
    return "://" in location


def fabric_root(location: str) -> str:
    """The folder that has `Tables/`: the location itself; of one below the `Files/` of a lakehouse in
    OneLake, that lakehouse.

    Source: Microsoft's page on OneLake's API: only `Files` and `Tables` of an item can be written to.

    >>> fabric_root("abfss://shop@onelake.dfs.fabric.microsoft.com/Sales.Lakehouse/Files/releases")
    'abfss://shop@onelake.dfs.fabric.microsoft.com/Sales.Lakehouse'
    >>> fabric_root("s3://bucket/house")
    's3://bucket/house'
    """
    found = re.fullmatch(r"(abfss?://[^/]+\.fabric\.microsoft\.com/[^/]+)/Files(/.*)?", location)
    return found[1] if found else location


RECEIVED = "Tables/gold"  # where a release's tables go, below `fabric_root`: in the schema that models read


def folder_of(location: str) -> Path:
    """Where this machine has a location's files: the folder itself; of an object store, the folder of their
    copies.

    >>> folder_of("house")
    PosixPath('house')
    >>> folder_of("s3://bucket/house").parts[-3:]
    ('s3', 'bucket', 'house')
    """
    if not is_url(location):
        return Path(location)
    scheme, _, rest = location.partition("://")
    copies = Path(os.environ.get(CACHE) or Path.home() / ".cache" / "mergehouse")
    copies.mkdir(parents=True, exist_ok=True, mode=0o700)  # rows of customers: its owner's alone
    return copies / scheme / rest


def open_store(location: str) -> ObjectStore:
    """The files under a location, by key: paths relative to it.

    >>> store = open_store("new")
    >>> _ = store.put("notes/a.txt", b"hello")
    >>> Path("new/notes/a.txt").read_text()
    'hello'
    """
    from obstore.store import LocalStore, from_url

    if not is_url(location):
        return LocalStore(location, mkdir=True)
    with storage_errors(location):
        return from_url(
            location,
            client_options={
                "timeout": "120s",
                "connect_timeout": "5s",
                "allow_http": os.environ.get("AWS_ALLOW_HTTP") == "true",
            },
            retry_config={"max_retries": 10, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
        )


def delta_options(location: str) -> dict[str, str] | None:
    """The same patience for delta-rs, and commits on S3 that fail where another writer was first.

    >>> delta_options("/data/house") is None, delta_options("s3://bucket/house")["conditional_put"]
    (True, 'etag')
    """
    if not is_url(location):
        return None
    options = {
        "max_retries": "10",
        "retry_timeout": f"{RETRY_SECONDS}s",
        "timeout": "120s",
        "connect_timeout": "5s",
    }
    return options | ({"conditional_put": "etag"} if location.startswith("s3://") else {})


def fetch(files: Iterable[str]) -> list[str]:
    """Paths of data files on this machine; those of an object store that are not there yet are copied.

    >>> fetch(["house/part-0.parquet"])
    ['house/part-0.parquet']
    """
    files = list(files)
    missing = [file for file in files if is_url(file) and not folder_of(file).exists()]
    if missing:
        with ThreadPoolExecutor(TRANSFERS_AT_ONCE) as pool:
            list(pool.map(lambda file: download(file, folder_of(file)), missing))
    return [str(folder_of(file)) for file in files]


def download(file: str, target: Path) -> None:
    """Copies one file of an object store; `target` is there whole or not at all.

    >>> _ = Path("there.txt").write_text("hello")
    >>> download(f"{Path().resolve()}/there.txt", Path("here/there.txt"))
    >>> Path("here/there.txt").read_text()
    'hello'
    """
    parent, _, name = file.rpartition("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{uuid.uuid4().hex}")
    try:
        with storage_errors(file), unfinished.open("wb") as out:
            for chunk in open_store(parent).get(name).stream(min_chunk_size=CHUNK):
                out.write(chunk)
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)


def upload(store: ObjectStore, root: Path, files: Iterable[Path]) -> None:
    """Puts files under `root` into a store, under the same keys. Each becomes visible whole.

    >>> _ = Path("there.txt").write_text("hello")
    >>> upload(open_store("new"), Path(), [Path("there.txt")])
    >>> Path("new/there.txt").read_text()
    'hello'
    """
    with ThreadPoolExecutor(TRANSFERS_AT_ONCE) as pool:
        list(pool.map(lambda file: store.put(file.relative_to(root).as_posix(), file), files))


@contextmanager
def storage_errors(location: str, name: str = "") -> Iterator[None]:
    """What an object store's client raises, as one line: LakehouseError.

    >>> with storage_errors("s3://bucket/house", "gold.notes"):
    ...     raise OSError("503 Service Unavailable")
    Traceback (most recent call last):
    mergehouse.errors.LakehouseError: `gold.notes`: s3://bucket/house: the store is too busy and stayed so ...
    """
    from deltalake.exceptions import DeltaError
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, DeltaError, OSError) as error:
        raise LakehouseError(f"{f'`{name}`: ' if name else ''}{failure(location, error)}") from None


def failure(location: str, error: Any) -> str:
    """The reason in words, without the request's address: it may hold a token.

    >>> failure("s3://bucket/house", "NoSuchBucket at https://bucket/?token=secret")
    's3://bucket/house: there is no such container. Make it, or correct the name.'
    """
    text = re.sub(r"\x1b\[\d+m|https?://\S+", "", str(error))
    reason = None
    if is_url(location):
        reason = next((words for pattern, words in _REASONS if re.search(pattern, text)), None)
    elif isinstance(error, BaseException):
        reason = refusal(error, Path(location))
    return f"{location}: {reason or ' '.join(text.split())[:300]}."


def write_failure(name: str, path: Path, error: BaseException) -> str:
    """One line for a write that failed: what the machine refused, or the reason as given.

    >>> write_failure("gold.notes", Path("/"), OSError("Permission denied (os error 13)"))
    '`gold.notes`: cannot write to /: no permission. Give this user the right to read and write it, ...'
    """
    text = str(error)
    words = refusal(error, path) or (text.splitlines()[0] if text else type(error).__name__)
    return f"`{name}`: cannot write to {path}: {words}, and run again. The published tables are unharmed."


def hindrance(folder: Path) -> OSError | None:
    """What keeps this user from writing to a folder, or making it; None where nothing does.

    >>> hindrance(Path("new/folder"))
    >>> _ = Path("notes.txt").write_text("")
    >>> hindrance(Path("notes.txt/folder"))
    NotADirectoryError(20, 'Not a directory')
    """
    there = existing(folder)
    if not there.is_dir():
        number = errno.ENOTDIR
    elif os.access(there, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        return None
    else:
        number = errno.EROFS if os.statvfs(there).f_flag & os.ST_RDONLY else errno.EACCES
    return OSError(number, os.strerror(number))
