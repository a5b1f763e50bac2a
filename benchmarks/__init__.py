"""The figures that the README quotes, each beside something measured in the same run: `python -m benchmarks`.

A benchmark is never a test: it has no limit to pass. Peers that are not installed are named as missing.
"""
