"""Where a process has its id: the boot of the machine, and the namespace of process ids. Empty where that is not told.

OSError is raised where it could be told, but not at this moment.
"""

from pathlib import Path


def boot() -> str:
    """The boot that this process is of."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return ""


def pid_namespace() -> str:
    """The namespace in which it has its process id."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return ""
