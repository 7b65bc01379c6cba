"""What the commands that change jobs by hand have in common: which jobs, all or what can be, and a word on it."""

import contextlib
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import asyncclick as click

from aqueue.cli.escape import escape
from aqueue.cli.present import show_jobs_as_json, show_json
from aqueue.cli.progress import Bar, shown
from aqueue.cli.selecting import Chosen, all_option, ask_before_removing, filter_options
from aqueue.model.errors import Refused
from aqueue.model.job import Job, State
from aqueue.model.selection import Filter
from aqueue.queue import Outcome, Queue, Selection

NONE = "No job matches."


@dataclass(frozen=True, slots=True)
class Words:
    """How a verb is said: `cancel`, `Cancelled` 3 jobs, `Cancelling` …, and what could not be `cancelled`."""

    name: str
    done: str
    going: str
    participle: str
    of_what: str = ""
    """What of the jobs, if not the jobs themselves: `priority of `."""


class ById(Protocol):
    """Does it to these jobs, all or none."""

    def __call__(self, queue: Queue, /, *ids: str, dry_run: bool) -> Awaitable[Sequence[Job]]:
        """Raises NoSuchJob and Refused."""


OnAll = Callable[[Selection], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing to do to jobs, named or selected. `asks` is whether it asks before it does that to many."""

    words: Words
    by_id: ById
    on_all: OnAll
    asks: bool = False
    none: str = NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How it is to be done and told."""

    dry_run: bool
    yes: bool
    as_json: bool


def verb(deed: Deed, description: str, *, of_all: str, state: State | None = None) -> click.Command:
    """A command that does one thing to the jobs that are named, all or none, or to all that match, as far as it can.

    `of_all` says what `--all` means. With a state, no other is meant.
    """

    @click.command(name=deed.words.name, help=description)
    @click.argument("ids", nargs=-1, metavar="ID... | [FILTER]...")
    @all_option(of_all)
    @filter_options(leave_out=() if state is None else ("state",))
    @manner_options
    @click.pass_obj
    async def command(
        db: str | None, /, ids: Sequence[str], all_of_them: bool, dry_run: bool, yes: bool, as_json: bool, **which: Any
    ) -> None:
        chosen = Chosen.of(ids, all_of_them=all_of_them, matching=Filter(**which))
        if state is not None and chosen.matching is not None:
            chosen = replace(chosen, matching=replace(chosen.matching, state=state))
        await do(db, deed, chosen, Manner(dry_run=dry_run, yes=yes, as_json=as_json))

    return command


def manner_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of how it is to be done and told."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the jobs as a JSON array; of a selection, counts."),
        click.option("--yes", is_flag=True, help="Ask nothing."),
        click.option("--dry-run", is_flag=True, help="Only say what would be done."),
    ):
        command = option(command)
    return command


async def do(db: str | None, deed: Deed, chosen: Chosen, manner: Manner) -> None:
    """Do it to what was chosen, and say what was done: words on stderr, JSON on stdout."""
    async with Queue.open(db) as queue:
        if chosen.matching is None:
            await _do_by_id(queue, deed, chosen.ids, manner)
        else:
            await _do_on_all(queue, deed, chosen.matching, manner)


async def _do_by_id(queue: Queue, deed: Deed, ids: Sequence[str], manner: Manner) -> None:
    if deed.asks and not manner.dry_run:
        await ask_before_removing(len(ids), yes=manner.yes)
    jobs = await deed.by_id(queue, *ids, dry_run=manner.dry_run)
    if manner.as_json and manner.dry_run:
        _show_outcome(deed, Outcome(matched=len(jobs), done=len(jobs)), manner)
    elif manner.as_json:
        show_jobs_as_json(jobs, one=False)
    else:
        _say(f"{_did(deed, manner)} {_jobs(jobs)}.")


async def _do_on_all(queue: Queue, deed: Deed, matching: Filter, manner: Manner) -> None:
    with contextlib.ExitStack() as until_told:
        watch = _Watch(deed, manner, until_told)
        selection = queue.select(matching, dry_run=manner.dry_run, confirm=watch.confirm, progress=watch.look)
        with watch.telling_where_it_broke_off():
            outcome = await deed.on_all(selection)
    if outcome.matched and not outcome.done:
        raise Refused(_nothing_done(deed, outcome))
    if manner.as_json:
        _show_outcome(deed, outcome, manner)
    elif outcome.matched:
        _say(_told(deed, outcome, manner))
    else:
        _say(deed.none if matching == Filter(state=matching.state) else NONE)


class _Watch:
    """Looks on while the slices are done, for the one who waits."""

    def __init__(self, deed: Deed, manner: Manner, stack: contextlib.ExitStack) -> None:
        self._deed = deed
        self._manner = manner
        self._stack = stack
        self._outcome = Outcome(matched=0)
        self._bar: Bar | None = None

    async def confirm(self, count: int) -> None:
        """Ask, where that is due."""
        if self._deed.asks:
            await ask_before_removing(count, yes=self._manner.yes)

    def look(self, outcome: Outcome) -> None:
        """So far it is."""
        self._outcome = outcome
        if self._bar is None:
            what = "Counting" if self._manner.dry_run else self._deed.words.going
            self._bar = self._stack.enter_context(shown(what, total=outcome.matched, bad="passed over"))
        self._bar.show(outcome.done + outcome.passed_over, failed=outcome.passed_over)

    @contextlib.contextmanager
    def telling_where_it_broke_off(self) -> Iterator[None]:
        """Say what was done all the same, when not all could be."""
        try:
            yield
        except BaseException:
            self._stack.close()
            if self._outcome.done and not self._manner.dry_run:
                _say(f"Broken off. {_told(self._deed, self._outcome, self._manner)}")
            raise


def _did(deed: Deed, manner: Manner) -> str:
    return (f"Would {deed.words.name}" if manner.dry_run else deed.words.done) + f" {deed.words.of_what}".rstrip()


def _jobs(jobs: Sequence[Job]) -> str:
    return f"job {jobs[0].id}" if len(jobs) == 1 else f"{len(jobs)} jobs"


def _told(deed: Deed, outcome: Outcome, manner: Manner) -> str:
    done = f"{_did(deed, manner)} {outcome.done} {'job' if outcome.done == 1 else 'jobs'}"
    return f"{done}; {outcome.passed_over} could not be: {_reasons(outcome)}" if outcome.passed_over else f"{done}."


def _nothing_done(deed: Deed, outcome: Outcome) -> str:
    nobody = f"none of {outcome.matched} jobs could be {deed.words.participle}: " if outcome.matched > 1 else ""
    return nobody + _reasons(outcome)


def _reasons(outcome: Outcome) -> str:
    untold = outcome.passed_over - len(outcome.reasons)
    return escape("; ".join(outcome.reasons)) + (f"; and {untold} more" if untold else "")


def _show_outcome(deed: Deed, outcome: Outcome, manner: Manner) -> None:
    show_json({"verb": deed.words.name, "dry_run": manner.dry_run, **asdict(outcome)})


def _say(text: str) -> None:
    print(text, file=sys.stderr)
