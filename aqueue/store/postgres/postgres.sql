-- Every statement that aqueue sends to PostgreSQL, by name: the same names with the same parameters as on SQLite.
-- {lock} is filled only where the transaction writes: what is decided from such a row is still true when it is written,
-- since under READ COMMITTED nothing else would see to that. Rows are locked in the order of their numbers. What a worker
-- does all the time also tells the number of its transaction, which need not be asked for then.

-- name: enqueue
INSERT INTO jobs (
    custom_id, command, state, queue, priority, max_retries, timeout, run_at, held, created_at, updated_at,
    tags, env, cwd, backoff_base, backoff_max, no_retry_on, defer_on, cron, hook_of, unique_key, after, after_any,
    nice, memory
)
SELECT
    id, command, job ->> 'state', job ->> 'queue', (job ->> 'priority')::bigint,
    coalesce((job ->> 'max_retries')::bigint, :usual_retries::bigint),
    coalesce((job ->> 'timeout')::double precision, :usual_timeout::double precision),
    CASE
        WHEN (job ->> 'hold')::boolean THEN NULL
        WHEN job ->> 'state' = 'blocked' THEN (job ->> 'run_at')::double precision
        ELSE coalesce((job ->> 'run_at')::double precision, :now::double precision)
    END,
    (job ->> 'hold')::boolean::integer, :now::double precision, :now::double precision,
    job -> 'tags', job -> 'env', job ->> 'cwd', (job ->> 'backoff_base')::double precision,
    (job ->> 'backoff_max')::double precision, job -> 'no_retry_on', job -> 'defer_on', job ->> 'cron',
    job ->> 'hook_of', job ->> 'unique', job -> 'after', job -> 'after_any',
    (job ->> 'nice')::bigint, (job ->> 'memory')::bigint
FROM (SELECT n, id, command, :common::jsonb || coalesce(own, '{}') AS job FROM ({rows}) AS given) AS jobs_given
ORDER BY n
RETURNING seq;

-- name: enqueue_ordinary
INSERT INTO jobs (command, queue, priority, max_retries, timeout, run_at, created_at, updated_at, tags, cwd)
SELECT
    given.command, common.job ->> 'queue', (common.job ->> 'priority')::bigint,
    coalesce((common.job ->> 'max_retries')::bigint, :usual_retries::bigint),
    coalesce((common.job ->> 'timeout')::double precision, :usual_timeout::double precision),
    coalesce((common.job ->> 'run_at')::double precision, :now::double precision),
    :now::double precision, :now::double precision, common.job -> 'tags', common.job ->> 'cwd'
FROM (SELECT :common::jsonb AS job) AS common,
    jsonb_array_elements_text(:jobs::jsonb) WITH ORDINALITY AS given (command, n)
ORDER BY given.n
RETURNING seq;

-- name: rows_alike
SELECT n, NULL::text AS id, command, NULL::jsonb AS own
FROM jsonb_array_elements_text(:jobs::jsonb) WITH ORDINALITY AS given (command, n)

-- name: rows_each
SELECT n, job ->> 0 AS id, job ->> 1 AS command, CASE jsonb_typeof(job -> 2) WHEN 'object' THEN job -> 2 END AS own
FROM jsonb_array_elements(:jobs::jsonb) WITH ORDINALITY AS given (job, n)

-- name: ids_taken
SELECT seq, custom_id AS id FROM jobs
WHERE custom_id IS NOT NULL AND custom_id = ANY (ARRAY(
    SELECT job ->> 0 FROM jsonb_array_elements(:jobs::jsonb) AS job WHERE job ->> 0 IS NOT NULL
));

-- name: jobs_by_seq
SELECT * FROM jobs
WHERE seq = ANY (ARRAY(SELECT jsonb_array_elements_text(:seqs::jsonb)::bigint)) ORDER BY seq {lock};

-- name: jobs_by_custom_id
SELECT * FROM jobs
WHERE custom_id IS NOT NULL AND custom_id = ANY (ARRAY(SELECT jsonb_array_elements_text(:ids::jsonb)))
ORDER BY seq {lock};

-- name: jobs_named_like
SELECT * FROM jobs
WHERE custom_id IS NOT NULL AND custom_id >= :first AND custom_id < :behind ORDER BY custom_id LIMIT :limit;

-- name: list
SELECT * FROM jobs WHERE {where} ORDER BY seq DESC LIMIT nullif(:limit::bigint, -1);

-- name: seqs
SELECT '[' || coalesce(string_agg(seq::text, ','), '') || ']' AS seqs FROM jobs WHERE {where};

-- name: sketches
SELECT seq, id, state, attempts, run_at, held, exit_code, signal, error, run, worker, cancel_requested, cancelled_for,
    unique_key, after <> '[]' OR after_any <> '[]' AS waits
