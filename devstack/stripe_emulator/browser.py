"""What browsers load from the emulator: the Stripe.js stand-in and the frame of its elements."""

from __future__ import annotations

from pathlib import Path

from devstack.stripe_emulator.exchange import HTML, Answer, Call

_FILES = Path(__file__).parent / "stripe_js"
_JAVASCRIPT = "text/javascript; charset=utf-8"
_SERVED = {
    "/v3": ("stripe.js", _JAVASCRIPT),
    "/v3/": ("stripe.js", _JAVASCRIPT),
    "/v3/frame.html": ("frame.html", HTML),
    "/v3/frame.js": ("frame.js", _JAVASCRIPT),
    "/v3/words.js": ("words.js", _JAVASCRIPT),
}


def script_or_frame(call: Call) -> Answer | None:
    """Return the file a browser asks for, if it is one of ours."""
    served = _SERVED.get(call.path)
    if served is None or call.method != "GET":
        return None
    name, content_type = served
    return Answer(200, (_FILES / name).read_bytes(), {"cache-control": "no-cache"}, content_type)
