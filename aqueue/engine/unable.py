"""What a worker cannot do for a job, now or later: another try would be no different."""


class Unable(Exception):
    """The text says what it is, in a sentence."""
