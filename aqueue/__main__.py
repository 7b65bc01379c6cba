"""`python -m aqueue` is `aqueue`."""

from aqueue.door import main

main()
