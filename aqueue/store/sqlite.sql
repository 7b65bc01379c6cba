-- Every statement that aqueue sends to SQLite, by name. The same names with the same parameters serve every store.
-- A batch comes as one JSON array; :now is always the caller's clock. RETURNING has no order: the caller sorts.

-- name: enqueue
-- `:common` holds what all of the jobs have in common, and `own` what a job has of its own; what is in neither is NULL.
INSERT INTO jobs (
    custom_id, command, state, queue, priority, max_retries, timeout, run_at, held, created_at, updated_at,
    tags, env, cwd, backoff_base, backoff_max, no_retry_on, defer_on, cron, hook_of, unique_key, after, after_any,
    nice, memory
)
SELECT
    id, command,
    coalesce(own ->> 'state', :common ->> 'state'), coalesce(own ->> 'queue', :common ->> 'queue'),
    coalesce(own ->> 'priority', :common ->> 'priority'),
    coalesce(own ->> 'max_retries', :common ->> 'max_retries', :usual_retries),
    coalesce(own ->> 'timeout', :common ->> 'timeout', :usual_timeout),
    CASE
        WHEN coalesce(own ->> 'hold', :common ->> 'hold') THEN NULL
        WHEN coalesce(own ->> 'state', :common ->> 'state') = 'blocked' THEN coalesce(own ->> 'run_at', :common ->> 'run_at')
        ELSE coalesce(own ->> 'run_at', :common ->> 'run_at', :now)
    END,
    coalesce(own ->> 'hold', :common ->> 'hold'), :now, :now,
    coalesce(own -> 'tags', :common -> 'tags'), coalesce(own -> 'env', :common -> 'env'),
    coalesce(own ->> 'cwd', :common ->> 'cwd'), coalesce(own ->> 'backoff_base', :common ->> 'backoff_base'),
    coalesce(own ->> 'backoff_max', :common ->> 'backoff_max'),
    coalesce(own -> 'no_retry_on', :common -> 'no_retry_on'), coalesce(own -> 'defer_on', :common -> 'defer_on'),
    coalesce(own ->> 'cron', :common ->> 'cron'), coalesce(own ->> 'hook_of', :common ->> 'hook_of'),
    coalesce(own ->> 'unique', :common ->> 'unique'),
    coalesce(own -> 'after', :common -> 'after'), coalesce(own -> 'after_any', :common -> 'after_any'),
    coalesce(own ->> 'nice', :common ->> 'nice'), coalesce(own ->> 'memory', :common ->> 'memory')
FROM ({rows})
RETURNING seq;

-- name: enqueue_ordinary
-- The same for jobs that differ in their commands alone and have nothing unusual: what is left out here is as the schema
-- has it, and is not carried along from row to row, which would take a sixth of the time.
INSERT INTO jobs (command, queue, priority, max_retries, timeout, run_at, created_at, updated_at, tags, cwd)
SELECT
    value, :common ->> 'queue', :common ->> 'priority', coalesce(:common ->> 'max_retries', :usual_retries),
    coalesce(:common ->> 'timeout', :usual_timeout), coalesce(:common ->> 'run_at', :now), :now, :now,
    :common -> 'tags', :common ->> 'cwd'
FROM json_each(:jobs)
RETURNING seq;

-- name: rows_alike
SELECT NULL AS id, value AS command, NULL AS own FROM json_each(:jobs)

-- name: rows_each
SELECT value ->> 0 AS id, value ->> 1 AS command, value ->> 2 AS own FROM json_each(:jobs) ORDER BY key

-- name: ids_taken
SELECT seq, custom_id AS id FROM jobs WHERE custom_id IN (SELECT value ->> 0 FROM json_each(:jobs));

-- name: jobs_by_seq
SELECT * FROM jobs WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: jobs_by_custom_id
SELECT * FROM jobs WHERE custom_id IN (SELECT value FROM json_each(:ids));

-- name: jobs_named_like
SELECT * FROM jobs WHERE custom_id >= :first AND custom_id < :behind ORDER BY custom_id LIMIT :limit;

-- name: list
SELECT * FROM jobs WHERE {where} ORDER BY seq DESC LIMIT :limit;

-- name: seqs
SELECT json_group_array(seq) AS seqs FROM jobs WHERE {where};

-- name: sketches
SELECT seq, id, state, attempts, run_at, held, exit_code, signal, error, run, worker, cancel_requested, cancelled_for,
    unique_key, after <> '[]' OR after_any <> '[]' AS waits
