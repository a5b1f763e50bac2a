"""`python clickhouse_process.py LIBRARY ARGUMENT...`: clickhouse-local as the chDB project's shared library has it.

A file of its own, run by itself: nothing else is in that process.
"""

import ctypes
import sys

arguments = [b"clickhouse", *map(str.encode, sys.argv[2:])]
library = ctypes.CDLL(sys.argv[1])
library.query_stable_v2.restype = ctypes.c_void_p
library.query_stable_v2(len(arguments), (ctypes.c_char_p * len(arguments))(*arguments))
