"""What the fields of other people's models are to an outsider, and how long they live (privacy/fields.py)."""

from privacy.fields import FieldClasses

THIRD_PARTY = {
    # Django's permissions are part of its account machinery; nobody here is given any.
    "auth.Permission": FieldClasses(
        clear=("id", "name", "content_type", "codename"), lives="as long as the instance"
    ),
    "auth.Group": FieldClasses(clear=("id", "name"), lives="as long as the instance; none is made"),
    "auth.Group_permissions": FieldClasses(
        clear=("id", "group", "permission"), lives="as long as the instance; none is made"
    ),
    "contenttypes.ContentType": FieldClasses(
        clear=("id", "app_label", "model"), lives="as long as the instance"
    ),
    # Accounts have no e-mail address: these tables stay empty.
    "account.EmailAddress": FieldClasses(
        clear=("id", "user", "email", "verified", "primary"), lives="never written"
    ),
    "account.EmailConfirmation": FieldClasses(
        clear=("id", "email_address", "created", "sent", "key"), lives="never written"
    ),
    # data is JSON around seeds that MFA_ADAPTER seals under the service key; a passkey's part is public.
    "mfa.Authenticator": FieldClasses(
        sealed=("data",),
        clear=("id", "user", "type", "created_at", "last_used_at"),
        lives="until its volunteer removes it, or leaves",
    ),
}