FROM jobs WHERE seq IN (SELECT value FROM json_each(:seqs)) ORDER BY seq;

-- name: ended_or_held
SELECT seq, id, state, held FROM jobs
WHERE seq IN (SELECT value FROM json_each(:seqs))
    AND (state IN ('completed', 'dead', 'cancelled') OR (state = 'scheduled' AND held = 1));

-- name: present
SELECT count(*) AS n FROM jobs WHERE seq IN (SELECT value FROM json_each(:seqs));

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

-- name: where_held
held = :held

-- name: promote
UPDATE jobs SET state = iif(state = 'scheduled', 'pending', state), due = (state = 'failed'), updated_at = :now
WHERE seq IN (
    SELECT seq FROM jobs
    WHERE ((state = 'scheduled' AND held = 0) OR (state = 'failed' AND due = 0)) AND run_at <= :now
    ORDER BY run_at LIMIT :limit
)
RETURNING seq;

-- name: line
-- The first jobs in the line of each queue, with what was said of it. A step of the recursion is one search: it finds the
-- queues that have a line, however long those are.
WITH RECURSIVE named (queue) AS (
    SELECT min(queue) FROM jobs WHERE state = 'pending' OR (state = 'failed' AND due = 1)
    UNION ALL
    SELECT (
        SELECT min(jobs.queue) FROM jobs
        WHERE (jobs.state = 'pending' OR (jobs.state = 'failed' AND jobs.due = 1)) AND jobs.queue > named.queue
    )
    FROM named WHERE named.queue IS NOT NULL
)
SELECT head.seq, head.queue, head.priority, head.run_at,
    said.paused, said.max_running, said.rate_starts, said.rate_period, said.tokens, said.tokens_at
FROM named
JOIN jobs AS head ON head.seq IN (
    SELECT line.seq FROM jobs AS line
    WHERE (line.state = 'pending' OR (line.state = 'failed' AND line.due = 1)) AND line.queue = named.queue
    ORDER BY line.priority DESC, line.run_at, line.seq LIMIT :most
)
LEFT JOIN aqueue_queues AS said ON said.name = named.queue
WHERE named.queue IS NOT NULL
ORDER BY head.queue, head.priority DESC, head.run_at, head.seq;

-- name: running
SELECT queue, count(*) AS n, count(*) FILTER (WHERE worker = :worker) AS here FROM jobs
WHERE state = 'processing' AND state <> 'completed' GROUP BY queue;

-- name: claim
UPDATE jobs SET
    state = 'processing', attempts = attempts + 1, run = run + 1, worker = :worker, slot = chosen.value,
    started_at = :now, updated_at = :now, finished_at = NULL, due = 0, cancel_requested = 0, progress = NULL
FROM json_each(:chosen) AS chosen
WHERE jobs.seq = CAST(chosen.key AS INTEGER)
RETURNING *;

-- name: start_runs
INSERT INTO aqueue_runs (job, run, attempt, worker, slot, started_at)
SELECT jobs.seq, jobs.run, jobs.attempts, jobs.worker, jobs.slot, jobs.started_at
FROM json_each(:chosen) AS chosen JOIN jobs ON jobs.seq = CAST(chosen.key AS INTEGER);

-- name: keep_tokens
UPDATE aqueue_queues SET tokens = :tokens, tokens_at = :at WHERE name = :name;

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
    slot = coalesce(decided.value ->> 'slot', slot), started_at = coalesce(decided.value ->> 'started_at', started_at),
    cancelled_for = NULL
FROM json_each(:decisions) AS decided
WHERE jobs.seq = decided.value ->> 'seq'
    AND jobs.state = decided.value ->> 'was_state'
    AND jobs.run = decided.value ->> 'was_run'
    AND jobs.worker IS decided.value ->> 'was_worker'
    AND jobs.cancel_requested = decided.value ->> 'was_cancel_requested'
RETURNING seq, run, EXISTS (SELECT 1 FROM aqueue_dependencies WHERE parent = jobs.seq) AS is_awaited;

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

-- name: sizes_of_output
-- How long a piece is stands before it, so the pieces themselves are not read.
SELECT rowid AS piece, job, length(data) AS bytes FROM aqueue_output
WHERE job IN (SELECT value FROM json_each(:jobs)) ORDER BY job, run, start LIMIT :limit;

-- name: drop_pieces
DELETE FROM aqueue_output WHERE rowid IN (SELECT value FROM json_each(:pieces));

