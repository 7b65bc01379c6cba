-- The queue on PostgreSQL, in a schema of its own. The columns are those of the SQLite queue, so that rows can move from
-- one to the other; what differs is how concurrent writers keep the counts and number the events. Plain SQL is a way in
-- here, too: INSERT INTO aqueue.jobs (command) VALUES ('…').

-- One row. The events of a transaction are numbered from its own number on, plus this: see aqueue_reserve.
CREATE TABLE aqueue_meta (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    xid_offset bigint NOT NULL DEFAULT 0
);
INSERT INTO aqueue_meta DEFAULT VALUES;

CREATE FUNCTION aqueue_now() RETURNS double precision LANGUAGE sql VOLATILE
AS $$ SELECT extract(epoch FROM clock_timestamp())::double precision $$;

-- The same for all columns of a statement.
CREATE FUNCTION aqueue_moment() RETURNS double precision LANGUAGE sql STABLE
AS $$ SELECT extract(epoch FROM statement_timestamp())::double precision $$;

-- What a job is. A job is written four times in its life: the fill factor leaves room for that in its page.
CREATE TABLE jobs (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY CHECK (seq > 0),
    custom_id text COLLATE "C" CHECK (
        custom_id ~ '^[A-Za-z0-9][A-Za-z0-9._:-]*$' AND custom_id ~ '[^0-9]' AND length(custom_id) <= 128
    ),
    id text COLLATE "C" GENERATED ALWAYS AS (coalesce(custom_id, seq::text)) STORED,
    command text COLLATE "C" NOT NULL
        CHECK (btrim(command, E' \t\n\v\f\r') <> '' AND octet_length(command) < 131072),
    state text COLLATE "C" NOT NULL DEFAULT 'pending' CHECK (
        state IN ('scheduled', 'blocked', 'pending', 'processing', 'failed', 'completed', 'dead', 'cancelled')
    ),
    queue text COLLATE "C" NOT NULL DEFAULT 'default'
        CHECK (queue ~ '^[A-Za-z0-9][A-Za-z0-9._:-]*$' AND length(queue) <= 128),
    priority bigint NOT NULL DEFAULT 0,
    attempts bigint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- NULL only until the trigger below has put the configured value in.
    max_retries bigint CHECK (max_retries BETWEEN 0 AND 1000000000),
    -- 0 is none; NULL only until the trigger below has put the configured value in.
    timeout double precision CHECK (timeout BETWEEN 0 AND 3162240000),
    run_at double precision DEFAULT aqueue_moment() CHECK (run_at BETWEEN -62104060800 AND 253370764799),
    held smallint NOT NULL DEFAULT 0 CHECK (held IN (0, 1)),
    -- Of a failed job: its wait is over. The claim's index must not depend on the clock.
    due smallint NOT NULL DEFAULT 0 CHECK (due IN (0, 1)),
    cancel_requested smallint NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    created_at double precision NOT NULL DEFAULT aqueue_moment()
        CHECK (created_at BETWEEN -62104060800 AND 253370764799),
    updated_at double precision NOT NULL DEFAULT aqueue_moment()
        CHECK (updated_at BETWEEN -62104060800 AND 253370764799),
    started_at double precision CHECK (started_at BETWEEN -62104060800 AND 253370764799),
    finished_at double precision CHECK (finished_at BETWEEN -62104060800 AND 253370764799),
    exit_code bigint,
    signal bigint,
    error text,
    run bigint NOT NULL DEFAULT 0 CHECK (run >= 0),
    worker text COLLATE "C",
    slot bigint,
    tags jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(tags) = 'array'),
    env jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(env) = 'object'),
    cwd text CHECK (cwd <> ''),
    unique_key text COLLATE "C" CHECK (unique_key <> ''),
    progress text,
    backoff_base double precision CHECK (backoff_base > 0 AND backoff_base <= 1000000),
    backoff_max double precision CHECK (backoff_max > 0 AND backoff_max <= 3162240000),
    no_retry_on jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(no_retry_on) = 'array'),
    defer_on jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(defer_on) = 'array'),
    cancelled_for bigint,
    cron text COLLATE "C",
    hook_of text COLLATE "C",
    after jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(after) = 'array'),
    after_any jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(after_any) = 'array'),
    -- Whether others may come after it. On the row itself, so that whoever waited for its lock sees it, too.
    awaited smallint NOT NULL DEFAULT 0
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

