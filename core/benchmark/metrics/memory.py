"""The largest memory that this process has held since a moment, where the system tells (Linux)."""

from pathlib import Path

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak() -> bool:
    """Let the peak begin anew at what is held now; False where the system cannot."""
    try:
        FORGET.write_text("5")
    except OSError:
        return False
    return True


def peak_mb() -> float:
    """The peak in MB; NaN where the system does not tell."""
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return float("nan")
    found = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(found[0]) / 1024 if found else float("nan")
