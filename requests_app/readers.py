"""Who can be granted a compartment, and a reader whose private key is in hand."""

from dataclasses import dataclass, field

from privacy.compartments import Reader


@dataclass(frozen=True)
class Unlocked:
    """A reader with the private half of its key, for the length of one HTTP request."""

    reader: Reader
    private_key: bytes = field(repr=False)
