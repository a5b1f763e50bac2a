"""`python -m stepwell.run.capture`: the child that records what a run was started on and with.

Runs beside the training process, never in it, at low priority. Has a ring of its own in the run's mailbox (role
"child"), writes `env/...` fields and ends. What it must know comes in one environment variable; nothing comes back.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from .._core import KIND_FIELD, Recorder
from ..home import Home
from ..settings import Settings
from .environment import TASK_VARIABLE
from .fields import field_record, leaves
from .machine import describe_machine
from .redaction import REDACTED, is_secret_name, redact_arguments, redact_value
from .repository import describe_repository
from .ring import open_recorder

__all__ = ["describe", "main"]

_FRAMEWORKS = (
    "torch", "torch-xla", "torchvision", "torchaudio", "lightning", "pytorch-lightning", "jax", "jaxlib", "flax",
    "optax", "tensorflow", "keras", "transformers", "accelerate", "datasets", "diffusers", "peft", "trl", "deepspeed",
    "vllm", "triton", "xformers", "flash-attn", "numpy", "scipy", "scikit-learn", "xgboost", "lightgbm", "catboost",
    "mlx", "ttnn", "tt-forge", "pjrt-plugin-tt", "libtpu", "ray", "timm",
)  # fmt: skip
_VARIABLES = frozenset((
    "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "TT_VISIBLE_DEVICES", "TPU_NAME",
    "CUDA_HOME", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT",
    "CONDA_DEFAULT_ENV", "VIRTUAL_ENV", "PYTHONHASHSEED", "CUBLAS_WORKSPACE_CONFIG", "MKL_NUM_THREADS",
    "TOKENIZERS_PARALLELISM",
    "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF", "XLA_FLAGS", "LIBTPU_INIT_ARGS", "CUDA_LAUNCH_BLOCKING",
    "HOSTNAME", "CONTAINER_IMAGE", "KUBERNETES_NAMESPACE",
))  # fmt: skip
_VARIABLE_PREFIXES = (
    "OMP_", "NCCL_", "RCCL_", "TORCH_", "TORCHELASTIC_", "JAX_", "TF_CPP_", "TF_GPU_", "TF_XLA_", "TF_ENABLE_",
    "SLURM_JOB_", "SLURM_ARRAY_", "SLURM_STEP_", "XLA_", "TT_METAL_", "UCX_",
)  # fmt: skip
_VARIABLE_CHARACTERS_MAX = 2000
_NICE = 10


def describe(task: Mapping[str, Any], settings: Settings) -> Iterator[tuple[str, Any]]:
    """(group, values) one after the other, quickest first, so that a child that is killed has written some."""
    yield "user", _user()
    yield from describe_machine().items()
    if task.get("machine_only"):
        return
    python = {"version": platform.python_version(), "implementation": platform.python_implementation()}
    yield "python", {**python, "executable": task.get("executable", "")}
    yield "command", redact_arguments([str(argument) for argument in task.get("argv", [])])
    yield "cwd", str(task.get("cwd", ""))
    yield "variables", _variables(os.environ)
    packages = _packages()
    yield "frameworks", {name: packages[name] for name in _FRAMEWORKS if name in packages}
    yield "packages", [f"{name}=={version}" for name, version in sorted(packages.items())]
    folder = Path(str(task.get("cwd", "/")))
    yield "git", describe_repository(folder, settings.git_diff_bytes_max) if folder.is_dir() else {}


def main() -> int:
    task = json.loads(os.environ.pop(TASK_VARIABLE))
    with contextlib.suppress(OSError):  # a courtesy; it works as well without
        os.nice(_NICE)
    settings = Settings.load(task["settings"])
    recorder = open_recorder(
        Home(task["home"]),
        settings,
        task["identity"],
        bytes.fromhex(task["run"]),
        task["rank"],
        task["attempt"],
        child=True,
    )
    prefix = tuple(task.get("prefix", ()))
    for group, values in describe(task, settings):
        _record(recorder, (*prefix, group), values)
    recorder.close()
    return 0


def _record(recorder: Recorder, path: tuple[str, ...], values: Any) -> None:
    if values in (None, "", {}, []):
        return
    for key, value in leaves(path, values):
        recorder.record(KIND_FIELD, field_record("env" + key, value, "capture"))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())  # a container's user that has no name


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Those of the allow list, and of them no secrets."""
    found = {}
    for name, value in sorted(environment.items()):
        if name in _VARIABLES or name.startswith(_VARIABLE_PREFIXES):
            shown = REDACTED if is_secret_name(name) else redact_value(value)
            found[name] = shown[:_VARIABLE_CHARACTERS_MAX]
    return found


def _packages() -> dict[str, str]:
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        try:
            name, version = distribution.metadata["Name"], distribution.version
        except (KeyError, OSError, ValueError):
            continue  # a half-removed package
        if name and version:
            found.setdefault(str(name).lower().replace("_", "-"), str(version))
    return found


if __name__ == "__main__":
    sys.exit(main())
