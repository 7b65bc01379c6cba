"""Who may ask for what, as far as a request alone tells."""

import pytest

from aqueue.web.rules import Need, is_from_here, is_our_host, is_same_origin, need_of


@pytest.mark.parametrize(
    ("method", "path", "need"),
    [
        ("GET", "/healthz", Need.NOTHING),
        ("GET", "/readyz", Need.NOTHING),
        ("GET", "/login", Need.NO_TOKEN),
        ("GET", "/static/app.js", Need.NO_TOKEN),
        ("POST", "/api/session", Need.NO_TOKEN),
        ("GET", "/", Need.PAGE),
        ("GET", "/jobs/a:b", Need.PAGE),
        ("GET", "/jobs/a/b", Need.READ),
        ("GET", "/api/jobs", Need.READ),
        ("GET", "/docs", Need.READ),
        ("GET", "/metrics", Need.READ),
        ("POST", "/api/jobs/7/retry", Need.CHANGE),
        ("POST", "/api/jobs/remove", Need.CHANGE),
        ("DELETE", "/api/jobs/7", Need.CHANGE),
        ("PUT", "/api/queues/mail", Need.CHANGE),
        ("POST", "/api/cron/x/trigger", Need.CHANGE),
        ("POST", "/static/app.js", Need.CHANGE),
        ("POST", "/api/jobs", Need.COMMAND),
        ("PATCH", "/api/jobs/7", Need.COMMAND),
        ("POST", "/api/cron", Need.COMMAND),
    ],
)
def test_what_it_takes(method: str, path: str, need: Need) -> None:
    assert need_of(method, path) is need


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST:8000", "localhost.", "queue.localhost:1", "127.0.0.1:8000", "10.1.2.3"),
        *("[::1]:8000", "[fe80::1]", "queue.lan", "Queue.LAN:443"),
    ],
)
def test_addresses_and_known_names_are_answered(host: str) -> None:
    assert is_our_host(host, {"queue.lan"})


@pytest.mark.parametrize(
    "host",
    [
        *("", "evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "127.1"),
        *("0x7f.1", "[::1", "[evil]", "localhost:port", "localhost:123456", "local host", "a@localhost"),
        *("localhost/x", "::1"),
    ],
)
def test_every_other_name_can_mean_anything(host: str) -> None:
    assert not is_our_host(host, {"queue.lan"})


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://localhost", "localhost"),
        ("http://localhost", "localhost:80"),
        ("https://queue.lan", "queue.lan"),
        ("https://queue.lan:443", "Queue.lan"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_a_page_of_ours(origin: str, host: str) -> None:
    assert is_same_origin(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("null", "localhost:8000"),
        ("", "localhost:8000"),
        ("http://evil.example", "localhost:8000"),
        ("http://localhost:3000", "localhost:8000"),
        ("http://127.0.0.1:8000", "localhost:8000"),
        ("http://localhost", "localhost:8000"),
        ("https://localhost", "localhost:80"),
        ("file://localhost:8000", "localhost:8000"),
        ("http://localhost:8000@evil.example", "localhost:8000"),
        ("http://localhost:8000/", "localhost:8000"),
        ("chrome-extension://abc", "abc"),
    ],
)
def test_a_page_of_somebody_else(origin: str, host: str) -> None:
    assert not is_same_origin(origin, host)


@pytest.mark.parametrize(
    ("site", "mode", "need", "may"),
    [
        (None, None, Need.READ, True),
        ("same-origin", "cors", Need.COMMAND, True),
        ("none", "navigate", Need.READ, True),
        ("cross-site", "navigate", Need.PAGE, True),
        ("cross-site", "navigate", Need.READ, False),
        ("cross-site", "navigate", Need.CHANGE, False),
        ("cross-site", "no-cors", Need.PAGE, False),
        ("same-site", "cors", Need.READ, False),
        ("", "cors", Need.READ, False),
    ],
)
def test_a_link_to_a_page_may_stand_anywhere_and_nothing_else(
    site: str | None, mode: str | None, need: Need, may: bool
) -> None:
    assert is_from_here(site, mode, need) is may
