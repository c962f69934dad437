"""Memory that is free for this process: of the machine, and of the container that it runs in.

A container's limit (cgroup v2 or v1) does not show in the memory of the machine. What the kernel holds of files inside
the container counts as free, since it is given up when needed.
"""

from pathlib import Path

import psutil
import torch

CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")


def available_bytes(device: torch.device) -> int:
    """Bytes that are free on a device; on the CPU within the limit of the container, if there is one."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = int(psutil.virtual_memory().available)
    limited = container_bytes()
    return free if limited is None else min(free, limited)


def container_bytes(root: Path = CGROUPS, own: Path = OWN_GROUP) -> int | None:
    """Bytes that are left within the limits of the container, the tightest of them; None where there is none."""
    left = [_left(folder, *names) for folder, names in _groups(root, own)]
    return min((bytes_left for bytes_left in left if bytes_left is not None), default=None)


def _groups(root: Path, own: Path) -> list[tuple[Path, tuple[str, str, str]]]:
    """The folders that may hold a limit, from the process's own group up to the root, with the names of their files."""
    second = ("memory.max", "memory.current", "inactive_file")
    first = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    groups = [(root, second), (root / "memory", first)]
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return groups
    for _, controllers, path in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        parts = [part for part in path.split("/") if part and part != ".."]
        for count in range(1, len(parts) + 1):
            if not controllers:
                groups.append((root.joinpath(*parts[:count]), second))
            elif "memory" in controllers.split(","):
                groups.append((root.joinpath("memory", *parts[:count]), first))
    return groups


def _left(folder: Path, limit: str, used: str, of_files: str) -> int | None:
    """What a group may still take; None where it has no limit."""
    try:
        most, now = ((folder / name).read_text(encoding="utf-8").strip() for name in (limit, used))
        if not most.isdecimal() or not now.isdecimal():
            return None  # “max”: no limit
        lines = (folder / "memory.stat").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    reclaimable = sum(int(line.split()[1]) for line in lines if line.split()[:1] == [of_files])
    return max(0, int(most) - int(now) + reclaimable)
