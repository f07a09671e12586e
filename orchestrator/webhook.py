"""Word of a night's end, or of an alarm, to an address of the user's: bounded in time, and never an error."""

from __future__ import annotations

import http.client
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

SECONDS = 10.0


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The address is a secret, and so is what is sent there: neither goes elsewhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


def send_word(url: str, word: Mapping[str, Any], *, seconds: float = SECONDS) -> str:
    """Post one JSON object; gives why it did not arrive, without the address, or an empty string.

    Returns within `seconds`, whatever the other side does.
    """
    problem = ["no answer in time"]
    sender = threading.Thread(target=lambda: problem.append(_post(url, word, seconds)), daemon=True)
    sender.start()
    sender.join(seconds)
    return problem[-1]


def _post(url: str, word: Mapping[str, Any], seconds: float) -> str:
    headers = {"Content-Type": "application/json", "User-Agent": "autoresearch-sandbox"}
    try:
        body = json.dumps(word).encode()
        request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 - settings check it
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=seconds):
            return ""
    except urllib.error.HTTPError as error:
        error.close()
        return f"it answered {error.code}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None)
        return f"it cannot be reached ({type(reason if isinstance(reason, Exception) else error).__name__})"
