"""The figures that the documentation quotes, each beside something measured in the same run: `python -m benchmarks`.

A benchmark is never a test: it has no limit to pass. Peers that cannot be had are named as missing.

subjects.py lists what is measured, one file each; running.py runs one in a process of its own and keeps what it had
where it fails; rows.py says which figures answer which of the numbers to reach; report.py, plots.py and docs_page.py
show them; trend.py records them with stepwell. peers.py opens other recorders, environments.py finds or makes their
interpreters, servers.py starts a ClickHouse server and MinIO.
"""
