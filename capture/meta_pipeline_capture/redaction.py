"""Takes secrets and rows of data out of text before it leaves the process."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping
from itertools import pairwise
from urllib.parse import unquote

REDACTED = "***"
MAX_MESSAGE_CHARACTERS = 2_000
MAX_EXAMINED_CHARACTERS = 20_000

_QUOTED = r"""(?:"[^"\n]*"|'[^'\n]*'|`[^`\n]*`)"""
_SENSITIVE = (
    "passw(?:or)?d|passphrase|pwd|secret|token|(?:api|access|account|private|encryption)[_-]?key|shared[_-]?access"
    "|authorization|x-auth|cookie|signature|session[_-]?id|credentials?[_-]json|connection[_-]?string"
)

# In each pattern group 1, where there is one, stays.
_SECRETS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|\Z)",
        # The user and password of a URL; a password may hold an @ or a slash itself.
        r"""(?i)((?<![\w+.-])[a-z][\w+.-]{0,40}://)[^\s'"<>]*(?=@)""",
        r"""(?i)((?<![\w+.-])[a-z][\w+.-]{0,40}://[^\s'"<>?#]*[?#])[^\s'"<>]+""",
        r"(?i)(https?://hooks\.slack\.com/)\S+",
        r"(?i)(\b(?:proxy-)?authorization[\"'`]?\s{0,3}[:=]\s{0,3}[\"'`]?)(?:\w+ +)?[^\s\"'`,]+",
        rf"(?i)((?:{_SENSITIVE})[\w.-]{{0,32}}[\"'`]?\s{{0,3}}[:=]\s{{0,3}})(?:{_QUOTED}|[^\s,;&'\"`)\]}}]+)",
        rf"(?i)(\b(?:password|identified by)\s{{1,3}}){_QUOTED}",
        r"(?i)(\bbearer\s{1,3})[\w.~+/=-]{8,}",
        r"(\b[Bb]asic\s{1,3})(?=[\w+/]*[A-Z0-9=])[\w+/=]{8,}",
        r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{12,}\b",
        # Secret keys of AWS and account keys of Azure have nothing but their length.
        r"(?<![\w/+])(?=[\w/+]*\d)(?=[\w/+]*[a-z])(?=[\w/+]*[A-Z])[A-Za-z0-9/+]{40}(?![\w/+=])",
        r"(?<![\w/+])[A-Za-z0-9/+]{86}==",
        r"\bgh[pousr]_[A-Za-z0-9]{16,}",
        r"\bgithub_pat_\w{16,}",
        r"\bglpat-[\w-]{16,}",
        r"\bxox[abceoprs]-[\w-]{8,}|\bxapp-[\w-]{8,}",
        r"\bAIza[\w-]{30,}|\bya29\.[\w.-]{8,}|\bGOCSPX-[\w-]{16,}|\b1//0[\w-]{20,}",
        r"\bey[JI][\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?",
        r"\b[A-Za-z0-9_~.-]{3}[78]Q~[\w~.-]{31,34}",
        r"\b[srp]k_(?:live|test)_\w{10,}|\bwhsec_\w{10,}|\bsq0(?:csp|atp)-[\w-]{16,}|\bAKC[A-Za-z0-9]{12,}",
        r"\bsk-[\w-]{16,}|\bhf_\w{16,}|\bdapi[0-9a-f]{32}|\bshp(?:at|ca|pa|ss)_\w{16,}",
        r"\bSG\.[\w-]{16,}\.[\w-]{16,}|\bnpm_\w{16,}|\bpypi-[\w-]{16,}",
        r"(?<![\w.+%-])[\w.+%-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+",
    )
)

# What databases and libraries quote of the data that they choke on.
_ROWS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?m)(\b(?:DETAIL|HINT|CONTEXT|STATEMENT|QUERY):)[^\n]*",
        r"(?m)(\bLINE \d+:)[^\n]*(?:\n *\^)?",
        r"(?is)(\[(?:parameters|SQL):).*",
        r"(?is)(\bvalues\s{0,3}\().*",
        r"(?i)(\binput_value\s{0,3}=\s{0,3})[^\n]*",
        r"(\([\w\", ]{1,200}\)=\()[^\n]*",
        r"(?i)(\b(?:value|string|input|item|row|record|data|datum|literal|convert|cast|pars(?:e|ing))"
        r"\b[^'\"\n]{0,40}[:=]?\s{0,3})(?:\"[^\"\n]*\"|'[^'\n]*')",
    )
)
_DICTIONARY = re.compile(r"\{[^{}]*[:=][^{}]*\}")
_SEQUENCE = re.compile(r"""[(\[][^()\[\]'"]*['"][^()\[\]]*[)\]]""")
_NESTING = 6

_CANDIDATE = re.compile(r"[A-Za-z0-9+/_=~-]{16,}")
_SEPARATOR = re.compile(r"[/_=~+-]+")
_HEXADECIMAL = re.compile(r"(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{32,}", re.IGNORECASE)
_MIN_ENTROPY_BITS = 3.0
_MIN_ALTERNATION = 0.2