FROM jobs WHERE seq = ANY (ARRAY(SELECT jsonb_array_elements_text(:seqs::jsonb)::bigint)) ORDER BY seq {lock};

-- name: ended_or_held
SELECT seq, id, state, held FROM jobs
WHERE seq = ANY (ARRAY(SELECT jsonb_array_elements_text(:seqs::jsonb)::bigint))
    AND (state IN ('completed', 'dead', 'cancelled') OR (state = 'scheduled' AND held = 1));

-- name: present
SELECT count(*) AS n FROM jobs WHERE seq = ANY (ARRAY(SELECT jsonb_array_elements_text(:seqs::jsonb)::bigint));

-- name: where_any
TRUE
-- name: where_completed
state = 'completed'
-- name: where_state
state = :state AND state <> 'completed'
-- name: where_queue
queue = :queue
-- name: where_tag
tags @> jsonb_build_array(:tag::text)
-- name: where_search
(position(lower(:search) IN lower(command)) > 0 OR position(lower(:search) IN lower(id)) > 0
    OR position(lower(:search) IN lower(coalesce(error, ''))) > 0)

-- name: where_held
held = :held::smallint

-- name: promote
UPDATE jobs SET
    state = CASE state WHEN 'scheduled' THEN 'pending' ELSE state END,
    due = CASE state WHEN 'failed' THEN 1 ELSE 0 END, updated_at = :now
WHERE seq = ANY (ARRAY(
    SELECT seq FROM jobs
    WHERE ((state = 'scheduled' AND held = 0) OR (state = 'failed' AND due = 0)) AND run_at <= :now
    ORDER BY run_at LIMIT :limit FOR UPDATE SKIP LOCKED
))
RETURNING seq;

-- name: line
-- The rows of queues with a limit or a rate are locked first: only one claim at a time counts what runs there. What
-- another claim has locked of the jobs is passed over.
WITH RECURSIVE bounded AS MATERIALIZED (
    SELECT * FROM aqueue_queues WHERE max_running IS NOT NULL OR rate_starts IS NOT NULL ORDER BY name FOR UPDATE
), named (queue) AS (
    (
        SELECT queue FROM jobs WHERE state = 'pending' OR (state = 'failed' AND due = 1) ORDER BY queue LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT jobs.queue FROM jobs
        WHERE (jobs.state = 'pending' OR (jobs.state = 'failed' AND jobs.due = 1)) AND jobs.queue > named.queue
        ORDER BY jobs.queue LIMIT 1
    )
    FROM named WHERE named.queue IS NOT NULL
)
SELECT head.seq, head.queue, head.priority, head.run_at,
    said.paused, said.max_running, said.rate_starts, said.rate_period, said.tokens, said.tokens_at
FROM named
CROSS JOIN LATERAL (
    SELECT line.seq, line.queue, line.priority, line.run_at FROM jobs AS line
    WHERE (line.state = 'pending' OR (line.state = 'failed' AND line.due = 1)) AND line.queue = named.queue
    ORDER BY line.priority DESC, line.run_at, line.seq LIMIT :most FOR UPDATE SKIP LOCKED
) AS head
LEFT JOIN (
    SELECT * FROM bounded
    UNION ALL
    SELECT * FROM aqueue_queues WHERE max_running IS NULL AND rate_starts IS NULL
) AS said ON said.name = named.queue
WHERE named.queue IS NOT NULL
ORDER BY head.queue, head.priority DESC, head.run_at, head.seq;

-- name: running
SELECT queue, count(*) AS n, count(*) FILTER (WHERE worker = :worker) AS here FROM jobs
WHERE state = 'processing' AND state <> 'completed' GROUP BY queue;

-- name: claim
-- The runs begin in the same statement, which spares their jobs being looked up once more.
WITH claimed AS (
    UPDATE jobs SET
        state = 'processing', attempts = attempts + 1, run = run + 1, worker = :worker, slot = chosen.value::bigint,
        started_at = :now, updated_at = :now, finished_at = NULL, due = 0, cancel_requested = 0, progress = NULL
    FROM jsonb_each_text(:chosen::jsonb) AS chosen
    WHERE jobs.seq = chosen.key::bigint
    RETURNING jobs.*
), begun AS (
    INSERT INTO aqueue_runs (job, run, attempt, worker, slot, started_at)
    SELECT seq, run, attempts, worker, slot, started_at FROM claimed
)
SELECT claimed.*, pg_current_xact_id()::text AS xid FROM claimed;

-- name: start_runs
-- The claim has done that.

-- name: keep_tokens
UPDATE aqueue_queues SET tokens = :tokens, tokens_at = :at WHERE name = :name;

-- name: next_run_at
SELECT min(run_at) AS run_at FROM jobs
WHERE (state = 'scheduled' AND held = 0) OR (state = 'failed' AND due = 0);

