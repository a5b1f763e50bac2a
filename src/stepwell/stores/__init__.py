"""The two stores: metrics (ClickHouse or the embedded chDB) and blobs (files).

Owns the schema, the one process that may open an embedded store, and what "durable" means. Never opens a
port and knows nothing of agents. Called by service (ingest and reading) and by query (embedded reading).
"""
