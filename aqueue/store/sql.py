"""The verbs that change jobs, each once: which statements, in which order, with which parameters, what the rows mean.

They never decide: what becomes of a job comes from the model, as a decision that holds the job as it was seen. The
write is guarded by that, so that of two decisions on one job the second changes nothing.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from aqueue.model.ending import Ending, exit_code_of, signal_of
from aqueue.model.errors import Awaited
from aqueue.model.job import FINISHED, Decidable, Job, RunKey, State
from aqueue.model.lifecycle import Transition
from aqueue.model.newjob import NewJob
from aqueue.model.record import record
from aqueue.model.settings import Settings
from aqueue.model.unique import Claim, Enqueued
from aqueue.store import dependencies, minutes, unique
from aqueue.store.batch import Batch
from aqueue.store.enqueueing import enqueue_batch
from aqueue.store.reading import find, to_job
from aqueue.store.statement import Statement, Verb

PARENTS = frozenset({"after", "after_any"})
"""The changes of a job that tie it to others."""


@record
class Begun:
    """Where and when the run of a job as it was claimed has really begun."""

    job: Job
    slot: int
    at: float


@record
class EndOfRun:
    """What the history is told of the end of a run. Its error may differ from the job's, which can be put back."""

    ending: Ending
    error: str | None
    finished_at: float
    begun: Begun | None = None
    cpu_seconds: float | None = None
    peak_bytes: int | None = None


@record
class Decision:
    """What is to become of a job, with the job as it was when that was decided.

    With the run that this ends, if any, and the job that tells of it, if that is wanted.
    """

    job: Decidable
    transition: Transition
    run: EndOfRun | None = None
    hook: NewJob | None = None


def enqueue(jobs: Iterable[NewJob], settings: Settings, now: float) -> Verb[Enqueued]:
    """Add jobs, all or none, as `enqueue_batch` does."""
    with Batch() as batch:
        batch.add(jobs, now)
        return (yield from enqueue_batch(batch, settings, now))


def begin(begun: Sequence[Begun]) -> Verb[None]:
    """Correct what the claims said of these runs, as far as they go on."""
    runs = [{"seq": one.job.seq, "run": one.job.run, "slot": one.slot, "started_at": one.at} for one in begun]
    yield Statement("begin", {"runs": json.dumps(runs)})
    yield Statement("begin_runs", {"runs": json.dumps(runs)})


def settle(decisions: Sequence[Decision], now: float) -> Verb[Mapping[RunKey, Job | None]]:
    """Write what became of jobs whose runs have ended, and enqueue the jobs that tell of it.

    Returns the refused ones by run, each with the job as it is now (None if it was removed): a decision is refused
    when the job has changed since it was seen, in a way that could make it wrong. Of two decisions on one job, about
    different runs, at most one can be about the run that goes on.
    """
    accepted = yield from apply(decisions, now)
    hooks = [decision.hook for decision in decisions if decision.hook and decision.job.run_key in accepted]
    if hooks:
        yield from enqueue(hooks, Settings(), now)  # all that settings could say of them is said already
    refused = [decision.job.run_key for decision in decisions if decision.job.run_key not in accepted]
    if not refused:
        return {}
    rows = yield Statement("jobs_by_seq", {"seqs": json.dumps([key.seq for key in refused])})
    current = {job.seq: job for job in map(to_job, rows)}
    return {key: current.get(key.seq) for key in refused}


def apply(decisions: Sequence[Decision], now: float) -> Verb[Collection[RunKey]]:
    """Write decisions, each if the job is still as it was seen, and let the jobs follow that wait for these.

    Returns the runs of those that were accepted. Raises KeyHeld.
    """
    rows = yield Statement("apply", {"decisions": json.dumps([_decision_row(one) for one in decisions]), "now": now})
    awaited = {RunKey(row["seq"], row["run"]): bool(row["is_awaited"]) for row in rows}
    accepted = [one for one in decisions if one.job.run_key in awaited]
    runs = [_run_row(one.job, one.run) for one in accepted if one.run is not None]
    if runs:
        yield Statement("end_runs", {"runs": json.dumps(runs)})
        yield from minutes.count(_counted(one) for one in accepted if _counts(one))
    tied = [one for one in accepted if one.transition.state is State.BLOCKED or awaited[one.job.run_key]]
    yield from dependencies.follow([_changed(one) for one in tied], now)
    return awaited.keys()


def _counts(decision: Decision) -> bool:
    """Whether it ends a run by which people see how things go: not one that was interrupted, or put off."""
    to = decision.transition
    is_final = to.state in (State.COMPLETED, State.DEAD)
    return decision.run is not None and (
        is_final or (to.state is State.FAILED and to.attempts == decision.job.attempts)
    )


def _counted(decision: Decision) -> minutes.Ended:
    run, job, to = decision.run, decision.job, decision.transition
    assert run is not None
    begun = run.begun.at if run.begun else None
    return minutes.Ended(
        state=to.state,
        attempts=to.attempts,
        at=run.finished_at,
        waited=None if begun is None or job.run_at is None else max(0.0, begun - job.run_at),
        ran=None if begun is None else max(0.0, run.finished_at - begun),
    )


