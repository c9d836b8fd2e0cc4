"""The key with which tokens of workers are signed: a file in the root folder that only its owner can read."""

from __future__ import annotations

import secrets
from pathlib import Path

from hathi.model.errors import PreconditionError
from hathi.model.worker_tokens import KEY_BYTES
from hathi.server.root_folder import write_word

NAME = "worker-key"


def load(root: Path) -> bytes:
    """Return the key, made when the folder is first used. PreconditionError when the file holds something else."""
    path = root / NAME
    try:
        text = path.read_text()
    except FileNotFoundError:
        text = _make(path)
    except (OSError, UnicodeDecodeError) as error:
        raise PreconditionError(f"cannot read the key for workers, {path}: {error}") from None
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise PreconditionError(
            f"{path} holds no key for workers, which is {2 * KEY_BYTES} hexadecimal digits. Delete it to have another "
            "made; workers that were started by hand then need new tokens"
        )
    return key


def _make(path: Path) -> str:
    text = secrets.token_hex(KEY_BYTES)
    write_word(path, text)
    return text
