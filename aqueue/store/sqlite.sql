-- Every statement that aqueue sends to SQLite, by name. The same names with the same parameters serve every store.
-- A batch comes as one JSON array; :now is always the caller's clock. RETURNING has no order: the caller sorts.

-- name: enqueue
INSERT INTO jobs (
    custom_id, command, state, queue, priority, max_retries, timeout, run_at, held, created_at, updated_at,
    tags, env, cwd, backoff_base, backoff_max, no_retry_on, defer_on
)
SELECT
    value ->> 'id', value ->> 'command', value ->> 'state', value ->> 'queue', value ->> 'priority',
    value ->> 'max_retries', value ->> 'timeout', value ->> 'run_at', value ->> 'held', :now, :now,
    value -> 'tags', value -> 'env', value ->> 'cwd', value ->> 'backoff_base', value ->> 'backoff_max',
    value -> 'no_retry_on', value -> 'defer_on'
FROM json_each(:jobs)
ORDER BY key
RETURNING seq, id;

-- name: ids_taken
SELECT custom_id AS id FROM jobs WHERE custom_id IN (SELECT value FROM json_each(:ids));

-- name: jobs_by_seq
SELECT * FROM jobs WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: jobs_by_custom_id
SELECT * FROM jobs WHERE custom_id IN (SELECT value FROM json_each(:ids));

-- name: list
SELECT * FROM jobs WHERE {where} ORDER BY seq DESC LIMIT :limit;

-- name: where_any
TRUE
-- name: where_completed
state = 'completed'
-- name: where_state
-- Of any other state. That is said twice, here and below: only then does SQLite see that the partial index serves.
state = :state AND state <> 'completed'
-- name: where_queue
queue = :queue
-- name: where_tag
EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag)
-- name: where_search
(instr(lower(command), lower(:search)) > 0 OR instr(lower(id), lower(:search)) > 0
    OR instr(lower(coalesce(error, '')), lower(:search)) > 0)

-- name: promote
UPDATE jobs SET state = iif(state = 'scheduled', 'pending', state), due = (state = 'failed'), updated_at = :now
WHERE seq IN (
    SELECT seq FROM jobs
    WHERE ((state = 'scheduled' AND held = 0) OR (state = 'failed' AND due = 0)) AND run_at <= :now
    ORDER BY run_at LIMIT :limit
)
RETURNING seq;

-- name: claim
UPDATE jobs SET
    state = 'processing', attempts = attempts + 1, run = run + 1, worker = :worker, slot = chosen.slot,
    started_at = :now, updated_at = :now, finished_at = NULL, due = 0, cancel_requested = 0, progress = NULL
FROM (
    SELECT line.seq, slots.value AS slot
    FROM (
        SELECT seq, row_number() OVER (ORDER BY priority DESC, run_at, seq) AS place
        FROM (
            SELECT seq, priority, run_at FROM jobs
            WHERE (state = 'pending' OR (state = 'failed' AND due = 1))
            ORDER BY priority DESC, run_at, seq LIMIT json_array_length(:slots)
        )
    ) AS line
    JOIN json_each(:slots) AS slots ON slots.key = line.place - 1
) AS chosen
WHERE jobs.seq = chosen.seq
RETURNING *;

-- name: start_runs
INSERT INTO aqueue_runs (job, run, attempt, worker, slot, started_at)
SELECT value ->> 'seq', value ->> 'run', value ->> 'attempt', :worker, value ->> 'slot', :now
FROM json_each(:runs);

-- name: next_run_at
SELECT min(run_at) AS run_at FROM jobs
WHERE (state = 'scheduled' AND held = 0) OR (state = 'failed' AND due = 0);

-- name: begin
UPDATE jobs SET slot = begun.value ->> 'slot', started_at = begun.value ->> 'started_at'
FROM json_each(:runs) AS begun
WHERE jobs.seq = begun.value ->> 'seq' AND jobs.run = begun.value ->> 'run' AND jobs.state = 'processing';

-- name: begin_runs
UPDATE aqueue_runs SET slot = begun.value ->> 'slot', started_at = begun.value ->> 'started_at'
FROM json_each(:runs) AS begun
WHERE aqueue_runs.job = begun.value ->> 'seq' AND aqueue_runs.run = begun.value ->> 'run'
    AND aqueue_runs.finished_at IS NULL;

-- name: apply
UPDATE jobs SET
    state = decided.value ->> 'state', attempts = decided.value ->> 'attempts',
    run_at = decided.value ->> 'run_at', held = decided.value ->> 'held', due = 0, cancel_requested = 0,
    updated_at = :now, finished_at = decided.value ->> 'finished_at',
    exit_code = decided.value ->> 'exit_code', signal = decided.value ->> 'signal', error = decided.value ->> 'error',
    slot = coalesce(decided.value ->> 'slot', slot), started_at = coalesce(decided.value ->> 'started_at', started_at)
FROM json_each(:decisions) AS decided
WHERE jobs.seq = decided.value ->> 'seq'
    AND jobs.state = decided.value ->> 'was_state'
    AND jobs.run = decided.value ->> 'was_run'
    AND jobs.worker IS decided.value ->> 'was_worker'
    AND jobs.cancel_requested = decided.value ->> 'was_cancel_requested'
RETURNING seq, run;

-- name: end_runs
UPDATE aqueue_runs SET
    finished_at = ended.value ->> 'finished_at', slot = coalesce(ended.value ->> 'slot', slot),
    started_at = coalesce(ended.value ->> 'started_at', started_at),
    ending = ended.value ->> 'ending', exit_code = ended.value ->> 'exit_code',
    signal = ended.value ->> 'signal', error = ended.value ->> 'error',
    cpu_seconds = ended.value ->> 'cpu_seconds', peak_bytes = ended.value ->> 'peak_bytes'
