"""What an error of the metric store means for the block that met it: at once again, later, or never.

- Passing: the moment's (a connection, memory, too many parts). Tried again at once, then by whoever sent it.
- The deployment's (a password, a right, a table that somebody altered). Somebody has to act; what was sent is kept.
- Else the rows' own: the same rows will be refused again.
"""

from __future__ import annotations

import re

from clickhouse_connect.driver.exceptions import ClickHouseError

from ..errors import StoreError, StoreUnavailable

__all__ = ["DEPLOYMENT_CODES", "PASSING_CODES", "store_error"]

_CONNECTION = re.compile(
    r"\[Errno -?\d+\] [\w ]+|[Rr]ead timed out|timed out|certificate verify failed[^(\"']*|"
    r"Connection (?:aborted|reset)|RemoteDisconnected|IncompleteRead|record layer failure|WRONG_VERSION_NUMBER"
)

# ClickHouse's ErrorCodes.cpp.
PASSING_CODES = frozenset(
    {
        3,  # UNEXPECTED_END_OF_FILE: of its own files or a cut connection
        74, 75, 76, 77,  # CANNOT_READ_FROM, WRITE_TO, OPEN, CLOSE a file
        95, 96, 99, 101, 102,  # of a connection between servers that was cut
        107,  # FILE_DOESNT_EXIST
        159,  # TIMEOUT_EXCEEDED
        173,  # CANNOT_ALLOCATE_MEMORY
        198,  # DNS_ERROR
        201, 202, 203,  # QUOTA_EXCEEDED, TOO_MANY_SIMULTANEOUS_QUERIES, NO_FREE_CONNECTION
        209, 210,  # SOCKET_TIMEOUT, NETWORK_ERROR
        225,  # NO_ZOOKEEPER
        236,  # ABORTED
        241, 242, 243,  # MEMORY_LIMIT_EXCEEDED, TABLE_IS_READ_ONLY, NOT_ENOUGH_SPACE
        244, 252,  # UNEXPECTED_ZOOKEEPER_ERROR, TOO_MANY_PARTS
        279, 285, 286,  # ALL_CONNECTION_TRIES_FAILED, TOO_FEW_LIVE_REPLICAS, UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
        319, 341,  # UNKNOWN_STATUS_OF_INSERT, UNFINISHED: not every replica has done it yet
        384, 394, 425, 439,  # DISTRIBUTED_BROKEN_BATCH.., QUERY_WAS_CANCELLED, SYSTEM_ERROR, CANNOT_SCHEDULE_TASK
        473, 499, 517,  # DEADLOCK_AVOIDED, S3_ERROR, CANNOT_ASSIGN_ALTER: a replica has not heard of an earlier one
        999,  # KEEPER_EXCEPTION
    }
)  # fmt: skip

_ALTERED = "somebody has altered the table: put it back as stepwell made it (stepwell migrate plan shows how)"
_LOGIN = "check user and password of the address"
_RIGHTS = "grant the user of the address what it needs: SELECT, INSERT, CREATE, ALTER and DROP on the database"
_NO_CLUSTER = "the server has no such cluster: see system.clusters and cluster= of the address"
# The service's own code makes columns and statements, so that what is wrong with those is not the rows' fault.
DEPLOYMENT_CODES = {
    6: _ALTERED, 8: _ALTERED, 10: _ALTERED, 16: _ALTERED, 20: _ALTERED, 47: _ALTERED, 53: _ALTERED, 70: _ALTERED,
    117: _ALTERED, 349: _ALTERED,
    60: "the schema is not there: stepwell migrate apply", 81: "the schema is not there: stepwell migrate apply",
    164: "the server or user is read-only; " + _RIGHTS,
    170: _NO_CLUSTER, 701: _NO_CLUSTER,
    192: _LOGIN, 193: _LOGIN, 194: _LOGIN, 516: _LOGIN,
    364: "the server lets nobody in from this machine: see the user's networks",
    392: "the server does not allow ON CLUSTER: name every node in the address and add ddl=hosts",
    497: _RIGHTS,
}  # fmt: skip


def store_error(what: str, error: Exception) -> StoreError:
    """The StoreError to raise from `error`: StoreUnavailable where the same call may work later."""
    code = getattr(error, "code", None)
    message = f"{what}: {_first_line(error)}"
    raised: StoreError
    if code in DEPLOYMENT_CODES:
        raised = StoreUnavailable(f"{message} - {DEPLOYMENT_CODES[code]}")
    elif not isinstance(error, ClickHouseError) or code is None or code in PASSING_CODES:
        # No code: the connection failed, or the local disk did.
        raised = StoreUnavailable(message)
        raised.passing = True
    else:
        raised = StoreError(message)
    raised.code = code
    return raised


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    if getattr(error, "code", None) is None:
        # The driver quotes its whole request; what a person needs stands in the middle of that.
        found = _CONNECTION.search(text)
        if found:
            return f"no answer ({found[0]})"
    return text.splitlines()[0][:500]
