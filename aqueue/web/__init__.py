"""Floor 4, beside the command line: the queue over HTTP. It is imported only where it is served."""

from aqueue.web.lean import be_lean

be_lean()