-- name: begin
UPDATE jobs SET slot = begun.slot, started_at = begun.started_at
FROM jsonb_to_recordset(:runs::jsonb) AS begun (seq bigint, run bigint, slot bigint, started_at double precision)
WHERE jobs.seq = begun.seq AND jobs.run = begun.run AND jobs.state = 'processing';

-- name: begin_runs
UPDATE aqueue_runs SET slot = begun.slot, started_at = begun.started_at
FROM jsonb_to_recordset(:runs::jsonb) AS begun (seq bigint, run bigint, slot bigint, started_at double precision)
WHERE aqueue_runs.job = begun.seq AND aqueue_runs.run = begun.run AND aqueue_runs.finished_at IS NULL;

-- name: apply
UPDATE jobs SET
    state = decided.state, attempts = decided.attempts, run_at = decided.run_at, held = decided.held, due = 0,
    cancel_requested = 0, updated_at = :now, finished_at = decided.finished_at, exit_code = decided.exit_code,
    signal = decided.signal, error = decided.error, slot = coalesce(decided.slot, jobs.slot),
    started_at = coalesce(decided.started_at, jobs.started_at), cancelled_for = NULL
FROM jsonb_to_recordset(:decisions::jsonb) AS decided (
    seq bigint, was_state text, was_run bigint, was_worker text, was_cancel_requested smallint, state text,
    attempts bigint, run_at double precision, held smallint, exit_code bigint, signal bigint, error text,
    finished_at double precision, slot bigint, started_at double precision
)
WHERE jobs.seq = decided.seq
    AND jobs.state = decided.was_state
    AND jobs.run = decided.was_run
    AND jobs.worker IS NOT DISTINCT FROM decided.was_worker
    AND jobs.cancel_requested = decided.was_cancel_requested
RETURNING jobs.seq, jobs.run, jobs.awaited AS is_awaited, pg_current_xact_id()::text AS xid;

-- name: end_runs
UPDATE aqueue_runs SET
    finished_at = ended.finished_at, slot = coalesce(ended.slot, aqueue_runs.slot),
    started_at = coalesce(ended.started_at, aqueue_runs.started_at), ending = ended.ending,
    exit_code = ended.exit_code, signal = ended.signal, error = ended.error,
    cpu_seconds = ended.cpu_seconds, peak_bytes = ended.peak_bytes
FROM jsonb_to_recordset(:runs::jsonb) AS ended (
    seq bigint, run bigint, slot bigint, started_at double precision, finished_at double precision, ending text,
    exit_code bigint, signal bigint, error text, cpu_seconds double precision, peak_bytes bigint
)
WHERE aqueue_runs.job = ended.seq AND aqueue_runs.run = ended.run;

-- name: request_cancel
UPDATE jobs SET cancel_requested = 1, updated_at = :now
WHERE seq = ANY (ARRAY(SELECT jsonb_array_elements_text(:seqs::jsonb)::bigint)) AND state = 'processing';

-- name: cancels_requested
SELECT seq, run FROM jobs
WHERE state = 'processing' AND state <> 'completed' AND cancel_requested = 1 AND worker = :worker;

-- name: runs
SELECT * FROM aqueue_runs WHERE job = :seq ORDER BY run;

-- name: add_output
INSERT INTO aqueue_output (job, run, start, stream, at, data)
SELECT :job::bigint, :run::bigint, :start::bigint, :stream::smallint, :at::double precision, :data::bytea
WHERE EXISTS (SELECT 1 FROM jobs WHERE seq = :job::bigint);

-- name: drop_output
DELETE FROM aqueue_output WHERE job = :job AND run = :run AND start >= :first AND start < :last;

-- name: output_size
SELECT bytes FROM aqueue_output_size;

-- name: drop_oldest_output
DELETE FROM aqueue_output WHERE ctid = ANY (ARRAY(
    SELECT output.ctid FROM aqueue_output AS output JOIN jobs ON jobs.seq = output.job
    WHERE jobs.state IN ('completed', 'dead', 'cancelled')
    ORDER BY output.job, output.run, output.start LIMIT :limit
))
RETURNING job;

-- name: sizes_of_output
SELECT jsonb_build_array(job, run, start)::text AS piece, job, length(data) AS bytes FROM aqueue_output
WHERE job = ANY (ARRAY(SELECT jsonb_array_elements_text(:jobs::jsonb)::bigint)) ORDER BY job, run, start LIMIT :limit;

-- name: drop_pieces
DELETE FROM aqueue_output USING (
    SELECT (piece::jsonb ->> 0)::bigint AS job, (piece::jsonb ->> 1)::bigint AS run, (piece::jsonb ->> 2)::bigint AS start
    FROM jsonb_array_elements_text(:pieces::jsonb) AS piece
) AS old
WHERE aqueue_output.job = old.job AND aqueue_output.run = old.run AND aqueue_output.start = old.start;

