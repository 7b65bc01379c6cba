"""A queue with something of everything, for pictures."""

from collections.abc import Iterator
from typing import Any

from aqueue.model.rate import parse_rate

from .harness import Site

ENCODE = """\
for n in 07 19 42; do
    echo "::progress $n frame $n of 100"
    printf '\\033[32mframe %s\\033[0m  size=1024x576  bitrate=1841 kbit/s\\n' $n
done
echo 'warning: deprecated pixel format, did you set the range?' >&2
while test -e busy; do sleep 0.2; done"""
"""A job that goes on for as long as the stage stands."""


async def set_the_stage(site: Site) -> None:
    """Fill the queue, and wait until what is to end has ended."""
    (site.folder / "busy").touch()
    await site.add(*_jobs())
    async with site.queue() as queue:
        await queue.limit_queue("mail", 3)
        await queue.rate_queue("mail", parse_rate("30/m"))
        await queue.pause_queue("reports")
        backup, zone = "./backup.sh --to /srv/backup", "Europe/Berlin"
        await queue.schedules.add("nightly", "30 2 * * *", backup, timezone=zone, missed="once", tags=["backup"])
        await queue.schedules.add("poll", "*/10 * * * *", "printf polled", timeout=5, overlap=True)
        polled = await queue.schedules.trigger("poll")
        await queue.wait(polled.id, "compile-a", "compile-b", "notify-9", "hungry", "push-5", "import-1")


def _jobs() -> Iterator[dict[str, Any]]:
    yield {"id": "encode", "command": ENCODE, "queue": "video", "tags": ["film", "4k"], "priority": 5, "timeout": 7200}
    yield {
        "id": "watch",
        "command": "while test -e busy; do sleep 0.3; done",
        "queue": "video",
        "env": {"KEY": "secret"},
    }
    yield {"id": "compile-a", "command": "cc -c a.c 2>/dev/null || echo compiled a", "queue": "build"}
    yield {"id": "compile-b", "command": "cc -c b.c 2>/dev/null || echo compiled b", "queue": "build"}
    after = {"after": ["compile-a", "compile-b", "encode"], "queue": "build"}
    yield {"id": "link", "command": "cc -o app a.o b.o", **after}
    yield {"id": "test-app", "command": "./app --self-test", "after": ["link"], "queue": "build"}
    yield {"id": "pack", "command": "tar czf app.tar.gz app", "after": ["link"], "queue": "build"}
    yield {"id": "tell", "command": "mail -s 'link: done' ada@example.com", "after_any": ["link"], "queue": "mail"}
    yield {"id": "digest", "command": "./digest --week", "delay": 5400, "queue": "mail"}
    yield {"id": "report", "command": "./report --month 11 --format pdf", "queue": "reports", "unique": "report"}
    flaky = "echo 'curl: (22) The requested URL returned error: 503' >&2; exit 22"
    yield {"id": "sync", "command": flaky, "backoff_base": 900, "tags": ["sync"]}
    for number in range(6):
        yield {"id": f"push-{number}", "command": flaky, "max_retries": 0, "tags": ["sync"], "queue": "sync"}
    for number in range(2):
        yield {"id": f"import-{number}", "command": f"cat /srv/in/{number}.csv", "max_retries": 0}
    yield {"id": "hungry", "command": "kill -9 $$", "max_retries": 0}
    for number in range(40):
        yield {"command": f"thumb --size 320 photo-{number:03}.jpg", "queue": "thumbnails", "hold": True}
    for number in range(10):
        yield {"id": f"notify-{number}", "command": f"sleep 0.0{number}; echo told {number}", "queue": "notify"}
