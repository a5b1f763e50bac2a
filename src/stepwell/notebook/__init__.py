"""What is drawn where Python is: tables and cards in HTML, curves by matplotlib, a live view of them.

Asks the query room's readers, and never stores, service or agent; writes nothing. Output is HTML and SVG without
script, every text of a user's escaped, so that a saved notebook shows it with nothing running. Called by the
`_repr_html_`, `plot` and `live` of runs.
"""
