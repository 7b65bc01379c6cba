"""Who is tied to whom: what the lists of parents mean that a job was given."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from aqueue.model.dependencies import Standing, standing
from aqueue.model.errors import Cycle, NoSuchJob
from aqueue.model.job import Job


@dataclass(frozen=True, slots=True)
class Tied:
    """A job with the ids of its parents."""

    seq: int
    id: str
    after: Sequence[str]
    after_any: Sequence[str]

    @property
    def parents(self) -> Mapping[str, bool]:
        """Each parent, with whether any end of it will do. Who is in both lists must complete."""
        return dict.fromkeys(self.after_any, True) | dict.fromkeys(self.after, False)

    def renamed(self, names: Mapping[str, str]) -> "Tied":
        """The same, with other names for some of the parents."""
        after, after_any = ([names.get(one, one) for one in ids] for ids in (self.after, self.after_any))
        return replace(self, after=after, after_any=after_any)

    def among(self, known: Collection[str]) -> "Tied":
        """The same with those parents only that are among these."""
        after, after_any = ([one for one in ids if one in known] for ids in (self.after, self.after_any))
        return replace(self, after=after, after_any=after_any)

    def standings(self, parents: Mapping[str, Job]) -> Mapping[str, Standing]:
        """Where the edge to each parent stands."""
        return {one: standing(parents[one].state, on_any=on_any) for one, on_any in self.parents.items()}

    def plainly_waits(self, parents: Mapping[str, Job]) -> bool:
        """Whether it stays blocked, as most do: a parent has not ended, and none has ended badly."""
        standings = self.standings(parents).values()
        return Standing.OPEN in standings and Standing.BROKEN not in standings


def check_known(parents: Collection[str], known: Collection[str], place: int | None = None) -> None:
    """Raise NoSuchJob for the first of these parents that is not there; `place` is that of their child in its batch."""
    for one in parents:
        if one not in known:
            raise NoSuchJob(one, place)


def check_acyclic(parents: Mapping[str, Sequence[str]], places: Mapping[str, int]) -> None:
    """Raise Cycle if some of these jobs would wait for one another.

    ``parents`` and ``places`` in the batch of each are by id.
    """
    left = _never_ready(parents)
    if left:
        cycle = _a_cycle({one: next(parent for parent in parents[one] if parent in left) for one in left})
        raise Cycle(cycle, min(places[one] for one in cycle))


def _never_ready(parents: Mapping[str, Sequence[str]]) -> Collection[str]:
    """What is left when each job is taken away whose parents have all been taken away before."""
    children: dict[str, list[str]] = {}
    for child, of_child in parents.items():
        for parent in of_child:
            children.setdefault(parent, []).append(child)
    missing = {child: sum(parent in parents for parent in of_child) for child, of_child in parents.items()}
    ready = [child for child, count in missing.items() if not count]
    while ready:
        done = ready.pop()
        del missing[done]
        for child in children.get(done, ()):
            missing[child] -= 1
            if not missing[child]:
                ready.append(child)
    return missing.keys()


def _a_cycle(parent: Mapping[str, str]) -> Sequence[str]:
    """The jobs of a cycle, each followed by one that it waits for: there is one, for each has such a parent."""
    one = min(parent)
    seen: dict[str, None] = {}
    while one not in seen:
        seen[one] = None
        one = parent[one]
    path = list(seen)
    return path[path.index(one) :]