_SECRET_NAME = re.compile(rf"(?i)(?:{_SENSITIVE}|credentials|_key$|_dsn$|_pat$|_auth$)")
_MIN_KNOWN_CHARACTERS = 6
_PASSWORD_IN_URL = re.compile(r"://[^\s/:@]*:(.+)@")
# What dlt takes as credentials of an embedded database, and what a message about it must name.
_DATABASE_FILE = re.compile(r"(?i)^[^?=@]+\.(?:duckdb|ddb|db|sqlite3?)$")


def redact(text: str, known_secrets: Collection[str] = ()) -> str:
    """Returns a message without secrets, e-mail addresses and quoted data, cut to a bound.

    Args:
        text: The message.
        known_secrets: Values that must not be in it, whatever they look like.

    Returns:
        At most 2,000 characters; what was taken out is `***`.
    """
    text = _without_known(_without_tracebacks(_examined(text)), known_secrets)
    text = _without_patterns(text, _SECRETS)
    text = _without_rows(text)
    text = _CANDIDATE.sub(lambda found: REDACTED if looks_random(found.group()) else found.group(), text)
    return text if len(text) <= MAX_MESSAGE_CHARACTERS else text[: MAX_MESSAGE_CHARACTERS - 1] + "…"


def redact_location(location: str, known_secrets: Collection[str] = ()) -> str:
    """Returns a path or URL without user, password, query string and fragment.

    Args:
        location: The path or URL.
        known_secrets: Values that must not be in it.
    """
    bare = re.split(r"[?#]", location, maxsplit=1)[0]
    return _without_patterns(_without_known(bare, known_secrets), _SECRETS).replace(f"{REDACTED}@", "")


def secrets_by_name(variables: Mapping[str, object]) -> frozenset[str]:
    """Returns the texts that are secrets by the names of their variables.

    Args:
        variables: An environment, or the variables of a function.
    """
    named = [value for name, value in variables.items() if isinstance(value, str) and _SECRET_NAME.search(name)]
    return frozenset(part for value in named for part in secret_parts(value))


def secret_parts(value: str) -> frozenset[str]:
    """Returns a secret and, where it is a connection string, its password; nothing shorter than 6 characters.

    Args:
        value: The secret.
    """
    if _DATABASE_FILE.match(value):
        return frozenset()
    parts = {value, *_PASSWORD_IN_URL.findall(value)}
    decoded = {unquote(part) for part in parts}
    return frozenset(part for part in parts | decoded if len(part) >= _MIN_KNOWN_CHARACTERS)


def looks_random(word: str) -> bool:
    """Tells whether a word is rather a key than a name.

    Names are words joined by separators; in keys letters, digits and cases alternate, and characters seldom repeat
    (Shannon entropy, in bits per character).

    Args:
        word: At least 16 characters without a space.
    """
    if _HEXADECIMAL.search(word):
        return True
    chunks = [chunk for chunk in _SEPARATOR.split(word) if chunk]
    characters = "".join(chunks)
    pairs = [pair for chunk in chunks for pair in pairwise(chunk)]
    if not pairs:
        return False
    alternations = sum(_alternates(left, right) for left, right in pairs)
    return alternations / len(characters) >= _MIN_ALTERNATION and _entropy(characters) >= _MIN_ENTROPY_BITS


def _alternates(left: str, right: str) -> bool:
    """Tells whether a word breaks here; a capital and what follows it are one."""
    return left.isdigit() != right.isdigit() or (left.islower() and right.isupper())


def _entropy(text: str) -> float:
    shares = [count / len(text) for count in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares)


def _examined(text: str) -> str:
    """Bounds the work; half a secret at the end would not be recognised, so the last word goes."""
    if len(text) <= MAX_EXAMINED_CHARACTERS:
        return text
    kept = text[:MAX_EXAMINED_CHARACTERS]
    return kept[: max(kept.rfind(" "), kept.rfind("\n"), 0)] + " …"


def _without_tracebacks(text: str) -> str:
    """Leaves out stacks that dlt puts into messages, and the source text in them; the exception's own line stays."""
    kept: list[str] = []
    is_inside = False
    for line in text.splitlines():
        if line.lstrip(" |+-").startswith(("Traceback (most recent call last)", 'File "')):
            is_inside = True
        elif not (is_inside and line[:1].isspace()):
            is_inside = False
            kept.append(line)
    return "\n".join(kept)


def _without_known(text: str, known_secrets: Collection[str]) -> str:
    for secret in sorted(known_secrets, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text


def _without_patterns(text: str, patterns: Collection[re.Pattern[str]]) -> str:
    for pattern in patterns:
        text = pattern.sub(_keep_first_group, text)
    return text


def _keep_first_group(found: re.Match[str]) -> str:
    return (found.group(1) if found.re.groups else "") + REDACTED


def _without_rows(text: str) -> str:
    text = _without_patterns(text, _ROWS)
    for _ in range(_NESTING):
        text = _SEQUENCE.sub(f"({REDACTED})", _DICTIONARY.sub(REDACTED, text))
    return text
