"""The keyring's file, read as anybody reads it who has it: without the code that is meant to."""

from pathlib import Path

BLOCK = 4096
LIVE = b"live".ljust(8, b"\0")
STATE_BYTES, TAG_BYTES, KEY_BYTES = 8, 32, 32


def live_keys(keyring: Path) -> list[bytes]:
    """The 32 bytes of every slot in use; none where there is no file."""
    if not keyring.exists():
        return []
    content = keyring.read_bytes()
    slots = (content[at : at + BLOCK] for at in range(BLOCK, len(content), BLOCK))
    begin = STATE_BYTES + TAG_BYTES
    return [slot[begin : begin + KEY_BYTES] for slot in slots if slot[:STATE_BYTES] == LIVE]


def halves(key: bytes) -> list[bytes]:
    """What is looked for: the whole key, and each half, in case a block was cut."""
    return [key, key[: len(key) // 2], key[len(key) // 2 :]]
