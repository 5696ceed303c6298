"""A message into a Matrix room the account was invited to, and nothing else.

As it comes, the library would register accounts, make rooms that are not there, and log out again with each
message.
"""

from typing import Any

from apprise.plugins.matrix import NotifyMatrix

# Of accounts that sign in with a passphrase: in this process's memory only, by host, port and name.
_tokens: dict[tuple[str, int | None, str], str] = {}


class Room(NotifyMatrix):  # type: ignore[no-untyped-call]
    message_key = ""

    def notify(self, *args: Any, **kwargs: Any) -> bool:
        # The same number for the same notice: the server takes it once. A number, because it is counted up.
        self.transaction_id = int(self.message_key, 16)
        # It would be asked for, and is not needed for rooms.
        self.user_id = "@:"
        whose = (self.host, self.port, self.user or "")
        self.access_token = _tokens.get(whose) if self.user else self.password
        taken = bool(super().notify(*args, **kwargs))
        if self.user and self.access_token:
            _tokens[whose] = self.access_token
        if self.user and not taken:
            # It may have ended: the next message signs in anew.
            _tokens.pop(whose, None)
        return taken

    def _register(self) -> bool:
        return False

    def _room_create(self, room: str) -> None:
        return

    def _logout(self) -> bool:
        return True
