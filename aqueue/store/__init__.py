"""Floor 1: what is remembered. The only place that knows a database.

`open_store` comes when it is asked for: the console entry uses a small module of this floor and must not pay for all.
"""

TYPE_CHECKING = False  # as typing has it, without importing that
if TYPE_CHECKING:
    from aqueue.store.opening import open_store

__all__ = ["open_store"]


def __getattr__(name: str) -> object:
    if name == "open_store":
        from aqueue.store.opening import open_store

        return open_store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
