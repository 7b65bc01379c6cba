"""GNU parallel: a list of commands, and a log of how they ended."""

import subprocess
from pathlib import Path
from typing import NoReturn

from benchmarks.figures import Impossible
from benchmarks.peers.peer import Peer
from benchmarks.processes import environment, needed, timed


class Parallel(Peer):
    """GNU parallel with a job log, as it is used where one wants to know afterwards what has failed."""

    key = "parallel"
    name = "GNU parallel --joblog"
    lacks = "a list, no queue; retries without a wait"
    enough = 1000

    def version(self) -> str:
        told = subprocess.run([needed("parallel"), "--version"], capture_output=True, text=True, check=True).stdout
        return told.split()[2]

    def standing(self, folder: Path, slots: int) -> NoReturn:
        raise Impossible("it is no queue: it ends with its list")

    def work_off(self, command: str, count: int, slots: int, folder: Path) -> float:
        lines = folder / "lines"
        lines.write_text("x\n" * count, encoding="ascii")
        words = ["parallel", "--will-cite", "-N0", f"-j{slots}", "--joblog", str(folder / "log"), command]
        # The same shell as everybody's: its own choice would be the slower one of whoever calls it.
        environ = environment(PARALLEL_SHELL="/bin/sh")
        return timed(words, stdin=lines, stdout=folder / "printed", environ=environ).seconds

    def whole(self, command: str, count: int, slots: int, folder: Path) -> float:
        return self.work_off(command, count, slots, folder)