-- name: set_progress
UPDATE jobs SET progress = :progress
WHERE seq = :job AND run = :run AND state = 'processing' AND progress IS NOT :progress;

-- name: output
SELECT start, stream, at, data FROM aqueue_output
WHERE job = :job AND run = :run AND start >= :start ORDER BY start LIMIT :limit;

-- name: events
SELECT events.event, jobs.id, events.at, events.was, events.state, events.run, events.attempt, runs.worker,
    iif(events.was = 'processing', runs.ending, NULL) AS ending,
    iif(events.was = 'processing', runs.error, events.reason) AS error
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
-- What :changes does not name stays: the type of what is not there is NULL, and that of a null is not. A null takes off
-- what a job has of its own.
UPDATE jobs SET
    command = coalesce(:changes ->> 'command', command), queue = coalesce(:changes ->> 'queue', queue),
    priority = coalesce(:changes ->> 'priority', priority),
    max_retries = coalesce(:changes ->> 'max_retries', max_retries),
    timeout = coalesce(:changes ->> 'timeout', timeout),
    tags = coalesce(:changes -> 'tags', tags), env = coalesce(:changes -> 'env', env),
    cwd = coalesce(:changes ->> 'cwd', cwd),
    backoff_base = iif(json_type(:changes, '$.backoff_base') IS NULL, backoff_base, :changes ->> 'backoff_base'),
    backoff_max = iif(json_type(:changes, '$.backoff_max') IS NULL, backoff_max, :changes ->> 'backoff_max'),
    no_retry_on = coalesce(:changes -> 'no_retry_on', no_retry_on),
    defer_on = coalesce(:changes -> 'defer_on', defer_on),
    unique_key = iif(json_type(:changes, '$.unique') IS NULL, unique_key, :changes ->> 'unique'),
    nice = iif(json_type(:changes, '$.nice') IS NULL, nice, :changes ->> 'nice'),
    memory = iif(json_type(:changes, '$.memory') IS NULL, memory, :changes ->> 'memory'),
    after = coalesce(:changes -> 'after', after), after_any = coalesce(:changes -> 'after_any', after_any),
    updated_at = :now
WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: ahead
SELECT count(*) AS n FROM (
    SELECT 1 FROM jobs
    WHERE (state = 'pending' OR (state = 'failed' AND due = 1)) AND queue = :queue
        AND (priority > :priority OR (priority = :priority AND (run_at < :run_at
            OR (run_at = :run_at AND seq < :seq))))
    LIMIT 10000
);

-- name: counts
SELECT queue, state, n FROM aqueue_counts WHERE n <> 0 ORDER BY queue, state;

-- name: unfinished
-- What a worker has still to see to; the jobs of a paused queue that wait are not among that.
SELECT counts.queue, sum(counts.n) AS n FROM aqueue_counts AS counts
LEFT JOIN aqueue_queues AS said ON said.name = counts.queue
WHERE counts.n <> 0 AND (
    counts.state = 'processing' OR (counts.state IN ('pending', 'failed') AND coalesce(said.paused, 0) = 0)
)
GROUP BY counts.queue;

-- name: queues
SELECT * FROM aqueue_queues;

-- name: queue
SELECT * FROM aqueue_queues WHERE name = :name;

-- name: paused
SELECT name FROM aqueue_queues WHERE paused = 1;

-- name: oldest
-- By queue and priority, as the line is ordered: each step is one search.
WITH RECURSIVE ranked (queue, priority, run_at) AS (
    SELECT * FROM (
        SELECT queue, priority, run_at FROM jobs WHERE state = 'pending' OR (state = 'failed' AND due = 1)
        ORDER BY queue, priority DESC, run_at, seq LIMIT 1
    )
    UNION ALL
    SELECT line.queue, line.priority, line.run_at FROM ranked JOIN jobs AS line ON line.seq = coalesce(
        (
            SELECT same.seq FROM jobs AS same
            WHERE (same.state = 'pending' OR (same.state = 'failed' AND same.due = 1))
                AND same.queue = ranked.queue AND same.priority < ranked.priority
            ORDER BY same.priority DESC, same.run_at, same.seq LIMIT 1
        ),
        (
            SELECT next.seq FROM jobs AS next
            WHERE (next.state = 'pending' OR (next.state = 'failed' AND next.due = 1)) AND next.queue > ranked.queue
            ORDER BY next.queue, next.priority DESC, next.run_at, next.seq LIMIT 1
        )
    )
)
SELECT queue, min(run_at) AS run_at FROM ranked GROUP BY queue;