CREATE UNIQUE INDEX jobs_custom_id ON jobs (custom_id) WHERE custom_id IS NOT NULL;
-- The line of each queue. Jobs of the far future and finished ones are not in it.
CREATE INDEX jobs_claimable ON jobs (queue, priority DESC, run_at, seq)
    WHERE state = 'pending' OR (state = 'failed' AND due = 1);
CREATE INDEX jobs_waiting ON jobs (run_at)
    WHERE (state = 'scheduled' AND held = 0) OR (state = 'failed' AND due = 0);
CREATE INDEX jobs_by_state ON jobs (state, seq) WHERE state <> 'completed';
CREATE INDEX jobs_held ON jobs (seq) WHERE held = 1;
CREATE UNIQUE INDEX jobs_unique ON jobs (unique_key)
    WHERE unique_key IS NOT NULL AND state NOT IN ('completed', 'dead', 'cancelled');
CREATE INDEX jobs_finished ON jobs (state, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_unfinished_of_schedule ON jobs (cron, seq)
    WHERE cron IS NOT NULL AND state NOT IN ('completed', 'dead', 'cancelled');
CREATE INDEX jobs_finished_of_schedule ON jobs (cron, seq)
    WHERE cron IS NOT NULL AND state IN ('completed', 'dead', 'cancelled');

CREATE TABLE aqueue_runs (
    job bigint NOT NULL,
    run bigint NOT NULL,
    attempt bigint NOT NULL,
    worker text NOT NULL,
    slot bigint NOT NULL,
    started_at double precision NOT NULL,
    finished_at double precision,
    ending text,
    exit_code bigint,
    signal bigint,
    error text,
    cpu_seconds double precision,
    peak_bytes bigint,
    PRIMARY KEY (job, run)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE aqueue_output (
    job bigint NOT NULL,
    run bigint NOT NULL,
    start bigint NOT NULL,
    stream smallint NOT NULL CHECK (stream IN (1, 2)),
    at double precision NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (job, run, start)
);

-- Two ledgers: many workers would wait for one another at a row that all of them change. What is told of them is the
-- sum; a worker makes one line of many now and then.
CREATE TABLE aqueue_count_changes (
    queue text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    n bigint NOT NULL
) WITH (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
CREATE VIEW aqueue_counts AS
    SELECT queue, state, sum(n)::bigint AS n FROM aqueue_count_changes GROUP BY queue, state HAVING sum(n) <> 0;

CREATE TABLE aqueue_output_changes (bytes bigint NOT NULL)
    WITH (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
CREATE VIEW aqueue_output_size AS SELECT coalesce(sum(bytes), 0)::bigint AS bytes FROM aqueue_output_changes;

-- Every transition. The number holds that of the transaction, so that those below the oldest transaction that goes on are
-- all there: who reads on from one of them misses none.
CREATE TABLE aqueue_events (
    event bigint PRIMARY KEY,
    job bigint NOT NULL,
    at double precision NOT NULL,
    was text,
    state text NOT NULL,
    run bigint NOT NULL,
    attempt bigint NOT NULL,
    reason text
);
CREATE INDEX aqueue_events_of_job ON aqueue_events (job, event);

CREATE TABLE aqueue_queues (
    name text COLLATE "C" PRIMARY KEY,
    paused smallint NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    max_running bigint CHECK (max_running >= 1),
    rate_starts bigint CHECK (rate_starts >= 1),
    rate_period double precision CHECK (rate_period > 0),
    tokens double precision,
    tokens_at double precision
) WITH (fillfactor = 50);

CREATE TABLE aqueue_workers (
    id text COLLATE "C" PRIMARY KEY,
    pid bigint NOT NULL,
    host text NOT NULL,
    concurrency bigint NOT NULL,
    started_at double precision NOT NULL,
    process_started bigint NOT NULL,
    boot text NOT NULL,
    pid_namespace text NOT NULL,
    cgroup text,
    stop text CHECK (stop IN ('drain', 'now')),
    queues text CHECK (jsonb_typeof(queues::jsonb) = 'object'),
    -- Until when it is alive, by the clock of the server. One that has passed is never renewed.
    lease_until double precision NOT NULL DEFAULT aqueue_now() + 10
) WITH (fillfactor = 50);

CREATE TABLE aqueue_settings (
    key text COLLATE "C" PRIMARY KEY,
    value text NOT NULL
);

CREATE TABLE aqueue_dependencies (
    child bigint NOT NULL,
    parent bigint NOT NULL,
    on_any smallint NOT NULL CHECK (on_any IN (0, 1)),
    standing text COLLATE "C" NOT NULL CHECK (standing IN ('open', 'closed', 'broken')),
    PRIMARY KEY (child, parent)
) WITH (fillfactor = 60);
CREATE INDEX aqueue_dependencies_of_parent ON aqueue_dependencies (parent, child);
CREATE INDEX aqueue_dependencies_unmet ON aqueue_dependencies (child, standing, parent) WHERE standing <> 'closed';

CREATE TABLE aqueue_schedules (
    name text COLLATE "C" PRIMARY KEY,
    schedule text NOT NULL,
    timezone text NOT NULL,
    missed text NOT NULL CHECK (missed IN ('skip', 'once', 'all')),
    overlap smallint NOT NULL CHECK (overlap IN (0, 1)),
    paused smallint NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    job text NOT NULL CHECK (jsonb_typeof(job::jsonb) = 'object'),
    created_at double precision NOT NULL,
    next_at double precision,
    owed text NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(owed::jsonb) = 'array'),
    last_at double precision
);
CREATE INDEX aqueue_schedules_due ON aqueue_schedules (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX aqueue_schedules_owing ON aqueue_schedules (name) WHERE owed <> '[]';

-- The first of n numbers for events of this transaction, less one. Each has room for four million.
CREATE FUNCTION aqueue_reserve(n bigint) RETURNS bigint LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    first bigint := (pg_current_xact_id()::text::bigint + (SELECT xid_offset FROM aqueue_meta)) << 22;
    used bigint := coalesce(nullif(current_setting('aqueue.events', true), ''), '0')::bigint;
BEGIN
    IF used < first OR used >= first + 4194304 THEN
        used := first;
    END IF;
    IF used + n >= first + 4194304 THEN
        RAISE EXCEPTION 'more than four million changes of jobs in one transaction';
    END IF;
    PERFORM set_config('aqueue.events', (used + n)::text, true);
    RETURN used;
END
$$;

-- Before which number no event can come any more.
CREATE FUNCTION aqueue_horizon() RETURNS bigint LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint + xid_offset) << 22 FROM aqueue_meta
$$;

-- Wake whoever waits, once at the commit. Connections of aqueue ring by themselves, and only where they must.
CREATE FUNCTION aqueue_ring() RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF coalesce(current_setting('aqueue.quiet', true), '') <> 'on' THEN
        PERFORM pg_notify('aqueue.' || current_schema(), '');
    END IF;
END
$$;

CREATE FUNCTION aqueue_rung() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM aqueue_ring();
    RETURN NULL;
END
$$;

-- What a new row may say of itself, and what it leaves out. Plain SQL may hold a job or give it a run_at without knowing of
-- states: that is completed here.
CREATE FUNCTION aqueue_guard() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.state NOT IN ('pending', 'scheduled', 'blocked') THEN
        RAISE EXCEPTION 'a new job is pending, scheduled or blocked' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.run <> 0 OR NEW.attempts <> 0 THEN
        RAISE EXCEPTION 'a new job has no runs and no attempts' USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.state = 'blocked') = (NEW.after = '[]' AND NEW.after_any = '[]') OR NEW.cancelled_for IS NOT NULL THEN
        RAISE EXCEPTION 'a job that waits for others is made by `aqueue enqueue --after`'
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM jsonb_array_elements(NEW.tags) AS tag
        WHERE jsonb_typeof(tag) <> 'string' OR length(tag #>> '{}') NOT BETWEEN 1 AND 128
    ) THEN
        RAISE EXCEPTION 'jobs.tags are texts of 1 to 128 characters' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM jsonb_each(NEW.env) WHERE jsonb_typeof(value) <> 'string' OR key = '' OR position('=' IN key) > 0
    ) THEN
        RAISE EXCEPTION 'jobs.env holds names and texts' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM jsonb_array_elements(NEW.no_retry_on || NEW.defer_on) AS code
        WHERE jsonb_typeof(code) <> 'number' OR code #>> '{}' !~ '^[0-9]+$'
            OR (code #>> '{}')::numeric NOT BETWEEN 1 AND 255
    ) THEN
        RAISE EXCEPTION 'exit codes of failures are from 1 to 255' USING ERRCODE = 'check_violation';
    END IF;
    NEW.max_retries := coalesce(
        NEW.max_retries, (SELECT value::bigint FROM aqueue_settings WHERE key = 'max_retries'), 3
    );
    NEW.timeout := coalesce(
        NEW.timeout, (SELECT nullif(value, 'none')::double precision FROM aqueue_settings WHERE key = 'timeout'), 0
    );
    IF NEW.state = 'pending' AND (NEW.held = 1 OR NEW.run_at > NEW.created_at + 0.001) THEN
        NEW.state := 'scheduled';
    END IF;
    IF NEW.held = 1 THEN
        NEW.run_at := NULL;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER jobs_guard BEFORE INSERT ON jobs FOR EACH ROW
WHEN (
    NEW.state <> 'pending' OR NEW.run <> 0 OR NEW.attempts <> 0 OR NEW.held <> 0 OR NEW.max_retries IS NULL
    OR NEW.timeout IS NULL OR NEW.run_at IS NULL OR NEW.run_at > NEW.created_at + 0.001 OR NEW.tags <> '[]'
    OR NEW.env <> '{}' OR NEW.no_retry_on <> '[]' OR NEW.defer_on <> '[]' OR NEW.after <> '[]' OR NEW.after_any <> '[]'
    OR NEW.cancelled_for IS NOT NULL
)
EXECUTE FUNCTION aqueue_guard();

CREATE FUNCTION aqueue_added() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    first bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM added) THEN
        RETURN NULL;
    END IF;
    INSERT INTO aqueue_count_changes (queue, state, n) SELECT queue, state, count(*) FROM added GROUP BY queue, state;
    first := aqueue_reserve((SELECT count(*) FROM added));
    INSERT INTO aqueue_events (event, job, at, state, run, attempt)
        SELECT first + row_number() OVER (ORDER BY seq), seq, created_at, state, 0, 0 FROM added;
    PERFORM aqueue_ring();
    RETURN NULL;
