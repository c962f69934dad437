"""Fetching models in a process of its own: begin, follow, cancel. Nothing here imports torch but the process itself."""

from core.jobs.fetching.requests import FetchRequest as FetchRequest
from core.jobs.fetching.requests import FetchState as FetchState
from core.jobs.fetching.requests import begin as begin
from core.jobs.fetching.requests import cancel as cancel
from core.jobs.fetching.requests import request_of as request_of
from core.jobs.fetching.requests import state_of as state_of
