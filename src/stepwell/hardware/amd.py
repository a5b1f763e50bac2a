"""AMD GPUs: by the package amdsmi where it and ROCm's library are there, else by the amdgpu driver's sysfs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .device import Device, NotHere
from .sysfs import number, pci_facts, reading, sensors, text

__all__ = ["find"]

_VENDOR = "0x1002"
_MIB = 1 << 20
_MILLI_FROM = 1000  # no GPU is that hot: a library of before 5.7 gives thousandths


def find(sysfs: Path) -> Iterator[Device]:
    library = _library()
    if library is not None:
        yield from _by_library(library)
        return
    cards = [card for card in (sysfs / "class/drm").glob("card*") if card.name.removeprefix("card").isdigit()]
    cards = [card for card in cards if text(card / "device/vendor") == _VENDOR]
    if not cards:
        raise NotHere("no GPU of the amdgpu driver in sysfs, and the package amdsmi does not find any")
    for index, card in enumerate(sorted(cards, key=lambda card: int(card.name.removeprefix("card")))):
        yield _by_sysfs(f"amd{index}", sysfs, card / "device")


# --- the driver's own files


def _by_sysfs(name: str, sysfs: Path, device: Path) -> Device:
    attributes = {
        "utilisation_percent": (device / "gpu_busy_percent", 1.0),
        "memory_utilisation_percent": (device / "mem_busy_percent", 1.0),
        "memory_used_bytes": (device / "mem_info_vram_used", 1.0),
    }
    for hwmon in sorted((device / "hwmon").glob("hwmon*")):
        attributes |= sensors(hwmon)
    memory = number(device / "mem_info_vram_total")
    told: dict[str, Any] = {
        "vendor": "AMD",
        "name": text(device / "product_name") or text(device / "device"),
        "memory_bytes": None if memory is None else int(memory),
        "driver": text(sysfs / "module/amdgpu/version"),
        "uuid": text(device / "unique_id"),
    }
    facts = {key: value for key, value in told.items() if value}
    there = {key: value for key, value in attributes.items() if value[0].exists()}
    return Device(name, reading(there), {**facts, **pci_facts(device)})


# --- amdsmi


def _library() -> Any:
    try:
        import amdsmi

        amdsmi.amdsmi_init()
        return amdsmi if amdsmi.amdsmi_get_processor_handles() else None
    except Exception:  # noqa: BLE001 - without ROCm its import already fails, in ways of its own; sysfs is left
        return None


def _by_library(amdsmi: Any) -> Iterator[Device]:
    for index, handle in enumerate(amdsmi.amdsmi_get_processor_handles()):
        yield Device(f"amd{index}", _Gpu(amdsmi, handle).read, _facts(amdsmi, handle))


class _Gpu:
    """What this GPU does not tell is asked for once."""

    def __init__(self, smi: Any, handle: Any) -> None:
        self._smi = smi
        self._questions: list[Callable[[], dict[str, Any]]] = [
            lambda: _activity(smi.amdsmi_get_gpu_activity(handle)),
            lambda: {"memory_used_bytes": smi.amdsmi_get_gpu_vram_usage(handle)["vram_used"] * _MIB},
            lambda: {"power_w": _power(smi.amdsmi_get_power_info(handle))},
            lambda: {"temperature_c": _temperature(smi, handle, "EDGE")},
            lambda: {"temperature_c.junction": _temperature(smi, handle, "JUNCTION")},
            lambda: {"temperature_c.mem": _temperature(smi, handle, "VRAM")},
            lambda: {"clock_mhz": _clock(smi.amdsmi_get_clock_info(handle, smi.AmdSmiClkType.GFX))},
            lambda: {"clock_mhz.memory": _clock(smi.amdsmi_get_clock_info(handle, smi.AmdSmiClkType.MEM))},
        ]

    def read(self) -> dict[str, float]:
        figures: dict[str, float] = {}
        for question in list(self._questions):
            try:
                told = question()
            except self._smi.AmdSmiException:
                self._questions.remove(question)
                continue
            figures |= {name: float(value) for name, value in told.items() if isinstance(value, (int, float))}
        if not self._questions:
            raise OSError("amdsmi answers none of the questions about this GPU")
        return figures


def _activity(told: dict[str, Any]) -> dict[str, Any]:
    return {"utilisation_percent": told["gfx_activity"], "memory_utilisation_percent": told["umc_activity"]}


def _power(told: dict[str, Any]) -> Any:
    names = ("current_socket_power", "average_socket_power", "socket_power")
    return next((told[name] for name in names if isinstance(told.get(name), (int, float)) and told[name]), None)


def _temperature(smi: Any, handle: Any, where: str) -> float:
    kind, metric = smi.AmdSmiTemperatureType[where], smi.AmdSmiTemperatureMetric.CURRENT
    degrees = float(smi.amdsmi_get_temp_metric(handle, kind, metric))
    return degrees / 1000 if degrees >= _MILLI_FROM else degrees


def _clock(told: dict[str, Any]) -> Any:
    return told.get("clk", told.get("cur_clk"))


def _facts(smi: Any, handle: Any) -> dict[str, Any]:
    questions: dict[str, Callable[[], Any]] = {
        "name": lambda: smi.amdsmi_get_gpu_asic_info(handle)["market_name"],
        "memory_bytes": lambda: smi.amdsmi_get_gpu_vram_usage(handle)["vram_total"] * _MIB,
        "driver": lambda: smi.amdsmi_get_gpu_driver_info(handle)["driver_version"],
        "uuid": lambda: smi.amdsmi_get_gpu_device_uuid(handle),
        "bus": lambda: smi.amdsmi_get_gpu_device_bdf(handle),
        "numa_node": lambda: smi.amdsmi_topo_get_numa_node_number(handle),
    }
    facts: dict[str, Any] = {"vendor": "AMD"}
    for name, question in questions.items():
        try:
            facts[name] = question()
        except (smi.AmdSmiException, AttributeError, KeyError):
            continue
    return {name: value for name, value in facts.items() if value != "N/A"}
