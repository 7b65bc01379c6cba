"""The console entry: every `aqueue …` comes in here, and the common forms of `enqueue` go no further.

A shell loop of enqueues waits for imports, so what is done here is done with sqlite3, os, sys and time alone. The law
of this door: it never refuses and has no error of its own. Whatever it does not take with certainty goes to the long
way, unchanged and before anything was written; bad values are refused by the schema, and then by the long way in words.
What it takes leaves the same rows, on the disk as surely, as the long way does.
"""

import os
import sys

INTERRUPTED = 130

OLDEST_SQLITE = (3, 38, 0)
LONGEST_COMMAND = 100_000
"""Bytes: surely less than a command may have."""

PAUSES = (0.0003, 0.001, 0.002, 0.005, 0.010, 0.020, 0.050, 0.050)
"""Seconds between the tries to get the write lock. Importing what can wait for longer takes as long as all of them."""

OPTIONS = {
    "--id": "custom_id",
    "-q": "queue",
    "--queue": "queue",
    "-p": "priority",
    "--priority": "priority",
    "--max-retries": "max_retries",
    "--timeout": "timeout",
    "--delay": "delay",
    "--tag": "tags",
}
"""The options that are taken, all with a value, and what they set."""

HARMLESS = {
    *("DB", "JOB_ID", "RUN", "ATTEMPT", "RETRIES_LEFT", "QUEUE", "SLOT", "WORKER", "TOKEN"),
    *("HOOK_JOB_ID", "HOOK_STATE", "HOOK_ERROR", "HOOK_EXIT_CODE", "HOOK_COMMAND", "HOOK_QUEUE", "HOOK_TAGS"),
    *("HOOK_RUN", "HOOK_ATTEMPTS"),
}
"""The variables `AQUEUE_…` that change nothing about a new job. Most are those of a running job, which may enqueue."""

NUMBERS = {
    *("max_retries", "backoff_base", "backoff_max", "timeout", "kill_after", "output_limit", "output_total"),
    *("keep_completed", "keep_cancelled", "keep_dead"),
}
"""The stored settings for which every whole number from 1 to 999999 is right."""

NONE = {"timeout", "keep_completed", "keep_cancelled", "keep_dead", "on_dead", "on_completed"}
"""The stored settings for which `none` is right."""

HOOKS = {"on_dead", "on_completed"}
"""The stored settings for which every command is right."""

PLAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-"
"""What stands in a shell's word without quotes; `shlex.quote` has the same."""


MIGRATIONS = os.path.join(os.path.dirname(__file__), "store", "migrations")

TYPE_CHECKING = False  # as typing has it, without importing that
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping


class Uncertain(Exception):
    """This is for the long way."""


def main() -> None:
    """Run the command line and exit with its code."""
    if os.getpid() == 1:
        _be_mortal()
    try:
        job_id = enqueued(sys.argv[1:], os.environ)
        if job_id is not None:
            _tell(job_id)
            os._exit(0)  # Python would take its memory apart first, piece by piece
        from aqueue.cli.main import main as long_way
    except KeyboardInterrupt:  # Ctrl-C while the program still comes into memory
        sys.exit(INTERRUPTED)
    long_way()


def _be_mortal() -> None:
    """As the first process of a container, end by the signals by which every other program ends.

    The kernel keeps them from a first process that has not asked for them. A worker asks again when it is there.
    """
    import signal

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda number, _: os._exit(128 + number))


def enqueued(arguments: "list[str]", environ: "Mapping[str, str]") -> "str | None":
    """Enqueue the job that these words ask for and return its id; None if that is for the long way to do."""
    try:
        _check_around(environ)
        given, words = _read(arguments)
        database = _database(given.pop("db", None), environ)
        columns = _columns(given, words, environ)
        _check_place(database)
        connection, seq = _committed(database, columns)
    except (Uncertain, OSError, ValueError):
        return None
    # It is on the disk: from here on, nothing may lead to the long way.
    _ring(database + ".d")
    connection.close()
    return given["custom_id"][0] if "custom_id" in given else str(seq)


