"""Tenstorrent boards, AMD GPUs and any other sensors, read from trees of files laid out as their drivers do."""

from __future__ import annotations

from pathlib import Path

import pytest
from trees import AMD, COMPUTER, TENSTORRENT, plant

from stepwell.hardware import Device, Find, NotHere, amd, hwmon, tenstorrent


@pytest.fixture(autouse=True)
def no_amdsmi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "amdsmi", None)


def read_all(devices: list[Device]) -> dict[str, dict[str, float]]:
    return {device.name: dict(device.read()) for device in devices}


def test_tenstorrent_boards(tmp_path: Path) -> None:
    devices = list(tenstorrent.find(plant(tmp_path, TENSTORRENT)))
    common = {
        "clock_mhz": 1000, "clock_mhz.arc": 540, "clock_mhz.axi": 900, "current_a": 21, "voltage_v": 0.72,
    }  # fmt: skip
    assert read_all(devices) == {
        "tenstorrent0": pytest.approx({**common, "temperature_c": 41.5, "power_w": 15}),
        "tenstorrent1": pytest.approx({**common, "temperature_c": 42.5, "power_w": 25, "thermal_trips": 2}),
    }
    assert [dict(device.facts) for device in devices] == [
        {
            "vendor": "Tenstorrent", "name": card, "driver": "2.0.0", "serial": f"010001451170{number}",
            "firmware": "18.7.0.0", "bus": f"0000:0{number + 1}:00.0", "numa_node": 0, "pcie": "16.0 GT/s PCIe x16",
        }
        for number, card in ((0, "n300"), (1, "p150a"))
    ]  # fmt: skip


def test_boards_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (0, 2, 10):
        plant(tmp_path, {f"class/tenstorrent/tenstorrent!{number}/tt_aiclk": str(number)})
    assert [device.read() for device in tenstorrent.find(tmp_path)] == [{"clock_mhz": n} for n in (0, 2, 10)]


def test_amd_gpus_without_amdsmi(tmp_path: Path) -> None:
    (device,) = amd.find(plant(tmp_path, AMD))
    assert (device.name, dict(device.read())) == (
        "amd0",
        pytest.approx({
            "utilisation_percent": 87, "memory_utilisation_percent": 31, "memory_used_bytes": 1 << 30, "power_w": 412,
            "temperature_c": 41, "temperature_c.junction": 52, "clock_mhz": 2100, "clock_mhz.mclk": 1300, "fan_rpm": 0,
        }),
    )  # fmt: skip
    assert dict(device.facts) == {
        "vendor": "AMD", "name": "AMD Instinct MI300X", "memory_bytes": 206141652992, "driver": "6.10.5",
        "uuid": "9c1f0e8d7b6a5432", "bus": "0000:23:00.0", "numa_node": 1,
    }  # fmt: skip


def test_other_sensors_and_none_twice(tmp_path: Path) -> None:
    for tree in (TENSTORRENT, AMD, COMPUTER):
        plant(tmp_path, tree)
    found = read_all(list(hwmon.find(tmp_path)))
    cores = {f"temperature_c.core_{core}": 32 + core for core in range(7)}
    assert found == {
        "coretemp0": pytest.approx({"temperature_c": 31, **cores}),
        "coretemp1": pytest.approx({"temperature_c": 44}),
        "nvme0": pytest.approx({"temperature_c": 36.85}),
    }


def test_what_goes_away_is_left_out(tmp_path: Path) -> None:
    plant(tmp_path, AMD)
    (device,) = amd.find(tmp_path)
    (tmp_path / "devices/pci0000:20/0000:23:00.0/gpu_busy_percent").unlink()
    assert "utilisation_percent" not in device.read()
    assert "memory_used_bytes" in device.read()


@pytest.mark.parametrize("find", [tenstorrent.find, amd.find, hwmon.find])
def test_a_machine_without_says_so(find: Find, tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="sysfs"):
        list(find(tmp_path))