-- name: set_progress
UPDATE jobs SET progress = :progress
WHERE seq = :job AND run = :run AND state = 'processing' AND progress IS DISTINCT FROM :progress;

-- name: output
SELECT start, stream, at, data FROM aqueue_output
WHERE job = :job AND run = :run AND start >= :start ORDER BY start LIMIT :limit;

-- name: events
SELECT events.event, jobs.id, events.at, events.was, events.state, events.run, events.attempt, runs.worker,
    CASE events.was WHEN 'processing' THEN runs.ending END AS ending,
    CASE events.was WHEN 'processing' THEN runs.error ELSE events.reason END AS error
FROM aqueue_events AS events
JOIN jobs ON jobs.seq = events.job
LEFT JOIN aqueue_runs AS runs
    ON runs.job = events.job AND runs.run = events.run AND 'processing' IN (events.was, events.state)
WHERE events.event > :after AND events.event < (SELECT aqueue_horizon()) AND {where}
ORDER BY events.event LIMIT :limit;

-- name: where_event_of_job
events.job = :seq

-- name: newest_event
SELECT coalesce(max(event), 0) AS event FROM aqueue_events WHERE event < (SELECT aqueue_horizon());

-- name: edit
UPDATE jobs SET
    command = coalesce(change ->> 'command', command), queue = coalesce(change ->> 'queue', queue),
    priority = coalesce((change ->> 'priority')::bigint, priority),
    max_retries = coalesce((change ->> 'max_retries')::bigint, max_retries),
    timeout = coalesce((change ->> 'timeout')::double precision, timeout),
    tags = coalesce(change -> 'tags', tags), env = coalesce(change -> 'env', env),
    cwd = coalesce(change ->> 'cwd', cwd),
    backoff_base = CASE
        WHEN jsonb_exists(change, 'backoff_base') THEN (change ->> 'backoff_base')::double precision ELSE backoff_base
    END,
    backoff_max = CASE
        WHEN jsonb_exists(change, 'backoff_max') THEN (change ->> 'backoff_max')::double precision ELSE backoff_max
    END,
    no_retry_on = coalesce(change -> 'no_retry_on', no_retry_on), defer_on = coalesce(change -> 'defer_on', defer_on),
    unique_key = CASE WHEN jsonb_exists(change, 'unique') THEN change ->> 'unique' ELSE unique_key END,
    nice = CASE WHEN jsonb_exists(change, 'nice') THEN (change ->> 'nice')::bigint ELSE nice END,
    memory = CASE WHEN jsonb_exists(change, 'memory') THEN (change ->> 'memory')::bigint ELSE memory END,
    after = coalesce(change -> 'after', after), after_any = coalesce(change -> 'after_any', after_any),
    updated_at = :now
FROM (SELECT :changes::jsonb AS change) AS changes
WHERE seq = ANY (ARRAY(SELECT jsonb_array_elements_text(:seqs::jsonb)::bigint));

-- name: ahead
SELECT count(*) AS n FROM (
    SELECT 1 FROM jobs
    WHERE (state = 'pending' OR (state = 'failed' AND due = 1)) AND queue = :queue
        AND (priority > :priority OR (priority = :priority AND (run_at < :run_at
            OR (run_at = :run_at AND seq < :seq))))
    LIMIT 10000
) AS before;

-- name: counts
SELECT queue, state, n FROM aqueue_counts WHERE n <> 0 ORDER BY queue, state;

-- name: unfinished
SELECT counts.queue, sum(counts.n)::bigint AS n FROM aqueue_counts AS counts
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
WITH RECURSIVE ranked (queue, priority, run_at) AS (
    (
        SELECT queue, priority, run_at FROM jobs WHERE state = 'pending' OR (state = 'failed' AND due = 1)
        ORDER BY queue, priority DESC, run_at, seq LIMIT 1
    )
    UNION ALL
    SELECT line.queue, line.priority, line.run_at
    FROM ranked
    CROSS JOIN LATERAL (
        (
            SELECT 1 AS rank, same.queue, same.priority, same.run_at FROM jobs AS same
            WHERE (same.state = 'pending' OR (same.state = 'failed' AND same.due = 1))
                AND same.queue = ranked.queue AND same.priority < ranked.priority
            ORDER BY same.priority DESC, same.run_at, same.seq LIMIT 1
        )
        UNION ALL
        (
            SELECT 2 AS rank, next.queue, next.priority, next.run_at FROM jobs AS next
            WHERE (next.state = 'pending' OR (next.state = 'failed' AND next.due = 1)) AND next.queue > ranked.queue
            ORDER BY next.queue, next.priority DESC, next.run_at, next.seq LIMIT 1
        )
        ORDER BY rank LIMIT 1
    ) AS line
)
SELECT queue, min(run_at) AS run_at FROM ranked GROUP BY queue;

