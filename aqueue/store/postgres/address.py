"""The address of a queue on PostgreSQL, and what of it may be shown."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aqueue.model.errors import InvalidInput

SCHEMA = "aqueue"
LEASE = 10.0
"""Seconds for which a worker is believed to live after it last said so."""

SHORTEST_LEASE = 3.0
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,50}")


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
            words = dict(parse_qsl(parts.query, keep_blank_values=True))
        except ValueError as error:
            raise InvalidInput(f"this is no address of a database: {error}") from error
        schema, lease = words.pop("schema", SCHEMA), words.pop("lease", str(LEASE))
        if not _NAME.fullmatch(schema) or schema.startswith("pg_"):
            raise InvalidInput(f"schema={schema}: use small letters, digits and _")
        dsn = urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(words, safe="/"), ""))
        return cls(dsn, schema, _seconds(lease), _without_password(url))


def _seconds(text: str) -> float:
    try:
        lease = float(text)
    except ValueError:
        lease = 0.0
    if not SHORTEST_LEASE <= lease <= 3600:
        raise InvalidInput(f"lease={text}: give seconds, from {SHORTEST_LEASE:g} to 3600")
    return lease


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    words = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "password"]
    return urlunsplit((parts.scheme, user.partition(":")[0] + at + host, parts.path, urlencode(words, safe="/"), ""))
