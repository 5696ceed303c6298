"""This room's pages, and stand-ins for those of the rooms above it."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from organisation.urls import urlpatterns as public
from volunteers.decorators import coordinator, let_in, unlocked


@let_in
def board(request: HttpRequest) -> HttpResponse:
    return HttpResponse("board")


@coordinator
def desk(request: HttpRequest) -> HttpResponse:
    return HttpResponse("desk")


@unlocked
def sealed(request: HttpRequest) -> HttpResponse:
    return HttpResponse("opened")


urlpatterns = [
    *public,
    path("", include("volunteers.urls")),
    path("board/", board, name="board"),
    path("desk/", desk, name="desk"),
    path("sealed/", sealed, name="sealed"),
]
