"""What a worker has done so far: plain numbers, which cost next to nothing to keep and may be read at any time.

A turn of the store is counted by the committer, once for all that is in it. The runs are counted only where somebody
asks for that: then `hear` is among those who are told the events.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate

from aqueue.engine.events import Event, Rescuing, Settled, Started
from aqueue.model.job import State
from aqueue.store.line import Claimed

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0)
"""Bounds for what takes from milliseconds to hours: runs, and waits for them."""

MOMENTS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Bounds, in seconds, for what should take milliseconds."""

SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
"""Bounds for what is in one transaction."""

RINGS_WITHIN = 1.0
"""Seconds between a commit and its ring at most; mostly it is less than one millisecond."""


class Histogram:
    """How many values there were up to each of some bounds."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Each bound, the last of them infinite, and how many values were not above it."""
        return zip([*self._bounds, float("inf")], accumulate(self._counts), strict=True)


class Bell:
    """How often the doorbell was heard, and how often it was missed.

    A ring may come a little before or after the commit that it tells of is found, and one for several. So only what is
    found and has no ring within a second before or after it counts as missed: that was plain SQL, or a lost ring. It
    is counted once a second at most.
    """

    def __init__(self) -> None:
        self.rings = 0
        self._missed = 0
        self._rang_at = float("-inf")
        self._found_at: float | None = None

    def ring(self, now: float) -> None:
        """Somebody has rung."""
        self.rings += 1
        self._missed = self.misses(now)
        self._rang_at, self._found_at = now, None

    def find(self, now: float) -> None:
        """Commits of others were found."""
        if now - self._rang_at <= RINGS_WITHIN:
            return
        if self._found_at is None or self._is_missed(now):
            self._missed, self._found_at = self.misses(now), now

    def misses(self, now: float) -> int:
        """How often commits of others were found that nobody rang for."""
        return self._missed + self._is_missed(now)

    def _is_missed(self, now: float) -> bool:
        return self._found_at is not None and now - self._found_at > RINGS_WITHIN


class Tally:
    """The counts of one worker, since its start."""

    def __init__(self) -> None:
        self.bell = Bell()
        self.batches = Histogram(SIZES)
        """Ends of runs and claims in one transaction, where there were any."""
        self.commits = Histogram(MOMENTS)
        """Seconds for which its transactions held the write lock."""
        self.claims = 0
        """How often it has looked for jobs."""
        self.empty_claims = 0
        """How often there were none."""
        self.runs: Counter[tuple[str, State]] = Counter()
        """Runs that ended, by the kind of their ending and by what became of the job."""
        self.durations = Histogram(SECONDS)
        """Seconds from the start of a run to its end."""
        self.waits = Histogram(SECONDS)
        """Seconds from the moment at which a job was due to the start of its run."""
        self.rescues = 0
        """Dead workers whose jobs it took back."""
        self.rescued = 0
        """How many jobs these were."""

    def commit(self, ended: int, claimed: Claimed | None, held: float) -> None:
        """Count a transaction: so many ends of runs, a claim, and for how many seconds it held the write lock."""
        self.commits.add(held)
        size = ended
        if claimed is not None:
            self.claims += 1
            self.empty_claims += not claimed.jobs
            size += len(claimed.jobs)
        if size:
            self.batches.add(size)

    def hear(self, event: Event) -> None:
        """Count an event."""
        match event:
            case Started():
                self._started(event)
            case Settled():
                self._settled(event)
            case Rescuing(_, jobs):
                self.rescues += 1
                self.rescued += jobs

    def _started(self, event: Started) -> None:
        due = event.job.run_at
        if due is not None:
            self.waits.add(max(0.0, event.at - due))

    def _settled(self, event: Settled) -> None:
        self.runs[event.ending.kind, event.transition.state] += 1
        if event.seconds:  # else it was never begun, or lost, and only its worker knew how long it took
            self.durations.add(event.seconds)