def _tell(job_id: str) -> None:
    try:
        sys.stdout.write(f"{job_id}\n")
        sys.stdout.flush()
    except OSError as error:
        from aqueue.cli.main import could_not_write

        sys.exit(could_not_write(error))


def _check_around(environ: "Mapping[str, str]") -> None:
    _sure(sys.stdin is not None and sys.stdout is not None and sys.stderr is not None)
    for name in environ:
        _sure("AQUEUE_" not in name or name.removeprefix("AQUEUE_") in HARMLESS)


def _sure(certain: bool) -> None:
    if not certain:
        raise Uncertain


def _read(arguments: "list[str]") -> "tuple[dict[str, list[str]], list[str]]":
    """What is given for each column, and the words of the command."""
    given: dict[str, list[str]] = {}
    words: list[str] = []
    left = iter(arguments)
    first = next(left, "")
    if first == "--db":
        given["db"] = [_value(left)]
        first = next(left, "")
    _sure(first == "enqueue")
    for word in left:
        if word == "--":
            words.extend(left)
        elif word.startswith("-"):
            _give(given, word, left)
        else:
            words.append(word)
    return given, words


def _give(given: "dict[str, list[str]]", word: str, left: "Iterator[str]") -> None:
    if word == "--hold":
        given["held"] = [""]
        return
    name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
    column = OPTIONS.get(name, "")
    _sure(column != "" and (column not in given or column == "tags"))
    given.setdefault(column, []).append(value if equals else _value(left))


def _value(left: "Iterator[str]") -> str:
    value = next(left, "")
    _sure(value != "" and (value[0] != "-" or value[1:].isdigit()))
    return value


def _database(given: "list[str] | None", environ: "Mapping[str, str]") -> str:
    path = given[0] if given else environ.get("AQUEUE_DB") or _default_database(environ)
    _sure("://" not in path)
    return os.path.join(os.getcwd(), path)


def _default_database(environ: "Mapping[str, str]") -> str:
    data, home = environ.get("XDG_DATA_HOME", ""), environ.get("HOME", "")
    _sure(data.startswith("/") or home.startswith("/"))
    return f"{data if data.startswith('/') else f'{home}/.local/share'}/aqueue/queue.db"


def _columns(
    given: "dict[str, list[str]]", words: "list[str]", environ: "Mapping[str, str]"
) -> "dict[str, str | float | None]":
    import time

    now = time.time()
    values: dict[str, str | float | None] = {"command": _command(words), "cwd": _here(environ)}
    values |= {name: given[name][0] for name in ("custom_id", "queue") if name in given}
    if "priority" in given:
        values["priority"] = _whole(given["priority"][0])
    if "max_retries" in given:
        values["max_retries"] = _count(given["max_retries"][0])
    if "timeout" in given:
        values["timeout"] = _count(given["timeout"][0])
        _sure(values["timeout"] != 0)
    if "tags" in given:
        values["tags"] = _list(given["tags"])
    delay = _count(given["delay"][0]) if "delay" in given else 0
    _sure(not (delay and "held" in given))
    return values | _when(now, delay, held="held" in given)


def _when(now: float, delay: int, *, held: bool) -> "dict[str, str | float | None]":
    return {
        "state": "scheduled" if held or delay else "pending",
        "held": int(held),
        "run_at": None if held else now + delay,
        "created_at": now,
        "updated_at": now,
    }


def _command(words: "list[str]") -> str:
    _sure(len(words) > 0 and all(words) and words != ["-"])
    command = words[0] if len(words) == 1 else " ".join(map(_quoted, words))
    _sure(len(command.encode()) <= LONGEST_COMMAND)
    _sure(not command.isspace() and not (len(words) == 1 and command.lstrip().startswith("{")))
    return command


def _quoted(word: str) -> str:
    return word if _is_plain(word) else "'" + word.replace("'", "'\"'\"'") + "'"