-- name: say_paused
INSERT INTO aqueue_queues (name, paused) VALUES (:name, :paused)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused;

-- name: say_limit
INSERT INTO aqueue_queues (name, max_running) VALUES (:name, :most)
ON CONFLICT (name) DO UPDATE SET max_running = excluded.max_running;

-- name: say_rate
INSERT INTO aqueue_queues (name, rate_starts, rate_period, tokens, tokens_at)
VALUES (:name, :starts, :period, :tokens, :at)
ON CONFLICT (name) DO UPDATE SET rate_starts = excluded.rate_starts, rate_period = excluded.rate_period,
    tokens = excluded.tokens, tokens_at = excluded.tokens_at;

-- name: forget_queue
DELETE FROM aqueue_queues WHERE name = :name AND paused = 0 AND max_running IS NULL AND rate_starts IS NULL;

-- name: savepoint
SAVEPOINT attempt;

-- name: undo
ROLLBACK TO attempt;

-- name: keep
RELEASE attempt;

-- name: remove
DELETE FROM jobs WHERE seq = ANY (ARRAY(SELECT jsonb_array_elements_text(:seqs::jsonb)::bigint));

-- name: oldest_finished
SELECT finished_at FROM jobs WHERE state = :state AND finished_at IS NOT NULL AND {where} ORDER BY finished_at LIMIT 1;

-- name: expired
SELECT jobs.seq, 1
    + (SELECT count(*) FROM (SELECT 1 FROM aqueue_runs WHERE job = jobs.seq LIMIT :most) AS runs)
    + (SELECT count(*) FROM (SELECT 1 FROM aqueue_events WHERE job = jobs.seq LIMIT :most) AS events)
    + (SELECT coalesce(sum(rows), 0)::bigint FROM (
        SELECT 1 + length(data) / 256 AS rows FROM aqueue_output WHERE job = jobs.seq LIMIT :most
    ) AS pieces) AS rows
FROM jobs
WHERE state = :state AND finished_at IS NOT NULL AND finished_at <= :before AND {where}
ORDER BY finished_at LIMIT :jobs;

-- name: count_expired
SELECT count(*) AS n FROM jobs WHERE state = :state AND finished_at IS NOT NULL AND finished_at <= :before AND {where};

-- name: remove_expired
DELETE FROM jobs WHERE seq = ANY (ARRAY(
    SELECT seq FROM jobs
    WHERE seq = ANY (ARRAY(SELECT jsonb_array_elements_text(:seqs::jsonb)::bigint))
        AND state = :state AND finished_at <= :before AND {where}
    ORDER BY seq FOR UPDATE SKIP LOCKED
))
RETURNING seq;

-- name: is_expired
SELECT seq FROM jobs WHERE seq = :seq AND state = :state AND finished_at <= :before AND {where};

-- name: where_nobody_waits
NOT EXISTS (
    SELECT 1 FROM aqueue_dependencies AS dependency JOIN jobs AS child ON child.seq = dependency.child
    WHERE dependency.parent = jobs.seq AND child.state = 'blocked'
)

-- name: thin_output
DELETE FROM aqueue_output WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM aqueue_output WHERE job = :seq ORDER BY run, start LIMIT :most
));

-- name: thin_events
DELETE FROM aqueue_events WHERE event = ANY (ARRAY(
    SELECT event FROM aqueue_events WHERE job = :seq ORDER BY event LIMIT :most
));

-- name: thin_runs
DELETE FROM aqueue_runs
WHERE job = :seq AND run = ANY (ARRAY(SELECT run FROM aqueue_runs WHERE job = :seq ORDER BY run LIMIT :most));

-- name: pages
-- Freed space is used again, and given back by the server's own vacuum.
SELECT 0 AS free, 0 AS pages, 8192 AS size, 0 AS can_shrink;

-- name: give_back_a_page
SELECT 1;

-- name: key_holders
SELECT unique_key, id FROM jobs
WHERE unique_key IS NOT NULL AND unique_key = ANY (ARRAY(SELECT jsonb_array_elements_text(:keys::jsonb)))
    AND state NOT IN ('completed', 'dead', 'cancelled');

-- name: blocked_between
-- Those that this transaction has made: others may make jobs between them.
SELECT seq, id, after, after_any FROM jobs
WHERE state = 'blocked' AND state <> 'completed' AND seq BETWEEN :first AND :last
    AND xmin = pg_current_xact_id()::xid ORDER BY seq;

-- name: cancelled_between
SELECT count(*) AS n FROM jobs
WHERE state = 'cancelled' AND state <> 'completed' AND seq BETWEEN :first AND :last
    AND xmin = pg_current_xact_id()::xid;

-- name: name_parents
UPDATE jobs SET after = named.after, after_any = named.after_any
FROM jsonb_to_recordset(:jobs::jsonb) AS named (seq bigint, after jsonb, after_any jsonb)
WHERE jobs.seq = named.seq;

