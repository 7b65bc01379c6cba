"""`aqueue edit`: change jobs that do not run."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncclick as click

from aqueue.cli.joboptions import job_changes, keys_of
from aqueue.cli.parameters import NONEMPTY, QUEUE
from aqueue.cli.selecting import Chosen, all_option, filter_options
from aqueue.cli.verbs import Deed, Manner, Words, do, manner_options
from aqueue.model.job import Job, State
from aqueue.model.selection import Filter
from aqueue.queue import Outcome, Queue, Selection

TAKEN_OFF: Mapping[str, Any] = {"after": [], "after_any": [], "unique": None}
"""The options that can be taken off a job, and what is left then."""


@click.command()
@click.argument("job_id", metavar="ID | [FILTER]...", required=False)
@click.option("--command", metavar="COMMAND", help="Another command.")
@click.option("--hold", is_flag=True, help="Do not run it before `aqueue release`.")
@job_changes
@all_option("All that neither run nor are finished")
@filter_options(leave_out=("queue", "tag"))
@click.option("--in-queue", type=QUEUE, metavar="NAME", help="Only of this queue: -q is the one they go to.")
@click.option("--with-tag", type=NONEMPTY, metavar="TAG", help="Only with this tag: --tag is one they get.")
@manner_options
@click.pass_obj
async def edit(
    db: str | None,
    /,
    job_id: str | None,
    all_of_them: bool,
    state: State | None,
    search: str | None,
    in_queue: str | None,
    with_tag: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Change the command or the options of jobs that do not run; what is not named stays.

    A job that is named is changed, or it is said why not. Of a selection, those that cannot be are passed over and
    counted.

    `none` takes off what it has of its own: its timeout, its backoff, its codes, the jobs that it comes
    after, its key, its niceness, its memory.

    \b
    Examples:
      aqueue edit 7 --priority 10
      aqueue edit 7 --command "make -j1" --timeout none && aqueue retry 7
      aqueue edit 7 --after none
      aqueue edit --all --in-queue mail --queue bulk --max-retries 9
    """
    keys = keys_of({**given, "hold": given["hold"] or None})
    changes = {key: TAKEN_OFF[key] if _is_none(key, value) else value for key, value in keys.items()}
    if not changes:
        raise click.UsageError("say what to change; --help lists the options")
    matching = Filter(state=state, queue=in_queue, tag=with_tag, search=search)
    chosen = Chosen.of([] if job_id is None else [job_id], all_of_them=all_of_them, matching=matching)
    await do(db, _editing(changes), chosen, Manner(dry_run=dry_run, yes=yes, as_json=as_json))


def _is_none(key: str, value: Any) -> bool:
    return key in TAKEN_OFF and value in ("none", ["none"])


def _editing(changes: Mapping[str, Any]) -> Deed:
    async def by_id(queue: Queue, *ids: str, dry_run: bool) -> Sequence[Job]:
        return [await queue.edit(job_id, dry_run=dry_run, **changes) for job_id in ids]

    async def on_all(selection: Selection) -> Outcome:
        return await selection.edit(**changes)

    words = Words("edit", "Changed", "Changing", "changed", of_what=f"{', '.join(changes)} of")
    return Deed(words=words, by_id=by_id, on_all=on_all)
