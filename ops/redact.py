"""Takes secrets out of text that a person, a log or a file will see.

Nobody here knows all secrets, and reading them to look for them would be worse: what looks like one goes.
"""

from __future__ import annotations

import re

HIDDEN = "***"
_URL = re.compile(r"(://[^/\s:@]*):[^/\s@]+@")
_NAMES = "password|passwd|pwd|secret|credential|signature|authorization|(?:access|api|account)[-_ ]?key"
_NAMED = re.compile(
    # After a slash it is the name of an object: "secret/mlflow-secret: not found".
    rf"(?i)((?<![\w/-])[\w-]*(?:{_NAMES})[\w-]*[\"']?(?:\s*=|:)\s*[\"']?(?:(?:basic|bearer)\s+)?)[^\s\"',;&)]+"
    # "failed to fetch anonymous token: unexpected status" names no token.
    r"|(?i:(token[\w-]*(?:=|[\"']\s*:\s*)[\"']?))[^\s\"',;&)]+"
)
_RANDOM = re.compile(
    # Letters and digits as generated passwords and keys have them; names of objects have hyphens or dots.
    r"(?<![\w.-])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{16,}(?![\w-]|\.\w)"
    # A secret access key of AWS.
    r"|(?<![\w/+.:-])(?=[^A-Z\s]*[A-Z])(?=[^a-z\s]*[a-z])[A-Za-z0-9/+]{40}(?![\w/+])"
)


def redact(text: str) -> str:
    """`text` with `***` for passwords in URLs, values of secret-looking names, and long random words."""
    text = _URL.sub(rf"\1:{HIDDEN}@", text)
    text = _NAMED.sub(lambda hit: f"{hit[1] or hit[2]}{HIDDEN}", text)
    return _RANDOM.sub(HIDDEN, text)