-- name: one_at_a_time
SELECT pg_advisory_xact_lock(hashtextextended('aqueue edges ' || current_schema(), 0))::text;

-- name: tie
INSERT INTO aqueue_dependencies (child, parent, on_any, standing)
SELECT child, parent, on_any, standing
FROM jsonb_to_recordset(:edges::jsonb) AS edge (child bigint, parent bigint, on_any smallint, standing text);

-- name: untie
DELETE FROM aqueue_dependencies
WHERE child = ANY (ARRAY(SELECT jsonb_array_elements_text(:seqs::jsonb)::bigint));

-- name: untie_from_those_that_are_there
DELETE FROM aqueue_dependencies
WHERE child = :seq AND EXISTS (SELECT 1 FROM jobs WHERE jobs.seq = aqueue_dependencies.parent);

-- name: below
WITH RECURSIVE below (seq) AS (
    SELECT :seq::bigint
    UNION
    SELECT dependency.child FROM below JOIN aqueue_dependencies AS dependency ON dependency.parent = below.seq
)
SELECT jobs.id FROM below JOIN jobs ON jobs.seq = below.seq
WHERE below.seq = ANY (ARRAY(SELECT jsonb_array_elements_text(:seqs::jsonb)::bigint));

-- name: turn_edges
-- The children are locked here: the statements that follow see what others have done to them until then.
WITH turned AS (
    UPDATE aqueue_dependencies AS edge
    SET standing = CASE edge.on_any WHEN 1 THEN turned.after_any ELSE turned.after END
    FROM jsonb_to_recordset(:parents::jsonb) AS turned (seq bigint, after text, after_any text)
    WHERE edge.parent = turned.seq AND edge.standing <> CASE edge.on_any WHEN 1 THEN turned.after_any ELSE turned.after END
    RETURNING edge.child, edge.parent
), locked AS MATERIALIZED (
    SELECT seq FROM jobs WHERE seq = ANY (ARRAY(SELECT child FROM turned)) ORDER BY seq FOR UPDATE
)
SELECT turned.child, turned.parent FROM turned CROSS JOIN (SELECT count(*) FROM locked) AS all_of_them;

-- name: children
SELECT child.seq, child.id, child.state, child.run_at, child.held, child.error, child.finished_at, child.cancelled_for,
    child.unique_key, edge.parent, parent.id AS parent_id, parent.state AS parent_state,
    parent.held AS parent_held, edge.on_any
FROM jobs AS child
LEFT JOIN LATERAL (
    SELECT parent, on_any FROM aqueue_dependencies AS unmet
    WHERE unmet.child = child.seq AND unmet.standing <> 'closed'
    ORDER BY unmet.standing, unmet.parent LIMIT 1
) AS edge ON true
LEFT JOIN jobs AS parent ON parent.seq = edge.parent
WHERE child.seq = ANY (ARRAY(SELECT jsonb_array_elements_text(:seqs::jsonb)::bigint));

-- name: move
UPDATE jobs SET
    state = moved.state, run_at = moved.run_at, error = moved.error, finished_at = moved.finished_at,
    cancelled_for = moved.cancelled_for, due = 0, updated_at = :now
FROM jsonb_to_recordset(:moves::jsonb) AS moved (
    seq bigint, state text, run_at double precision, error text, finished_at double precision, cancelled_for bigint
)
WHERE jobs.seq = moved.seq;

-- name: broken_parents
SELECT edge.child, edge.parent, edge.on_any, parent.id AS parent_id, parent.state AS parent_state,
    parent.held AS parent_held
FROM aqueue_dependencies AS edge
LEFT JOIN jobs AS parent ON parent.seq = edge.parent
WHERE edge.child = ANY (ARRAY(SELECT jsonb_array_elements_text(:seqs::jsonb)::bigint))
    AND edge.standing <> 'closed' AND edge.standing = 'broken';

-- name: blocked_children
SELECT edge.parent, edge.child, child.id
FROM aqueue_dependencies AS edge
JOIN jobs AS child ON child.seq = edge.child
WHERE edge.parent = ANY (ARRAY(SELECT jsonb_array_elements_text(:seqs::jsonb)::bigint)) AND child.state = 'blocked';

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
    SELECT :seq::bigint, 0
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
    FROM jobs
    JOIN aqueue_dependencies AS edge ON edge.child = jobs.seq
    WHERE jobs.seq = ANY (ARRAY(SELECT jsonb_array_elements_text(:seqs::jsonb)::bigint)) AND jobs.state = 'blocked'
        AND edge.standing <> 'closed'
    UNION
    SELECT edge.child, edge.parent, edge.on_any
    FROM above
    JOIN jobs ON jobs.seq = above.parent AND jobs.state = 'blocked'
    JOIN aqueue_dependencies AS edge ON edge.child = jobs.seq
    WHERE edge.standing <> 'closed'
)
SELECT above.child, above.parent, above.on_any, parent.id AS parent_id, parent.state AS parent_state,
    parent.held AS parent_held
