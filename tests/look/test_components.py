"""The shared pieces: each question says what went wrong, and each label reaches its control."""

from types import SimpleNamespace

from django import forms
from django.template.loader import render_to_string

from tests.look.markup import parse

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
PARTS = ("Morning\n5–12", "Afternoon\n12–17", "Evening\n17–22", "Night\n22–5")


class WeekInput(forms.CheckboxSelectMultiple):
    """The weekly grid as a room would declare it."""

    template_name = "components/week.html"


class AskForm(forms.Form):
    """One of each kind of question."""

    area = forms.ChoiceField(label="Where?", help_text="A part of town.", choices=[("1", "Here")])
    note = forms.CharField(label="Note", widget=forms.Textarea, required=False)
    step_free = forms.BooleanField(label="No steps", help_text="A lift will do.", required=False)
    desk = forms.ChoiceField(
        label="Desk?", choices=[("y", "Yes\nThey help."), ("n", "No")], widget=forms.RadioSelect
    )
    weekly = forms.MultipleChoiceField(
        label="When?",
        required=False,
        widget=WeekInput,
        choices=[(day, [(4 * d + p, part) for p, part in enumerate(PARTS)]) for d, day in enumerate(DAYS)],
    )


def asked(**answers: object) -> AskForm:
    """The form as it came back."""
    form = AskForm(answers)
    form.is_valid()
    return form


def test_every_label_reaches_its_control_and_every_id_is_one() -> None:
    page = parse(str(asked()))
    ids = page.ids()

    assert len(ids) == len(set(ids))
    assert {label["for"] for label in page.named("label") if "for" in label} <= set(ids)


def test_a_wrong_answer_is_tied_to_its_sentence() -> None:
    page = parse(asked()["area"].as_field_group())

    [control] = page.named("select")
    assert control["aria-invalid"] == "true"
    assert control["aria-describedby"] == "id_area_helptext id_area_error"
    assert page.ids() == ["id_area_helptext", "id_area_error", "id_area"]


def test_a_group_of_cards_is_tied_to_its_sentence() -> None:
    page = parse(asked()["desk"].as_field_group())

    assert page.named("fieldset")[0]["aria-describedby"] == "id_desk_error"
    assert "id_desk_error" in page.ids()


def test_the_second_line_of_a_choice_is_its_small_print() -> None:
    html = str(asked()["desk"])

    assert ">Yes<small>They help.</small></label>" in html
    assert ">No</label>" in html


def test_a_choice_that_is_a_number_is_still_shown() -> None:
    class Count(forms.Form):
        people = forms.ChoiceField(choices=[(1, 1), (2, 2)], widget=forms.RadioSelect)

    assert ">2</label>" in str(Count()["people"])


def test_the_week_is_twenty_eight_boxes_each_with_its_name() -> None:
    boxes = parse(str(asked(weekly=["0", "27"])["weekly"])).named("input")

    assert [box["value"] for box in boxes] == [str(bit) for bit in range(28)]
    assert len({box["aria-label"] for box in boxes}) == 28
    assert boxes[27]["aria-label"] == "Sunday, Night"
    assert [box["value"] for box in boxes if "checked" in box] == ["0", "27"]


def test_the_summary_links_to_each_question_that_is_wrong() -> None:
    form = asked()

    page = parse(render_to_string("components/errors.html", {"form": form}) + str(form))

    targets = [link["href"].removeprefix("#") for link in page.named("a")]
    assert targets == ["id_area", "id_desk_group"]
    assert set(targets) <= set(page.ids())


def test_a_form_that_is_right_has_no_summary() -> None:
    assert render_to_string("components/errors.html", {"form": asked(area="1", desk="y")}).strip() == ""


def test_a_fold_stands_open_where_something_in_it_was_typed_or_is_wrong() -> None:
    def opened(form: AskForm) -> bool:
        context = {"title": "More", "fields": [form["note"]], "open": form.is_bound}
        return "open" in parse(render_to_string("components/fold.html", context)).named("details")[0]

    assert opened(AskForm()) is False
    assert opened(asked()) is True


def test_what_was_typed_is_never_markup() -> None:
    row = SimpleNamespace(mine=False, author="<b>A</b>", text="<i>hello</i>", when="")

    html = render_to_string("components/thread.html", {"thread": [row]})

    assert "&lt;i&gt;hello&lt;/i&gt;" in html
    assert "&lt;b&gt;A&lt;/b&gt;" in html


def test_the_code_is_a_numbered_list_of_its_words() -> None:
    html = render_to_string("components/code.html", {"code": "anchor willow copper"})

    assert [word in html for word in ("<li>anchor</li>", "<li>willow</li>", "<li>copper</li>")] == [True] * 3


def test_every_cell_of_a_table_keeps_its_heading_on_a_small_screen() -> None:
    rows = [[("What", "A ride"), ("Open for", "1 hour")]]

    page = parse(render_to_string("components/table.html", {"rows": rows}))

    assert [cell["data-label"] for cell in page.named("td")] == ["Open for"]