-- name: say_paused
INSERT INTO aqueue_queues (name, paused) VALUES (:name, :paused) ON CONFLICT (name) DO UPDATE SET paused = :paused;

-- name: say_limit
INSERT INTO aqueue_queues (name, max_running) VALUES (:name, :most)
ON CONFLICT (name) DO UPDATE SET max_running = :most;

-- name: say_rate
INSERT INTO aqueue_queues (name, rate_starts, rate_period, tokens, tokens_at)
VALUES (:name, :starts, :period, :tokens, :at)
ON CONFLICT (name) DO UPDATE SET rate_starts = :starts, rate_period = :period, tokens = :tokens, tokens_at = :at;

-- name: forget_queue
DELETE FROM aqueue_queues WHERE name = :name AND paused = 0 AND max_running IS NULL AND rate_starts IS NULL;

-- name: savepoint
SAVEPOINT attempt;

-- name: undo
-- Back to how it was at the savepoint.
ROLLBACK TO attempt;

-- name: keep
RELEASE attempt;

-- name: remove
DELETE FROM jobs WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: oldest_finished
SELECT finished_at FROM jobs WHERE state = :state AND finished_at IS NOT NULL AND {where} ORDER BY finished_at LIMIT 1;

-- name: expired
-- With how much there is of each: its rows, and of output 256 bytes for one more.
SELECT jobs.seq, 1
    + (SELECT count(*) FROM (SELECT 1 FROM aqueue_runs WHERE job = jobs.seq LIMIT :most))
    + (SELECT count(*) FROM (SELECT 1 FROM aqueue_events WHERE job = jobs.seq LIMIT :most))
    + (SELECT coalesce(sum(rows), 0) FROM (
        SELECT 1 + length(data) / 256 AS rows FROM aqueue_output WHERE job = jobs.seq LIMIT :most
    )) AS rows
FROM jobs WHERE state = :state AND finished_at <= :before AND {where} ORDER BY finished_at LIMIT :jobs;

-- name: count_expired
SELECT count(*) AS n FROM jobs WHERE state = :state AND finished_at <= :before AND {where};

-- name: remove_expired
-- With the plus signs SQLite finds them by seq, and not by looking at all that have expired.
DELETE FROM jobs
WHERE seq IN (SELECT value FROM json_each(:seqs)) AND +state = :state AND +finished_at <= :before AND {where}
RETURNING seq;

-- name: is_expired
SELECT seq FROM jobs WHERE seq = :seq AND state = :state AND finished_at <= :before AND {where};

-- name: where_nobody_waits
-- Also when it has ended as they want it: what they come after can still be seen, and be retried.
NOT EXISTS (
    SELECT 1 FROM aqueue_dependencies AS dependency JOIN jobs AS child ON child.seq = dependency.child
    WHERE dependency.parent = jobs.seq AND child.state = 'blocked'
)

-- name: thin_output
DELETE FROM aqueue_output WHERE rowid IN (
    SELECT rowid FROM aqueue_output WHERE job = :seq ORDER BY run, start LIMIT :most
);

-- name: thin_events
DELETE FROM aqueue_events WHERE event IN (SELECT event FROM aqueue_events WHERE job = :seq ORDER BY event LIMIT :most);

-- name: thin_runs
DELETE FROM aqueue_runs
WHERE job = :seq AND run IN (SELECT run FROM aqueue_runs WHERE job = :seq ORDER BY run LIMIT :most);

-- name: pages
SELECT freelist_count AS free, page_count AS pages, page_size AS size, auto_vacuum = 2 AS can_shrink
FROM pragma_freelist_count, pragma_page_count, pragma_page_size, pragma_auto_vacuum;

-- name: give_back_a_page
-- One: Python's sqlite3 takes a single step of a statement without columns, which is a page, whatever is asked for.
PRAGMA incremental_vacuum(1);
-- name: key_holders
SELECT unique_key, id FROM jobs
WHERE unique_key IN (SELECT value FROM json_each(:keys)) AND unique_key IS NOT NULL
    AND state NOT IN ('completed', 'dead', 'cancelled');

-- name: blocked_between
SELECT seq, id, after, after_any FROM jobs
WHERE state = 'blocked' AND state <> 'completed' AND seq BETWEEN :first AND :last ORDER BY seq;

-- name: cancelled_between
SELECT count(*) AS n FROM jobs
WHERE state = 'cancelled' AND state <> 'completed' AND seq BETWEEN :first AND :last;

