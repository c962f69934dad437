"""Where the repository lies, and files beside it that some tests need."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("HEADLIGHT_SHARED", ROOT.parent / "shared"))
"""Models and tokenizers that do not belong to the repository; tests that need them are skipped without."""
