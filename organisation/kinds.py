"""The kinds of need: the one place to add one. Everything another file must know about a kind is here.

To add a kind, write one `register(Kind(…))` below: no migration, no other file. The tests in
tests/organisation run over the registry and say what is missing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from organisation import house
from organisation.kind import (
    ASKER,
    VOLUNTEER,
    BadKind,
    Choice,
    Kind,
    Makes,
    Question,
    Tap,
    TaskSpec,
)
from organisation.questions import SETTINGS, are_two, party, relief_after, wants_backup, wants_relief, wish
from organisation.tap import END, EVENING, START


class UnknownKind(LookupError):
    """No kind with this slug is registered."""


_registry: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Add a kind. Raises BadKind where the slug is taken."""
    if kind.slug in _registry:
        raise BadKind(f"{kind.slug}: this slug is taken.")
    _registry[kind.slug] = kind
    return kind


@contextmanager
def registered(kind: Kind) -> Iterator[Kind]:
    """A kind that exists for the length of a `with`, for tests."""
    register(kind)
    try:
        yield kind
    finally:
        del _registry[kind.slug]


def get(slug: str) -> Kind:
    """The kind with this slug. Raises UnknownKind."""
    try:
        return _registry[slug]
    except KeyError:
        raise UnknownKind from None


def find(slug: str) -> Kind | None:
    """The kind with this slug; None where it is gone."""
    return _registry.get(slug)


def all() -> tuple[Kind, ...]:
    """Every kind, in the order they were registered."""
    return tuple(_registry.values())


def choices() -> list[tuple[str, str]]:
    """(slug, name) of every kind, for forms: pass the function, not its answer."""
    return [(kind.slug, str(kind.name)) for kind in all()]


def offer_choices() -> list[tuple[str, str]]:
    """(slug, "I can …") of every kind, for the volunteer's form: pass the function, not its answer."""
    return [(kind.slug, str(kind.offer_name)) for kind in all()]


WHO_MAY_COME = ("only_women", "only_men", "only_trans_nonbinary")
COMPANIONS = ("companion", "second_companion")

register(
    Kind(
        slug="stay",
        name=_("A place to sleep"),
        lead=_("A bed at somebody's home, for some nights."),
        where_label=_("Where would you like to sleep?"),
        where_help=_("Only roughly. Nobody sees an address before you say yes."),
        when_label=_("When do you arrive?"),
        when_help=_("Choose the first day. Tick every time that would do."),
        place_label=_("Where can the person come?"),
        tasks=(TaskSpec("stay", _("A place to sleep")),),
        place_from="volunteer",
        offer_name=_("I can offer a place to sleep"),
        has_nights=True,
        people_label=_("How many people will sleep there, with you?"),
        capacity_label=_("Beds"),
        questions=(
            *party(),
            Question(
                "ride",
                _("Do you need a ride there?"),
                "choice",
                help=_("Then we also ask who can drive you. You see both on your page."),
                choices=(Choice("no", _("No")), Choice("yes", _("Yes, ask for a ride too"))),
                folded=False,
            ),
            Question(
                "avoid",
                _("Allergies, or something to avoid?"),
                "text",
                help=_("For example: nuts, cats, cleaning sprays."),
                max_length=300,
            ),
            Question(
                "extend",
                _("Could it become longer?"),
                "choice",
                choices=(Choice("no", _("No")), Choice("maybe", _("Perhaps"))),
            ),
            Question(
                "home",
                _("Anything you wish for in the home?"),
                "text",
                help=_("For example: vegetarian food, somewhere to park."),
            ),
        ),
        condition_slugs=(
            *WHO_MAY_COME,
            "own_room",
            "lockable_room",
            "own_bathroom",
            "step_free",
            "smoke_free",
            "alcohol_free",
            "scent_free",
            "no_pets",
            "pets_welcome",
            "children_welcome",
            "sleep_by_day",
            "late_arrival",
        ),
        house_slugs=tuple(house.ALL),
        household_agrees=True,
        after_midnight="late_arrival",
        makes=(Makes("ride", lambda answers: answers.get("ride") == "yes"),),
        checks=("met", "spoken-for", "home-visit", "boundaries"),
        need_lives=timedelta(days=2),
        hold=timedelta(hours=2),
        rings=(3, 6, 12),
        escalate_every=timedelta(minutes=45),
        urgent_within=timedelta(hours=12),
        taps=(Tap("ok-tonight", (ASKER, VOLUNTEER), EVENING, grace=timedelta(hours=1)),),
    )
)