def _is_plain(word: str) -> bool:
    return word.isascii() and not word.encode().translate(None, PLAIN)


def _list(texts: "list[str]") -> str:
    """A JSON array of different words that need no escapes."""
    _sure(all(_is_plain(text) and len(text) <= 100 for text in texts))
    return '["' + '","'.join(dict.fromkeys(texts)) + '"]'


def _whole(text: str) -> int:
    return -_count(text[1:]) if text.startswith("-") else _count(text)


def _count(text: str) -> int:
    _sure(text.isascii() and text.isdigit() and len(text) <= 9)
    return int(text)


def _here(environ: "Mapping[str, str]") -> str:
    """The folder that this is called in, by the name that its shell has for it."""
    name = environ.get("PWD", "")
    if not name.startswith("/") or not os.path.samefile(name, "."):
        return os.getcwd()
    _sure(os.path.normpath(name) == name)
    return name


def _check_place(database: str) -> None:
    """Go on only with a file that is there, that plainly nobody else can write, and that may be kept where it is."""
    found = os.lstat(database)
    _sure(found.st_mode & 0o170022 == 0o100000 and found.st_uid == os.geteuid())
    for beside in ("-wal", "-shm", ".d", ".log"):
        _sure(not os.path.islink(database + beside))
    from aqueue.store.mounts import fault_of

    _sure(fault_of(database) is None)


def _committed(database: str, columns: "Mapping[str, str | float | None]") -> "tuple[sqlite3.Connection, int]":
    """Insert the row, and be sure that it is on the disk; the connection, and the row's number."""
    import sqlite3

    _sure(sqlite3.sqlite_version_info >= OLDEST_SQLITE)
    # Opened like this, SQLite makes no file, should this one be gone by now.
    quoted = database.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    try:
        connection = sqlite3.connect(f"file:{quoted}?mode=rw", uri=True, isolation_level=None, timeout=0)
        try:
            _begin(connection)
            _check_queue(connection)
            names, marks = ", ".join(columns), ", ".join("?" * len(columns))
            insert = f"INSERT INTO jobs ({names}) VALUES ({marks})"  # noqa: S608 - names of our own
            seq = connection.execute(insert, (*columns.values(),)).lastrowid
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error:
        raise Uncertain from None
    assert seq is not None
    return connection, seq


def _begin(connection: "sqlite3.Connection") -> None:
    import sqlite3
    import time

    for pause in PAUSES:
        try:
            # As every connection that is no worker's: see store/sqlite.py.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            _sure(error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY)
        else:
            return
        time.sleep(pause)
    raise Uncertain


def _check_queue(connection: "sqlite3.Connection") -> None:
    """Whether this is surely a queue of the newest version whose stored settings are right."""
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    (version,) = connection.execute("SELECT max(version) FROM aqueue_schema").fetchone()
    _sure(mode == "wal" and version == sum(name.endswith(".sql") for name in os.listdir(MIGRATIONS)))
    for key, value in connection.execute("SELECT key, value FROM aqueue_settings"):
        _sure(is_right(key, value))


def is_right(key: str, value: str) -> bool:
    """Whether a stored setting is surely right; a few that are right are not recognized."""
    if value == "none":
        return key in NONE
    if value == "0":
        return key == "max_retries"
    if key in HOOKS:
        return len(value) <= LONGEST_COMMAND // 4 and not value.isspace() and "\0" not in value and value != ""
    return key in NUMBERS and value.isascii() and value.isdigit() and len(value) <= 6 and int(value) > 0


def _ring(lobby: str) -> None:
    """Tell every bell that hangs in this folder."""
    try:
        names = [name for name in os.listdir(lobby) if name.endswith(".bell")]
        if names:
            from aqueue.store.ringing import ring_all

            ring_all(lobby, names)
    except (OSError, ImportError):  # nobody is there, or there are no descriptors left to reach them
        return
