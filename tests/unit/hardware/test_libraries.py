"""NVML and amdsmi by fakes that answer as the real ones do: no test machine has such a GPU."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stepwell.hardware import NotHere, amd, nvidia


class NVMLError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__(f"NVML error {value}")
        self.value = value


NOT_SUPPORTED, LOST = 3, 15


def fake_nvml(count: int = 2, **changed: Callable[..., Any]) -> types.ModuleType:
    def not_supported(*_: object) -> Any:
        raise NVMLError(NOT_SUPPORTED)

    def link(handle: int, number: int) -> int:
        if number >= 4:
            raise NVMLError(NOT_SUPPORTED)
        return 1

    module = types.ModuleType("pynvml")
    answers: dict[str, Any] = {
        "NVMLError": NVMLError, "NVML_ERROR_NOT_SUPPORTED": NOT_SUPPORTED, "NVML_TEMPERATURE_GPU": 0,
        "NVML_CLOCK_SM": 1, "NVML_CLOCK_MEM": 2, "NVML_FEATURE_ENABLED": 1,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: count,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetUtilizationRates": lambda handle: SimpleNamespace(gpu=90 + handle, memory=40),
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(used=5 << 30, total=80 << 30),
        "nvmlDeviceGetPowerUsage": lambda handle: 350_250,
        "nvmlDeviceGetTemperature": lambda handle, sensor: 61,
        "nvmlDeviceGetClockInfo": lambda handle, clock: {1: 1755, 2: 2619}[clock],
        "nvmlDeviceGetFanSpeed": not_supported,
        "nvmlDeviceGetName": lambda handle: "NVIDIA H100 80GB HBM3",
        "nvmlSystemGetDriverVersion": lambda: b"570.86",
        "nvmlDeviceGetUUID": lambda handle: f"GPU-{handle}",
        "nvmlDeviceGetPciInfo": lambda handle: SimpleNamespace(busId=f"00000000:0{handle}:00.0"),
        "nvmlDeviceGetEnforcedPowerLimit": lambda handle: 700_000,
        "nvmlDeviceGetNumaNodeId": lambda handle: 0,
        "nvmlDeviceGetNvLinkState": link,
        "nvmlDeviceGetTopologyCommonAncestor": lambda one, other: 20,
    }  # fmt: skip
    for name, value in {**answers, **changed}.items():
        setattr(module, name, value)
    return module


def test_nvidia_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml())
    first, second = nvidia.find(tmp_path)
    figures = {
        "utilisation_percent": 90, "memory_utilisation_percent": 40, "memory_used_bytes": 5 << 30, "power_w": 350.25,
        "temperature_c": 61, "clock_mhz": 1755, "clock_mhz.memory": 2619,
    }  # fmt: skip
    assert (first.name, dict(first.read())) == ("nvidia0", figures)
    assert second.read() == {**figures, "utilisation_percent": 91}
    assert dict(first.facts) == {
        "vendor": "NVIDIA", "name": "NVIDIA H100 80GB HBM3", "memory_bytes": 80 << 30, "driver": "570.86",
        "uuid": "GPU-0", "bus": "00000000:00:00.0", "power_limit_w": 700, "numa_node": 0, "nvlinks": 4,
        "near": {"nvidia1": "switches"},
    }  # fmt: skip


def test_what_an_nvidia_gpu_does_not_support_is_asked_for_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def fan(handle: int) -> int:
        asked.append(handle)
        raise NVMLError(NOT_SUPPORTED)

    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml(1, nvmlDeviceGetFanSpeed=fan))
    (gpu,) = nvidia.find(tmp_path)
    assert [len(gpu.read()) for _ in range(3)] == [7, 7, 7]
    assert asked == [0]


def test_a_lost_nvidia_gpu_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def lost(*_: object) -> Any:
        raise NVMLError(LOST)

    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml(1, nvmlDeviceGetPowerUsage=lost))
    (gpu,) = nvidia.find(tmp_path)
    with pytest.raises(NVMLError):
        gpu.read()


def test_without_the_library_or_a_driver_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_driver() -> None:
        raise NVMLError(9)

    for module, said in (
        (None, r"stepwell\[nvidia\]"),
        (fake_nvml(nvmlInit=no_driver), "NVML cannot be used"),
        (fake_nvml(0), "no GPU"),
    ):
        monkeypatch.setitem(sys.modules, "pynvml", module)
        with pytest.raises(NotHere, match=said):
            list(nvidia.find(tmp_path))


class AmdSmiException(Exception):
    pass


def fake_amdsmi() -> types.ModuleType:
    def temperature(handle: int, kind: Any, metric: Any) -> int:
        if kind.name == "EDGE":  # as on an MI300X, which has no edge sensor
            raise AmdSmiException
        return {"JUNCTION": 52, "VRAM": 47}[kind.name]

    module = types.ModuleType("amdsmi")
    answers: dict[str, Any] = {
        "AmdSmiException": AmdSmiException,
        "AmdSmiClkType": Enum("AmdSmiClkType", ["GFX", "MEM"]),
        "AmdSmiTemperatureType": Enum("AmdSmiTemperatureType", ["EDGE", "JUNCTION", "VRAM"]),
        "AmdSmiTemperatureMetric": Enum("AmdSmiTemperatureMetric", ["CURRENT"]),
        "amdsmi_init": lambda: None,
        "amdsmi_get_processor_handles": lambda: [0],
        "amdsmi_get_gpu_activity": lambda handle: {"gfx_activity": 77, "umc_activity": "N/A", "mm_activity": "N/A"},
        "amdsmi_get_gpu_vram_usage": lambda handle: {"vram_total": 196592, "vram_used": 283},
        "amdsmi_get_power_info": lambda handle: {"current_socket_power": 412, "average_socket_power": "N/A"},
        "amdsmi_get_temp_metric": temperature,
        "amdsmi_get_clock_info": lambda handle, kind: {"clk": {"GFX": 2100, "MEM": 900}[kind.name]},
        "amdsmi_get_gpu_asic_info": lambda handle: {"market_name": "AMD Instinct MI300X"},
        "amdsmi_get_gpu_driver_info": lambda handle: {"driver_version": "6.10.5"},
        "amdsmi_get_gpu_device_uuid": lambda handle: "N/A",
        "amdsmi_get_gpu_device_bdf": lambda handle: "0000:23:00.0",
        "amdsmi_topo_get_numa_node_number": lambda handle: 1,
    }
    for name, value in answers.items():
        setattr(module, name, value)
    return module


def test_amd_gpus_by_amdsmi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "amdsmi", fake_amdsmi())
    (gpu,) = amd.find(tmp_path)
    for _ in range(2):
        assert dict(gpu.read()) == {
            "utilisation_percent": 77, "memory_used_bytes": 283 << 20, "power_w": 412, "temperature_c.junction": 52,
            "temperature_c.mem": 47, "clock_mhz": 2100, "clock_mhz.memory": 900,
        }  # fmt: skip
    assert dict(gpu.facts) == {
        "vendor": "AMD", "name": "AMD Instinct MI300X", "memory_bytes": 196592 << 20, "driver": "6.10.5",
        "bus": "0000:23:00.0", "numa_node": 1,
    }  # fmt: skip
