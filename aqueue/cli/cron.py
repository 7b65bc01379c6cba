"""`aqueue cron`: jobs that are enqueued again and again."""

import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import asyncclick as click

from aqueue.cli.escape import escape
from aqueue.cli.joboptions import TakesACommand, from_here, job_options, keys_of
from aqueue.cli.present import ago_or_in, brief_time, local_time, show_jobs_as_json, show_json, show_json_lines
from aqueue.cli.table import show_table
from aqueue.model.document import SHOWN_TICKS, schedule_document
from aqueue.model.errors import InvalidInput
from aqueue.model.intake import from_word
from aqueue.model.schedule import NEVER_KEYS, Schedule
from aqueue.queue import Queue

NEVER_OPTIONS = ("--id", "--delay", "--at", "--hold", "--after", "--after-any")
"""What `enqueue` takes and a schedule does not: `NEVER_KEYS` as options."""

SPARE = ("MEANING", "THEN", "ZONE", "LAST")
"""The columns that a narrow terminal can do without, the first one first."""


@click.group()
async def cron() -> None:
    """Enqueue jobs again and again. The running workers see to it: there is nothing else to start.

    A schedule has five fields as in a crontab: minute, hour, day of the month, month, day of the week. Or six, with the
    seconds first. Or it is @hourly, @daily, @weekly, @monthly or @yearly.

    \b
    Examples:
      aqueue cron add nightly "30 2 * * *" ./backup.sh --timezone Europe/Berlin
      aqueue cron list
      aqueue cron trigger nightly
    """


class _Add(TakesACommand):
    """Has a word for those options of a job that a schedule cannot have."""

    def unknown(self, option: str) -> str:
        """What to say of an option that there is not."""
        if option in NEVER_OPTIONS:
            return f"{option} is not for a schedule: each of its jobs is a new one, due at its tick"
        return super().unknown(option)


