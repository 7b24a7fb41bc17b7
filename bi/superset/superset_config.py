"""Settings of the Superset that `make superset` starts: what it is without telemetry, and nothing more."""

from superset.config import TALISMAN_CONFIG as _OURS

# Superset's pages load a picture that counts its users; the browser is told to load none from elsewhere.
TALISMAN_CONFIG = {
    **_OURS,
    "content_security_policy": {
        **_OURS["content_security_policy"],
        "img-src": ["'self'", "blob:", "data:"],
        "connect-src": ["'self'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'"],
    },
}