END
$$;

CREATE TRIGGER jobs_added AFTER INSERT ON jobs REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION aqueue_added();

-- Of two lists that have no index, only a hash finds the partners quickly, however many they are.
CREATE FUNCTION aqueue_moved() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT SET enable_hashjoin = on SET enable_nestloop = off AS $$
DECLARE
    first bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM now_so) THEN
        RETURN NULL;
    END IF;
    INSERT INTO aqueue_count_changes (queue, state, n)
        SELECT queue, state, sum(n) FROM (
            SELECT queue, state, -1 AS n FROM was_so UNION ALL SELECT queue, state, 1 FROM now_so
        ) AS changes
        GROUP BY queue, state HAVING sum(n) <> 0;
    first := aqueue_reserve((SELECT count(*) FROM now_so));
    INSERT INTO aqueue_events (event, job, at, was, state, run, attempt, reason)
        SELECT first + row_number() OVER (ORDER BY now_so.seq), now_so.seq, now_so.updated_at, was_so.state,
            now_so.state, now_so.run, now_so.attempts,
            CASE WHEN now_so.cancelled_for IS NOT NULL THEN now_so.error END
        FROM now_so JOIN was_so ON was_so.seq = now_so.seq WHERE was_so.state <> now_so.state;
    PERFORM aqueue_ring();
    RETURN NULL;
