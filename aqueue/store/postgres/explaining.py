"""What PostgreSQL's errors mean, in words for a person."""

import os
import re

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
    asyncpg.TargetServerAttributeNotMatched,  # in a fail-over, nobody is the first for a while
    OSError,
    EOFError,
    TimeoutError,
)
"""The connection or the server has gone, and may come back."""

_NO_CALL = re.compile(r"(?:\[Errno (?P<number>\d+)\] )?Connect call failed \((?P<where>[^)]*)\)")

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
        case (
            asyncpg.InvalidAuthorizationSpecificationError()
            | asyncpg.InvalidCatalogNameError()
            | asyncpg.ClientConfigurationError()
            | asyncpg.InsufficientPrivilegeError()
        ):
            return StoreUnavailable(f"cannot use {title}: {error}")
        case asyncpg.DiskFullError():
            return StoreUnavailable(f"no space left for {title}")
        case asyncpg.DataError():
            is_no_text = isinstance(error.__cause__, UnicodeEncodeError)
            return InvalidInput("a text must be valid UTF-8" if is_no_text else str(error))
        case _ if is_lost(error):
            return StoreUnavailable(f"cannot reach {title}: {_reason(error)}")
    return StoreError(f"{title}: {error}")


def pooled(title: str) -> StoreUnavailable:
    """What is said of a pool between us and the server that takes or withholds the settings of a session."""
    return StoreUnavailable(
        f"cannot use {title}: a pool such as PgBouncer is before the server; give the address of the server itself"
    )


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return "none of its hosts is what target_session_attrs asks for"
    if isinstance(error, OSError):
        return _NO_CALL.sub(lambda found: _no_call(found, error), error.strerror or str(error))
    return str(error) or type(error).__name__


def _no_call(found: re.Match[str], error: OSError) -> str:
    """What the loop says of an address that cannot be called, in the system's words."""
    address = found["where"].split(",")[0].strip("'")
    return f"{address}: {os.strerror(int(found['number'] or error.errno or 0))}"
