"""The largest memory that this process holds during a block.

On Linux the kernel keeps the peak (VmHWM) and begins anew when asked to. Where it cannot, as on Windows and macOS, the
resident memory is read every SAMPLE_SECONDS by psutil; a shorter peak is missed there.
"""

from pathlib import Path
from threading import Event, Thread
from types import TracebackType

import psutil

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
SAMPLE_SECONDS = 0.01


def resident_mb() -> float:
    """What this process holds now, in MB."""
    return float(psutil.Process().memory_info().rss / 2**20)


class PeakMemory:
    """`with PeakMemory() as memory: …`; afterwards `memory.mb` is the peak."""

    def __init__(self) -> None:
        self.mb = 0.0
        self._end = Event()
        self._sampler: Thread | None = None

    def __enter__(self) -> "PeakMemory":
        try:
            FORGET.write_text("5")
        except OSError:
            self._sampler = Thread(target=self._sample, daemon=True)
            self._sampler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sampler is None:
            lines = STATUS.read_text().splitlines()
            self.mb = next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
        else:
            self._end.set()
            self._sampler.join()

    def _sample(self) -> None:
        process = psutil.Process()
        while True:
            self.mb = max(self.mb, process.memory_info().rss / 2**20)
            if self._end.wait(SAMPLE_SECONDS):
                return
