"""What is to be known of the file system that a queue is kept on: by which mount it is reached, and of which kind.

It imports next to nothing, since the console entry asks as well. Where the system does not tell, all is believed well.
"""

import os

NETWORKS = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "9p", "ceph", "lustre", "gpfs", "beegfs"),
        *("gfs2", "ocfs2", "orangefs", "pvfs2", "panfs", "davfs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph"),
        *("fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.davfs2", "fuse.juicefs", "fuse.mount-s3", "fuse.smbnetfs"),
    }
)
"""The kinds of file systems, as mountinfo has them, on which machines meet that know nothing of each other's locks."""

_O_PATH = getattr(os, "O_PATH", None)


def fault_of(database: str, *, anywhere: bool = False) -> str | None:
    """Why a queue must not be kept in this file, in a sentence; None if it may. Its folder is there.

    `anywhere` says that network file systems are to do.
    """
    folder = mount_of(os.path.dirname(database))  # noqa: PTH120 - pathlib takes longer than all that is done here
    own = mount_of(database)
    if own is not None and own != folder:
        return (
            f"{database} is a mount of its own: what is written beside it would not go along with it, and be lost; "
            "mount its folder"
        )
    kind = None if anywhere else kind_of(folder)
    if kind in NETWORKS:
        return (
            f"{database} would lie on a network file system ({kind}), which does not keep the locks that a queue "
            "rests on; AQUEUE_FILESYSTEM=any makes do with it"
        )
    return None


def mount_of(path: str) -> int | None:
    """The number of the mount by which this is reached; None if it is not there, or if the system does not tell.

    A stat does not show what is mounted from elsewhere on the same disk. The descriptor is one that only names the
    file: to close it does not drop the locks that SQLite has on it in this process. `open(2)`, "O_PATH".
    """
    if _O_PATH is None:
        return None
    try:
        named = os.open(path, _O_PATH | os.O_CLOEXEC)
        try:
            for line in _read(f"/proc/self/fdinfo/{named}").splitlines():
                if line.startswith(b"mnt_id:"):
                    return int(line[7:])
        finally:
            os.close(named)
    except OSError:
        return None
    return None


def kind_of(mount: int | None) -> str | None:
    """The kind of the file system of this mount: `ext4`, `nfs4`, `fuse.sshfs`."""
    if mount is None:
        return None
    try:
        for line in _read("/proc/self/mountinfo").splitlines():
            if line.startswith(b"%d " % mount):
                return line.partition(b" - ")[2].split()[0].decode()
    except (OSError, IndexError):
        return None
    return None


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = b""
        while more := os.read(descriptor, 65536):
            text += more
        return text
    finally:
        os.close(descriptor)
