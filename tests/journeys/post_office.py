"""A post office on loopback: whatever the running system sends by e-mail arrives here, and is read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string, policy
from email.message import EmailMessage

from tests.notify import mailbox

# The whole of what may leave, besides the cover name.
SENTENCES = {
    "There is news.",
    "It is for now.",
    "It is for this week.",
    "Something changed. Look before you go.",
}

NEWS = ["Notes", "There is news.", "It is for now."]


class PostOffice:
    """What arrived so far."""

    def __init__(self, server: mailbox.Server) -> None:
        self.server = server
        self.environment = {
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(server.port),
            "EMAIL_STARTTLS": "no",
        }

    def raw(self) -> list[str]:
        return list(self.server.mails)

    def letters(self, address: str) -> list[EmailMessage]:
        """Everything that was sent to this address, oldest first."""
        parsed = (message_from_string(mail, policy=policy.default) for mail in self.raw())
        return [mail for mail in parsed if isinstance(mail, EmailMessage) and mail["To"] == address]

    def bodies(self, address: str) -> list[list[str]]:
        """The lines of each letter, without empty ones."""
        return [
            [line.strip() for line in letter.get_content().splitlines() if line.strip()]
            for letter in self.letters(address)
        ]


def says_nothing_but_news(letter: EmailMessage, cover_name: str = "Notes") -> None:
    """A letter is the cover name, "There is news." and one of three constant lines; no address, no link."""
    lines = [line.strip() for line in letter.get_content().splitlines() if line.strip()]
    assert lines[0] == cover_name
    assert lines[1] == "There is news."
    assert set(lines[1:]) <= SENTENCES
    assert letter["Subject"] == f"{cover_name}: there is news"
    assert not re.search(
        r"https?:|www\.|ride|sleep|stay|need|volunteer|aid", letter.as_string().split("\n\n")[1]
    )


@contextmanager
def opened() -> Iterator[PostOffice]:
    with mailbox.listening() as server:
        yield PostOffice(server)