def _changed(decision: Decision) -> dependencies.Changed:
    return dependencies.Changed(decision.job.seq, decision.job.id, decision.transition.state)


def _decision_row(decision: Decision) -> dict[str, Any]:
    job, transition = decision.job, decision.transition
    begun = decision.run.begun if decision.run else None
    return {
        "seq": job.seq,
        "was_state": job.state,
        "was_run": job.run,
        "was_worker": job.worker,
        "was_cancel_requested": int(job.cancel_requested),
        "state": transition.state,
        "attempts": transition.attempts,
        "run_at": transition.run_at,
        "held": int(transition.held),
        "exit_code": transition.exit_code,
        "signal": transition.signal,
        "error": transition.error,
        "finished_at": transition.finished_at,
        "slot": begun.slot if begun else None,
        "started_at": begun.at if begun else None,
    }


def _run_row(job: Decidable, run: EndOfRun) -> dict[str, Any]:
    return {
        "seq": job.seq,
        "run": job.run,
        "slot": run.begun.slot if run.begun else None,
        "started_at": run.begun.at if run.begun else None,
        "finished_at": run.finished_at,
        "ending": run.ending.kind,
        "exit_code": exit_code_of(run.ending),
        "signal": signal_of(run.ending),
        "error": run.error,
        "cpu_seconds": run.cpu_seconds,
        "peak_bytes": run.peak_bytes,
    }


def change(ids: Sequence[str], decide: Callable[[Job], Transition | None], now: float) -> Verb[Sequence[Job]]:
    """Change jobs by hand, all or none; returns them as they are afterwards.

    Where `decide` returns None, the job runs, and its worker is asked to end it. Raises NoSuchJob, what `decide`
    raises, KeyHeld, and ParentEnded where the parents of a job do not let it come back.
    """
    jobs = yield from find(ids)
    yield from carry_out([(job, decide(job)) for job in jobs], now)
    return (yield from find(ids))


def carry_out(decided: Sequence[tuple[Decidable, Transition | None]], now: float) -> Verb[None]:
    """Write what was decided by hand about jobs that were read in this transaction, as `change` does."""
    back = [job for job, to in decided if to and job.state in FINISHED and to.state not in FINISHED]
    yield from unique.check([Claim(job.id, job.unique, job.id) for job in back if job.unique])
    yield from apply([Decision(job, transition) for job, transition in decided if transition], now)
    blocked = [job.seq for job, to in decided if to and to.state is State.BLOCKED]
    yield from dependencies.check_not_broken(blocked, "retried")
    running = [job.seq for job, transition in decided if transition is None]
    if running:
        yield Statement("request_cancel", {"seqs": json.dumps(running), "now": now})


def tried(ids: Sequence[str], attempt: Verb[object]) -> Verb[Sequence[Job]]:
    """The jobs with these ids as they are, if this can be done to them: it is done, and undone.

    Raises what it raises.
    """
    jobs = yield from find(ids)
    yield Statement("savepoint")
    yield from attempt
    yield Statement("undo")
    return jobs


def remove(ids: Sequence[str], may_go: Callable[[Job], None]) -> Verb[Sequence[Job]]:
    """Delete jobs with their history, all or none. Raises NoSuchJob, Awaited and what `may_go` raises."""
    jobs = yield from find(ids)
    for job in jobs:
        may_go(job)
    if awaited := (yield from dependencies.awaited(jobs)):
        raise Awaited({job.id: awaited[job.seq] for job in jobs if job.seq in awaited})
    yield from delete([job.seq for job in jobs])
    return jobs


def delete(seqs: Sequence[int]) -> Verb[None]:
    """Delete jobs that are not awaited, with their history."""
    yield Statement("untie", {"seqs": json.dumps(seqs)})
    yield Statement("remove", {"seqs": json.dumps(seqs)})


def edit(
    job_id: str, changes: Mapping[str, Any], decide: Callable[[Job], Transition | None], now: float
) -> Verb[Sequence[Job]]:
    """Change what a job says of itself; returns it, alone.

    `decide` may also give it another state; None leaves it in the one that it has. Raises NoSuchJob, KeyHeld, Cycle,
    ParentEnded, and what `decide` raises.
    """
    (job,) = yield from find([job_id])
    transition = decide(job)
    if (key := changes.get("unique")) and key != job.unique and not job.is_finished:
        yield from unique.check([Claim(job.id, key, job.id)])
    yield from write_edits([job], changes, now)
    if transition is not None:
        yield from apply([Decision(job, transition)], now)
    if given := {key: changes[key] for key in changes.keys() & PARENTS}:
        yield from dependencies.tie_again(job, given, now)
    return (yield from find([job_id]))


def write_edits(jobs: Sequence[Decidable], changes: Mapping[str, Any], now: float) -> Verb[None]:
    """Change what these jobs say of themselves; what is not named stays."""
    seqs = json.dumps([job.seq for job in jobs])
    yield Statement("edit", {"seqs": seqs, "changes": json.dumps(changes), "now": now})
