-- What only PostgreSQL needs: leases, wakes, and the ledgers.

-- name: renew
-- A lease that has passed is never renewed: whoever saw that may have taken over already.
UPDATE aqueue_workers SET lease_until = aqueue_now() + :lease::double precision
WHERE id = :worker AND lease_until > aqueue_now() RETURNING id;

-- name: around
-- What a heartbeat sees beside its own: how many events there are, the server's clock, in how many seconds the next
-- lease of another ends, and whether somebody is to be taken over from.
SELECT aqueue_now() AS now, (SELECT max(event) FROM aqueue_events) AS newest,
    (SELECT min(lease_until) - aqueue_now() FROM aqueue_workers WHERE id <> :worker) AS soonest,
    EXISTS (
        SELECT 1 FROM jobs WHERE state = 'processing' AND state <> 'completed' AND NOT EXISTS (
            SELECT 1 FROM aqueue_workers WHERE aqueue_workers.id = jobs.worker
        )
    ) AS orphaned;

-- name: living
SELECT id, lease_until > aqueue_now() AS lives FROM aqueue_workers;

-- name: ring
SELECT pg_notify('aqueue.' || current_schema(), '')::text;

-- name: ended
-- The number of this transaction, if it has written anything: after a lost connection that says whether it was committed.
SELECT pg_current_xact_id_if_assigned()::text AS xid;

-- name: was_committed
SELECT pg_xact_status(:xid::text::xid8) AS status;

-- name: add_up_counts
WITH gone AS (
    DELETE FROM aqueue_count_changes WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM aqueue_count_changes LIMIT 20000 FOR UPDATE SKIP LOCKED
    ))
    RETURNING queue, state, n
)
INSERT INTO aqueue_count_changes (queue, state, n)
SELECT queue, state, sum(n) FROM gone GROUP BY queue, state HAVING sum(n) <> 0;

-- name: add_up_output
WITH gone AS (
    DELETE FROM aqueue_output_changes WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM aqueue_output_changes LIMIT 20000 FOR UPDATE SKIP LOCKED
    ))
    RETURNING bytes
)
INSERT INTO aqueue_output_changes (bytes) SELECT sum(bytes) FROM gone HAVING sum(bytes) <> 0;

-- name: was_claimed
-- After a crash, the number of a transaction that was lost is given again: so it takes what only this one can have done.
SELECT EXISTS (SELECT 1 FROM aqueue_runs WHERE job = :job AND run = :run AND worker = :worker) AS is_so;

-- name: was_told
SELECT EXISTS (
    SELECT 1 FROM aqueue_events, aqueue_meta
    WHERE event >> 22 = :xid::text::bigint + xid_offset AND event > (:xid::text::bigint + xid_offset) << 22
        AND event < (:xid::text::bigint + xid_offset + 1) << 22 AND job = :job
) AS is_so;
