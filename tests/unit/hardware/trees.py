"""sysfs as it looks on machines that the tests do not run on.

Names, units and values as the drivers' documentation has them (tt-kmd 2.x: docs/sysfs-attributes.md and its hwmon;
amdgpu: the kernel's Documentation/gpu/amdgpu); no file here was copied from a machine.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["AMD", "COMPUTER", "TENSTORRENT", "plant"]

Tree = dict[str, str]

TENSTORRENT: Tree = {
    "module/tenstorrent/version": "2.0.0",
    **{
        f"devices/pci0000:00/0000:0{slot}:00.0/{path}": content
        for slot, card in ((1, "n300"), (2, "p150a"))
        for path, content in {
            "numa_node": "0",
            "current_link_speed": "16.0 GT/s PCIe",
            "current_link_width": "16",
            "hwmon/hwmon3/name": "wormhole" if card == "n300" else "blackhole",
            "hwmon/hwmon3/temp1_input": f"{40 + slot}500",
            "hwmon/hwmon3/temp1_label": "asic1_temp",
            "hwmon/hwmon3/in0_input": "720",
            "hwmon/hwmon3/in0_label": "vcore1",
            "hwmon/hwmon3/curr1_input": "21000",
            "hwmon/hwmon3/power1_input": f"{slot}5000000",
            "hwmon/hwmon3/power1_max": "85000000",
        }.items()
    },
    **{
        f"class/tenstorrent/tenstorrent!{number}/{file}": content
        for number, card in ((0, "n300"), (1, "p150a"))
        for file, content in {
            "tt_card_type": card,
            "tt_serial": f"010001451170{number}",
            "tt_fw_bundle_ver": "18.7.0.0",
            "tt_aiclk": "1000",
            "tt_arcclk": "540",
            "tt_axiclk": "900",
            "tt_heartbeat": "18261",
        }.items()
    },
    "class/tenstorrent/tenstorrent!1/tt_therm_trip_count": "2",
    "class/tenstorrent/tenstorrent!0/device -> devices/pci0000:00/0000:01:00.0": "",
    "class/tenstorrent/tenstorrent!1/device -> devices/pci0000:00/0000:02:00.0": "",
    "class/hwmon/hwmon3 -> devices/pci0000:00/0000:01:00.0/hwmon/hwmon3": "",
    "devices/pci0000:00/0000:01:00.0/hwmon/hwmon3/device -> devices/pci0000:00/0000:01:00.0": "",
}
AMD: Tree = {
    "module/amdgpu/version": "6.10.5",
    "devices/pci0000:20/0000:23:00.0/vendor": "0x1002",
    "devices/pci0000:20/0000:23:00.0/device": "0x74a1",
    "devices/pci0000:20/0000:23:00.0/product_name": "AMD Instinct MI300X",
    "devices/pci0000:20/0000:23:00.0/unique_id": "9c1f0e8d7b6a5432",
    "devices/pci0000:20/0000:23:00.0/numa_node": "1",
    "devices/pci0000:20/0000:23:00.0/gpu_busy_percent": "87",
    "devices/pci0000:20/0000:23:00.0/mem_busy_percent": "31",
    "devices/pci0000:20/0000:23:00.0/mem_info_vram_total": "206141652992",
    "devices/pci0000:20/0000:23:00.0/mem_info_vram_used": "1073741824",
    "devices/pci0000:20/0000:23:00.0/hwmon/hwmon5/name": "amdgpu",
    "devices/pci0000:20/0000:23:00.0/hwmon/hwmon5/temp1_input": "41000",
    "devices/pci0000:20/0000:23:00.0/hwmon/hwmon5/temp1_label": "edge",
    "devices/pci0000:20/0000:23:00.0/hwmon/hwmon5/temp2_input": "52000",
    "devices/pci0000:20/0000:23:00.0/hwmon/hwmon5/temp2_label": "junction",
    "devices/pci0000:20/0000:23:00.0/hwmon/hwmon5/temp3_input": "not read today",
    "devices/pci0000:20/0000:23:00.0/hwmon/hwmon5/temp3_label": "mem",
    "devices/pci0000:20/0000:23:00.0/hwmon/hwmon5/power1_average": "412000000",
    "devices/pci0000:20/0000:23:00.0/hwmon/hwmon5/freq1_input": "2100000000",
    "devices/pci0000:20/0000:23:00.0/hwmon/hwmon5/freq1_label": "sclk",
    "devices/pci0000:20/0000:23:00.0/hwmon/hwmon5/freq2_input": "1300000000",
    "devices/pci0000:20/0000:23:00.0/hwmon/hwmon5/freq2_label": "mclk",
    "devices/pci0000:20/0000:23:00.0/hwmon/hwmon5/fan1_input": "0",
    "class/drm/card1/device -> devices/pci0000:20/0000:23:00.0": "",
    "class/drm/card1-DP-1/status": "disconnected",
    "class/drm/card0/device/vendor": "0x1a03",
    "class/hwmon/hwmon5 -> devices/pci0000:20/0000:23:00.0/hwmon/hwmon5": "",
    "devices/pci0000:20/0000:23:00.0/hwmon/hwmon5/device -> devices/pci0000:20/0000:23:00.0": "",
}
COMPUTER: Tree = {
    "devices/platform/coretemp.0/hwmon/hwmon0/name": "coretemp",
    **{
        f"devices/platform/coretemp.0/hwmon/hwmon0/temp{core}_{file}": content
        for core in range(1, 40)
        for file, content in {
            "input": f"{30 + core}000",
            "label": "Package id 0" if core == 1 else f"Core {core - 2}",
        }.items()
    },
    "devices/platform/coretemp.1/hwmon/hwmon1/name": "coretemp",
    "devices/platform/coretemp.1/hwmon/hwmon1/temp1_input": "44000",
    "devices/nvme0/hwmon2/name": "nvme",
    "devices/nvme0/hwmon2/temp1_input": "36850",
    "devices/ac/hwmon4/name": "ACAD",
    "class/hwmon/hwmon0 -> devices/platform/coretemp.0/hwmon/hwmon0": "",
    "class/hwmon/hwmon1 -> devices/platform/coretemp.1/hwmon/hwmon1": "",
    "class/hwmon/hwmon2 -> devices/nvme0/hwmon2": "",
    "class/hwmon/hwmon4 -> devices/ac/hwmon4": "",
}


def plant(root: Path, tree: Tree) -> Path:
    """Files with their content and a line feed; `link -> target` (from the root) makes a symbolic link."""
    for name, content in tree.items():
        name, _, target = name.partition(" -> ")
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if target:
            path.symlink_to(root / target)
        else:
            path.write_text(content + "\n")
    return root
