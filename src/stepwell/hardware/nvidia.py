"""NVIDIA GPUs, by NVML (the package nvidia-ml-py, which loads the driver's own library)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .device import Device, NotHere

__all__ = ["find"]

_NEAR = {0: "one board", 10: "one switch", 20: "switches", 30: "one host bridge", 40: "one NUMA node", 50: "system"}
_LINKS_MAX = 18


def find(sysfs: Path) -> Iterator[Device]:  # noqa: ARG001 - NVML finds its devices itself
    try:
        import pynvml
    except ImportError:
        raise NotHere("nvidia-ml-py is not installed: pip install 'stepwell[nvidia]'") from None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise NotHere(f"NVML cannot be used: {error}") from None
    handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
    if not handles:
        raise NotHere("NVML knows of no GPU")
    for index, handle in enumerate(handles):
        yield Device(f"nvidia{index}", _Gpu(pynvml, handle).read, _facts(pynvml, index, handles))


class _Gpu:
    """What this GPU does not support is asked for once."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml = nvml
        self._questions: dict[str, Callable[[], Mapping[str, float]]] = {
            "utilisation": lambda: _utilisation(nvml.nvmlDeviceGetUtilizationRates(handle)),
            "memory": lambda: {"memory_used_bytes": float(nvml.nvmlDeviceGetMemoryInfo(handle).used)},
            "power": lambda: {"power_w": nvml.nvmlDeviceGetPowerUsage(handle) / 1000},
            "temperature": lambda: {
                "temperature_c": float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
            },
            "clock": lambda: {"clock_mhz": float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM))},
            "memory clock": lambda: {
                "clock_mhz.memory": float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM))
            },
            "fan": lambda: {"fan_percent": float(nvml.nvmlDeviceGetFanSpeed(handle))},
        }

    def read(self) -> dict[str, float]:
        figures: dict[str, float] = {}
        for name, question in list(self._questions.items()):
            try:
                figures.update(question())
            except self._nvml.NVMLError as error:
                if error.value != self._nvml.NVML_ERROR_NOT_SUPPORTED:
                    raise
                del self._questions[name]
        return figures


def _utilisation(rates: Any) -> dict[str, float]:
    return {"utilisation_percent": float(rates.gpu), "memory_utilisation_percent": float(rates.memory)}


def _facts(nvml: Any, index: int, handles: list[Any]) -> dict[str, Any]:
    handle = handles[index]
    questions: dict[str, Callable[[], Any]] = {
        "name": lambda: nvml.nvmlDeviceGetName(handle),
        "memory_bytes": lambda: nvml.nvmlDeviceGetMemoryInfo(handle).total,
        "driver": nvml.nvmlSystemGetDriverVersion,
        "uuid": lambda: nvml.nvmlDeviceGetUUID(handle),
        "bus": lambda: nvml.nvmlDeviceGetPciInfo(handle).busId,
        "power_limit_w": lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000,
        "numa_node": lambda: nvml.nvmlDeviceGetNumaNodeId(handle),
        "nvlinks": lambda: _nvlinks(nvml, handle),
        "near": lambda: _near(nvml, index, handles),
    }
    facts: dict[str, Any] = {"vendor": "NVIDIA"}
    for name, question in questions.items():
        try:
            value = question()
        except (nvml.NVMLError, AttributeError):  # AttributeError: a binding older than the question
            continue
        if value not in (0, "", {}) or name == "numa_node":
            facts[name] = value.decode() if isinstance(value, bytes) else value
    return facts


def _nvlinks(nvml: Any, handle: Any) -> int:
    active = 0
    for link in range(_LINKS_MAX):
        try:
            active += nvml.nvmlDeviceGetNvLinkState(handle, link) == nvml.NVML_FEATURE_ENABLED
        except nvml.NVMLError:
            break  # it has no more
    return active


def _near(nvml: Any, index: int, handles: list[Any]) -> dict[str, str]:
    """By the other GPUs' names, what the way to each goes through."""
    return {
        f"nvidia{other}": _NEAR.get(nvml.nvmlDeviceGetTopologyCommonAncestor(handles[index], handle), "unknown")
        for other, handle in enumerate(handles)
        if other != index
    }