def _about_a_leg(role: str) -> tuple[Question, ...]:
    """Where a leg goes and by when: for whoever drives that leg, and nobody who drives another."""
    # The first kept the name it had when there was only one.
    to = "to" if role == "there" else f"{role}_to"
    return (
        Question(
            to,
            _("Where to?"),
            "text",
            help=_("Stored locked, for whoever drives this way. The desk too, if you say so."),
            of=(role,),
        ),
        Question(f"{role}_after", _("Not before"), "time", of=(role,), limit="from"),
        Question(f"{role}_by", _("There by"), "time", of=(role,), limit="until"),
    )


register(
    Kind(
        slug="ride",
        name=_("A ride"),
        lead=_("Somebody drives you there, and back if you like."),
        where_label=_("Where does the ride begin?"),
        where_help=_("Only roughly. You say the exact place after you say yes."),
        when_label=_("When do you want to leave?"),
        when_help=_("Tick every time that would do."),
        place_label=_("Where should the driver meet you?"),
        tasks=(
            TaskSpec("there", _("The way there")),
            TaskSpec(
                "wait",
                _("Somebody who waits with you"),
                lambda answers: answers.get("wait") == "somebody",
                after=("there",),
                begins_elsewhere=True,
            ),
            TaskSpec(
                "back",
                _("The way back"),
                lambda answers: answers.get("back") in ("yes", "message"),
                after=("there",),
                when_label=_("When do you want to go back?"),
                begins_elsewhere=True,
                when_told=lambda answers: answers.get("back") == "message",
            ),
            TaskSpec(
                "onward",
                _("The way onward"),
                lambda answers: answers.get("onward") == "yes",
                after=("there", "back"),
                when_label=_("When do you want to go onward?"),
                begins_elsewhere=True,
            ),
        ),
        place_from="asker",
        offer_name=_("I can drive"),
        people_label=_("How many people will ride, with you?"),
        capacity_label=_("Seats"),
        questions=(
            Question(
                "back",
                _("Do you need a ride back?"),
                "choice",
                help=_("Somebody else may drive you back."),
                choices=(
                    Choice("no", _("No")),
                    Choice("yes", _("Yes, at a time\nThe same day. You can say when below.")),
                    Choice(
                        "message", _("Yes, when I message you\nThe driver waits for your message that day.")
                    ),
                ),
                folded=False,
            ),
            *_about_a_leg("there"),
            Question(
                "wait",
                _("While you are there, should somebody wait?"),
                "choice",
                choices=(
                    Choice("no", _("No")),
                    Choice("outside", _("The driver, outside")),
                    Choice("inside", _("The driver, inside with me")),
                    Choice("return", _("The driver goes and comes back")),
                    Choice("somebody", _("Somebody else waits with me")),
                ),
                beside="wait",
            ),
            Question(
                "wait_until",
                _("Until about when?"),
                "time",
                of=("wait",),
                limit="until",
                else_of="there",
                else_when=lambda answers: answers.get("wait") in ("outside", "inside", "return"),
            ),
            *_about_a_leg("back"),
            Question(
                "onward",
                _("Do you go on to another place from there?"),
                "choice",
                choices=(Choice("no", _("No")), Choice("yes", _("Yes, the same day"))),
                beside="onward",
            ),
            *_about_a_leg("onward"),
        ),
        condition_slugs=(
            *WHO_MAY_COME,
            "wheelchair",
            "baby_seat",
            "child_seat",
            "booster_seat",
            "luggage",
            "pets_welcome",
            "smoke_free",
            "scent_free",
            "long_way",
        ),
        checks=("met", "licence", "boundaries"),
        need_lives=timedelta(days=1),
        hold=timedelta(minutes=30),
        rings=(4, 8, 16),
        escalate_every=timedelta(minutes=30),
        urgent_within=timedelta(hours=6),
        cannot_go_on_label=_("My car broke down"),
        taps=(
            Tap("on-my-way", (VOLUNTEER,), START, timedelta(minutes=-30), timedelta(minutes=15)),
            Tap("arrived", (VOLUNTEER,), START, grace=timedelta(minutes=15)),
            Tap("home-safe", (ASKER,), END, timedelta(hours=2), timedelta(hours=1), roles=("back",)),
            Tap("home-safe", (VOLUNTEER,), END, timedelta(hours=2), timedelta(hours=1)),
        ),
    )
)

