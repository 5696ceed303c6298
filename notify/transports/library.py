"""apprise, with nothing of its own in what it sends. Imported in the worker only, when the first message
leaves, and after `wire.py`.

Services are called one by one, on the thread that has the guard; apprise's own dispatcher would use others.
"""

import importlib
from typing import Any

from apprise import AppriseAsset, NotifyFormat
from apprise.exception import AppriseException
from apprise.manager_plugins import NotificationManager

from notify.transports.base import Message

# Where a scheme lives. One costs a megabyte or two, all of them thirty-five.
PLUGINS = "apprise.plugins"
MODULES = {
    "46elks": (f"{PLUGINS}.fortysixelks", "Notify46Elks"),
    "discord": (f"{PLUGINS}.discord", "NotifyDiscord"),
    "gchat": (f"{PLUGINS}.google_chat", "NotifyGoogleChat"),
    "gotifys": (f"{PLUGINS}.gotify", "NotifyGotify"),
    "httpsms": (f"{PLUGINS}.httpsms", "NotifyHttpSMS"),
    "json": (f"{PLUGINS}.custom_json", "NotifyJSON"),
    "jsons": (f"{PLUGINS}.custom_json", "NotifyJSON"),
    "matrix": ("notify.transports.matrix_room", "Room"),
    "matrixs": ("notify.transports.matrix_room", "Room"),
    "mmosts": (f"{PLUGINS}.mattermost", "NotifyMattermost"),
    "nctalks": (f"{PLUGINS}.nextcloudtalk", "NotifyNextcloudTalk"),
    "ntfy": (f"{PLUGINS}.ntfy", "NotifyNtfy"),
    "ntfys": (f"{PLUGINS}.ntfy", "NotifyNtfy"),
    "pover": (f"{PLUGINS}.pushover", "NotifyPushover"),
    "signal": (f"{PLUGINS}.signal_api", "NotifySignalAPI"),
    "signals": (f"{PLUGINS}.signal_api", "NotifySignalAPI"),
    "slack": (f"{PLUGINS}.slack", "NotifySlack"),
    "smseagle": (f"{PLUGINS}.smseagle", "NotifySMSEagle"),
    "smseagles": (f"{PLUGINS}.smseagle", "NotifySMSEagle"),
    "tgram": (f"{PLUGINS}.telegram", "NotifyTelegram"),
    "threema": (f"{PLUGINS}.threema", "NotifyThreema"),
    "twilio": (f"{PLUGINS}.twilio", "NotifyTwilio"),
    "vonage": (f"{PLUGINS}.vonage", "NotifyVonage"),
    "zulip": (f"{PLUGINS}.zulip", "NotifyZulip"),
}
# No picture, no footer, no second try, nothing looked up elsewhere.
PLAIN = {
    "include_image": False,
    "include_footer": False,
    "include_timestamp": False,
    "retry": 0,
    "discovery": False,
    "e2ee": False,
    "autoverify": False,
}


class Unusable(Exception):
    """The library makes nothing of this address."""


def send(url: str, message: Message, titled: bool) -> bool:
    """Hand one message to one service; whether it took it. Raises Unusable."""
    plugin = _plugin(url, message.sender)
    plugin.throttle = _no_pause
    plugin.message_key = message.key
    title = message.subject if titled and plugin.title_maxlen > 0 else ""
    try:
        return bool(plugin.notify(body=message.body, title=title, body_format=NotifyFormat.TEXT))
    except OSError:
        # The guard saw what it was.
        return False


def _plugin(url: str, sender: str) -> Any:
    scheme = url.partition("://")[0].lower()
    try:
        kind = _kind(scheme)
        # "/#" is how people write the name of a room.
        found = kind.parse_url(url.replace("/#", "/%23"))
        if not found:
            raise Unusable
        return kind(**{**found, **PLAIN, "schema": scheme, "asset": _asset(sender)})
    except (AppriseException, LookupError, TypeError, ValueError):
        # Their texts hold the address.
        raise Unusable from None


def _kind(scheme: str) -> Any:
    if scheme in MODULES:
        module, name = MODULES[scheme]
        return getattr(importlib.import_module(module), name)
    # Another gateway of the operator's: looked for among all there are.
    known: Any = NotificationManager
    return known()[scheme]


def _asset(sender: str) -> AppriseAsset:
    """Where services show a name of whoever sends, it is the cover name; nothing is kept on a disk."""
    return AppriseAsset(
        app_id=sender,
        app_desc="",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        image_path_mask=False,
        storage_mode="memory",
        http_redirects=False,
        async_mode=False,
        pgp_autogen=False,
        pem_autogen=False,
        interpret_emojis=False,
    )


def _no_pause(*args: Any, **kwargs: Any) -> None:
    """Whoever is to be asked later is asked by the duty, later."""