@cron.command("add", cls=_Add)
@click.argument("name")
@click.argument("schedule")
@click.argument("words", nargs=-1, required=True, metavar="COMMAND | JSON")
@click.option("--timezone", default="UTC", metavar="TZ", help="The zone of the schedule: Europe/Berlin; default: UTC.")
@click.option(
    "--missed",
    default="skip",
    metavar="skip|once|all",
    help="For times that no worker was there for: no job (the default), one for all of them, or one for each.",
)
@click.option("--overlap", is_flag=True, help="Enqueue also while a job of it is unfinished.")
@job_options
@click.option("--json", "as_json", is_flag=True, help="Print the schedule as JSON.")
@click.pass_obj
async def add(
    db: str | None,
    /,
    name: str,
    schedule: str,
    words: Sequence[str],
    timezone: str,
    missed: str,
    overlap: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Add a schedule, or replace the one of this name.

    The command and its options are those of `enqueue`. At each time of the schedule a job is enqueued, unless the one
    before is unfinished. Added or replaced, it begins with its next time.

    A day of the month and a day of the week together mean either of them. Where the clock changes, the rule is that of
    Debian's cron: 02:30 comes once a day, at 03:00 if there is no 02:30; what has a * for its minute or hour goes by
    what the clock shows.

    \b
    Examples:
      aqueue cron add report "0 8 * * MON-FRI" --timezone Asia/Tokyo -- ./mail -v
      aqueue cron add poll "*/10 * * * * *" "./poll --all" --timeout 5s
      aqueue cron add nightly @daily ./backup.sh --missed once --tag backup
    """
    job = _job(words, given)
    async with Queue.open(db) as queue:
        added, replaced = await queue.schedules.put(
            name, schedule, job, timezone=timezone, missed=missed, overlap=overlap
        )
    if as_json:
        show_json(schedule_document(added, time.time()))
    done = "Replaced" if replaced else "Added"
    zone = "" if added.timezone == "UTC" else f" ({added.timezone})"
    print(f"{done} schedule {added.name}: {added.cron.in_words()}{zone}. {_what_comes(added)}", file=sys.stderr)


add.params = [parameter for parameter in add.params if parameter.name not in NEVER_KEYS]


def _job(words: Sequence[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of the job; its folder is the one in which this was called."""
    wanted = from_word(words[0]).keys if len(words) == 1 else {"command": shlex.join(words)}
    keys = {**wanted, **keys_of(given)}
    cwd = keys.get("cwd")
    if cwd is None or isinstance(cwd, str):
        keys["cwd"] = from_here("." if cwd is None else cwd)
    return keys


def _what_comes(schedule: Schedule) -> str:
    if schedule.paused:
        return f"It is paused; `aqueue cron resume {schedule.name}` lets it go on."
    now = time.time()
    return " ".join(_next(tick, now) for tick in schedule.next_ticks(1, now))


def _next(tick: float, now: float) -> str:
    date, wait = local_time(tick), ago_or_in(tick, now)
    return f"Next: {date}." if wait == date else f"Next: {date}, {wait}."


@cron.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, with everything.")
@click.option("--jsonl", "as_lines", is_flag=True, help="One JSON object a line.")
@click.pass_obj
async def list_(db: str | None, as_json: bool, as_lines: bool) -> None:
    """List schedules, with their next times.

    The next three, in your zone, what goes on, and what the last job came to.

    \b
    Example:
      aqueue cron list
    """
    async with Queue.open(db) as queue:
        schedules = await queue.schedules.list()
    now = time.time()
    if as_json:
        show_json([schedule_document(schedule, now) for schedule in schedules])
    elif as_lines:
        show_json_lines(schedule_document(schedule, now) for schedule in schedules)
    elif schedules:
        show_table([_row(schedule, now) for schedule in schedules], spare=SPARE)
    else:
        print("There is no schedule.", file=sys.stderr)


def _row(schedule: Schedule, now: float) -> Mapping[str, str]:
    last = schedule.last
    return {
        "NAME": schedule.name,
        "SCHEDULE": escape(schedule.schedule),
        "ZONE": escape(schedule.timezone),
        **_times(schedule, now),
        "NOW": _now(schedule, now),
        "LAST": f"{last.state} {ago_or_in(last.finished_at, now)}" if last and last.finished_at is not None else "",
        "COMMAND": escape(schedule.job["command"]),
    }


def _times(schedule: Schedule, now: float) -> Mapping[str, str]:
    try:
        first, *more = [brief_time(tick, now) for tick in schedule.next_ticks(SHOWN_TICKS, now)] or ["paused"]
        return {"MEANING": schedule.cron.in_words(), "NEXT": first, "THEN": ", ".join(more)}
    except InvalidInput as error:
        return {"MEANING": escape(str(error)), "NEXT": "unknown", "THEN": ""}


def _now(schedule: Schedule, now: float) -> str:
    """What goes on: a job, and that ticks are made up for."""
    job = f"job {schedule.unfinished.id} is {schedule.unfinished.state}" if schedule.unfinished else ""
    owed = f"makes up for {brief_time(schedule.owed_since, now)} on" if schedule.owed_since is not None else ""
    return ", ".join(filter(None, [job, owed]))


@cron.command("remove")
@click.argument("name")
@click.pass_obj
async def remove(db: str | None, name: str) -> None:
    """Forget a schedule. The jobs that it has made stay.

    \b
    Example:
      aqueue cron remove nightly
    """
    async with Queue.open(db) as queue:
        removed = await queue.schedules.remove(name)
    job = removed.unfinished
    print(f"Removed schedule {name}." + (f" Job {job.id} is {job.state} still." if job else ""), file=sys.stderr)


@cron.command("pause")
@click.argument("name")
@click.pass_obj
async def pause(db: str | None, name: str) -> None:
    """Let a schedule make no jobs until resumed.

    What it has made goes on.

    \b
    Example:
      aqueue cron pause nightly
    """
    async with Queue.open(db) as queue:
        await queue.schedules.pause(name)
    print(f"Schedule {name} is paused.", file=sys.stderr)


@cron.command("resume")
@click.argument("name")
@click.pass_obj
async def resume(db: str | None, name: str) -> None:
    """Let a paused schedule go on. Times that have passed meanwhile are not made up for.

    \b
    Example:
      aqueue cron resume nightly
    """
    async with Queue.open(db) as queue:
        resumed = await queue.schedules.resume(name)
    print(f"Schedule {name} goes on. {_what_comes(resumed)}", file=sys.stderr)


@cron.command("trigger")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the job instead of its id.")
@click.pass_obj
async def trigger(db: str | None, name: str, as_json: bool) -> None:
    """Enqueue a job of a schedule now.

    Its id goes to stdout, alone. Also for a paused schedule. While a job of it is unfinished, this is refused, unless
    the schedule has --overlap.

    \b
    Example:
      aqueue wait "$(aqueue cron trigger nightly)"
    """
    async with Queue.open(db) as queue:
        job = await queue.schedules.trigger(name)
    if as_json:
        show_jobs_as_json([job], one=True)
    else:
        print(job.id)
