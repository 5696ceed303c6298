"""Longer questions, and what follows from their answers, for the entries in organisation/kinds.py."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from organisation.kind import Answers, Choice, Question, Text

CHILDREN = (
    ("children_0_2", _("Children up to 2 years")),
    ("children_3_6", _("Children from 3 to 6")),
    ("children_7_12", _("Children from 7 to 12")),
    ("children_13_17", _("Children from 13 to 17")),
)


def party() -> Iterator[Question]:
    """Who comes along, by age, and which animals. Stored locked; in clear is only how many people it is."""
    yield Question("adults", _("Adults, with you"), "number", most=8, counts=True)
    for slug, label in CHILDREN:
        yield Question(slug, label, "number", most=8, counts=True, implies="children_welcome")
    yield Question("pets", _("How many animals come with you?"), "number", most=20, implies="pets_welcome")
    yield Question("which_pets", _("Which animals?"), "text", max_length=100, implies="pets_welcome")


def are_two(answers: Answers) -> bool:
    """Two people come: she said so, or she left it open and is among many."""
    chosen = answers.get("companions")
    return chosen == "two" or (chosen is None and answers.get("setting") in ("police", "court"))


def wants_backup(answers: Answers) -> bool:
    chosen = answers.get("backup")
    return chosen == "yes" or (chosen is None and are_two(answers))


def relief_after(answers: Answers) -> int:
    """After how many hours somebody takes over; 0: nobody does."""
    chosen = str(answers.get("relief", ""))
    return int(chosen) if chosen.isdecimal() else 0


def wants_relief(answers: Answers) -> bool:
    return relief_after(answers) > 0


def wish(slug: str, label: Text) -> Question:
    """Something she may want, or not want, of whoever comes."""
    choices = (Choice("yes", _("Yes, please")), Choice("no", _("Please not")))
    return Question(f"want_{slug}", label, "choice", choices=choices)


SETTINGS = (
    Choice("police", _("At the police")),
    Choice("court", _("At a court")),
    Choice("clinic", _("At a clinic")),
    Choice("office", _("At an office")),
    Choice("belongings", _("To collect belongings")),
    Choice("phone", _("On the phone")),
)