-- name: name_parents
UPDATE jobs SET after = named.value -> 'after', after_any = named.value -> 'after_any'
FROM json_each(:jobs) AS named
WHERE jobs.seq = named.value ->> 'seq';

-- name: one_at_a_time
-- Of those who tie jobs to others anew, so that no circle comes of two of them. Here all writers are one at a time.
SELECT 1;

-- name: tie
INSERT INTO aqueue_dependencies (child, parent, on_any, standing)
SELECT value ->> 'child', value ->> 'parent', value ->> 'on_any', value ->> 'standing' FROM json_each(:edges);

-- name: untie
DELETE FROM aqueue_dependencies WHERE child IN (SELECT value FROM json_each(:seqs));

-- name: untie_from_those_that_are_there
DELETE FROM aqueue_dependencies
WHERE child = :seq AND EXISTS (SELECT 1 FROM jobs WHERE jobs.seq = aqueue_dependencies.parent);

-- name: below
-- Which of these are the job itself, or wait for it, however many are between.
WITH RECURSIVE below (seq) AS (
    SELECT :seq
    UNION
    SELECT dependency.child FROM below JOIN aqueue_dependencies AS dependency ON dependency.parent = below.seq
)
SELECT jobs.id FROM json_each(:seqs) AS asked JOIN jobs ON jobs.seq = asked.value
WHERE asked.value IN (SELECT seq FROM below);

-- name: turn_edges
UPDATE aqueue_dependencies SET standing = iif(on_any, turned.value ->> 'after_any', turned.value ->> 'after')
FROM json_each(:parents) AS turned
WHERE aqueue_dependencies.parent = turned.value ->> 'seq'
    AND standing <> iif(on_any, turned.value ->> 'after_any', turned.value ->> 'after')
RETURNING child, parent;

-- name: children
-- Each with its first parent that keeps it; in the index the broken edges stand before the open ones.
SELECT child.seq, child.id, child.state, child.run_at, child.held, child.error, child.finished_at, child.cancelled_for,
    child.unique_key, edge.parent, parent.id AS parent_id, parent.state AS parent_state,
    parent.held AS parent_held, edge.on_any
FROM json_each(:seqs) AS asked
JOIN jobs AS child ON child.seq = asked.value
LEFT JOIN aqueue_dependencies AS edge ON edge.child = child.seq AND edge.parent = (
    SELECT parent FROM aqueue_dependencies AS unmet WHERE unmet.child = child.seq AND unmet.standing <> 'closed'
    ORDER BY unmet.standing, unmet.parent LIMIT 1
)
LEFT JOIN jobs AS parent ON parent.seq = edge.parent;

-- name: move
UPDATE jobs SET
    state = moved.value ->> 'state', run_at = moved.value ->> 'run_at', error = moved.value ->> 'error',
    finished_at = moved.value ->> 'finished_at', cancelled_for = moved.value ->> 'cancelled_for',
    due = 0, updated_at = :now
FROM json_each(:moves) AS moved
WHERE jobs.seq = moved.value ->> 'seq';

-- name: broken_parents
SELECT edge.child, edge.parent, edge.on_any, parent.id AS parent_id, parent.state AS parent_state,
    parent.held AS parent_held
FROM json_each(:seqs) AS asked
JOIN aqueue_dependencies AS edge ON edge.child = asked.value
LEFT JOIN jobs AS parent ON parent.seq = edge.parent
WHERE edge.standing <> 'closed' AND edge.standing = 'broken';

-- name: blocked_children
SELECT edge.parent, edge.child, child.id
FROM json_each(:seqs) AS asked
JOIN aqueue_dependencies AS edge ON edge.parent = asked.value
JOIN jobs AS child ON child.seq = edge.child
WHERE child.state = 'blocked';

-- name: unmet
SELECT edge.parent, parent.id AS parent_id, parent.state AS parent_state, parent.held AS parent_held, edge.on_any,
    edge.total
FROM (
    SELECT parent, on_any, standing, count(*) OVER () AS total FROM aqueue_dependencies
    WHERE child = :seq AND standing <> 'closed' ORDER BY standing, parent LIMIT :limit
) AS edge
JOIN jobs AS parent ON parent.seq = edge.parent
ORDER BY edge.standing, edge.parent;

