"""The benchmark of aqueue: real commands, the others beside us in the same run, and rules that a stranger can check.

    scripts/bench --help

What is held to be fair:

- Whatever is compared runs in turns, pair by pair, and who begins changes from pair to pair. A ratio is taken within a
  pair; told are the median of the ratios and their spread. A ratio bears another machine and another hour, an absolute
  figure does not.
- Everything goes through what users have: the command line, plain SQL on the file, `/proc`. Nothing of aqueue is
  imported, nothing is switched off: output is kept, the history is written, events are recorded.
- Throughput is the working-off of a line that is there already. For us it goes from the first start to the last end, as
  the history has them: xargs has no start-up to speak of, and a worker is started once and then stays. The whole
  process, Python's start and the drain at the end included, is told beside it.
- Peers get the same: for those that are queues, the line is filled behind a job that waits, and the time runs from its
  release to the start of a last job. They are set up as their manuals advise, and where two ways are possible, in the
  faster one. What a peer cannot do is said with its figure.
- The machine should do nothing else. Linux shares a busy machine out among sessions, and a queue that gives each job a
  session of its own gets more than xargs, which does not, or less than a peer with many processes.
- A job has started when it says so itself, through a named pipe: the shell's own start is in the figure.
"""
