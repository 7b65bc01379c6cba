"""`aqueue prune`: remove finished jobs that were kept for long enough."""

import sys

import asyncclick as click

from aqueue.cli.narration import counted
from aqueue.cli.parameters import DURATION, STATE
from aqueue.cli.present import about_size, show_json
from aqueue.model.job import State
from aqueue.model.retention import kept_for
from aqueue.model.settings import Settings
from aqueue.model.text import format_duration
from aqueue.queue import Pruned, Queue


@click.command()
@click.option(
    "--older-than", type=DURATION, metavar="DUR", help="Finished so long ago; 0 is all. Default: as configured."
)
@click.option("--state", type=STATE, metavar="STATE", help="Only these: completed, cancelled, dead.")
@click.option("--dry-run", is_flag=True, help="Only say how many that would be.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
async def prune(db: str | None, older_than: float | None, state: State | None, dry_run: bool, as_json: bool) -> None:
    """Remove finished jobs with their history and output, and give their space back.

    Workers do it by themselves, by the settings keep_completed, keep_cancelled, keep_dead and output_total. With
    --older-than it is done whatever the settings say, dead jobs included. Jobs that others wait for stay.

    \b
    Examples:
      aqueue prune
      aqueue prune --older-than 30d --dry-run
      aqueue prune --older-than 0 --state completed
    """
    async with Queue.open(db) as queue:
        settings = await queue.settings()
        if dry_run:
            pruned = Pruned(await queue.prunable(older_than=older_than, state=state), 0)
        else:
            pruned = await queue.prune(older_than=older_than, state=state)
    if as_json:
        show_json({"jobs": pruned.jobs, "freed_bytes": pruned.freed, "dry_run": dry_run})
    else:
        why = "" if pruned.jobs or older_than is not None else f" {_kept(settings, state)}"
        print(f"{_said(pruned, dry_run=dry_run)}{why}", file=sys.stderr)


def _said(pruned: Pruned, *, dry_run: bool) -> str:
    jobs = counted(pruned.jobs, "job")
    if dry_run:
        return f"Would remove {jobs}."
    return f"Removed {jobs}." + (f" The file is {about_size(pruned.freed)} smaller." if pruned.freed else "")


def _kept(settings: Settings, only: State | None) -> str:
    """For how long the settings keep jobs: why there was nothing to remove."""
    keeps = kept_for(settings)
    states = [state for state in (State.COMPLETED, State.CANCELLED, State.DEAD) if only in (None, state)]
    times = ", ".join(f"{state} {_for_how_long(keeps.get(state))}" for state in states)
    return f"Kept as configured: {times}; --older-than overrules that."


def _for_how_long(keep: float | None) -> str:
    return "forever" if keep is None else f"for {format_duration(keep)}"
