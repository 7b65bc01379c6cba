"""What PostgreSQL's errors mean, in words for a person."""

import asyncpg

from aqueue.model.errors import InvalidInput, StoreBusy, StoreError, StoreUnavailable

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    OSError,
    EOFError,
    TimeoutError,
)
"""The connection or the server has gone, and may come back."""

AGAIN = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,
    asyncpg.InvalidCachedStatementError,  # a newer aqueue has added a column
    asyncpg.OutdatedSchemaCacheError,
)
"""Another transaction came in between: the next try sees what it has done."""


def is_lost(error: BaseException) -> bool:
    """Whether the connection or the server has gone, and may come back."""
    return isinstance(error, LOST) and not isinstance(error, asyncpg.DataError | asyncpg.InvalidPasswordError)


def explanation(error: Exception, title: str) -> StoreError | InvalidInput:
    """The error as our callers know it."""
    match error:
        case asyncpg.LockNotAvailableError() | asyncpg.QueryCanceledError():
            return StoreBusy(f"{title}: another transaction holds what this one needs")
        case UnicodeEncodeError():
            return InvalidInput("a text must be valid UTF-8")
        case asyncpg.UntranslatableCharacterError() | asyncpg.CharacterNotInRepertoireError():
            return InvalidInput("a text must be valid UTF-8, without NUL")
        case asyncpg.InvalidAuthorizationSpecificationError() | asyncpg.InvalidCatalogNameError():
            return StoreUnavailable(f"cannot use {title}: {error}")
        case asyncpg.DiskFullError():
            return StoreUnavailable(f"no space left for {title}")
        case asyncpg.DataError():
            is_no_text = isinstance(error.__cause__, UnicodeEncodeError)
            return InvalidInput("a text must be valid UTF-8" if is_no_text else str(error))
        case _ if is_lost(error):
            return StoreUnavailable(f"cannot reach {title}: {_reason(error)}")
    return StoreError(f"{title}: {error}")


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
