"""Whether the agent outlives the training process: it decides how long `finish` may wait.

Reads the environment and /proc. Where it errs, it errs towards waiting, which goes on only while bytes are being acked.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["agent_outlives"]

# A batch system, CI runner or orchestrator that ends every process of the job with its first one.
_JOB_VARIABLES = (
    "KUBERNETES_SERVICE_HOST", "CI", "SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "FLUX_JOB_ID", "COBALT_JOBID",
    "AWS_BATCH_JOB_ID", "SM_TRAINING_ENV", "CLOUD_ML_JOB_ID", "AZUREML_RUN_ID", "KAGGLE_KERNEL_RUN_TYPE",
)  # fmt: skip
_CONTAINER_FILES = (".dockerenv", "run/.containerenv", ".singularity.d")
_CONTAINER_WORDS = ("docker", "kubepods", "containerd", "libpod", "lxc", "garden")


def agent_outlives(env: Mapping[str, str], root: Path = Path("/")) -> bool:
    """False in a container, under an orchestrator, in CI and in a batch job."""
    if any(env.get(name) for name in _JOB_VARIABLES) or env.get("container"):
        return False
    if any((root / name).exists() for name in _CONTAINER_FILES):
        return False
    try:
        control_group = (root / "proc/1/cgroup").read_text()
    except OSError:
        return True
    return not any(word in control_group for word in _CONTAINER_WORDS)
