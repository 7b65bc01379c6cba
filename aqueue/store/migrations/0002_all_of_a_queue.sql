-- Limits and rates of queues, dependencies, unique keys, schedules, hooks, and what retention looks for.

-- Of a cancelled job: the seq of the one whose end cancelled it. NULL: a person did, and nothing but a person undoes it.
ALTER TABLE jobs ADD COLUMN cancelled_for INTEGER;
-- The name of the schedule that made it.
ALTER TABLE jobs ADD COLUMN cron TEXT;
-- Of a hook: the id of the job that it tells of. What a hook does is never told by another one.
ALTER TABLE jobs ADD COLUMN hook_of TEXT;
-- The ids of the jobs that it waits for, as they were asked for; what that means now is in aqueue_dependencies. They can
-- be ten thousand: the last columns, so that nothing else is read past them.
ALTER TABLE jobs ADD COLUMN after TEXT NOT NULL DEFAULT '[]'
    CHECK (json_valid(after) AND json_type(after) = 'array');
ALTER TABLE jobs ADD COLUMN after_any TEXT NOT NULL DEFAULT '[]'
    CHECK (json_valid(after_any) AND json_type(after_any) = 'array');

-- Why a job was cancelled, if not by a person.
ALTER TABLE aqueue_events ADD COLUMN reason TEXT;

-- The line of each queue. Jobs of the far future and finished ones are not in it.
DROP INDEX jobs_claimable;
CREATE INDEX jobs_claimable ON jobs (queue, priority DESC, run_at, seq)
    WHERE state = 'pending' OR (state = 'failed' AND due = 1);

-- Those that wait for a person: none of many others is looked at to find out that there is none.
CREATE INDEX jobs_held ON jobs (seq) WHERE held = 1;

-- At most one unfinished job has a key, whoever writes. The column had no meaning before.
UPDATE jobs SET unique_key = NULL WHERE unique_key IS NOT NULL;
CREATE UNIQUE INDEX jobs_unique ON jobs (unique_key)
    WHERE unique_key IS NOT NULL AND state NOT IN ('completed', 'dead', 'cancelled');

-- Finished jobs by their end: what has been kept for long enough, and what happened today.
CREATE INDEX jobs_finished ON jobs (state, finished_at) WHERE finished_at IS NOT NULL;

-- Of a schedule: the jobs that are unfinished, and the last that has ended.
CREATE INDEX jobs_unfinished_of_schedule ON jobs (cron, seq)
    WHERE cron IS NOT NULL AND state NOT IN ('completed', 'dead', 'cancelled');
CREATE INDEX jobs_finished_of_schedule ON jobs (cron, seq)
    WHERE cron IS NOT NULL AND state IN ('completed', 'dead', 'cancelled');

-- What was said of queues; one of which nothing was said has no row here.
CREATE TABLE aqueue_queues (
    name TEXT PRIMARY KEY,
    paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    -- How many of its jobs may run at once, over all workers.
    max_running INTEGER CHECK (max_running >= 1),
    -- How many of its jobs may start in each period, in seconds: a bucket that fills with one token every
    -- period / starts seconds. `tokens` is what was in it at `tokens_at`.
    rate_starts INTEGER CHECK (rate_starts >= 1),
    rate_period REAL CHECK (rate_period > 0),
    tokens REAL,
    tokens_at REAL
) STRICT, WITHOUT ROWID;

-- The queues that a worker serves, each with how many of its jobs may run there at once or null; NULL: all queues.
ALTER TABLE aqueue_workers ADD COLUMN queues TEXT CHECK (json_type(queues) = 'object');

-- Who waits for whom. `standing` is what the parent means to the child now: it has not ended (open); it has ended as the
-- child wants it, completed, or for `on_any` in whatever way (closed); or it has ended otherwise (broken). So a child is
-- ready when all of its rows are closed, and one look at the index tells that, however many it has.
CREATE TABLE aqueue_dependencies (
    child INTEGER NOT NULL,
    parent INTEGER NOT NULL,
    on_any INTEGER NOT NULL CHECK (on_any IN (0, 1)),
    standing TEXT NOT NULL CHECK (standing IN ('open', 'closed', 'broken')),
    PRIMARY KEY (child, parent)
) STRICT, WITHOUT ROWID;

CREATE INDEX aqueue_dependencies_of_parent ON aqueue_dependencies (parent, child);
CREATE INDEX aqueue_dependencies_unmet ON aqueue_dependencies (child, standing, parent) WHERE standing <> 'closed';

