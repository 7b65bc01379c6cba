-- What a run may take of its machine, and what pages show of the recent past.

-- By how much its runs are nicer than their worker, as nice(1) has it; NULL: not at all.
ALTER TABLE jobs ADD COLUMN nice bigint CHECK (nice BETWEEN -20 AND 19);
-- How much memory, in bytes, all processes of a run may have together; NULL: as much as there is.
ALTER TABLE jobs ADD COLUMN memory bigint CHECK (memory >= 1048576);

-- What the runs of each minute came to, by when they ended. Workers would wait for one another at a row that all of them
-- change: each connection counts in a part of its own, and what is told of a minute is the sum.
CREATE TABLE aqueue_minute_parts (
    minute bigint NOT NULL,
    part bigint NOT NULL,
    completed bigint NOT NULL,
    failed bigint NOT NULL,
    dead bigint NOT NULL,
    attempts bigint NOT NULL,
    timed bigint NOT NULL,
    waited double precision NOT NULL,
    ran double precision NOT NULL,
    PRIMARY KEY (minute, part)
) WITH (fillfactor = 50);
CREATE VIEW aqueue_minutes AS
    SELECT minute, sum(completed)::bigint AS completed, sum(failed)::bigint AS failed, sum(dead)::bigint AS dead,
        sum(attempts)::bigint AS attempts, sum(timed)::bigint AS timed, sum(waited) AS waited, sum(ran) AS ran
    FROM aqueue_minute_parts GROUP BY minute;

-- What is moved here from another queue counts as one more part.
CREATE FUNCTION aqueue_minute_moved() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO aqueue_minute_parts (minute, part, completed, failed, dead, attempts, timed, waited, ran) VALUES (
        NEW.minute, 0, NEW.completed, NEW.failed, NEW.dead, NEW.attempts, NEW.timed, NEW.waited, NEW.ran
    );
    RETURN NEW;
END
$$;
CREATE TRIGGER aqueue_minutes_moved INSTEAD OF INSERT ON aqueue_minutes
FOR EACH ROW EXECUTE FUNCTION aqueue_minute_moved();

-- Two days of them. It happens once a minute for each connection that settles: to count on is an update.
CREATE FUNCTION aqueue_minute_begun() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM aqueue_minute_parts WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM aqueue_minute_parts WHERE minute < NEW.minute - 2880 FOR UPDATE SKIP LOCKED
    ));
    RETURN NULL;
END
$$;
CREATE TRIGGER aqueue_minutes_begun AFTER INSERT ON aqueue_minute_parts
FOR EACH ROW EXECUTE FUNCTION aqueue_minute_begun();

-- The jobs that were removed of late, for those who show them: an event goes with its job. They are numbered as events
-- are, so that whoever reads on from a number misses none.
CREATE TABLE aqueue_removed (
    n bigint PRIMARY KEY,
    event bigint NOT NULL,
    job text COLLATE "C" NOT NULL
) WITH (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);

CREATE FUNCTION aqueue_removal_told() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    first bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM removed) THEN
        RETURN NULL;
    END IF;
    first := aqueue_reserve((SELECT count(*) FROM removed));
    INSERT INTO aqueue_removed (n, event, job)
        SELECT first + row_number() OVER (ORDER BY seq), first, id FROM removed;
    DELETE FROM aqueue_removed WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM aqueue_removed
        WHERE n <= (SELECT n FROM aqueue_removed ORDER BY n DESC LIMIT 1 OFFSET 1000) FOR UPDATE SKIP LOCKED
    ));
    RETURN NULL;
END
$$;
CREATE TRIGGER jobs_removal_told AFTER DELETE ON jobs REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION aqueue_removal_told();
