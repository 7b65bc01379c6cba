-- What a run may take of its machine.

-- By how much its runs are nicer than their worker, as nice(1) has it; NULL: not at all.
ALTER TABLE jobs ADD COLUMN nice INTEGER CHECK (nice BETWEEN -20 AND 19);
-- How much memory, in bytes, all processes of a run may have together; NULL: as much as there is.
ALTER TABLE jobs ADD COLUMN memory INTEGER CHECK (memory >= 1048576);
