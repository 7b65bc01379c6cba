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

-- What happened to jobs of late and has no event, for those who show them: that they were removed, whose events go with
-- them, edited, or held where they wait for others. Numbered as events are, so that whoever reads on misses none.
CREATE TABLE aqueue_eventless (
    n bigint PRIMARY KEY,
    event bigint NOT NULL,
    seq bigint NOT NULL,
    job text COLLATE "C" NOT NULL,
    gone smallint NOT NULL CHECK (gone IN (0, 1))
) WITH (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);

CREATE FUNCTION aqueue_eventless_kept() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM aqueue_eventless WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM aqueue_eventless
        WHERE n <= (SELECT n FROM aqueue_eventless ORDER BY n DESC LIMIT 1 OFFSET 1000) FOR UPDATE SKIP LOCKED
    ));
    RETURN NULL;
END
$$;
CREATE TRIGGER aqueue_eventless_kept AFTER INSERT ON aqueue_eventless
FOR EACH STATEMENT EXECUTE FUNCTION aqueue_eventless_kept();

CREATE FUNCTION aqueue_removal_told() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    first bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM removed) THEN
        RETURN NULL;
    END IF;
    first := aqueue_reserve((SELECT count(*) FROM removed));
    INSERT INTO aqueue_eventless (n, event, seq, job, gone)
        SELECT first + row_number() OVER (ORDER BY seq), first, seq, id, 1 FROM removed;
    RETURN NULL;
END
$$;
CREATE TRIGGER jobs_removal_told AFTER DELETE ON jobs REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION aqueue_removal_told();

CREATE FUNCTION aqueue_edit_told() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    first bigint := aqueue_reserve(1);
BEGIN
    INSERT INTO aqueue_eventless (n, event, seq, job, gone) VALUES (first + 1, first, NEW.seq, NEW.id, 0);
    RETURN NULL;
END
$$;
-- An edit names the command, also where it leaves it.
CREATE TRIGGER jobs_edit_told AFTER UPDATE OF command ON jobs
FOR EACH ROW EXECUTE FUNCTION aqueue_edit_told();
CREATE TRIGGER jobs_hold_told AFTER UPDATE OF held ON jobs
FOR EACH ROW WHEN (NEW.held <> OLD.held AND NEW.state = OLD.state) EXECUTE FUNCTION aqueue_edit_told();
