"""What an error of the metric store means for the block that met it: try again later, or never."""

from __future__ import annotations

from clickhouse_connect.driver.exceptions import ClickHouseError

from ..errors import StoreError, StoreUnavailable

__all__ = ["TRANSIENT_CODES", "store_error"]

# ClickHouse's ErrorCodes.cpp. These say something about the moment or the deployment, nothing about the rows.
TRANSIENT_CODES = frozenset(
    {
        3,  # UNEXPECTED_END_OF_FILE: of its own files or a cut connection
        60,  # UNKNOWN_TABLE: not migrated yet
        74, 75, 76, 77,  # CANNOT_READ_FROM, WRITE_TO, OPEN, CLOSE a file
        81,  # UNKNOWN_DATABASE
        107,  # FILE_DOESNT_EXIST
        159,  # TIMEOUT_EXCEEDED
        164,  # READONLY
        173,  # CANNOT_ALLOCATE_MEMORY
        192, 193, 194,  # UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD
        198,  # DNS_ERROR
        201, 202, 203,  # QUOTA_EXCEEDED, TOO_MANY_SIMULTANEOUS_QUERIES, NO_FREE_CONNECTION
        209, 210,  # SOCKET_TIMEOUT, NETWORK_ERROR
        225,  # NO_ZOOKEEPER
        236,  # ABORTED
        241, 242, 243,  # MEMORY_LIMIT_EXCEEDED, TABLE_IS_READ_ONLY, NOT_ENOUGH_SPACE
        244, 252,  # UNEXPECTED_ZOOKEEPER_ERROR, TOO_MANY_PARTS
        279, 285, 286,  # ALL_CONNECTION_TRIES_FAILED, TOO_FEW_LIVE_REPLICAS, UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
        319, 364,  # UNKNOWN_STATUS_OF_INSERT, IP_ADDRESS_NOT_ALLOWED
        384, 394, 425, 439,  # DISTRIBUTED_BROKEN_BATCH.., QUERY_WAS_CANCELLED, SYSTEM_ERROR, CANNOT_SCHEDULE_TASK
        473, 497, 499, 516,  # DEADLOCK_AVOIDED, ACCESS_DENIED, S3_ERROR, AUTHENTICATION_FAILED
        999,  # KEEPER_EXCEPTION
    }
)  # fmt: skip


def store_error(what: str, error: Exception) -> StoreError:
    """The StoreError to raise from `error`: StoreUnavailable where the same call may work later."""
    code = getattr(error, "code", None)
    message = f"{what}: {_first_line(error)}"
    if not isinstance(error, ClickHouseError) or code is None or code in TRANSIENT_CODES:
        # No code: the connection failed, or the local disk did.
        return StoreUnavailable(message)
    return StoreError(message)


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:500]