END
$$;

CREATE TRIGGER jobs_moved AFTER UPDATE ON jobs REFERENCING OLD TABLE AS was_so NEW TABLE AS now_so
FOR EACH STATEMENT EXECUTE FUNCTION aqueue_moved();

CREATE FUNCTION aqueue_guard_parents() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM aqueue_dependencies AS dependency JOIN jobs AS child ON child.seq = dependency.child
        WHERE dependency.parent = OLD.seq AND dependency.standing = 'open' AND child.state = 'blocked'
    ) THEN
        RAISE EXCEPTION 'other jobs wait for this one' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN OLD;
END
$$;

CREATE TRIGGER jobs_guard_parents BEFORE DELETE ON jobs FOR EACH ROW WHEN (OLD.awaited = 1)
EXECUTE FUNCTION aqueue_guard_parents();

CREATE FUNCTION aqueue_removed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    gone bigint[] := ARRAY(SELECT seq FROM removed);
BEGIN
    IF gone = '{}' THEN
        RETURN NULL;
    END IF;
    INSERT INTO aqueue_count_changes (queue, state, n) SELECT queue, state, -count(*) FROM removed GROUP BY queue, state;
    DELETE FROM aqueue_runs WHERE job = ANY (gone);
    DELETE FROM aqueue_events WHERE job = ANY (gone);
    DELETE FROM aqueue_output WHERE job = ANY (gone);
    DELETE FROM aqueue_dependencies WHERE child = ANY (gone);
    -- What must complete and is gone never will: its edges stay, so that what comes after it does not run without it.
    DELETE FROM aqueue_dependencies WHERE parent = ANY (gone) AND (standing = 'closed' OR on_any = 1);
    UPDATE aqueue_dependencies SET standing = 'broken' WHERE parent = ANY (gone);
    PERFORM aqueue_ring();
    RETURN NULL;
