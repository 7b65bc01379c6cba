"""Lines of JSON become the same jobs, or the same error, whether they are taken together or each by itself."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueue.cli.newjobs import NewJobs
from aqueue.cli.sources import Source
from aqueue.model import intake
from aqueue.model.errors import InvalidInput, InvalidSource, Refused
from aqueue.store import batch as batches
from aqueue.store.batch import Batch

KEYS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "queue": st.sampled_from(["mail", "no name"]),
        "priority": st.sampled_from([1, 1, True, 1.0, None]),
        "tags": st.sampled_from([[], ["a"], ["a", "b", "a"], "a"]),
        "env": st.sampled_from([{}, {"command": "true"}, {"A": 1}]),
        "cwd": st.sampled_from(["/", "here", "", 1]),
        "timeout": st.sampled_from([None, "none", "5m", 0]),
        "unique": st.sampled_from(["key", ""]),
        "after": st.sampled_from([[], ["1"], ["x"]]),
        "hold": st.booleans(),
        "run_at": st.sampled_from([0, 4e9, "2030-01-31T18:00Z", "never"]),
        "id": st.sampled_from(["x", "1"]),
        "no_retry_on": st.sampled_from([[1, 2], [2, 1], [0]]),
    },
)
OPTIONS: st.SearchStrategy[dict[str, Any]] = st.sampled_from([{}, {"queue": "other"}, {"hold": True}, {"id": "own"}])


@given(
    st.lists(KEYS, min_size=1, max_size=4).flatmap(lambda kinds: st.lists(st.sampled_from(kinds), min_size=2)),
    OPTIONS,
    st.sampled_from(["\n", "\r\n"]),
)
def test_both_ways_make_the_same_jobs_and_the_same_errors(
    kinds: list[dict[str, Any]], options: dict[str, Any], end: str
) -> None:
    text = "".join(json.dumps({"command": f"echo {number}"} | kind) + end for number, kind in enumerate(kinds))
    assert collected(text, options, least=1) == collected(text, options, least=10_000)


def collected(text: str, options: dict[str, Any], *, least: int) -> tuple[list[dict[str, Any]], list[int], str]:
    """What becomes of these lines: the jobs with all that they say, the numbers of their lines, and the error."""
    with pytest.MonkeyPatch.context() as patched, Batch() as batch:
        patched.setattr(intake, "LEAST_ALIKE", least)
        jobs = NewJobs(Source(intake.from_lines([text])), options)
        try:
            with jobs.located():
                batch.add(jobs, 1e9)
        except (InvalidInput, InvalidSource, Refused) as error:
            return [], [], str(error)
        rows: list[dict[str, Any]] = []
        for chunk in batch:
            common, own = json.loads(chunk.common), json.loads(chunk.jobs)
            each = own if chunk.form == batches.EACH else [[None, command, None] for command in own]
            rows += [{"id": one[0], "command": one[1], **common, **(one[2] or {})} for one in each]
        return rows, [jobs._numbers[place] for place in range(len(rows))], ""