FROM (SELECT * FROM above LIMIT :limit) AS above JOIN jobs AS parent ON parent.seq = above.parent;

-- name: parents_of
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
WITH RECURSIVE above (seq) AS (
    SELECT edge.parent
    FROM jobs JOIN aqueue_dependencies AS edge ON edge.child = jobs.seq
    WHERE jobs.state = 'blocked' AND jobs.state <> 'completed'
        AND jobs.queue = ANY (ARRAY(SELECT jsonb_array_elements_text(:served::jsonb))) AND edge.standing <> 'closed'
    UNION
    SELECT edge.parent
    FROM above
    JOIN jobs ON jobs.seq = above.seq AND jobs.state = 'blocked'
    JOIN aqueue_dependencies AS edge ON edge.child = jobs.seq
    WHERE edge.standing <> 'closed'
)
SELECT 1 FROM above JOIN jobs ON jobs.seq = above.seq
WHERE jobs.state IN ('pending', 'processing', 'failed')
    AND jobs.queue = ANY (ARRAY(SELECT jsonb_array_elements_text(:elsewhere::jsonb)))
LIMIT 1;

-- name: edges
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
SELECT jobs.*, latest.place
FROM (
    SELECT event AS place, job AS of FROM aqueue_events AS events
    WHERE event < :at AND event >= :bound AND NOT EXISTS (
        SELECT 1 FROM aqueue_events AS later WHERE later.job = events.job AND later.event > events.event
    )
) AS latest
JOIN jobs ON jobs.seq = latest.of
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
SELECT error, max(n) AS n, max(finished_at) AS newest, json_agg(id ORDER BY rank)::text AS ids FROM ranked
WHERE rank <= :named GROUP BY error ORDER BY max(n) DESC, max(finished_at) DESC LIMIT :limit;

-- name: runs_newest
SELECT * FROM aqueue_runs WHERE job = :seq ORDER BY run DESC LIMIT :limit;

-- name: in_slots
SELECT * FROM jobs WHERE state = 'processing' AND state <> 'completed' AND slot < :slots ORDER BY seq LIMIT :limit;

-- name: waiting_next
SELECT * FROM jobs WHERE (state = 'scheduled' AND held = 0) OR (state = 'failed' AND due = 0) ORDER BY run_at LIMIT :limit;

-- name: count_minutes
INSERT INTO aqueue_minute_parts AS known (
    minute, part, completed, failed, dead, attempts, timed, waited, ran
)
SELECT minute, pg_backend_pid(), completed, failed, dead, attempts, timed, waited, ran
FROM jsonb_to_recordset(:minutes::jsonb) AS counted (
    minute bigint, completed bigint, failed bigint, dead bigint, attempts bigint, timed bigint,
    waited double precision, ran double precision
)
ORDER BY minute
ON CONFLICT (minute, part) DO UPDATE SET
    completed = known.completed + excluded.completed, failed = known.failed + excluded.failed,
    dead = known.dead + excluded.dead, attempts = known.attempts + excluded.attempts,
    timed = known.timed + excluded.timed, waited = known.waited + excluded.waited, ran = known.ran + excluded.ran;

-- name: minutes
SELECT * FROM aqueue_minutes WHERE minute >= :first ORDER BY minute;

-- name: changed_since
SELECT event, job FROM aqueue_events WHERE event > :after AND event < (SELECT aqueue_horizon())
ORDER BY event DESC LIMIT :limit;

-- name: eventless_since
SELECT n, seq, job, gone FROM aqueue_eventless WHERE n > :after_n AND event >= :after AND n < (SELECT aqueue_horizon())
ORDER BY n DESC LIMIT :limit;

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
SELECT stream, substr(
    data, greatest(1, least(length(data), :start - start) - 2)::integer, least(3, length(data), :start - start)::integer
) AS data
FROM aqueue_output WHERE job = :job AND run = :run AND start < :start ORDER BY start DESC LIMIT :limit;

-- name: run_has_ended
SELECT NOT EXISTS (
    SELECT 1 FROM jobs WHERE seq = :job AND (run < :run OR (run = :run AND state = 'processing'))
) AS ended;

-- name: settings
SELECT key, value FROM aqueue_settings;

-- name: set
INSERT INTO aqueue_settings (key, value) VALUES (:key, :value)
ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: unset
DELETE FROM aqueue_settings WHERE key = :key RETURNING key;

-- name: register
INSERT INTO aqueue_workers (
    id, pid, host, concurrency, started_at, process_started, boot, pid_namespace, cgroup, queues
)
VALUES (:id, :pid, :host, :concurrency, :now, :process_started, :boot, :pid_namespace, :cgroup, :queues);