FROM json_each(:runs) AS ended
WHERE aqueue_runs.job = ended.value ->> 'seq' AND aqueue_runs.run = ended.value ->> 'run';

-- name: request_cancel
UPDATE jobs SET cancel_requested = 1, updated_at = :now
WHERE seq IN (SELECT value FROM json_each(:seqs)) AND state = 'processing';

-- name: cancels_requested
SELECT seq, run FROM jobs
WHERE state = 'processing' AND state <> 'completed' AND cancel_requested = 1 AND worker = :worker;

-- name: runs
SELECT * FROM aqueue_runs WHERE job = :seq ORDER BY run;

-- name: add_output
INSERT INTO aqueue_output (job, run, start, stream, at, data)
SELECT :job, :run, :start, :stream, :at, :data WHERE EXISTS (SELECT 1 FROM jobs WHERE seq = :job);

-- name: drop_output
DELETE FROM aqueue_output WHERE job = :job AND run = :run AND start >= :first AND start < :last;

-- name: output_size
SELECT bytes FROM aqueue_output_size;

-- name: drop_oldest_output
DELETE FROM aqueue_output WHERE rowid IN (
    SELECT output.rowid FROM aqueue_output AS output JOIN jobs ON jobs.seq = output.job
    WHERE jobs.state IN ('completed', 'dead', 'cancelled')
    ORDER BY output.job, output.run, output.start LIMIT :limit
)
RETURNING job;

-- name: set_progress
UPDATE jobs SET progress = :progress
WHERE seq = :job AND run = :run AND state = 'processing' AND progress IS NOT :progress;

-- name: output
SELECT start, stream, at, data FROM aqueue_output
WHERE job = :job AND run = :run AND start >= :start ORDER BY start LIMIT :limit;

-- name: events
SELECT events.event, jobs.id, events.at, events.was, events.state, events.run, events.attempt, runs.worker,
    iif(events.was = 'processing', runs.ending, NULL) AS ending,
    iif(events.was = 'processing', runs.error, NULL) AS error
FROM aqueue_events AS events
JOIN jobs ON jobs.seq = events.job
LEFT JOIN aqueue_runs AS runs
    ON runs.job = events.job AND runs.run = events.run AND 'processing' IN (events.was, events.state)
WHERE events.event > :after AND {where}
ORDER BY events.event LIMIT :limit;

-- name: where_event_of_job
events.job = :seq

-- name: newest_event
SELECT coalesce(max(event), 0) AS event FROM aqueue_events;

-- name: edit
UPDATE jobs SET
    command = :command, queue = :queue, priority = :priority, max_retries = :max_retries, timeout = :timeout,
    tags = :tags, env = :env, cwd = :cwd, backoff_base = :backoff_base, backoff_max = :backoff_max,
    no_retry_on = :no_retry_on, defer_on = :defer_on, updated_at = :now
WHERE seq = :seq;

-- name: ahead
SELECT count(*) AS n FROM (
    SELECT 1 FROM jobs
    WHERE (state = 'pending' OR (state = 'failed' AND due = 1))
        AND (priority > :priority OR (priority = :priority AND (run_at < :run_at
            OR (run_at = :run_at AND seq < :seq))))
    LIMIT 10000
);

-- name: counts
SELECT queue, state, n FROM aqueue_counts WHERE n <> 0 ORDER BY queue, state;

-- name: unfinished
SELECT coalesce(sum(n), 0) AS n FROM aqueue_counts WHERE state IN ('pending', 'processing', 'failed');

-- name: remove
DELETE FROM jobs WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: settings
SELECT key, value FROM aqueue_settings;

-- name: set
INSERT INTO aqueue_settings (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = :value;

-- name: unset
DELETE FROM aqueue_settings WHERE key = :key RETURNING key;

-- name: register
INSERT INTO aqueue_workers (id, pid, host, concurrency, started_at, process_started, boot, pid_namespace, cgroup)
VALUES (:id, :pid, :host, :concurrency, :now, :process_started, :boot, :pid_namespace, :cgroup);

-- name: unregister
DELETE FROM aqueue_workers WHERE id IN (SELECT value FROM json_each(:ids));

-- name: workers
SELECT workers.*, count(jobs.seq) AS running
FROM aqueue_workers AS workers
LEFT JOIN jobs ON jobs.state = 'processing' AND jobs.state <> 'completed' AND jobs.worker = workers.id
GROUP BY workers.id ORDER BY workers.started_at, workers.id;

-- name: workers_of_runs
SELECT DISTINCT worker FROM jobs WHERE state = 'processing' AND state <> 'completed';

-- name: processing_of
SELECT * FROM jobs WHERE state = 'processing' AND state <> 'completed' AND worker = :worker ORDER BY seq;

-- name: request_stop
UPDATE aqueue_workers SET stop = :stop
WHERE id IN (SELECT value FROM json_each(:ids)) AND stop IS NOT 'now' RETURNING id;

-- name: stop_requested
SELECT stop FROM aqueue_workers WHERE id = :worker;

-- name: integrity
PRAGMA integrity_check(10);

-- name: miscounts
WITH found AS (SELECT queue, state, count(*) AS n FROM jobs GROUP BY queue, state)
SELECT queue, state, sum(counted) AS counted, sum(found) AS found
FROM (
    SELECT queue, state, n AS counted, 0 AS found FROM aqueue_counts
    UNION ALL
    SELECT queue, state, 0, n FROM found
)
GROUP BY queue, state HAVING sum(counted) <> sum(found);
