"""The service: blocks and blobs in over gRPC and HTTP, reading out over HTTP, in one process and event loop.

Owns the token, the queue in front of the stores, and when a frame is acked. Keeps nothing that the stores do
not hold, decodes and inserts in worker threads only, never records or sends. Called by the CLI's `serve`.
"""

from .serve import Running, serve

__all__ = ["Running", "serve"]
