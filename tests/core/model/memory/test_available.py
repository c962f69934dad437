"""Free memory within the limits of a container, read from made control groups."""

from pathlib import Path

import psutil
import pytest
import torch

from core.model.memory import available
from core.model.memory.available import available_bytes, container_bytes

GB = 10**9


def group(folder: Path, names: tuple[str, str], most: str, used: int, stat: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{most}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(stat)


SECOND, FIRST = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")


@pytest.fixture
def own(tmp_path):
    file = tmp_path / "cgroup"
    file.write_text("0::/\n")
    return file


def test_without_groups_or_limits_there_is_none(tmp_path, own):
    assert container_bytes(tmp_path / "nothing", tmp_path / "missing") is None
    group(tmp_path / "v2", SECOND, "max", 3 * GB, "inactive_file 5\n")
    assert container_bytes(tmp_path / "v2", own) is None


def test_what_is_left_is_the_limit_less_what_is_used_and_cannot_be_given_up(tmp_path, own):
    group(tmp_path, SECOND, str(8 * GB), 5 * GB, f"anon 7\ninactive_file {2 * GB}\ninactive_anon 9\n")
    assert container_bytes(tmp_path, own) == 5 * GB


def test_the_first_version_has_other_names(tmp_path, own):
    own.write_text("5:cpu,cpuacct:/\n4:memory:/docker/x\n")
    group(tmp_path / "memory", FIRST, str(2**63 - 4096), GB, "total_inactive_file 0\n")
    group(tmp_path / "memory" / "docker" / "x", FIRST, str(4 * GB), GB, f"total_inactive_file {GB // 2}\n")
    assert container_bytes(tmp_path, own) == 3.5 * GB


def test_the_tightest_group_on_the_way_counts_and_more_than_the_limit_leaves_nothing(tmp_path, own):
    own.write_text("0::/pod/container\n")
    group(tmp_path / "pod", SECOND, str(6 * GB), 2 * GB, "inactive_file 0\n")
    group(tmp_path / "pod" / "container", SECOND, str(3 * GB), 2 * GB, "inactive_file 0\n")
    assert container_bytes(tmp_path, own) == GB
    group(tmp_path / "pod" / "container", SECOND, str(GB), 2 * GB, "inactive_file 0\n")
    assert container_bytes(tmp_path, own) == 0


@pytest.mark.parametrize(("limited", "expected"), [(None, 7), (5, 5), (9, 7)])
def test_the_smaller_of_machine_and_container_counts(monkeypatch, limited, expected):
    class Free:
        available = 7

    monkeypatch.setattr(psutil, "virtual_memory", Free)
    monkeypatch.setattr(available, "container_bytes", lambda: limited)
    assert available_bytes(torch.device("cpu")) == expected