-- name: unregister
DELETE FROM aqueue_workers WHERE id = ANY (ARRAY(SELECT jsonb_array_elements_text(:ids::jsonb))) RETURNING id;

-- name: workers
SELECT workers.id, pid, host, concurrency, workers.started_at, process_started, boot, pid_namespace, cgroup, stop, queues,
    (
        SELECT count(*) FROM jobs
        WHERE jobs.state = 'processing' AND jobs.state <> 'completed' AND jobs.worker = workers.id
    ) AS running
FROM aqueue_workers AS workers ORDER BY workers.started_at, workers.id;

-- name: workers_of_runs
SELECT DISTINCT worker FROM jobs WHERE state = 'processing' AND state <> 'completed';

-- name: processing_of
SELECT * FROM jobs WHERE state = 'processing' AND state <> 'completed' AND worker = :worker ORDER BY seq;

-- name: request_stop
UPDATE aqueue_workers SET stop = :stop
WHERE id = ANY (ARRAY(SELECT jsonb_array_elements_text(:ids::jsonb))) AND stop IS DISTINCT FROM 'now' RETURNING id;

-- name: stop_requested
SELECT stop FROM aqueue_workers WHERE id = :worker;

-- name: schedules
SELECT schedules.*,
    (SELECT max(seq) FROM jobs
     WHERE cron IS NOT NULL AND cron = schedules.name AND state NOT IN ('completed', 'dead', 'cancelled'))
        AS unfinished_seq,
    (SELECT max(seq) FROM jobs
     WHERE cron IS NOT NULL AND cron = schedules.name AND state IN ('completed', 'dead', 'cancelled'))
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
SELECT *, EXISTS (
    SELECT 1 FROM jobs
    WHERE cron IS NOT NULL AND cron = schedules.name AND state NOT IN ('completed', 'dead', 'cancelled')
) AS busy
FROM aqueue_schedules AS schedules
WHERE next_at <= :now
    AND (name, created_at) NOT IN (
        SELECT one ->> 0, (one ->> 1)::double precision FROM jsonb_array_elements(:unread::jsonb) AS one
    )
ORDER BY next_at LIMIT :limit;

-- name: schedules_owing
SELECT * FROM (
    SELECT *, EXISTS (
        SELECT 1 FROM jobs
        WHERE cron IS NOT NULL AND cron = schedules.name AND state NOT IN ('completed', 'dead', 'cancelled')
    ) AS busy
    FROM aqueue_schedules AS schedules
    WHERE owed <> '[]'
        AND (name, created_at) NOT IN (
            SELECT one ->> 0, (one ->> 1)::double precision FROM jsonb_array_elements(:unread::jsonb) AS one
        )
) AS owing
WHERE overlap = 1 OR NOT busy
LIMIT :limit;

-- name: advance_schedules
UPDATE aqueue_schedules SET
    next_at = stands.next_at, owed = stands.owed, last_at = coalesce(stands.last_at, aqueue_schedules.last_at)
FROM jsonb_to_recordset(:standings::jsonb) AS stands (
    name text, was_next_at double precision, was_owed text, next_at double precision, owed text, last_at double precision
)
WHERE aqueue_schedules.name = stands.name
    AND aqueue_schedules.next_at IS NOT DISTINCT FROM stands.was_next_at AND aqueue_schedules.owed = stands.was_owed
RETURNING aqueue_schedules.name;

-- name: next_tick
SELECT
    (SELECT next_at FROM aqueue_schedules
     WHERE next_at IS NOT NULL
        AND (name, created_at) NOT IN (
            SELECT one ->> 0, (one ->> 1)::double precision FROM jsonb_array_elements(:unread::jsonb) AS one
        )
     ORDER BY next_at LIMIT 1) AS next_at,
    EXISTS (
        SELECT 1 FROM aqueue_schedules AS schedules
        WHERE owed <> '[]' AND (overlap = 1 OR NOT EXISTS (
            SELECT 1 FROM jobs
            WHERE cron IS NOT NULL AND cron = schedules.name AND state NOT IN ('completed', 'dead', 'cancelled')
        ))
            AND (name, created_at) NOT IN (
                SELECT one ->> 0, (one ->> 1)::double precision FROM jsonb_array_elements(:unread::jsonb) AS one
            )
    ) AS owes;

-- name: integrity
-- The server sees to its pages itself; amcheck and checksums are for its operator.
SELECT 'ok' AS integrity_check WHERE false;

-- name: miscounts
SELECT queue, state, sum(counted)::bigint AS counted, sum(found)::bigint AS found
FROM (
    SELECT queue, state, n AS counted, 0 AS found FROM aqueue_counts
    UNION ALL
    SELECT queue, state, 0, count(*) FROM jobs GROUP BY queue, state
) AS both_ways
GROUP BY queue, state HAVING sum(counted) <> sum(found);
