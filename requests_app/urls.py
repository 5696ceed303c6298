"""The asker's addresses, all under /a/; the volunteer's and the desk's."""

from django.urls import path

from requests_app.views import ask, board, mine

asker = [
    path("a/code/", ask.code, name="code"),
    path("a/return/", ask.return_, name="return"),
    path("a/leave/", ask.leave, name="leave"),
    path("a/mine/", mine.mine, name="mine"),
    path("a/mine/erase/", mine.erase, name="erase"),
    path("a/erased/", mine.erased, name="erased"),
    path("a/mine/needs/<uuid:need_id>/withdraw/", mine.withdraw, name="withdraw"),
    path("a/mine/needs/<uuid:need_id>/met/", mine.met, name="met"),
    path("a/mine/people/<uuid:claim_id>/approve/", mine.approve, name="approve"),
    path("a/mine/people/<uuid:claim_id>/decline/", mine.decline, name="decline"),
    path("a/mine/people/<uuid:claim_id>/message/", mine.message, name="message"),
    path("a/mine/people/<uuid:claim_id>/place/", mine.place, name="place"),
    path("a/<slug:slug>/", ask.ask, name="ask"),
]

volunteer = [
    path("board/", board.board, name="board"),
    path("needs/<uuid:need_id>/", board.need, name="need"),
    path("needs/<uuid:need_id>/claim/", board.claim, name="claim"),
    path("needs/<uuid:need_id>/stand-by/", board.stand_by, name="stand_by"),
    path("needs/<uuid:need_id>/release/", board.release, name="release"),
    path("needs/<uuid:need_id>/finish/", board.finish, name="finish"),
    path("needs/<uuid:need_id>/message/", board.message, name="write"),
]

urlpatterns = [*asker, *volunteer]
