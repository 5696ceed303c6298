"""Keys of the cache say nothing: allauth, for one, writes user ids into its own."""

from privacy import instance


def blinded(key: str, key_prefix: str, version: int) -> str:
    """A cache key in which whatever was in `key` cannot be read. Django's KEY_FUNCTION."""
    return f"{key_prefix}:{version}:{instance.blind('cache key', key)[:40]}"
