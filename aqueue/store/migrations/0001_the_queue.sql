-- The queue as it is born. Plain SQL is a way in (INSERT INTO jobs (command) VALUES ('…')), so every rule that can be
-- said here is said here: each column has a default, and the schema itself refuses bad values.

-- What a job is.
CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT CHECK (seq > 0),
    custom_id TEXT UNIQUE CHECK (
        custom_id GLOB '[A-Za-z0-9]*'
        AND custom_id NOT GLOB '*[^A-Za-z0-9._:-]*'
        AND custom_id GLOB '*[^0-9]*'
        AND length(custom_id) <= 128
        AND instr(CAST(custom_id AS BLOB), x'00') = 0
    ),
    id TEXT GENERATED ALWAYS AS (coalesce(custom_id, CAST(seq AS TEXT))) VIRTUAL,
    command TEXT NOT NULL CHECK (
        trim(command, ' ' || char(9, 10, 11, 12, 13)) <> ''
        AND length(CAST(command AS BLOB)) < 131072
        AND instr(CAST(command AS BLOB), x'00') = 0
    ),
    state TEXT NOT NULL DEFAULT 'pending' CHECK (
        state IN ('scheduled', 'blocked', 'pending', 'processing', 'failed', 'completed', 'dead', 'cancelled')
    ),
    queue TEXT NOT NULL DEFAULT 'default' CHECK (
        queue GLOB '[A-Za-z0-9]*'
        AND queue NOT GLOB '*[^A-Za-z0-9._:-]*'
        AND length(queue) <= 128
        AND instr(CAST(queue AS BLOB), x'00') = 0
    ),
    priority INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- NULL only until the trigger below has put the configured value in.
    max_retries INTEGER CHECK (max_retries BETWEEN 0 AND 1000000000),
    -- 0 is none; NULL only until the trigger below has put the configured value in.
    timeout REAL CHECK (timeout BETWEEN 0 AND 3162240000),
    -- Times lie in the years from 2 to 9998: those can be shown.
    run_at REAL DEFAULT ((julianday('now') - 2440587.5) * 86400.0) CHECK (run_at BETWEEN -62104060800 AND 253370764799),
    held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)),
    -- Of a failed job: its wait is over. The claim's index must not depend on the clock.
    due INTEGER NOT NULL DEFAULT 0 CHECK (due IN (0, 1)),
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    created_at REAL NOT NULL DEFAULT ((julianday('now') - 2440587.5) * 86400.0)
        CHECK (created_at BETWEEN -62104060800 AND 253370764799),
    updated_at REAL NOT NULL DEFAULT ((julianday('now') - 2440587.5) * 86400.0)
        CHECK (updated_at BETWEEN -62104060800 AND 253370764799),
    started_at REAL CHECK (started_at BETWEEN -62104060800 AND 253370764799),
    finished_at REAL CHECK (finished_at BETWEEN -62104060800 AND 253370764799),
    exit_code INTEGER,
    signal INTEGER,
    error TEXT,
    run INTEGER NOT NULL DEFAULT 0 CHECK (run >= 0),
    worker TEXT,
    slot INTEGER,
    tags TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags) AND json_type(tags) = 'array'),
    env TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(env) AND json_type(env) = 'object'),
    cwd TEXT CHECK (cwd <> '' AND instr(CAST(cwd AS BLOB), x'00') = 0),
    unique_key TEXT CHECK (unique_key <> ''),
    progress TEXT,
    backoff_base REAL CHECK (backoff_base > 0 AND backoff_base <= 1000000),
    backoff_max REAL CHECK (backoff_max > 0 AND backoff_max <= 3162240000),
    no_retry_on TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(no_retry_on) AND json_type(no_retry_on) = 'array'),
    defer_on TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(defer_on) AND json_type(defer_on) = 'array')
) STRICT;

-- The line of those that may start now. Jobs of the far future and finished ones are not in it.
CREATE INDEX jobs_claimable ON jobs (priority DESC, run_at, seq)
    WHERE state = 'pending' OR (state = 'failed' AND due = 1);

-- Those that wait for their time: the alarm's.
CREATE INDEX jobs_waiting ON jobs (run_at)
    WHERE (state = 'scheduled' AND held = 0) OR (state = 'failed' AND due = 0);

