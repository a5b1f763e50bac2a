"""A real Jupyter kernel for tests, as a notebook drives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.manager import KernelManager

__all__ = ["Kernel", "Outputs", "kernel_running"]

_START_S = 120
_CELL_S = 120


@dataclass
class Outputs:
    """What a cell gave. displays: MIME bundles in order; updates: those that replaced one."""

    stdout: str = ""
    stderr: str = ""
    error: str = ""
    displays: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)

    @property
    def html(self) -> str:
        """Of the last display."""
        return str(self.displays[-1]["text/html"])

    @property
    def said(self) -> str:
        """All displays as text."""
        return "\n".join(str(bundle.get("text/plain", "")) for bundle in self.displays)

    def take(self, message: Mapping[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            setattr(self, content["name"], getattr(self, content["name"]) + content["text"])
        elif kind in ("display_data", "execute_result"):
            self.displays.append(content["data"])
        elif kind == "update_display_data":
            self.updates.append(content["data"])
        elif kind == "error":
            self.error = f"{content['ename']}: {content['evalue']}"


class Kernel:
    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self.client = manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(_START_S)

    def run(self, source: str) -> Outputs:
        """A cell to its end; fails where it does."""
        outputs = self.try_run(source)
        assert not outputs.error, outputs.error
        return outputs

    def try_run(self, source: str) -> Outputs:
        outputs = Outputs()
        self.client.execute_interactive(source, output_hook=outputs.take, timeout=_CELL_S, store_history=True)
        return outputs

    def start(self, source: str, until: str) -> str:
        """Begins a cell and returns its message's id when it has printed `until`."""
        begun = self.client.execute(source)
        printed = ""
        while until not in printed:
            message = self.client.get_iopub_msg(timeout=_CELL_S)
            if message["msg_type"] == "stream":
                printed += message["content"]["text"]
        return str(begun)

    def interrupt(self, begun: str) -> str:
        """As the stop button does; the name of the error the cell ends with."""
        self.manager.interrupt_kernel()
        error = ""
        while True:
            message = self.client.get_iopub_msg(timeout=_CELL_S)
            if message["parent_header"].get("msg_id") != begun:
                continue
            if message["msg_type"] == "error":
                error = str(message["content"]["ename"])
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return error

    def restart(self) -> None:
        """As the restart button does."""
        self.manager.restart_kernel(now=False)
        self.client.wait_for_ready(_START_S)


@contextmanager
def kernel_running() -> Iterator[Kernel]:
    """With this process's environment."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    kernel = Kernel(manager)
    try:
        yield kernel
    finally:
        kernel.client.stop_channels()
        manager.shutdown_kernel(now=True)