register(
    Kind(
        slug="accompaniment",
        name=_("Someone to come with you"),
        lead=_("Somebody sits beside you and stays."),
        where_label=_("Where do you need somebody?"),
        where_help=_("Only roughly. You say the exact place after you say yes."),
        when_label=_("When do you need somebody?"),
        when_help=_("Tick every part of the day it may take."),
        place_label=_("Where should the person meet you?"),
        tasks=(
            TaskSpec("companion", _("Someone to come with you")),
            TaskSpec("second_companion", _("A second companion"), are_two),
            TaskSpec("backup", _("A backup companion"), wants_backup, backs=COMPANIONS),
            TaskSpec("relief", _("A companion who takes over"), wants_relief, after_hours=relief_after),
        ),
        place_from="asker",
        offer_name=_("I can come along"),
        covers_parts=True,
        one_person_each=True,
        questions=(
            Question(
                "setting",
                _("What is it?"),
                "choice",
                help=_("Stored locked, like all that you answer below."),
                choices=SETTINGS,
                folded=False,
            ),
            Question(
                "companions",
                _("How many people should come?"),
                "choice",
                help=_("If you choose nothing: two for police and court, else one."),
                choices=(Choice("one", _("One person")), Choice("two", _("Two people"))),
                folded=False,
            ),
            Question(
                "backup",
                _("Should there be a backup?"),
                "choice",
                help=_("They come if somebody cannot. Until then they read nothing. For two people: yes."),
                choices=(Choice("no", _("No")), Choice("yes", _("Yes"))),
            ),
            Question(
                "relief",
                _("Should somebody take over after some time?"),
                "choice",
                choices=(
                    Choice("no", _("No")),
                    Choice("2", _("After 2 hours")),
                    Choice("4", _("After 4 hours")),
                    Choice("6", _("After 6 hours")),
                ),
            ),
            Question(
                "wishes",
                _("What should the person do?"),
                "choices",
                choices=(
                    Choice("sit", _("Sit beside me")),
                    Choice("outside", _("Wait outside")),
                    Choice("home", _("Come home with me after")),
                ),
            ),
            wish("speak", _("Speak for me")),
            wish("quiet", _("Stay silent")),
            wish("leave", _("Leave when I give the sign")),
            wish("lawyer", _("Call the lawyer I name")),
            Question("sign", _("What is the sign?"), "text", help=_("For example: I cough twice.")),
            Question(
                "talk",
                _("Would you like to talk before?"),
                "choice",
                choices=(Choice("no", _("No")), Choice("yes", _("Yes"))),
            ),
            Question("talk_how", _("How, and when?"), "text", help=_("For example: here in the messages.")),
        ),
        condition_slugs=(*WHO_MAY_COME, "step_free", "scent_free", "children_welcome", "whole_day"),
        checks=("met", "spoken-for", "boundaries", "companion", "first-aid"),
        need_lives=timedelta(days=1),
        hold=timedelta(hours=2),
        rings=(4, 8, 16),
        escalate_every=timedelta(minutes=45),
        urgent_within=timedelta(hours=12),
        taps=(
            Tap("arrived", (VOLUNTEER,), START),
            Tap("inside", (ASKER, VOLUNTEER), "break", timedelta(minutes=30), together=True),
            Tap("break", (ASKER, VOLUNTEER), together=True),
            Tap("out", (ASKER, VOLUNTEER), "inside", timedelta(hours=4), together=True),
            Tap("home-safe", (ASKER, VOLUNTEER), "out", timedelta(hours=2), timedelta(hours=1)),
            Tap("home-safe", (ASKER, VOLUNTEER), END, timedelta(hours=2), timedelta(hours=1)),
        ),
        plan_lives=timedelta(hours=6),
        card=(
            _("Sit beside them. Being there is enough."),
            _("Do not advise. Do not decide for them."),
            _("Do not record. Take no pictures."),
            _("Do not retell it, to anybody."),
        ),
    )
)
