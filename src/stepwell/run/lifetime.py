"""Whether the agent outlives the training process: it decides how long `finish` may wait.

Reads the environment and /proc. Where it errs, it errs towards waiting, which goes on only while bytes are being acked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..filesystems import dies_with_its_container, filesystem_of
from ..home import Home

__all__ = ["ends_with", "in_container", "soon_gone"]

# A batch system, CI runner or orchestrator that ends every process of the job with its first one; the first that is
# set names it.
_JOB_VARIABLES = {
    "KUBERNETES_SERVICE_HOST": "Kubernetes",
    "GITHUB_ACTIONS": "GitHub Actions",
    "GITLAB_CI": "GitLab CI",
    "BUILDKITE": "Buildkite",
    "JENKINS_URL": "Jenkins",
    "TF_BUILD": "Azure Pipelines",
    "CI": "CI",
    "SLURM_JOB_ID": "a SLURM job",
    "PBS_JOBID": "a PBS job",
    "LSB_JOBID": "an LSF job",
    "SGE_O_HOST": "a Grid Engine job",
    "OAR_JOB_ID": "an OAR job",
    "FLUX_JOB_ID": "a Flux job",
    "COBALT_JOBID": "a Cobalt job",
    "_CONDOR_SCRATCH_DIR": "an HTCondor job",
    "AWS_BATCH_JOB_ID": "AWS Batch",
    "SM_TRAINING_ENV": "SageMaker",
    "CLOUD_ML_JOB_ID": "Vertex AI",
    "AZUREML_RUN_ID": "Azure ML",
    "KAGGLE_KERNEL_RUN_TYPE": "Kaggle",
    "COLAB_RELEASE_TAG": "Colab",
    "container": "a container",
}
_NO = ("", "0", "false", "no", "off")  # people unset CI by CI=false
_CONTAINER_FILES = (".dockerenv", "run/.containerenv", ".singularity.d")
_CONTAINER_WORDS = ("docker", "kubepods", "containerd", "libpod", "lxc", "garden")
_FIRST_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO, part of the kernel's interface


def ends_with(env: Mapping[str, str], root: Path = Path("/")) -> str:
    """What ends the agent together with this process, as a person would call it; "" where nothing does.

    "a SLURM job (SLURM_JOB_ID)", "GitHub Actions (GITHUB_ACTIONS)", "a container (/.dockerenv)".
    """
    for name, called in _JOB_VARIABLES.items():
        if env.get(name, "").strip().lower() not in _NO:
            return f"{called} ({name})"
    return in_container(root)


def in_container(root: Path = Path("/")) -> str:
    """By what one can tell that this is a container; "" where it is none."""
    for name in _CONTAINER_FILES:
        if (root / name).exists():
            return f"a container (/{name})"
    namespace = _namespace(root)
    if namespace and namespace != _FIRST_PID_NAMESPACE:
        # All processes of a pid namespace end with its first one, be that this process, a shell or an init.
        return "a container (a pid namespace of its own)"
    try:
        control_group = (root / "proc/1/cgroup").read_text()
    except OSError:
        control_group = ""
    if any(word in control_group for word in _CONTAINER_WORDS):
        return "a container (/proc/1/cgroup)"
    if root == Path("/") and os.getpid() == 1:
        return "a container (this process is its pid 1)"
    return ""


def soon_gone(home: Home, root: Path = Path("/")) -> str:
    """A line for the person where what is kept in this home goes with this container; "" where nothing says so."""
    container = in_container(root)
    kind = filesystem_of(home.path, root / "proc/mounts")
    if container and dies_with_its_container(kind):
        why = f"this is {container}, and {home.path} goes with it ({kind})"
    elif home.passing:
        why = f"this user has no home folder that can be written, so {home.path} is used, which is cleaned up some day"
    else:
        return ""
    return f"{why}: name a service in STEPWELL_SERVER, or a volume or shared folder in STEPWELL_HOME, to keep the run"


def _namespace(root: Path) -> str:
    try:
        return os.readlink(root / "proc/self/ns/pid")
    except OSError:
        return ""
