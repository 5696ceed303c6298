"""The form of a need, built from its kind: where and when are enough, the rest is folded."""

import secrets
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from organisation import conditions, languages
from organisation.forms import ShownAsTyped, answers, question_fields, question_name
from organisation.kind import Kind, Question, TaskSpec
from organisation.legs import window_name
from organisation.models import Area, Organisation
from privacy import clock
from requests_app.forms.legs import OVER, Legs, PartsField
from requests_app.forms.partner import MayAskPartner
from requests_app.forms.party import Party
from requests_app.forms.told import EMAIL, MYSELF, Told
from requests_app.models.asked import DESK, FIRST, SHE, Asked

DAYS_AHEAD = 30
NOTE_LENGTH = 2000
PLACE_LENGTH = 300
PLAN_LENGTH = 900
TOO_LONG = _("This is too long. Please use at most %(limit_value)d characters.")
# Hours until she can look again; 0 is "any time".
LOOK_AGAIN = (
    ("0", _("Any time")),
    ("1", _("In about an hour")),
    ("3", _("In about three hours")),
    ("6", _("In about six hours")),
    ("12", _("In about twelve hours")),
    ("24", _("In about a day")),
)


class AreaField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One of the organisation's areas; `offer()` reads them, when the form is made."""

    def __init__(self, **more: Any) -> None:
        wrong = {
            "required": _("Please choose a place."),
            "invalid_choice": _("Please choose one of these places."),
        }
        super().__init__(Area.objects.none(), empty_label=None, error_messages=wrong, **more)

    def offer(self) -> None:
        choices = Area.objects.choices()
        self.queryset = Area.objects.active()
        self.widget.choices = choices if len(choices) == 1 else [("", _("Choose")), *choices]


class DayField(forms.DateField):
    """A day from a list; the form says which."""

    def __init__(self, **more: Any) -> None:
        wrong = {
            "required": _("Please choose a day."),
            "invalid": _("Please choose one of these days."),
        }
        super().__init__(widget=forms.Select, error_messages=wrong, **more)


