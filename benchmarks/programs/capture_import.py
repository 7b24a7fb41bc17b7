"""How long dlt takes to be imported, and then all of the capture plugin: milliseconds, as JSON.

Usage: python -m benchmarks.programs.capture_import FOLDER
"""

from __future__ import annotations

import json
import time

started = time.perf_counter()
import dlt  # noqa: E402, F401

imported = time.perf_counter()
import meta_pipeline_capture.plugin  # noqa: E402
import meta_pipeline_capture.recording  # noqa: E402, F401

ended = time.perf_counter()
print(json.dumps({"dlt": (imported - started) * 1_000, "plugin": (ended - imported) * 1_000}))
