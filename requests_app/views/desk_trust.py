"""Trust at the desk's hand: checks, vouches taken back, probation, what is required, what is agreed."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from organisation import checks
from organisation.models import Organisation
from privacy import clock
from privacy.ballast import makes_room
from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app import desk_checks, desk_key, standing
from requests_app.forms.trust import AgreementForm, RequiredForm, TickForm
from requests_app.views.ask import BAD_INPUT
from requests_app.views.desk_people import person_answer
from volunteers import keys
from volunteers.agreements import TooMany, Unchanged
from volunteers.checks import NotThem, TooOld
from volunteers.decorators import SignedIn, coordinator
from volunteers.models import Agreement, Check, Probation, Volunteer

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_POST
@coordinator
def tick(request: SignedIn, person_id: UUID) -> HttpResponse:
    """One of the two who check something, or the only one where one is enough."""
    at, found = clock.now(), _found(person_id)
    form = TickForm(request.POST, at=at)
    if not form.is_valid():
        return person_answer(request, found, tick=form)
    item, day = checks.ALL[form.cleaned_data["item"]], form.cleaned_data["done_on"]
    try:
        Check.objects.tick(found, item, request.user, day, at)
    except NotThem:
        messages.info(request, _("Nobody checks themselves. Ask somebody else at the desk."))
    except TooOld:
        form.add_error("done_on", _("That was too long ago. It has to be checked again."))
        return person_answer(request, found, tick=form)
    except SomebodyWasFaster:
        messages.info(request, _("Somebody else did this already. You can confirm it."))
    else:
        said = _("Now somebody else at the desk has to confirm it.") if item.second else _("It counts now.")
        messages.success(request, said)
    return redirect("desk_person", person_id)


@require_POST
@coordinator
def confirm(request: SignedIn, person_id: UUID, check_id: int) -> HttpResponse:
    """The second person says so, too."""
    check = _check(person_id, check_id)
    try:
        check.confirm(request.user, clock.now())
    except NotThem:
        messages.info(request, _("Two people do this together, and nobody for themselves."))
    except TooOld:
        messages.info(request, _("That was too long ago. It has to be checked again."))
    except (SomebodyWasFaster, MoveRefused):
        messages.info(request, _("Somebody was faster. Here is how it is now."))
    else:
        messages.success(request, _("It counts now."))
    return redirect("desk_person", person_id)


@require_POST
@coordinator
@makes_room
def take_back(request: SignedIn, person_id: UUID, check_id: int) -> HttpResponse:
    """It counts no longer: as if it had never been done."""
    check = _check(person_id, check_id)
    if check.volunteer_id == request.user.pk:
        messages.info(request, _("Nobody checks themselves. Ask somebody else at the desk."))
        return redirect("desk_person", person_id)
    standing.take_back_check(check, clock.now())
    messages.success(request, _("It counts no longer."))
    return redirect("desk_person", person_id)


@require_POST
@coordinator
@makes_room
def take_back_vouch(request: SignedIn, person_id: UUID) -> HttpResponse:
    """Stand up for somebody no longer. No reason."""
    at, found = clock.now(), _found(person_id)
    if standing.take_back_vouch(found, request.user, at):
        desk_key.shut_out(found, request.user, keys.private_key(request), at)
        messages.success(request, _("They wait to be let in again. What they took is free."))
    else:
        messages.success(request, _("You do not vouch for them any more."))
    return redirect("desk_person", person_id)


@require_POST
@coordinator
@makes_room
def probation(request: SignedIn, person_id: UUID) -> HttpResponse:
    """From now on only beside somebody experienced."""
    standing.begin_probation(_found(person_id), clock.now())
    messages.success(request, _("They go only beside somebody experienced now."))
    return redirect("desk_person", person_id)


@require_POST
@coordinator
def end_probation(request: SignedIn, person_id: UUID) -> HttpResponse:
    """They may go alone."""
    found = _found(person_id)
    if found == request.user:
        messages.info(request, _("Nobody does this for themselves. Ask somebody else at the desk."))
        return redirect("desk_person", person_id)
    Probation.objects.end(found, clock.now())
    messages.success(request, _("They may go alone now."))
    return redirect("desk_person", person_id)


@get_or_post
@coordinator
def required(request: SignedIn) -> HttpResponse:
    """Without which checks nobody is sent."""
    form = RequiredForm(_posted(request), initial=_required())
    if form.is_valid():
        desk_checks.require(form.cleaned_data["required_checks"], clock.now())
        messages.success(request, _("Saved."))
        return redirect("desk_checks")
    return render(request, "requests_app/desk_checks.html", {"form": form}, status=_status(form))


@get_or_post
@coordinator
def agreements(request: SignedIn) -> HttpResponse:
    """Every text, who has not accepted it, and one more."""
    form = AgreementForm(_posted(request))
    if form.is_valid():
        try:
            Agreement.objects.add(at=clock.now(), **form.cleaned_data)
            return _written(request)
        except TooMany:
            form.add_error(None, _("There are many already. Change one, or stop asking for one first."))
    data = {"texts": desk_checks.texts(), "form": form}
    return render(request, "requests_app/desk_agreements.html", data, status=_status(form))


@get_or_post
@coordinator
def agreement(request: SignedIn, slug: str) -> HttpResponse:
    """One text: other words are a new version, which everybody accepts anew."""
    current = desk_checks.text(slug)
    if current is None:
        raise Http404
    form = AgreementForm(_posted(request), initial={"title": current.title, "text": current.text})
    if form.is_valid():
        try:
            Agreement.objects.write(slug, at=clock.now(), **form.cleaned_data)
        except Unchanged:
            messages.info(request, _("The words are the same. Nothing was changed."))
            return redirect("desk_agreements")
        return _written(request)
    data = {"form": form, "text": current}
    return render(request, "requests_app/desk_agreement.html", data, status=_status(form))


@require_POST
@coordinator
def stop_agreement(request: SignedIn, slug: str) -> HttpResponse:
    """Nobody is asked to accept it any more."""
    current = desk_checks.text(slug)
    if current is None:
        raise Http404
    if current.built_in:
        messages.info(request, _("This one stays. You can change its words."))
        return redirect("desk_agreements")
    Agreement.objects.stop(slug)
    messages.success(request, _("Nobody is asked to accept it any more."))
    return redirect("desk_agreements")


def _written(request: SignedIn) -> HttpResponse:
    messages.success(request, _("Saved. Everybody reads it before they go on, you too."))
    return redirect("desk_agreements")


def _posted(request: SignedIn) -> Any:
    """What was posted, be it nothing; None where nothing was."""
    return request.POST if request.method == "POST" else None


def _required() -> dict[str, Any]:
    return {"required_checks": Organisation.objects.current().required_checks}


def _found(person_id: UUID) -> Volunteer:
    return get_object_or_404(Volunteer.objects.all(), pk=person_id)


def _check(person_id: UUID, check_id: int) -> Check:
    return get_object_or_404(Check.objects.of(_found(person_id)), pk=check_id)


def _status(form: Any) -> int:
    return BAD_INPUT if form.errors else 200
