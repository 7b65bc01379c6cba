"""A job among those that it comes after and those that come after it, drawn as a tree that grows both ways."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from aqueue.cli.escape import escape
from aqueue.cli.terminal import columns, cut, showable
from aqueue.model.job import Job, State
from aqueue.store.chain import Branch, Chain, Kin

LONGEST_COMMAND = 60
"""How many columns of a command are shown."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What the lines are drawn with."""

    middle: str
    last: str
    along: str
    dots: str


UPWARDS, DOWNWARDS = Signs("├─ ", "┌─ ", "│  ", "…"), Signs("├─ ", "└─ ", "│  ", "…")
PLAIN_UPWARDS, PLAIN_DOWNWARDS = Signs("|- ", ",- ", "|  ", "..."), Signs("|- ", "`- ", "|  ", "...")


def show_tree(job: Job, chain: Chain) -> None:
    """Print the tree: above the job its parents, below it its children."""
    fancy = showable("├┌└│─…") == "├┌└│─…"
    # What is above grows upwards: a tree like the other, from its last line to its first.
    above = [*_lines(_turned(chain.above), UPWARDS if fancy else PLAIN_UPWARDS)][::-1]
    below = _lines(chain.below, DOWNWARDS if fancy else PLAIN_DOWNWARDS)
    room = columns()
    for line in [*above, _line(job.id, job.state, held=job.held, command=job.command), *below]:
        print(line if room is None else cut(showable(line), room))


def _turned(branch: Branch) -> Branch:
    return replace(branch, kin=[replace(kin, further=_turned(kin.further)) for kin in reversed(branch.kin)])


def _lines(branch: Branch, signs: Signs, before: str = "") -> Iterator[str]:
    shown = [(_of_kin(kin), kin.further) for kin in branch.kin]
    if branch.more:
        shown.append((f"{signs.dots} {branch.more} more", Branch()))
    for number, (text, further) in enumerate(shown, start=1):
        is_last = number == len(shown)
        yield f"{before}{signs.last if is_last else signs.middle}{text}"
        yield from _lines(further, signs, before + ("   " if is_last else signs.along))


def _of_kin(kin: Kin) -> str:
    line = _line(kin.id, kin.state, held=kin.held, command=kin.command)
    return f"{line}  (any end)" if kin.on_any else line


def _line(job_id: str, state: State, *, held: bool, command: str) -> str:
    shown = "held" if held and state is State.SCHEDULED else state
    return f"{job_id} {shown}: {cut(escape(command), LONGEST_COMMAND)}"
