"""The store on PostgreSQL: the same verbs, for more than one machine.

`postgres.sql` has the statements by the names of `sqlite.sql`, `life.sql` what only a server needs. asyncpg is imported
in this package alone.
"""
