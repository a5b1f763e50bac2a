"""Recorded where nothing is in reach, sent later: `python examples/offline.py`.

On a cluster the folder would be shared, and `stepwell sync FOLDER --server URL` would run on a node with a network.
"""

import subprocess
import sys

import stepwell

with stepwell.init(project="offline", id="later", mode="offline") as run:
    for step in range(100):
        run.log({"train/loss": 1 / (step + 1)})

# Nothing leaves the spool before this.
subprocess.run([sys.executable, "-m", "stepwell", "sync"], check=True)

with stepwell.Api() as api:
    print(f"{api.run('offline/later').history('train/loss').num_rows} points arrived")