-- name: cause
WITH RECURSIVE cause (seq, depth) AS (
    SELECT :seq, 0
    UNION
    SELECT jobs.cancelled_for, depth + 1 FROM cause JOIN jobs ON jobs.seq = cause.seq
    WHERE jobs.cancelled_for IS NOT NULL
)
SELECT jobs.id FROM cause JOIN jobs ON jobs.seq = cause.seq ORDER BY depth DESC LIMIT 1;

-- name: any_held
SELECT seq FROM jobs WHERE held = 1 AND state = 'scheduled' LIMIT 1;

-- name: waits_above
WITH RECURSIVE above (child, parent, on_any) AS (
    SELECT edge.child, edge.parent, edge.on_any
    FROM json_each(:seqs) AS asked
    JOIN jobs ON jobs.seq = asked.value AND jobs.state = 'blocked'
    JOIN aqueue_dependencies AS edge ON edge.child = jobs.seq
    WHERE edge.standing <> 'closed'
    UNION
    SELECT edge.child, edge.parent, edge.on_any
    FROM above
    JOIN jobs ON jobs.seq = above.parent AND jobs.state = 'blocked'
    JOIN aqueue_dependencies AS edge ON edge.child = jobs.seq
    WHERE edge.standing <> 'closed'
    LIMIT :limit
)
SELECT above.child, above.parent, above.on_any, parent.id AS parent_id, parent.state AS parent_state,
    parent.held AS parent_held
FROM above JOIN jobs AS parent ON parent.seq = above.parent;

-- name: parents_of
-- Those that it waits for before those that have ended as they must.
SELECT parent.seq, parent.id, parent.state, parent.held, parent.command, parent.error, edge.on_any, edge.total,
    (SELECT count(*) FROM aqueue_dependencies AS further WHERE further.child = parent.seq) AS further
FROM (
    SELECT parent, on_any, standing = 'closed' AS is_closed, count(*) OVER () AS total
    FROM aqueue_dependencies WHERE child = :seq ORDER BY is_closed, parent LIMIT :limit
) AS edge
JOIN jobs AS parent ON parent.seq = edge.parent
ORDER BY edge.is_closed, edge.parent;

-- name: children_of
SELECT child.seq, child.id, child.state, child.held, child.command, child.error, edge.on_any, edge.total,
    (SELECT count(*) FROM aqueue_dependencies AS further WHERE further.parent = child.seq) AS further
FROM (
    SELECT child, on_any, count(*) OVER () AS total
    FROM aqueue_dependencies WHERE parent = :seq ORDER BY child LIMIT :limit
) AS edge
JOIN jobs AS child ON child.seq = edge.child
ORDER BY edge.child;

-- name: freed_elsewhere
-- Whether a blocked job of the queues that are served waits, over however many, for one that can run in one of others.
WITH RECURSIVE above (seq) AS (
    SELECT edge.parent
    FROM jobs JOIN aqueue_dependencies AS edge ON edge.child = jobs.seq
    WHERE jobs.state = 'blocked' AND jobs.state <> 'completed'
        AND jobs.queue IN (SELECT value FROM json_each(:served)) AND edge.standing <> 'closed'
    UNION
    SELECT edge.parent
    FROM above
    JOIN jobs ON jobs.seq = above.seq AND jobs.state = 'blocked'
    JOIN aqueue_dependencies AS edge ON edge.child = jobs.seq
    WHERE edge.standing <> 'closed'
)
SELECT 1 FROM above JOIN jobs ON jobs.seq = above.seq
WHERE jobs.state IN ('pending', 'processing', 'failed') AND jobs.queue IN (SELECT value FROM json_each(:elsewhere))
LIMIT 1;

-- name: edges
-- How often an edge of each kind stands as it does while its parent is in this state, with one of these children.
SELECT edge.on_any, edge.standing, parent.state, min(child.id) AS child, count(*) AS n, count(child.seq) AS children
FROM aqueue_dependencies AS edge
LEFT JOIN jobs AS parent ON parent.seq = edge.parent
LEFT JOIN jobs AS child ON child.seq = edge.child
GROUP BY edge.on_any, edge.standing, parent.state;

-- name: waits_for_nothing
SELECT id FROM jobs
WHERE state = 'blocked' AND state <> 'completed' AND NOT EXISTS (
    SELECT 1 FROM aqueue_dependencies WHERE child = jobs.seq AND standing <> 'closed'
)
LIMIT 10;

-- name: page_newest
-- A page of a list, and no more than the jobs between two bounds: what is sought may be rare among millions.
SELECT *, seq AS place FROM jobs WHERE seq < :at AND seq >= :bound AND {where} ORDER BY seq DESC LIMIT :limit;

