"""`python -m benchmarks.peer_checkpoint PEER FOLDER FILE [S3_ENDPOINT BUCKET]`: one file as an artifact of the peer's.

Runs in the peer's own interpreter. Prints the seconds for which the caller is held, and until closing has returned.
mlflow uploads to the bucket (keys from the usual environment variables) before it returns; wandb, offline, copies.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

__all__: list[str] = []


def _wandb(folder: Path, file: Path) -> tuple[float, float]:
    import wandb

    run = wandb.init(project="benchmark", mode="offline", dir=str(folder))
    begin = time.perf_counter()
    artifact = wandb.Artifact("model", type="model")
    artifact.add_file(str(file))
    run.log_artifact(artifact)
    held = time.perf_counter() - begin
    run.finish()
    return held, time.perf_counter() - begin


def _mlflow(folder: Path, file: Path, endpoint: str, bucket: str) -> tuple[float, float]:
    os.environ["MLFLOW_S3_ENDPOINT_URL"] = endpoint
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    experiment = mlflow.create_experiment("benchmark", artifact_location=f"s3://{bucket}/mlflow")
    with mlflow.start_run(experiment_id=experiment):
        begin = time.perf_counter()
        mlflow.log_artifact(str(file))
        held = time.perf_counter() - begin
    return held, time.perf_counter() - begin


if __name__ == "__main__":
    os.environ |= {"WANDB_SILENT": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
    name, place, source, *more = sys.argv[1:]
    os.environ |= {"WANDB_DATA_DIR": place, "WANDB_CACHE_DIR": place}  # where it stages and keeps what it copies
    measured = _wandb(Path(place), Path(source)) if name == "wandb" else _mlflow(Path(place), Path(source), *more)
    print("\n" + json.dumps(measured), flush=True)
    os._exit(0)
