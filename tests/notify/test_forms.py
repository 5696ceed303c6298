"""Saying how one wants to be told."""

import pytest
from django.core.mail.backends.dummy import EmailBackend
from django.utils import translation
from pytest_django import Settings

from notify.forms import AskersChannelForm, ChannelForm
from notify.models import Channel
from tests.notify.pigeons import AT, Pigeons

FULL = {"transport": "pigeons", "address": " roof 1 ", "from_hour": "9", "until_hour": "22", "paces": "on"}


@pytest.mark.django_db
def test_a_filled_form_makes_a_channel(pigeons: Pigeons, recipient: object) -> None:
    form = ChannelForm(FULL)

    assert form.errors == {}
    channel = Channel.objects.add(**form.cleaned_data, recipient=recipient, language="en", at=AT)
    stored = Channel.objects.get(pk=channel.pk)
    assert (stored.read_address(), stored.from_hour, stored.until_hour, stored.paces) == (
        "roof 1",
        9,
        22,
        True,
    )


def test_hours_and_pace_may_be_left_out(pigeons: Pigeons) -> None:
    form = ChannelForm({"transport": "pigeons", "address": "roof 1"})

    assert form.is_valid()
    assert form.cleaned_data == {
        "transport": "pigeons",
        "address": "roof 1",
        "from_hour": None,
        "until_hour": None,
        "paces": False,
    }


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"transport": ""}, {"transport": ["Choose how we can tell you."]}),
        ({"transport": "raven"}, {"transport": ["Choose one of these."]}),
        ({"address": ""}, {"address": ["Give an address, or the message cannot arrive."]}),
        ({"address": "cellar"}, {"address": ["Pigeons need a roof."]}),
        ({"address": "roof \x00"}, {"address": ["Null characters are not allowed."]}),
        ({"address": "roof" * 200}, {"address": ["This address is too long."]}),
        ({"from_hour": ""}, {"until_hour": ["Choose both hours, or none."]}),
        ({"until_hour": "9"}, {"until_hour": ["Choose two different hours."]}),
        ({"until_hour": "24"}, {"until_hour": ["Choose one of these."]}),
    ],
)
def test_a_mistake_gets_one_clear_sentence(
    pigeons: Pigeons, change: dict[str, str], errors: dict[str, list[str]]
) -> None:
    assert ChannelForm({**FULL, **change}).errors == errors


def test_the_form_warns_before_an_address_is_typed(pigeons: Pigeons) -> None:
    assert "Whoever holds the phone may see it." in ChannelForm().as_p()


def test_one_way_to_be_told_is_named_for_what_it_is(pigeons: Pigeons) -> None:
    assert ChannelForm().fields["address"].label == "Roof"


class TestForSomebodyWhoAsks:
    def test_looking_oneself_is_chosen_already(self, pigeons: Pigeons) -> None:
        html = str(AskersChannelForm()["transport"])

        assert html.count("checked") == 1
        assert 'value="" ' in html.partition("checked")[0].rpartition("<input")[2]

    @pytest.mark.parametrize("rest", [{}, {"from_hour": "9"}, {"address": "cellar"}])
    def test_looking_oneself_needs_nothing_else(self, pigeons: Pigeons, rest: dict[str, str]) -> None:
        form = AskersChannelForm({"transport": "", **rest})

        assert (form.is_valid(), form.wants_news) == (True, False)

    def test_being_told_needs_an_address(self, pigeons: Pigeons) -> None:
        form = AskersChannelForm({"transport": "pigeons"})

        assert form.errors == {"address": ["Give an address, or the message cannot arrive."]}

    def test_being_told_checks_the_address(self, pigeons: Pigeons) -> None:
        wrong, right = (AskersChannelForm({**FULL, "address": to}) for to in ("cellar", "roof"))

        assert (wrong.errors, right.errors) == ({"address": ["Pigeons need a roof."]}, {})
        assert right.wants_news is True

    def test_nothing_is_offered_that_this_instance_cannot_do(self, settings: Settings) -> None:
        settings.EMAIL_BACKEND = f"{EmailBackend.__module__}.EmailBackend"

        assert AskersChannelForm()["transport"].field.choices == [("", "I will look myself")]


class TestWithSeveralWays:
    @pytest.fixture(autouse=True)
    def _set_up(self, settings: Settings) -> None:
        settings.NTFY_SERVER = "https://ntfy.example"
        settings.SIGNAL_GATEWAY = "signal://127.0.0.1:8080/+32470000000/{to}"
        settings.OTHER_SERVICES = True

    def test_each_card_says_what_to_write(self) -> None:
        html = str(ChannelForm()["transport"])

        cards = [card.partition(">")[2].partition("</label>")[0] for card in html.split("<label")[1:]]
        assert cards == [
            "E-mail<small>Write an address like name@example.org.</small>",
            "ntfy<small>An app that needs no account. "
            "Write the link of your topic, like https://ntfy.sh/your-topic.</small>",
            "Signal<small>Write the phone number that you use in Signal, with its country.</small>",
            "Another service<small>For example discord://, gotifys://, slack:// or tgram://, "
            "written as Apprise has it.</small>",
        ]

    def test_the_address_is_explained_beside_the_choice(self) -> None:
        field = ChannelForm()["address"]

        assert (field.label, field.help_text) == (
            "Address",
            "What to write here stands beside your choice. "
            "The message only says that there is news. Whoever holds the phone may see it.",
        )

    @pytest.mark.parametrize(
        ("transport", "typed", "kept"),
        [
            ("ntfy", "https://ntfy.sh/topic", "https://ntfy.sh/topic"),
            ("signal", "+32 470 12 34 56", "+32470123456"),
            ("other", "discord://1/a", "discord://1/a"),
        ],
    )
    def test_the_chosen_way_looks_at_the_address(self, transport: str, typed: str, kept: str) -> None:
        form = ChannelForm({"transport": transport, "address": typed})

        assert form.errors == {}
        assert form.cleaned_data["address"] == kept

    def test_an_address_of_another_way_gets_the_sentence_of_the_chosen_one(self) -> None:
        form = ChannelForm({"transport": "signal", "address": "ana@example.org"})

        assert form.errors == {"address": ["Give the number with its country, like +32 470 12 34 56."]}

    def test_who_asks_is_not_offered_what_is_not_for_them(self) -> None:
        offered = [slug for slug, _words in AskersChannelForm().fields["transport"].choices]  # type: ignore[attr-defined]

        assert offered == ["", "email", "ntfy", "signal"]
        assert AskersChannelForm({"transport": "other", "address": "discord://1/a"}).errors == {
            "transport": ["Choose one of these."]
        }

    def test_in_french_the_cards_are_french(self) -> None:
        with translation.override("fr"):
            html = str(ChannelForm()["transport"])

        assert "Écrivez le numéro que vous utilisez dans Signal, avec son pays." in html
