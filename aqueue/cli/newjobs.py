"""New jobs of what is asked for: with the options of the command, the folder, and the place of whatever is wrong."""

import contextlib
import functools
import time
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aqueue.cli.joboptions import from_here
from aqueue.cli.sources import Source
from aqueue.model.errors import Cycle, DuplicateId, InvalidInput, InvalidSource, NoSuchJob, Refused
from aqueue.model.intake import CommandsOfKinds, Wanted
from aqueue.model.newjob import Alike, NewJob, OfKinds


class NewJobs:
    """The jobs of a source. Options beat what the jobs say of themselves."""

    def __init__(self, source: Source, options: Mapping[str, Any]) -> None:
        self._source = source
        self._options = options
        self._numbers = _Numbers()
        self._unit = ""
        self._from_here = functools.cache(from_here)  # looking up one folder for each of many jobs costs most

    def __iter__(self) -> Iterator[NewJob | Alike | OfKinds]:
        for wanted in self._source.wanted:
            if isinstance(wanted, Wanted):
                yield self._made(wanted)
            elif "id" in self._options:
                yield from map(self._made, wanted.one_by_one())
            elif isinstance(wanted, CommandsOfKinds):
                yield OfKinds(list(map(self._parsed, wanted.firsts())), wanted.which, wanted.texts)
                self._numbers.add(wanted.numbers)
            else:
                yield Alike(self._made(next(wanted.one_by_one())), wanted.texts)
                self._numbers.add(wanted.numbers[1:])

    @contextlib.contextmanager
    def located(self) -> Iterator[None]:
        """Tell of an id that is taken, and of jobs that cannot be waited for, where the job that wants it was read."""
        try:
            yield
        except (DuplicateId, Cycle) as error:
            raise self._refused(error, error.place) from None
        except NoSuchJob as error:
            if error.place is None or not self._source.is_read or self._is_in_options(error.job_id):
                raise
            raise self._refused(error, error.place) from None

    def _refused(self, error: Refused, place: int) -> Refused:
        return Refused(self._told(str(error), Wanted({}, self._numbers[place], self._unit)))

    def _is_in_options(self, parent: str) -> bool:
        return any(parent in self._options.get(key, ()) for key in ("after", "after_any"))

    def _made(self, wanted: Wanted) -> NewJob:
        self._numbers.add([wanted.number])
        return self._parsed(wanted)

    def _parsed(self, wanted: Wanted) -> NewJob:
        self._unit = wanted.unit
        try:
            return NewJob.parse(self._keys(wanted.keys), time.time())
        except InvalidInput as error:
            if self._source.is_read:
                raise InvalidSource(self._told(str(error), wanted)) from None
            raise

    def _keys(self, keys: Mapping[str, Any]) -> Mapping[str, Any]:
        if {"delay", "run_at"} & self._options.keys():  # either of them beats both
            keys = {key: value for key, value in keys.items() if key not in {"delay", "run_at"}}
        keys = {**keys, **self._options}
        folder = keys.get("cwd")
        if folder is None or isinstance(folder, str):
            keys["cwd"] = self._from_here("." if folder is None else folder)
        return keys

    def _told(self, text: str, wanted: Wanted) -> str:
        return ": ".join(filter(None, [self._source.name, wanted.where, text]))


class _Numbers:
    """The numbers of the lines of all jobs in little memory: they mostly follow one another."""

    def __init__(self) -> None:
        self._count = 0
        self._places = array("Q")
        self._ahead = array("Q")

    def __getitem__(self, place: int) -> int:
        return place + self._ahead[bisect_right(self._places, place) - 1]

    def add(self, numbers: Sequence[int]) -> None:
        """Those of the next jobs."""
        if isinstance(numbers, range) and numbers:
            self._add(numbers.start, len(numbers))
        else:
            for number in numbers:
                self._add(number, 1)

    def _add(self, number: int, count: int) -> None:
        ahead = number - self._count
        if not self._ahead or self._ahead[-1] != ahead:
            self._places.append(self._count)
            self._ahead.append(ahead)
        self._count += count
