"""The asker's addresses, all under /a/; the volunteer's and the desk's."""

from django.urls import include, path

from requests_app.views import (
    ask,
    board,
    calendar,
    close_account,
    desk_people,
    desk_settings,
    mine,
    new_key,
    stay,
    taps,
)
from requests_app.views import desk as desk_views

asker = [
    path("a/code/", ask.code, name="code"),
    path("a/return/", ask.return_, name="return"),
    path("a/leave/", ask.leave, name="leave"),
    path("a/mine/", mine.mine, name="mine"),
    path("a/mine/erase/", mine.erase, name="erase"),
    path("a/erased/", mine.erased, name="erased"),
    path("a/erasing/", mine.erasing, name="erasing"),
    path("a/mine/needs/<uuid:need_id>/pause/", mine.pause, name="pause"),
    path("a/mine/needs/<uuid:need_id>/resume/", mine.resume, name="resume"),
    path("a/mine/needs/<uuid:need_id>/withdraw/", mine.withdraw, name="withdraw"),
    path("a/mine/needs/<uuid:need_id>/write-again/", mine.write_again, name="write_again"),
    path("a/mine/needs/<uuid:need_id>/try-telling/", mine.try_telling, name="try_telling"),
    path("a/mine/needs/<uuid:need_id>/stop-telling/", mine.stop_telling, name="stop_telling"),
    path("a/mine/needs/<uuid:need_id>/met/", mine.met, name="met"),
    path("a/mine/people/<uuid:claim_id>/approve/", mine.approve, name="approve"),
    path("a/mine/people/<uuid:claim_id>/key/", mine.approve_key, name="approve_key"),
    path("a/mine/people/<uuid:claim_id>/decline/", mine.decline, name="decline"),
    path("a/mine/people/<uuid:claim_id>/message/", mine.message, name="message"),
    path("a/mine/people/<uuid:claim_id>/place/", mine.place, name="place"),
    path("a/mine/people/<uuid:claim_id>/move-on/", stay.move_on, name="move_on"),
    path("a/mine/people/<uuid:claim_id>/longer/", stay.longer, name="longer"),
    path("a/mine/people/<uuid:claim_id>/longer/answer/", stay.longer_answer, name="longer_answer"),
    path("a/mine/needs/<uuid:need_id>/withdraw-together/", stay.withdraw_together, name="withdraw_together"),
    path("a/mine/people/<uuid:claim_id>/say/", taps.say, name="say"),
    path("a/mine/people/<uuid:claim_id>/when/", taps.meet_when, name="meet_when"),
    path("a/mine/people/<uuid:claim_id>/promote/", taps.promote, name="promote"),
    path("a/mine/needs/<uuid:need_id>/plan/", taps.plan, name="plan"),
    path("a/<slug:slug>/", ask.ask, name="ask"),
]

volunteer = [
    path("accounts/close/", close_account.close_account, name="close_account"),
    path("accounts/new-key/", new_key.new_key, name="new_key"),
    path("accounts/restore/<str:token>/", new_key.restore_login, name="restore_login"),
    path("board/", board.board, name="board"),
    path("calendar/<str:token>.ics", calendar.calendar, name="calendar"),
    path("needs/<uuid:need_id>/", board.need, name="need"),
    path("needs/<uuid:need_id>/claim/", board.claim, name="claim"),
    path("needs/<uuid:need_id>/stand-by/", board.stand_by, name="stand_by"),
    path("needs/<uuid:need_id>/release/", board.release, name="release"),
    path("needs/<uuid:need_id>/cannot-go-on/", board.cannot_go_on, name="cannot_go_on"),
    path("needs/<uuid:need_id>/finish/", board.finish, name="finish"),
    path("needs/<uuid:need_id>/message/", board.message, name="write"),
    path("needs/<uuid:need_id>/longer/", stay.host_longer, name="host_longer"),
    path("needs/<uuid:need_id>/longer/answer/", stay.host_longer_answer, name="host_longer_answer"),
    path("needs/<uuid:need_id>/say/", taps.need_say, name="need_say"),
]

people = [
    path("", desk_people.people, name="desk_people"),
    path("invite/", desk_people.invite, name="desk_invite"),
    path(
        "invitations/<uuid:invitation_id>/withdraw/",
        desk_people.withdraw_invitation,
        name="desk_invitation_withdraw",
    ),
    path("key/renew/", desk_people.renew_key, name="desk_key_renew"),
    path("key/begin-again/", desk_people.begin_again, name="desk_key_begin_again"),
    path("<uuid:person_id>/", desk_people.person, name="desk_person"),
    path("<uuid:person_id>/vouch/", desk_people.vouch, name="desk_vouch"),
    path("<uuid:person_id>/pause/", desk_people.pause, name="desk_pause"),
    path("<uuid:person_id>/resume/", desk_people.resume, name="desk_resume"),
    path("<uuid:person_id>/suspend/", desk_people.suspend, name="desk_suspend"),
    path("<uuid:person_id>/reinstate/", desk_people.reinstate, name="desk_reinstate"),
    path("<uuid:person_id>/restore/", desk_people.restore_login, name="desk_restore_login"),
    path("<uuid:person_id>/restore/stop/", desk_people.stop_restoring, name="desk_restore_stop"),
    path("<uuid:person_id>/join/", desk_people.join_desk, name="desk_join"),
    path("<uuid:person_id>/share/", desk_people.share_key, name="desk_share"),
    path("<uuid:person_id>/leave/", desk_people.leave_desk, name="desk_leave"),
]

settings = [
    path("", desk_settings.settings, name="desk_settings"),
    path("away/", desk_settings.away, name="desk_away"),
    path("hours/", desk_settings.add_hours, name="desk_hours_add"),
    path("hours/<int:pk>/", desk_settings.hours, name="desk_hours"),
    path("hours/<int:pk>/remove/", desk_settings.remove_hours, name="desk_hours_remove"),
    path("numbers/", desk_settings.add_number, name="desk_number_add"),
    path("numbers/<int:pk>/", desk_settings.number, name="desk_number"),
    path("numbers/<int:pk>/remove/", desk_settings.remove_number, name="desk_number_remove"),
    path("areas/", desk_settings.areas, name="desk_areas"),
    path("areas/add/", desk_settings.add_area, name="desk_area_add"),
    path("areas/<int:pk>/", desk_settings.area, name="desk_area"),
    path("areas/<int:pk>/deactivate/", desk_settings.deactivate_area, name="desk_area_deactivate"),
    path("areas/<int:pk>/activate/", desk_settings.activate_area, name="desk_area_activate"),
]

desk = [
    path("desk/", desk_views.desk, name="desk"),
    path("desk/trouble/", desk_views.trouble, name="desk_trouble"),
    path("desk/clock/", desk_views.trust_clock, name="desk_clock"),
    path("desk/key-sheet/", desk_views.key_sheet, name="desk_key_sheet"),
    path("desk/needs/<uuid:need_id>/", desk_views.need, name="desk_need"),
    path("desk/needs/<uuid:need_id>/approve/", desk_views.approve, name="desk_approve"),
    path("desk/needs/<uuid:need_id>/key/", desk_views.approve_key, name="desk_approve_key"),
    path("desk/needs/<uuid:need_id>/decline/", desk_views.decline, name="desk_decline"),
    path("desk/needs/<uuid:need_id>/longer/", stay.desk_longer, name="desk_longer"),
    path("desk/needs/<uuid:need_id>/promote/", taps.desk_promote, name="desk_promote"),
    path("desk/people/", include(people)),
    path("desk/settings/", include(settings)),
]

urlpatterns = [*asker, *volunteer, *desk]
