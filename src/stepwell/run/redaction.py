"""What must not be recorded: values under names that look like secrets, and texts that are secrets by their form.

One place for config keys, command lines, URLs and diffs. Errs towards hiding, but not `max_tokens` or `pad_token`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["REDACTED", "is_secret_name", "redact_arguments", "redact_text", "redact_value", "without_credentials"]

REDACTED = "[redacted]"

_SECRET_NAME = re.compile(
    r"""(?:^|[_\-.\s])(?:
        pass(?:word|wd|phrase|code) | pwd | secrets? | credentials? | auth(?:orization)? | bearer | cookie
        | (?:api|access|private|secret|account|encryption|signing|ssh|license|wandb|hf|openai)[_\-]?keys?
        | (?:access|auth|api|bearer|refresh|session|secret|security|bot|hf|hub|github|gitlab|id|login)[_\-]?tokens?
        | dsn | connection[_\-]?string
    )(?:$|[_\-.\s\d])""",
    re.VERBOSE | re.IGNORECASE,
)
# A bare `token` is a secret; a tokenizer's own are not.
_TOKEN = re.compile(r"^token$", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_URL_CREDENTIALS = re.compile(r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@'\"<>]*@")
_URL_SECRET = re.compile(
    r"(?P<name>[?&](?:[a-z_\-]*(?:token|secret|password|signature|api_?key)|sig|key)=)[^&\s'\"]+", re.IGNORECASE
)
_KNOWN_FORMS = re.compile(
    r"""\b(?:
        gh[pousr]_[A-Za-z0-9]{30,} | github_pat_[A-Za-z0-9_]{30,} | glpat-[A-Za-z0-9_\-]{18,}
        | hf_[A-Za-z0-9]{30,} | sk-[A-Za-z0-9_\-]{20,} | xox[abposr]-[A-Za-z0-9\-]{10,}
        | (?:AKIA|ASIA)[A-Z0-9]{16} | AIza[A-Za-z0-9_\-]{35} | npm_[A-Za-z0-9]{36} | pypi-[A-Za-z0-9_\-]{40,}
        | eyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]+
    )""",
    re.VERBOSE,
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_AUTHORIZATION = re.compile(
    r"(?P<kind>\bauthorization[\"']?\s*[:=]\s*[\"']?(?:Bearer|Basic|Token)\s+)[^\s\"',;]+|(?P<bearer>\bBearer\s+)[\w\-.=+/]{20,}",
    re.IGNORECASE,
)
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_.\-]*)(?P<between>=)(?P<value>.+)", re.DOTALL)
# In running text (a diff, source code) the value must be a literal for its name to count.
_QUOTED_ASSIGNMENT = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z0-9_\-]*)(?P<between>[\"']?\s*[=:]\s*)(?P<quote>[\"'])(?P<value>[^\"'\n]+)(?P=quote)"
)


def is_secret_name(name: str) -> bool:
    """Whether a value under this key, option or variable is hidden."""
    split = _CAMEL.sub("_", name.strip("-"))
    return bool(_SECRET_NAME.search(split) or _TOKEN.match(split))


def without_credentials(url: str) -> str:
    """The URL without `user:password@` and without the values of secret query arguments."""
    return _URL_SECRET.sub(rf"\g<name>{REDACTED}", _URL_CREDENTIALS.sub(r"\g<scheme>", url))


def redact_value(text: str) -> str:
    """The text without what has the form of a key, a token or a URL's credentials."""
    text = _PRIVATE_KEY.sub(REDACTED, text)
    text = without_credentials(text)
    text = _KNOWN_FORMS.sub(REDACTED, text)
    return _AUTHORIZATION.sub(lambda match: (match["kind"] or match["bearer"]) + REDACTED, text)


def redact_text(text: str) -> str:
    """The same for source code and diffs: also what is assigned as a literal to a secret's name."""
    return _QUOTED_ASSIGNMENT.sub(_hide_quoted, redact_value(text))


def redact_arguments(arguments: Sequence[str]) -> list[str]:
    """A command line: `--token X`, `--token=X`, `TOKEN=X`, and what has the form of a secret."""
    shown: list[str] = []
    hide_next = False
    for argument in arguments:
        if hide_next and not argument.startswith("--"):
            shown.append(REDACTED)
            hide_next = False
            continue
        hide_next = argument.startswith("-") and "=" not in argument and is_secret_name(argument)
        match = _ASSIGNMENT.fullmatch(argument.lstrip("-"))
        if match is not None and is_secret_name(match["name"].rpartition(".")[2]):
            dashes = argument[: len(argument) - len(argument.lstrip("-"))]
            shown.append(f"{dashes}{match['name']}{match['between']}{REDACTED}")
        else:
            shown.append(redact_text(argument))
    return shown


def _hide_quoted(match: re.Match[str]) -> str:
    if not is_secret_name(match["name"]):
        return match[0]
    return f"{match['name']}{match['between']}{match['quote']}{REDACTED}{match['quote']}"