-- For lists and selections. Completed jobs are not in it: they are many, and are found from the newest on.
CREATE INDEX jobs_by_state ON jobs (state, seq) WHERE state <> 'completed';

-- The history: one row a run. Runs are numbered over the job's whole life.
CREATE TABLE aqueue_runs (
    job INTEGER NOT NULL,
    run INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    worker TEXT NOT NULL,
    slot INTEGER NOT NULL,
    started_at REAL NOT NULL,
    finished_at REAL,
    ending TEXT,
    exit_code INTEGER,
    signal INTEGER,
    error TEXT,
    cpu_seconds REAL,
    peak_bytes INTEGER,
    PRIMARY KEY (job, run)
) STRICT, WITHOUT ROWID;

-- What runs print, in pieces: `start` is the place of a piece among all bytes of the run, so gaps show what was left out.
CREATE TABLE aqueue_output (
    job INTEGER NOT NULL,
    run INTEGER NOT NULL,
    start INTEGER NOT NULL,
    stream INTEGER NOT NULL CHECK (stream IN (1, 2)),
    at REAL NOT NULL,
    data BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX aqueue_output_in_order ON aqueue_output (job, run, start);

-- How many bytes of output there are in all.
CREATE TABLE aqueue_output_size (bytes INTEGER NOT NULL) STRICT;
INSERT INTO aqueue_output_size (bytes) VALUES (0);

CREATE TRIGGER aqueue_output_added AFTER INSERT ON aqueue_output
BEGIN
    UPDATE aqueue_output_size SET bytes = bytes + length(NEW.data);
END;

CREATE TRIGGER aqueue_output_removed AFTER DELETE ON aqueue_output
BEGIN
    UPDATE aqueue_output_size SET bytes = bytes - length(OLD.data);
END;

-- Every transition, in the order in which they were committed.
CREATE TABLE aqueue_events (
    event INTEGER PRIMARY KEY AUTOINCREMENT,
    job INTEGER NOT NULL,
    at REAL NOT NULL,
    was TEXT,
    state TEXT NOT NULL,
    run INTEGER NOT NULL,
    attempt INTEGER NOT NULL
) STRICT;

CREATE INDEX aqueue_events_of_job ON aqueue_events (job);

-- How many jobs there are, kept by the triggers, so that nobody counts millions of rows.
CREATE TABLE aqueue_counts (
    queue TEXT NOT NULL,
    state TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (queue, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE aqueue_workers (
    id TEXT PRIMARY KEY,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    concurrency INTEGER NOT NULL,
    started_at REAL NOT NULL,
    -- Where it and its runs are to be found: its start in clock ticks, the boot, the namespace of process ids, and the
    -- cgroup if it has one.
    process_started INTEGER NOT NULL,
    boot TEXT NOT NULL,
    pid_namespace TEXT NOT NULL,
    cgroup TEXT,
    stop TEXT CHECK (stop IN ('drain', 'now'))
) STRICT, WITHOUT ROWID;

CREATE TABLE aqueue_settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What a new row may say of itself. REPLACE would delete the job that has the id, runs and all, without a word.
CREATE TRIGGER jobs_guard BEFORE INSERT ON jobs
WHEN NEW.seq <> -1 OR NEW.custom_id IS NOT NULL
    OR NEW.state NOT IN ('pending', 'scheduled', 'blocked') OR NEW.run <> 0 OR NEW.attempts <> 0
BEGIN
    SELECT RAISE(ABORT, 'jobs.seq is given by aqueue') WHERE NEW.seq <> -1;
    SELECT RAISE(ABORT, 'a job with this id exists already')
        WHERE EXISTS (SELECT 1 FROM jobs WHERE custom_id = NEW.custom_id);
    SELECT RAISE(ABORT, 'a new job is pending, scheduled or blocked')
        WHERE NEW.state NOT IN ('pending', 'scheduled', 'blocked');
    SELECT RAISE(ABORT, 'a new job has no runs and no attempts') WHERE NEW.run <> 0 OR NEW.attempts <> 0;
END;

-- What is in a list or an object no CHECK can look at.
CREATE TRIGGER jobs_guard_lists BEFORE INSERT ON jobs
WHEN NEW.tags <> '[]' OR NEW.env <> '{}' OR NEW.no_retry_on <> '[]' OR NEW.defer_on <> '[]'
BEGIN
    SELECT RAISE(ABORT, 'jobs.tags are texts of 1 to 128 characters')
        FROM json_each(NEW.tags) WHERE type <> 'text' OR length(value) NOT BETWEEN 1 AND 128;
    SELECT RAISE(ABORT, 'jobs.env holds names and texts')
        FROM json_each(NEW.env)
        WHERE type <> 'text' OR key = '' OR instr(key, '=');
    -- SQLite reads JSON up to a NUL, Python does not, and no variable can hold one.
    SELECT RAISE(ABORT, 'lists and objects of jobs hold no NUL')
        WHERE instr(CAST(NEW.tags || NEW.env || NEW.no_retry_on || NEW.defer_on AS BLOB), x'00')
        OR instr(replace(NEW.tags || NEW.env, '\\', ''), '\u0000');
    SELECT RAISE(ABORT, 'exit codes of failures are from 1 to 255')
        FROM (
            SELECT type, value FROM json_each(NEW.no_retry_on)
            UNION ALL
            SELECT type, value FROM json_each(NEW.defer_on)
        )
        WHERE type <> 'integer' OR value NOT BETWEEN 1 AND 255;
END;

-- One trigger, for several would come in no order that can be relied on. Plain SQL leaves out what is configured, and
-- may hold a job or give it a run_at without knowing of states: that is completed here.
CREATE TRIGGER jobs_added AFTER INSERT ON jobs
BEGIN
    INSERT INTO aqueue_counts (queue, state, n) VALUES (NEW.queue, NEW.state, 1)
        ON CONFLICT (queue, state) DO UPDATE SET n = n + 1;
    INSERT INTO aqueue_events (job, at, state, run, attempt) VALUES (NEW.seq, NEW.created_at, NEW.state, 0, 0);
    UPDATE jobs SET
        max_retries = coalesce(
            NEW.max_retries, (SELECT CAST(value AS INTEGER) FROM aqueue_settings WHERE key = 'max_retries'), 3
        ),
        timeout = coalesce(
            NEW.timeout, (SELECT CAST(value AS REAL) FROM aqueue_settings WHERE key = 'timeout'), 0
        )
    WHERE seq = NEW.seq AND (NEW.max_retries IS NULL OR NEW.timeout IS NULL);
    UPDATE jobs SET state = 'scheduled', run_at = iif(NEW.held, NULL, NEW.run_at)
    WHERE seq = NEW.seq AND NEW.state = 'pending' AND (NEW.held OR NEW.run_at > NEW.created_at + 0.001);
END;

CREATE TRIGGER jobs_moved AFTER UPDATE OF state ON jobs WHEN OLD.state <> NEW.state
BEGIN
    INSERT INTO aqueue_counts (queue, state, n) VALUES (OLD.queue, OLD.state, -1)
        ON CONFLICT (queue, state) DO UPDATE SET n = n - 1;
    INSERT INTO aqueue_counts (queue, state, n) VALUES (NEW.queue, NEW.state, 1)
        ON CONFLICT (queue, state) DO UPDATE SET n = n + 1;
    INSERT INTO aqueue_events (job, at, was, state, run, attempt)
        VALUES (NEW.seq, NEW.updated_at, OLD.state, NEW.state, NEW.run, NEW.attempts);
END;

CREATE TRIGGER jobs_changed_queue AFTER UPDATE OF queue ON jobs WHEN OLD.queue <> NEW.queue AND OLD.state = NEW.state
BEGIN
    INSERT INTO aqueue_counts (queue, state, n) VALUES (OLD.queue, OLD.state, -1)
        ON CONFLICT (queue, state) DO UPDATE SET n = n - 1;
    INSERT INTO aqueue_counts (queue, state, n) VALUES (NEW.queue, NEW.state, 1)
        ON CONFLICT (queue, state) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER jobs_removed AFTER DELETE ON jobs
BEGIN
    INSERT INTO aqueue_counts (queue, state, n) VALUES (OLD.queue, OLD.state, -1)
        ON CONFLICT (queue, state) DO UPDATE SET n = n - 1;
    DELETE FROM aqueue_runs WHERE job = OLD.seq;
    DELETE FROM aqueue_events WHERE job = OLD.seq;
    DELETE FROM aqueue_output WHERE job = OLD.seq;
END;