-- name: page_oldest
SELECT *, seq AS place FROM jobs WHERE seq > :at AND seq <= :bound AND {where} ORDER BY seq LIMIT :limit;

-- name: page_updated
-- By their newest events: a change of the state is one, and every other index would have to be kept with each of them.
SELECT jobs.*, latest.place
FROM (
    SELECT event AS place, job FROM aqueue_events AS events
    WHERE event < :at AND event >= :bound AND NOT EXISTS (
        SELECT 1 FROM aqueue_events AS later WHERE later.job = events.job AND later.event > events.event
    )
) AS latest
CROSS JOIN jobs ON jobs.seq = latest.job
WHERE {where} ORDER BY latest.place DESC LIMIT :limit;

-- name: bound_newest
SELECT seq AS place FROM jobs WHERE seq < :at AND {where} ORDER BY seq DESC LIMIT 1 OFFSET :most;

-- name: bound_oldest
SELECT seq AS place FROM jobs WHERE seq > :at AND {where} ORDER BY seq LIMIT 1 OFFSET :most;

-- name: bound_updated
SELECT event AS place FROM aqueue_events WHERE event < :at AND {where} ORDER BY event DESC LIMIT 1 OFFSET :most;

-- name: dead_by_error
WITH newest AS (
    SELECT seq, id, coalesce(error, '') AS error, finished_at FROM jobs
    WHERE state = 'dead' AND finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT :most
),
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY error ORDER BY finished_at DESC, seq DESC) AS rank,
        count(*) OVER (PARTITION BY error) AS n
    FROM newest
)
SELECT error, max(n) AS n, max(finished_at) AS newest, json_group_array(id) AS ids FROM ranked WHERE rank <= :named
GROUP BY error ORDER BY max(n) DESC, max(finished_at) DESC LIMIT :limit;

-- name: runs_newest
SELECT * FROM aqueue_runs WHERE job = :seq ORDER BY run DESC LIMIT :limit;

-- name: in_slots
SELECT * FROM jobs WHERE state = 'processing' AND state <> 'completed' AND slot < :slots ORDER BY seq LIMIT :limit;

-- name: waiting_next
SELECT * FROM jobs WHERE (state = 'scheduled' AND held = 0) OR (state = 'failed' AND due = 0) ORDER BY run_at LIMIT :limit;

-- name: count_minutes
INSERT INTO aqueue_minutes (minute, completed, failed, dead, attempts, timed, waited, ran)
SELECT value ->> 'minute', value ->> 'completed', value ->> 'failed', value ->> 'dead', value ->> 'attempts',
    value ->> 'timed', value ->> 'waited', value ->> 'ran'
FROM json_each(:minutes) WHERE TRUE
ON CONFLICT (minute) DO UPDATE SET
    completed = aqueue_minutes.completed + excluded.completed, failed = aqueue_minutes.failed + excluded.failed,
    dead = aqueue_minutes.dead + excluded.dead, attempts = aqueue_minutes.attempts + excluded.attempts,
    timed = aqueue_minutes.timed + excluded.timed, waited = aqueue_minutes.waited + excluded.waited,
    ran = aqueue_minutes.ran + excluded.ran;

-- name: minutes
SELECT * FROM aqueue_minutes WHERE minute >= :first ORDER BY minute;

-- name: changed_since
SELECT event, job FROM aqueue_events WHERE event > :after ORDER BY event DESC LIMIT :limit;

-- name: eventless_since
SELECT n, seq, job, gone FROM aqueue_eventless WHERE n > :after_n AND event >= :after ORDER BY n DESC LIMIT :limit;

-- name: progress
SELECT seq, progress FROM jobs
WHERE state = 'processing' AND state <> 'completed' AND progress IS NOT NULL ORDER BY seq LIMIT :limit;

-- name: output_from
-- From the piece on that has this position in it.
SELECT start, stream, at, data FROM aqueue_output
WHERE job = :job AND run = :run AND start >= coalesce(
    (SELECT max(start) FROM aqueue_output WHERE job = :job AND run = :run AND start <= :start), :start
)
ORDER BY start LIMIT :limit;

-- name: output_before
-- The last bytes of the pieces before a position, the last piece first: a character can be cut there.
SELECT stream,
    substr(data, max(1, min(length(data), :start - start) - 2), min(3, length(data), :start - start)) AS data
