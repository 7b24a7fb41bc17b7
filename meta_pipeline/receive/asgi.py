"""The application for servers that import it, such as `uvicorn --no-access-log meta_pipeline.receive.asgi:app`."""

from __future__ import annotations

import os

from meta_pipeline.receive.app import make_app
from meta_pipeline.receive.settings import read_settings

app = make_app(read_settings(os.environ))
