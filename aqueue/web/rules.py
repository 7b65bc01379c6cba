"""Who may ask for what: decided from the method, the path and the headers of a request alone.

Enqueuing is running commands, so whatever a page of another site could make a browser send is refused: a name that was
bound to our address (`Host`), another origin (`Origin`), another site (`Sec-Fetch-Site`). https://owasp.org has these
attacks as DNS rebinding and CSRF.
"""

import ipaddress
import re
from collections.abc import Collection
from enum import Enum

_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9._-]{1,253}))(?::(?P<port>[0-9]{1,5}))?")
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#@]{1,300})", re.IGNORECASE)
_PAGE = re.compile(r"/(?:(?:jobs|dead|queues|schedules|enqueue)|jobs/[^/]+)?")
_CHANGE = re.compile(
    r"POST /api/jobs/(?:retry|cancel|remove|hold|release)"
    r"|POST /api/jobs/[^/]+/(?:retry|cancel|hold|release)"
    r"|DELETE /api/jobs/[^/]+"
    r"|POST /api/queues/[^/]+/(?:pause|resume)|PUT /api/queues/[^/]+"
    r"|DELETE /api/cron/[^/]+|POST /api/cron/[^/]+/(?:trigger|pause|resume)"
)
_COMMAND = re.compile(r"POST /api/jobs|PATCH /api/jobs/[^/]+|POST /api/cron")

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PROBES = frozenset({"/healthz", "/readyz"})
PORTS = {"http": "80", "https": "443"}


class Need(Enum):
    """What it takes to be answered."""

    NOTHING = "nothing"
    """A probe: whoever asks, under whatever name."""
    NO_TOKEN = "no token"  # noqa: S105 - it is none
    """What somebody must have who is about to log in. Nothing of the queue is in it."""
    PAGE = "page"
    """The same file for everybody, which then asks for what it shows."""
    READ = "read"
    CHANGE = "change"
    """A verb on what is there."""
    COMMAND = "command"
    """It makes a command that will be run, or changes one."""


def need_of(method: str, path: str) -> Need:
    """What it takes to have this done. What there is not is a change: it must not be easier to ask for."""
    if path in PROBES:
        return Need.NOTHING
    if path == "/api/session" or (method in SAFE and (path == "/login" or path.startswith("/static/"))):
        return Need.NO_TOKEN
    if method in SAFE:
        return Need.PAGE if _PAGE.fullmatch(path) else Need.READ
    return Need.COMMAND if _COMMAND.fullmatch(f"{method} {path}") else Need.CHANGE


def is_known(method: str, path: str) -> bool:
    """Whether it was thought of what it takes to change this."""
    asked = f"{method} {path}"
    return path == "/api/session" or bool(_CHANGE.fullmatch(asked) or _COMMAND.fullmatch(asked))


def is_our_host(header: str, allowed: Collection[str]) -> bool:
    """Whether a `Host` names this machine in a way that nobody else can let it mean: an IP address, or a known name."""
    host = _HOST.fullmatch(header)
    if host is None:
        return False
    name = host["v6"] or host["name"].lower().removesuffix(".")
    return name == "localhost" or name.endswith(".localhost") or name in allowed or _is_address(name)


def host_name(given: str) -> str | None:
    """A name that may be allowed, in small letters; None for what is no name of a host."""
    host = _HOST.fullmatch(given.strip())
    return host["name"].lower().removesuffix(".") if host and host["name"] and not host["port"] else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_same_origin(origin: str, host: str) -> bool:
    """Whether a page of this origin was served under this `Host`, be it by a proxy that speaks TLS for us."""
    match = _ORIGIN.fullmatch(origin)
    if match is None:  # "null", too: a page in a sandbox, or from a file
        return False
    port = PORTS[match["scheme"].lower()]
    return _with_port(match["authority"], port) == _with_port(host, port)


def _with_port(authority: str, usual: str) -> str:
    return authority.lower() if re.search(r":[0-9]+$", authority) else f"{authority.lower()}:{usual}"


def is_from_here(site: str | None, mode: str | None, need: Need) -> bool:
    """Whether `Sec-Fetch-Site` says that a page of ours asks, or a person. Links to our pages may stand anywhere."""
    if site is None or site in {"same-origin", "none"}:
        return True
    return mode == "navigate" and (need is Need.PAGE or need is Need.NO_TOKEN)