FROM aqueue_output WHERE job = :job AND run = :run AND start < :start ORDER BY start DESC LIMIT :limit;

-- name: run_has_ended
-- Also when there is no such job; one whose turn has not come yet has not.
SELECT NOT EXISTS (
    SELECT 1 FROM jobs WHERE seq = :job AND (run < :run OR (run = :run AND state = 'processing'))
) AS ended;

-- name: settings
SELECT key, value FROM aqueue_settings;

-- name: set
INSERT INTO aqueue_settings (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = :value;

-- name: unset
DELETE FROM aqueue_settings WHERE key = :key RETURNING key;

-- name: register
INSERT INTO aqueue_workers (
    id, pid, host, concurrency, started_at, process_started, boot, pid_namespace, cgroup, queues
)
VALUES (:id, :pid, :host, :concurrency, :now, :process_started, :boot, :pid_namespace, :cgroup, :queues);

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

-- name: schedules
SELECT schedules.*,
    (SELECT max(seq) FROM jobs WHERE cron = schedules.name AND state NOT IN ('completed', 'dead', 'cancelled'))
        AS unfinished_seq,
    (SELECT max(seq) FROM jobs WHERE cron = schedules.name AND state IN ('completed', 'dead', 'cancelled'))
        AS last_seq
FROM aqueue_schedules AS schedules WHERE {where} ORDER BY name;

-- name: where_named
name = :name

-- name: where_next
name IN (SELECT name FROM aqueue_schedules WHERE next_at IS NOT NULL ORDER BY next_at LIMIT :limit)

-- name: put_schedule
INSERT INTO aqueue_schedules (name, schedule, timezone, missed, overlap, job, created_at, next_at)
VALUES (:name, :schedule, :timezone, :missed, :overlap, :job, :now, :next_at)
ON CONFLICT (name) DO UPDATE SET
    schedule = excluded.schedule, timezone = excluded.timezone, missed = excluded.missed, overlap = excluded.overlap,
    job = excluded.job, created_at = excluded.created_at, next_at = excluded.next_at, owed = '[]';

-- name: pause_schedule
UPDATE aqueue_schedules SET paused = :paused, next_at = :next_at, owed = '[]' WHERE name = :name;

-- name: remove_schedule
DELETE FROM aqueue_schedules WHERE name = :name;

-- name: schedules_due
-- Those that could not be read, as [name, created_at], are passed over until they are replaced.
SELECT *, EXISTS (
    SELECT 1 FROM jobs WHERE cron = schedules.name AND state NOT IN ('completed', 'dead', 'cancelled')
) AS busy
FROM aqueue_schedules AS schedules
WHERE next_at <= :now
    AND (name, created_at) NOT IN (SELECT value ->> 0, value ->> 1 FROM json_each(:unread))
ORDER BY next_at LIMIT :limit;

-- name: schedules_owing
SELECT *, EXISTS (
    SELECT 1 FROM jobs WHERE cron = schedules.name AND state NOT IN ('completed', 'dead', 'cancelled')
) AS busy
FROM aqueue_schedules AS schedules
WHERE owed <> '[]' AND (overlap = 1 OR NOT busy)
    AND (name, created_at) NOT IN (SELECT value ->> 0, value ->> 1 FROM json_each(:unread))
LIMIT :limit;

-- name: advance_schedules
UPDATE aqueue_schedules SET
    next_at = stands.value ->> 'next_at', owed = stands.value ->> 'owed',
    last_at = coalesce(stands.value ->> 'last_at', last_at)
FROM json_each(:standings) AS stands
WHERE name = stands.value ->> 'name'
    AND next_at IS stands.value ->> 'was_next_at' AND owed = stands.value ->> 'was_owed'
RETURNING name;

-- name: next_tick
SELECT
    (SELECT next_at FROM aqueue_schedules
     WHERE next_at IS NOT NULL
        AND (name, created_at) NOT IN (SELECT value ->> 0, value ->> 1 FROM json_each(:unread))
     ORDER BY next_at LIMIT 1) AS next_at,
    EXISTS (
        SELECT 1 FROM aqueue_schedules AS schedules
        WHERE owed <> '[]' AND (overlap = 1 OR NOT EXISTS (
            SELECT 1 FROM jobs WHERE cron = schedules.name AND state NOT IN ('completed', 'dead', 'cancelled')
        ))
            AND (name, created_at) NOT IN (SELECT value ->> 0, value ->> 1 FROM json_each(:unread))
    ) AS owes;

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
