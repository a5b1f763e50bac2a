"""What is taken away, and what must not be: trash, purge, holds, a project's rules, and `gc`, which applies them.

Owns the tables removals, holds and retention. Decides nothing about who may ask. Called by query (for people, here
and over HTTP) and by ingest, which discards what late spools bring of purged runs.
"""