-- What is to be enqueued again and again.
CREATE TABLE aqueue_schedules (
    name TEXT PRIMARY KEY,
    schedule TEXT NOT NULL,
    timezone TEXT NOT NULL,
    missed TEXT NOT NULL CHECK (missed IN ('skip', 'once', 'all')),
    overlap INTEGER NOT NULL CHECK (overlap IN (0, 1)),
    paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    -- The keys of the jobs that it makes, as JSON.
    job TEXT NOT NULL CHECK (json_valid(job) AND json_type(job) = 'object'),
    -- When it was added, or replaced.
    created_at REAL NOT NULL,
    -- The next tick that has not been looked at; NULL while it is paused, and when there is none any more.
    next_at REAL,
    -- The missed ticks for which jobs are still to be made: [[the first, before when], …].
    owed TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(owed) AND json_type(owed) = 'array'),
    -- The last tick that has made a job.
    last_at REAL
) STRICT, WITHOUT ROWID;

CREATE INDEX aqueue_schedules_due ON aqueue_schedules (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX aqueue_schedules_owing ON aqueue_schedules (name) WHERE owed <> '[]';

-- Whoever writes plain SQL can neither say what a job waits for nor that aqueue made it for a purpose of its own.
CREATE TRIGGER jobs_guard_waiting BEFORE INSERT ON jobs
WHEN (NEW.state = 'blocked') = (NEW.after = '[]' AND NEW.after_any = '[]') OR NEW.cancelled_for IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'a job that waits for others is made by `aqueue enqueue --after`');
END;

-- As it was, but for `NOT IN`: within a trigger, SQLite would build that list anew for each row, which took a fifth of the
-- time of many inserts.
DROP TRIGGER jobs_guard;
CREATE TRIGGER jobs_guard BEFORE INSERT ON jobs
WHEN NEW.seq <> -1 OR NEW.custom_id IS NOT NULL
    OR (NEW.state <> 'pending' AND NEW.state <> 'scheduled' AND NEW.state <> 'blocked')
    OR NEW.run <> 0 OR NEW.attempts <> 0
BEGIN
    SELECT RAISE(ABORT, 'jobs.seq is given by aqueue') WHERE NEW.seq <> -1;
    SELECT RAISE(ABORT, 'a job with this id exists already')
        WHERE EXISTS (SELECT 1 FROM jobs WHERE custom_id = NEW.custom_id);
    SELECT RAISE(ABORT, 'a new job is pending, scheduled or blocked')
        WHERE NEW.state NOT IN ('pending', 'scheduled', 'blocked');
    SELECT RAISE(ABORT, 'a new job has no runs and no attempts') WHERE NEW.run <> 0 OR NEW.attempts <> 0;
END;

-- As with ids, REPLACE would delete the job that has the key.
CREATE TRIGGER jobs_guard_unique BEFORE INSERT ON jobs
WHEN NEW.unique_key IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'an unfinished job has this unique key')
        FROM jobs WHERE unique_key = NEW.unique_key AND state NOT IN ('completed', 'dead', 'cancelled');
END;

CREATE TRIGGER jobs_guard_parents BEFORE DELETE ON jobs
WHEN EXISTS (
    SELECT 1 FROM aqueue_dependencies AS dependency JOIN jobs AS child ON child.seq = dependency.child
    WHERE dependency.parent = OLD.seq AND dependency.standing = 'open' AND child.state = 'blocked'
)
BEGIN
    SELECT RAISE(ABORT, 'other jobs wait for this one');
END;

DROP TRIGGER jobs_moved;
CREATE TRIGGER jobs_moved AFTER UPDATE OF state ON jobs WHEN OLD.state <> NEW.state
BEGIN
    INSERT INTO aqueue_counts (queue, state, n) VALUES (OLD.queue, OLD.state, -1)
        ON CONFLICT (queue, state) DO UPDATE SET n = n - 1;
    INSERT INTO aqueue_counts (queue, state, n) VALUES (NEW.queue, NEW.state, 1)
        ON CONFLICT (queue, state) DO UPDATE SET n = n + 1;
    INSERT INTO aqueue_events (job, at, was, state, run, attempt, reason) VALUES (
        NEW.seq, NEW.updated_at, OLD.state, NEW.state, NEW.run, NEW.attempts,
        iif(NEW.cancelled_for IS NOT NULL, NEW.error, NULL)
    );
END;

DROP TRIGGER jobs_removed;
CREATE TRIGGER jobs_removed AFTER DELETE ON jobs
BEGIN
    INSERT INTO aqueue_counts (queue, state, n) VALUES (OLD.queue, OLD.state, -1)
        ON CONFLICT (queue, state) DO UPDATE SET n = n - 1;
    DELETE FROM aqueue_runs WHERE job = OLD.seq;
    DELETE FROM aqueue_events WHERE job = OLD.seq;
    DELETE FROM aqueue_output WHERE job = OLD.seq;
    DELETE FROM aqueue_dependencies WHERE child = OLD.seq;
    -- What must complete and is gone never will: its edges stay, so that what comes after it does not run without it.
    DELETE FROM aqueue_dependencies WHERE parent = OLD.seq AND (standing = 'closed' OR on_any = 1);
    UPDATE aqueue_dependencies SET standing = 'broken' WHERE parent = OLD.seq;
END;