END
$$;

CREATE TRIGGER jobs_removed AFTER DELETE ON jobs REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION aqueue_removed();

CREATE FUNCTION aqueue_tied() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE jobs SET awaited = 1 WHERE seq = ANY (ARRAY(SELECT parent FROM tied)) AND awaited = 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER aqueue_dependencies_tied AFTER INSERT ON aqueue_dependencies REFERENCING NEW TABLE AS tied
FOR EACH STATEMENT EXECUTE FUNCTION aqueue_tied();

CREATE FUNCTION aqueue_printed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO aqueue_output_changes (bytes) SELECT sum(length(data)) FROM added HAVING count(*) > 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER aqueue_output_added AFTER INSERT ON aqueue_output REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION aqueue_printed();

CREATE FUNCTION aqueue_dropped() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO aqueue_output_changes (bytes) SELECT -sum(length(data)) FROM removed HAVING count(*) > 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER aqueue_output_removed AFTER DELETE ON aqueue_output REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION aqueue_dropped();

CREATE TRIGGER aqueue_queues_changed AFTER INSERT OR UPDATE OR DELETE ON aqueue_queues
FOR EACH STATEMENT EXECUTE FUNCTION aqueue_rung();
CREATE TRIGGER aqueue_settings_changed AFTER INSERT OR UPDATE OR DELETE ON aqueue_settings
FOR EACH STATEMENT EXECUTE FUNCTION aqueue_rung();
CREATE TRIGGER aqueue_schedules_changed AFTER INSERT OR UPDATE OR DELETE ON aqueue_schedules
FOR EACH STATEMENT EXECUTE FUNCTION aqueue_rung();