class AskForm(ShownAsTyped, Party, Told, Legs, MayAskPartner, forms.Form):
    """One kind's form. `asked()` gives what was typed, ready to be stored."""

    token = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)
    area = AreaField()
    day = DayField()
    parts = PartsField(label=_("What time would do?"), help_text=_("Nothing ticked means any time."))
    nights = forms.IntegerField(label=_("How many nights?"), min_value=1, initial=1, required=False)
    people = forms.IntegerField(min_value=1, initial=1, required=False)
    languages = forms.TypedMultipleChoiceField(
        label=_("Which languages do you speak?"),
        choices=languages.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        error_messages={"invalid_choice": _("Please choose from these languages.")},
    )
    languages_hard = forms.BooleanField(label=_("Only somebody who speaks one of these"), required=False)
    who = forms.ChoiceField(label=_("Who may come?"), widget=forms.RadioSelect, required=False, initial="")
    conditions = forms.MultipleChoiceField(
        label=_("What must be so?"),
        help_text=_("Each tick means fewer people can come."),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    wishes = forms.MultipleChoiceField(
        label=_("What would be good?"),
        help_text=_("Nobody is left out for it. Whoever has it is asked sooner."),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    note = forms.CharField(
        label=_("Anything the person should know?"),
        help_text=_(
            "Stored locked. The person you choose can open it. The desk too, if you say so."
            " Whoever controls this server while you write could see it."
        ),
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
        max_length=NOTE_LENGTH,
        required=False,
        error_messages={"max_length": TOO_LONG},
    )
    plan = forms.CharField(
        label=_("If you do not come out, what should they do?"),
        help_text=_("Stored locked, apart. Whoever comes reads it. It is destroyed some hours after."),
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        max_length=PLAN_LENGTH,
        required=False,
        error_messages={"max_length": TOO_LONG},
    )
    desk_reads = forms.ChoiceField(
        label=_("May the desk read your note?"),
        choices=[
            ("no", _("No\nOnly whoever comes opens it.")),
            ("yes", _("Yes\nThe desk opens the note and your answers.")),
        ],
        widget=forms.RadioSelect,
        required=False,
    )
    decides = forms.ChoiceField(
        label=_("Who decides who comes?"), widget=forms.RadioSelect, required=False, initial=SHE
    )
    place = forms.CharField(
        label=_("Where to meet, if the desk decides"),
        help_text=_("You can write it later. Stored locked, for the desk and whoever it chooses."),
        max_length=PLACE_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"max_length": TOO_LONG},
    )
    looks_again = forms.ChoiceField(
        label=_("When can you look here again?"),
        help_text=_("Somebody who offers waits for you at least that long."),
        choices=LOOK_AGAIN,
        initial="0",
        required=False,
    )
    not_yet = forms.BooleanField(
        label=_("Not yet: nobody sees it until I say so"),
        help_text=_("It waits on your page. You press “Ask now” there."),
        required=False,
    )
    tell_by = forms.ChoiceField(
        label=_("How can we tell you that there is news?"),
        choices=[
            (MYSELF, _("I will look here myself")),
            (EMAIL, _("By e-mail\nWhoever holds the phone may see the message.")),
        ],
        widget=forms.RadioSelect,
        required=False,
        initial=MYSELF,
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("The message only says: there is news."),
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={"invalid": _("Please check this e-mail address.")},
    )
    from_hour = forms.TypedChoiceField(label=_("Not before"), coerce=int, empty_value=None, required=False)
    until_hour = forms.TypedChoiceField(label=_("Not after"), coerce=int, empty_value=None, required=False)

    def __init__(self, *args: Any, kind: Kind, at: datetime, desk: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.at = kind, at
        self.initial.setdefault("token", secrets.token_urlsafe(24))
        self._ask_where_and_when()
        self._ask_the_rest(desk)
        self.fields.update(question_fields(kind))
        self.ask_when_of_each()

    def _ask_where_and_when(self) -> None:
        kind, fields = self.kind, self.fields
        area = fields["area"]
        area.offer()  # type: ignore[attr-defined]
        area.label, area.help_text = str(kind.where_label), str(kind.where_help)
        fields["day"].label, fields["day"].help_text = str(kind.when_label), str(kind.when_help)
        fields["day"].widget.choices = list(days(self.at))
        if kind.covers_parts:
            fields["parts"].label = _("Which times must be covered?")

    def _ask_the_rest(self, desk: bool) -> None:
        kind, fields = self.kind, self.fields
        most = Organisation.objects.current().max_nights
        fields["nights"] = _number(fields["nights"].label, most)
        fields["people"] = _number(kind.people_label, kind.most_people)
        self.ask_who_comes()
        fields["who"].choices = conditions.who_choices(kind.condition_slugs)  # type: ignore[attr-defined]
        ticks = [slug for slug in kind.condition_slugs if slug != kind.after_midnight]
        fields["conditions"].choices = conditions.choices(ticks)  # type: ignore[attr-defined]
        fields["wishes"].choices = conditions.wish_choices(kind.condition_slugs)  # type: ignore[attr-defined]
        fields["decides"].choices = list(_who_decides(desk))  # type: ignore[attr-defined]
        for name in ("from_hour", "until_hour"):
            fields[name].choices = [("", _("Any time")), *((h, f"{h}:00") for h in range(24))]  # type: ignore[attr-defined]
        self._say_who_opens_what()
        not_asked = [] if kind.has_nights else ["nights"]
        not_asked += [] if kind.has_capacity else ["people"]
        not_asked += [] if desk else ["desk_reads", "place"]
        not_asked += [] if kind.place_from == "asker" else ["place"]
        not_asked += [] if conditions.wish_choices(kind.condition_slugs) else ["wishes"]
        not_asked += ["plan"] if kind.plan_lives is None else []
        for name in set(not_asked):
            del fields[name]
        self.ask_how_to_tell()
        self.ask_about_partner()

    def _say_who_opens_what(self) -> None:
        """Where several people may come: each opens the note, and one of them the place."""
        kind = self.kind
        if len(kind.tasks) > 1:
            self.fields["note"].help_text = _(
                "Stored locked. Everybody you choose can open it. The desk too, if you say so."
                " Whoever controls this server while you write could see it."
            )
        if kind.has_legs:
            self.fields["place"].help_text = place_help(kind)

    # The groups the page shows

    def first(self) -> list[BoundField]:
        """What is enough, and what this kind does not fold away."""
        open_questions = [q for q in self.kind.questions if not q.folded and not q.about_party]
        return [self["area"], self["day"], self["parts"], *self._questions(open_questions)]

    def folds(self) -> list[tuple[str, list[BoundField], bool]]:
        """The optional groups: (title, fields, whether it stands open).

        A group with something typed or wrong in it is open, so that nothing is hidden from her.
        """
        folded = [q for q in self.kind.questions if q.folded and not q.group and not q.about_party]
        party = self._questions(q for q in self.kind.questions if q.about_party)
        groups = [
            *((str(task.name), self._leg(task)) for task in self.kind.tasks),
            (gettext("How long, how many"), [*self._named("nights", "people"), *party]),
            (gettext("Languages"), self._named("languages", "languages_hard")),
            (gettext("Who may come, and what must be so"), self._named("who", "conditions")),
            (gettext("What would be good"), self._named("wishes")),
            (gettext("More about it"), self._questions(folded)),
            (gettext("If you do not come out"), self._named("plan")),
            (gettext("A note"), self._named("note", "desk_reads")),
            (
                gettext("Who decides, and when you look again"),
                self._named("decides", "place", "looks_again", "not_yet", "partner_ok"),
            ),
            (gettext("How we tell you"), self._named("tell_by", "email", "from_hour", "until_hour")),
        ]
        return [(title, fields, any(map(_in_use, fields))) for title, fields in groups if fields]

    def _named(self, *names: str) -> list[BoundField]:
        return [self[name] for name in names if name in self.fields]

    def _leg(self, task: TaskSpec) -> list[BoundField]:
        """What is asked of one task: whether it is needed, its times, and its other questions."""
        asked = [q for q in self.kind.questions if q.folded and q.group == task.role]
        decides = [q for q in asked if not q.of]
        times = self._named(window_name(task.role))
        return [*self._questions(decides), *times, *self._questions(q for q in asked if q.of)]

    def _questions(self, questions: Iterable[Question]) -> list[BoundField]:
        return [self[question_name(question)] for question in questions]

    # What must hold between the answers

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        today = clock.local_day(self.at)
        if day < today:
            raise forms.ValidationError(_("This day is over. Please choose today or later."))
        if day > today + timedelta(days=DAYS_AHEAD):
            raise forms.ValidationError(_("This day is too far away. Please choose an earlier one."))
        return day

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        self.clean_legs(data)
        if data.get("day") and not self.need_parts():
            self.add_error("parts", OVER)
        if "desk_reads" not in self.fields and self.data.get("desk_reads") == "yes":
            self.add_error(
                None, _("The desk cannot read anything just now. Please look at your answers again.")
            )
        if data.get("note") and "desk_reads" in self.fields and not data.get("desk_reads"):
            self.add_error("desk_reads", _("Please say who may open your note."))
        if data.get("place") and data.get("decides") != DESK:
            self.add_error("place", _("Write this only if the desk decides. Else write it after your yes."))
        if data.get("languages_hard") and not data.get("languages") and "languages" not in self.errors:
            self.add_error("languages", _("Tick a language, or untick the box below."))
        self.clean_party(data)
        self.clean_told(data)
        return data

    # What was typed

    def asked(self) -> Asked:
        """The need as typed. Call after is_valid()."""
        data = self.cleaned_data
        hard = self.hard()
        hours = int(data["looks_again"] or 0)
        return Asked(
            kind=self.kind.slug,
            area=data["area"],
            day=data["day"],
            parts=self.need_parts(),
            covers=self.need_parts() if data["parts"] and self.kind.covers_parts else 0,
            nights=(data.get("nights") or 1) if self.kind.has_nights else 0,
            people=self.how_many(),
            languages=languages.bits(data["languages"]),
            languages_hard=bool(data["languages"]) and data["languages_hard"],
            conditions=hard,
            wishes=conditions.bits(data.get("wishes", [])) & ~hard,
            decides=data["decides"] or SHE,
            desk_reads=data.get("desk_reads") == "yes",
            partner_ok=bool(data.get("partner_ok")),
            looks_again_at=self.at + timedelta(hours=hours) if hours else None,
            note=data["note"],
            place=data.get("place", ""),
            answers=answers(self.kind, data),
            parts_of=self.parts_of(),
            tell=self.tell(),
            paused=data["not_yet"],
            plan=data.get("plan", ""),
        )

    def once_more(self) -> "AskForm":
        """As it was typed: too many were asking at this moment. Call after is_valid()."""
        self.add_error(None, _("Many people are here. Please press Ask once more."))
        return self

    def not_now(self) -> "AskForm":
        """As it was typed: the disk is full, or the database is away. Call after is_valid()."""
        self.add_error(None, _("We cannot store it just now. Press Ask once more in a minute."))
        return self

    def typed(self) -> str:
        """Every answer as it was sent, to tell one filled form from another."""
        return repr([(name, self[name].data) for name in sorted(self.fields)])


def place_help(kind: Kind) -> str:
    """For whom the place is that she writes before it is known who comes."""
    text = gettext(
        "Only for “%(task)s”. You can write it later. Stored locked, for the desk and whoever it chooses."
    )
    return text % {"task": kind.tasks[0].name}


def _in_use(field: BoundField) -> bool:
    """Whether the form came back with something typed, or wrong, in this field."""
    if not field.form.is_bound:
        return False
    typed, plain = field.data, field.field.initial
    return bool(field.errors) or (bool(typed) and str(typed) != str("" if plain is None else plain))


def _number(label: Any, most: int) -> forms.IntegerField:
    wrong = _("Please write a number from 1 to %(most)d.") % {"most": most}
    return forms.IntegerField(
        label=label,
        min_value=1,
        max_value=most,
        initial=1,
        required=False,
        error_messages={"min_value": wrong, "max_value": wrong, "invalid": wrong},
    )


def _who_decides(desk: bool) -> Iterator[tuple[str, Any]]:
    yield SHE, _("I decide\nYou see who offers, and say yes or no.")
    if desk:
        yield DESK, _("The desk decides for me\nGood if you cannot look here.")
    yield FIRST, _("The first who can\nFastest. Come back here to say where to meet.")


def days(at: datetime) -> Iterator[tuple[str, str]]:
    """The days that can be chosen, as (ISO date, name)."""
    today = clock.local_day(at)
    for ahead in range(DAYS_AHEAD + 1):
        day = today + timedelta(days=ahead)
        name = formats.date_format(day, "l j F")
        if ahead == 0:
            # A day ends at five in the morning: before that it is still the night of the day before.
            late = timezone.localtime(at).date() != today
            name = (
                gettext("Tonight, until 5 in the morning")
                if late
                else gettext("Today, %(day)s") % {"day": name}
            )
        yield day.isoformat(), name
