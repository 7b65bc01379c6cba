"""The real store and the real lifecycle, driven at random with a virtual clock and many virtual workers.

The model knows of each job only whether it must exist, how it ended at any time, and whether a person cancelled it; of
each run only who holds it and whether it was settled. The promises are looked at after every step.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)
from server import server

from aqueue.model import lifecycle
from aqueue.model.dependencies import Standing, standing
from aqueue.model.ending import Ending, Exited, Interrupted, Lost, NotStarted, Signalled, TimedOut
from aqueue.model.errors import Awaited, Entangled, NoSuchJob, Refused, WrongState
from aqueue.model.job import FINISHED, Job, RunKey, State
from aqueue.model.newjob import NewJob
from aqueue.model.settings import Settings
from aqueue.store import line, open_store, reading, sql
from aqueue.store.statement import Ask
from aqueue.store.sweep import Sweep

from .harness import Plain, plain

T = TypeVar("T")

SETTINGS = Settings(max_retries=2, backoff_base=2)
KEYS = st.sampled_from([None, None, "k", "l"])
WORKERS = st.sampled_from(["w1", "w2", "w3"])
ENDINGS: st.SearchStrategy[Ending] = st.sampled_from(
    [
        Exited(0),
        Exited(0),
        Exited(1),
        Exited(75),
        Exited(64),
        Signalled(9),
        TimedOut(1),
        NotStarted("no"),
        Interrupted(),
    ]
)


class Lives(RuleBasedStateMachine):
    """Jobs, and workers that claim, settle, die and come too late."""

    def where(self) -> str:
        """A queue that is not there yet."""
        self.folder = tempfile.TemporaryDirectory()
        return str(Path(self.folder.name, "queue.db"))

    jobs: Bundle[str] = Bundle("jobs")
    runs: Bundle[Job] = Bundle("runs")

    @initialize()
    def open(self) -> None:
        self.path = self.where()
        self.runner = asyncio.Runner()
        self.store = self.runner.run(open_store(self.path, worker=True, environ={}))
        self.stack = contextlib.ExitStack()
        self.client = self.stack.enter_context(plain(self.path))
        self.now = 1_000_000.0
        self.existing: set[str] = set()
        self.open_runs: dict[RunKey, str] = {}
        self.settled: set[RunKey] = set()
        self.last_run: dict[str, int] = {}
        self.ever: dict[State, set[str]] = {state: set() for state in State}
        self.cancelled_by_hand: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.stack.close()
            self.runner.run(self.store.close())
            self.runner.close()
            self.clean()

    def clean(self) -> None:
        self.folder.cleanup()

    def write(self, ask: Ask[T]) -> T:
        return self.runner.run(self.store.write(ask))

    @rule(target=jobs, delay=st.sampled_from([0, 0, 5]), priority=st.integers(-1, 1), hold=st.booleans(), key=KEYS)
    def enqueue(self, delay: float, priority: int, hold: bool, key: str | None) -> str | MultipleResults[str]:
        return self._enqueue(
            NewJob(
                command="true",
                run_at=self.now + delay,
                priority=priority,
                hold=hold,
                defer_on=(75,),
                no_retry_on=(64,),
                unique=key,
            )
        )

    @rule(target=jobs, first=jobs, second=jobs, any_end=st.booleans(), key=KEYS)
    def enqueue_after(self, first: str, second: str, any_end: bool, key: str | None) -> str | MultipleResults[str]:
        after_any = (second,) if any_end else ()
        after = tuple({first, second} - {*after_any})
        job = NewJob(command="true", after=after, after_any=after_any, no_retry_on=(64,), max_retries=0, unique=key)
        try:
            return self._enqueue(job)
        except NoSuchJob:
            assert not {first, second} <= self.existing
            return multiple()

    def _enqueue(self, job: NewJob) -> str | MultipleResults[str]:
        enqueued = self.write(lambda: sql.enqueue([job], SETTINGS, self.now))
        assert bool(enqueued.existing) is (enqueued.ids[0] in self.existing)
        if enqueued.existing:
            return multiple()
        self.existing.add(enqueued.ids[0])
        return enqueued.ids[0]

    @rule(seconds=st.sampled_from([1, 2, 4, 10]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule(target=runs, worker=WORKERS)
    def claim(self, worker: str) -> Job | MultipleResults[Job]:
        claimed = self.write(lambda: line.claim(worker, [0], self.now))
        for job in claimed.jobs:
            assert job.run > self.last_run.get(job.id, 0), "a number of a run is never used twice"
            assert all(key.seq != job.seq for key in self.open_runs), "two runs of one job go on"
            assert {*job.after} <= self.ever[State.COMPLETED], "it runs before what it comes after"
            assert {*job.after_any} <= self.ever[State.COMPLETED] | self.ever[State.DEAD] | self.ever[State.CANCELLED]
            self.last_run[job.id] = job.run
            self.open_runs[job.run_key] = worker
        return claimed.jobs[0] if claimed.jobs else multiple()

    @rule(job=runs, ending=ENDINGS)
    def settle(self, job: Job, ending: Ending) -> None:
        """Also again, and also when the run was rescued meanwhile."""
        self._settle(job, ending)

    @rule(worker=WORKERS)
    def kill_and_rescue(self, worker: str) -> None:
        for job in self.runner.run(self.store.read(lambda: reading.processing_of(worker))):
            self._settle(job, Lost(worker))
        assert worker not in self.open_runs.values()

    def _settle(self, job: Job, ending: Ending) -> None:
        transition = lifecycle.settle(job, ending, SETTINGS, self.now)
        decision = sql.Decision(job, transition, sql.EndOfRun(ending, None, self.now))
        refused = self.write(lambda: sql.settle([decision], self.now))
        current = refused.get(job.run_key)
        if current is not None and current.run_key in self.open_runs and current.run_key == job.run_key:
            assert current.cancel_requested
            self._settle(current, ending)
        elif not refused:
            assert job.run_key not in self.settled, "a run is settled at most once"
            assert self.open_runs.pop(job.run_key) == job.worker, "only by whom it was given to"
            self.settled.add(job.run_key)

    def _change(self, job_id: str, decide: Callable[[Job], lifecycle.Transition | None]) -> Job | None:
        try:
            (job,) = self.write(lambda: sql.change([job_id], decide, self.now))
        except NoSuchJob:
            assert job_id not in self.existing
        except (WrongState, Entangled):
            pass
        else:
            return job
        return None

    @rule(job_id=jobs)
    def cancel(self, job_id: str) -> None:
        job = self._change(job_id, lambda job: lifecycle.cancel(job, self.now))
        if job is not None and job.state is State.CANCELLED:
            self.cancelled_by_hand.add(job_id)

    @rule(job_id=jobs)
    def retry(self, job_id: str) -> None:
        if self._change(job_id, lambda job: lifecycle.retry(job, self.now)):
            self.cancelled_by_hand.discard(job_id)

    @rule(job_id=jobs, parent=st.none() | jobs)
    def edit(self, job_id: str, parent: str | None) -> None:
        changes = {"after": () if parent is None else (parent,), "after_any": ()}
        with contextlib.suppress(Refused):
            self.write(lambda: sql.edit(job_id, changes, lambda _: None, self.now))

    @rule(job_id=jobs)
    def hold(self, job_id: str) -> None:
        self._change(job_id, lifecycle.hold)

    @rule(job_id=jobs)
    def release(self, job_id: str) -> None:
        self._change(job_id, lambda job: lifecycle.release(job, self.now))

    @rule(target=jobs, job_id=consumes(jobs))
    def remove(self, job_id: str) -> str | MultipleResults[str]:
        try:
            self.write(lambda: sql.remove([job_id], lifecycle.check_removable))
            self.existing.discard(job_id)
            self.cancelled_by_hand.discard(job_id)
        except WrongState:
            assert any(str(key.seq) == job_id for key in self.open_runs)
            return job_id
        except Awaited:
            return job_id
        except NoSuchJob:
            assert job_id not in self.existing
        return multiple()

    @rule(age=st.sampled_from([0, 5]))
    def prune(self, age: float) -> None:
        client = self.client
        old = (
            "SELECT id FROM jobs WHERE state IN ('completed', 'dead', 'cancelled') AND finished_at <= ?"
            " AND seq NOT IN (SELECT parent FROM aqueue_dependencies JOIN jobs AS child ON child.seq = child"
            " WHERE child.state = 'blocked')"
        )
        expired = {job for (job,) in client.rows(old, self.now - age)}
        sweep = Sweep(self.store, rest=0)
        assert self.runner.run(sweep.remove(dict.fromkeys(FINISHED, self.now - age))) == len(expired)
        self.existing -= expired
        self.cancelled_by_hand -= expired

    @invariant()
    def the_promises_hold(self) -> None:
        if not hasattr(self, "path"):
            return
        client = self.client
        states = dict(client.rows("SELECT id, state FROM jobs"))
        assert states.keys() == self.existing, "what was acknowledged is there"
        processing = {job for job, state in states.items() if state == State.PROCESSING}
        assert processing == {str(key.seq) for key in self.open_runs}
        truth = set(client.rows("SELECT queue, state, count(*) FROM jobs GROUP BY queue, state"))
        assert set(client.rows("SELECT queue, state, n FROM aqueue_counts WHERE n <> 0")) == truth
        assert not client.rows("SELECT 1 FROM jobs WHERE attempts < 0 OR attempts > max_retries + 1")
        history = dict(client.rows("SELECT job, count(*) FROM aqueue_runs GROUP BY job"))
        assert all(history.get(int(job), 0) == self.last_run.get(job, 0) for job in self.existing)
        self._events_are_a_chain(client)
        self._the_edges_are_those_of_the_states(client)
        for job, state in states.items():
            self.ever[State(state)].add(job)
        assert {states[job] for job in self.cancelled_by_hand} <= {State.CANCELLED}, "it came back by itself"
        unfinished = "unique_key IS NOT NULL AND state NOT IN ('completed', 'dead', 'cancelled')"
        keys = [key for (key,) in client.rows(f"SELECT unique_key FROM jobs WHERE {unfinished}")]
        assert len(keys) == len(set(keys)), "two unfinished jobs with one key"

    @staticmethod
    def _the_edges_are_those_of_the_states(client: Plain) -> None:
        states = dict(client.rows("SELECT seq, state FROM jobs"))
        stands: dict[int, set[str]] = {seq: set() for seq in states}
        for child, parent, on_any, stand in client.rows(
            "SELECT child, parent, on_any, standing FROM aqueue_dependencies"
        ):
            gone = Standing.CLOSED if on_any else Standing.BROKEN
            assert stand == (standing(State(states[parent]), on_any=bool(on_any)) if parent in states else gone)
            stands[child].add(stand)
        for seq, state, cancelled_for in client.rows("SELECT seq, state, cancelled_for FROM jobs"):
            assert state != State.BLOCKED or (Standing.OPEN in stands[seq] and Standing.BROKEN not in stands[seq])
            if cancelled_for is not None:
                assert (state, Standing.BROKEN in stands[seq]) == (State.CANCELLED, True)

    @staticmethod
    def _events_are_a_chain(client: Plain) -> None:
        last: dict[int, str] = {}
        for job, was, state in client.rows("SELECT job, was, state FROM aqueue_events ORDER BY event"):
            assert was == last.get(job)
            last[job] = state
        assert all(last[job] == state for job, state in client.rows("SELECT seq, state FROM jobs"))


class LivesOnAServer(Lives):
    """The same on PostgreSQL."""

    def where(self) -> str:
        return server().url(schema=server().schema())

    def clean(self) -> None:
        """It goes with the server."""


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLivesOnAServer = LivesOnAServer.TestCase
TestLivesOnAServer.settings = settings(max_examples=8, stateful_step_count=40, deadline=None)
