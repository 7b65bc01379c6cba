"""The address of a queue on PostgreSQL, and what of it may be shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from aqueue.model.errors import InvalidInput

SCHEMA = "aqueue"
LEASE = 10.0
"""Seconds for which a worker is believed to live after it last said so."""

SHORTEST_LEASE = 3.0
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,50}")
_HOST = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(:\d+)?")


@dataclass(frozen=True, slots=True)
class Address:
    """Where the queue is: the server and the database as its driver takes them, the schema, and the lease."""

    dsn: str
    schema: str
    lease: float
    title: str

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Understand `postgresql://USER@HOST/DATABASE?schema=NAME&lease=SECONDS`. Raises InvalidInput."""
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise InvalidInput(f"this is no address of a database: {error}") from error
        _check_whole(parts)
        words = dict(parse_qsl(parts.query, keep_blank_values=True))
        schema, lease = words.pop("schema", SCHEMA), words.pop("lease", str(LEASE))
        if not _NAME.fullmatch(schema) or schema.startswith("pg_"):
            raise InvalidInput(f"schema={schema}: use small letters, digits and _")
        dsn = _joined(parts, parts.netloc, words)
        return cls(dsn, schema, _seconds(lease), _without_password(parts))


def _check_whole(parts: SplitResult) -> None:
    """Refuse what was cut in the middle of a password: what is behind the cut is taken for a host, and shown."""
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if parts.fragment or "@" in parts.path or not all(_HOST.fullmatch(host) for host in hosts):
        raise InvalidInput(
            f"this is no address of a database: write {parts.scheme}://USER@HOST:PORT/DATABASE;"
            " in a password / is %2F, # is %23, ? is %3F, @ is %40"
        )


def _seconds(text: str) -> float:
    try:
        lease = float(text)
    except ValueError:
        lease = 0.0
    if not SHORTEST_LEASE <= lease <= 3600:
        raise InvalidInput(f"lease={text}: give seconds, from {SHORTEST_LEASE:g} to 3600")
    return lease


def _without_password(parts: SplitResult) -> str:
    user, at, host = parts.netloc.rpartition("@")
    words = dict(parse_qsl(parts.query, keep_blank_values=True))
    words.pop("password", None)
    return _joined(parts, user.partition(":")[0] + at + host, words)


def _joined(parts: SplitResult, netloc: str, words: Mapping[str, str]) -> str:
    query = urlencode(words, safe="/")
    return f"{parts.scheme}://{netloc}{parts.path}{query and '?'}{query}"
