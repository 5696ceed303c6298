"""Every address of this room. allauth's own list is not included: it has pages about e-mail."""

from allauth.account import views as account
from allauth.mfa.base import views as second_factor
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import include, path

from volunteers.views import account as ours
from volunteers.views import agreements, join, offers, profile

second_factor_urls = [
    path("", second_factor.index, name="mfa_index"),
    path("authenticate/", second_factor.authenticate, name="mfa_authenticate"),
    path("reauthenticate/", second_factor.reauthenticate, name="mfa_reauthenticate"),
    path("totp/activate/", totp.activate_totp, name="mfa_activate_totp"),
    path("totp/deactivate/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("totp/qr.png", ours.totp_qr, name="totp_qr"),
    path("spare-codes/", ours.spare_codes, name="mfa_view_recovery_codes"),
    path("spare-codes/new/", ours.new_spare_codes, name="mfa_generate_recovery_codes"),
    path("webauthn/", webauthn.list_webauthn, name="mfa_list_webauthn"),
    path("webauthn/add/", webauthn.add_webauthn, name="mfa_add_webauthn"),
    path("webauthn/login/", webauthn.login_webauthn, name="mfa_login_webauthn"),
    path("webauthn/reauthenticate/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("webauthn/keys/<int:pk>/edit/", webauthn.edit_webauthn, name="mfa_edit_webauthn"),
    path("webauthn/keys/<int:pk>/remove/", webauthn.remove_webauthn, name="mfa_remove_webauthn"),
]

account_urls = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("passphrase/", account.password_change, name="account_change_password"),
    path("passkey/", ours.passkey, name="account_passkey"),
    path("unlock/", ours.unlock, name="account_unlock"),
    path("lock/", ours.lock, name="account_lock"),
    path("recover/", ours.recover, name="account_recover"),
    path("sheet/", join.sheet, name="recovery_sheet"),
    path("sheet/qr.png", join.sheet_qr, name="recovery_sheet_qr"),
    path("sheet/new/", join.new_sheet, name="recovery_sheet_new"),
    path("2fa/", include(second_factor_urls)),
]

profile_urls = [
    path("", profile.profile, name="profile"),
    # What it may look after is what lies beside it: nothing but these pages.
    path("news.js", profile.news_script, name="news_script"),
    path("agreements/", agreements.agreements, name="agreements"),
    path("about/", profile.about, name="profile_about"),
    path("pause/", profile.pause, name="profile_pause"),
    path("resume/", profile.resume, name="profile_resume"),
    path("login-restore/stop/", profile.stop_login_restore, name="profile_login_restore_stop"),
    path("calendar/", profile.new_calendar, name="profile_calendar"),
    path("calendar/drop/", profile.drop_calendar, name="profile_calendar_drop"),
    path("channels/", profile.add_channel, name="profile_channel_add"),
    path("channels/<uuid:channel_id>/try/", profile.try_channel, name="profile_channel_try"),
    path("channels/<uuid:channel_id>/remove/", profile.remove_channel, name="profile_channel_remove"),
]

offer_urls = [
    path("", offers.index, name="offers"),
    path("new/", offers.new, name="offer_new"),
    path("<uuid:offer_id>/edit/", offers.edit, name="offer_edit"),
    path("<uuid:offer_id>/days/", offers.add_day, name="offer_day_add"),
    path("<uuid:offer_id>/days/remove/", offers.remove_day, name="offer_day_remove"),
    path("<uuid:offer_id>/nights/", offers.set_nights, name="offer_nights"),
    path("<uuid:offer_id>/nights/remove/", offers.clear_nights, name="offer_nights_remove"),
    path("<uuid:offer_id>/agree/", offers.agree, name="offer_agree"),
    path("<uuid:offer_id>/pause/", offers.pause, name="offer_pause"),
    path("<uuid:offer_id>/activate/", offers.activate, name="offer_activate"),
    path("<uuid:offer_id>/remove/", offers.remove, name="offer_remove"),
]

urlpatterns = [
    path("join/<str:token>/", join.join, name="join"),
    path("accounts/", include(account_urls)),
    path("profile/", include(profile_urls)),
    path("offers/", include(offer_urls)),
]
