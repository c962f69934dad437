"""Jobs shared out over processes: one a core, each with one thread, so that every core is busy all the time.

Nothing of the engine is imported here: a process begins with this file, and with what its first job needs.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from typing import TypeVar

import torch

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def done(
    jobs: Sequence[_Job], workers: int, work: Callable[[_Job], _Result]
) -> Iterator[tuple[_Job, _Result]]:
    """Jobs with what `work` gives for them, as they finish. With one worker they are done in this process.

    When the caller stops, by an exception too, the processes are ended.
    """
    if workers <= 1:
        for job in jobs:
            yield job, work(job)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool:
        try:
            waiting = {pool.submit(work, job): job for job in jobs}
            while waiting:
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    yield waiting.pop(future), future.result()
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _one_thread() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
