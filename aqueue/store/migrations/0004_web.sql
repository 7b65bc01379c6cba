-- What pages show of the recent past, so that nobody looks through the history for it.

-- What the runs of each minute came to, by when they ended; kept by whoever settles them. `minute` is counted from the
-- epoch. `attempts` are those of the jobs that completed or died; `waited` and `ran` are the seconds that the `timed` runs
-- waited and took in all.
CREATE TABLE aqueue_minutes (
    minute INTEGER PRIMARY KEY,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    timed INTEGER NOT NULL,
    waited REAL NOT NULL,
    ran REAL NOT NULL
) STRICT;

-- Two days of them. It happens once a minute: to count on is an update.
CREATE TRIGGER aqueue_minutes_begun AFTER INSERT ON aqueue_minutes
BEGIN
    DELETE FROM aqueue_minutes WHERE minute < NEW.minute - 2880;
END;

INSERT INTO aqueue_minutes (minute, completed, failed, dead, attempts, timed, waited, ran)
SELECT CAST(runs.finished_at / 60 AS INTEGER),
    count(*) FILTER (WHERE is_last AND jobs.state = 'completed'),
    count(*) FILTER (WHERE NOT (is_last AND jobs.state IN ('completed', 'dead', 'cancelled'))),
    count(*) FILTER (WHERE is_last AND jobs.state = 'dead'),
    coalesce(sum(runs.attempt) FILTER (WHERE is_last AND jobs.state IN ('completed', 'dead')), 0),
    count(*), 0, sum(runs.finished_at - runs.started_at)
FROM (
    SELECT job, run, attempt, started_at, finished_at, run = max(run) OVER (PARTITION BY job) AS is_last
    FROM aqueue_runs WHERE finished_at > unixepoch() - 172800
) AS runs
JOIN jobs ON jobs.seq = runs.job
GROUP BY 1;

-- What happened to jobs of late and has no event, for those who show them: that they were removed, whose events go with
-- them, edited, or held where they wait for others. `event` is the number of the newest event at that time.
CREATE TABLE aqueue_eventless (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    event INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    job TEXT NOT NULL,
    gone INTEGER NOT NULL CHECK (gone IN (0, 1))
) STRICT;

CREATE TRIGGER aqueue_eventless_kept AFTER INSERT ON aqueue_eventless
BEGIN
    DELETE FROM aqueue_eventless WHERE n <= NEW.n - 1000;
END;

CREATE TRIGGER jobs_removal_told AFTER DELETE ON jobs
BEGIN
    INSERT INTO aqueue_eventless (event, seq, job, gone) VALUES (
        coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'aqueue_events'), 0),
        OLD.seq, coalesce(OLD.custom_id, CAST(OLD.seq AS TEXT)), 1
    );
END;

-- An edit names the command, also where it leaves it.
CREATE TRIGGER jobs_edit_told AFTER UPDATE OF command ON jobs
BEGIN
    INSERT INTO aqueue_eventless (event, seq, job, gone) VALUES (
        coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'aqueue_events'), 0),
        NEW.seq, coalesce(NEW.custom_id, CAST(NEW.seq AS TEXT)), 0
    );
END;

CREATE TRIGGER jobs_hold_told AFTER UPDATE OF held ON jobs WHEN NEW.held <> OLD.held AND NEW.state = OLD.state
BEGIN
    INSERT INTO aqueue_eventless (event, seq, job, gone) VALUES (
        coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'aqueue_events'), 0),
        NEW.seq, coalesce(NEW.custom_id, CAST(NEW.seq AS TEXT)), 0
    );
END;
