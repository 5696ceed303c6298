import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Channel",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("recipient", models.UUIDField(db_index=True)),
                ("transport", models.SlugField(db_index=False, max_length=20)),
                ("address", models.BinaryField()),
                ("language", models.CharField(max_length=12)),
                ("from_hour", models.PositiveSmallIntegerField(null=True)),
                ("until_hour", models.PositiveSmallIntegerField(null=True)),
                ("paces", models.BooleanField(default=False)),
                ("added_at", models.DateTimeField()),
                ("tested_at", models.DateTimeField(null=True)),
                ("broken_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("from_hour__isnull", True), ("until_hour__isnull", True)),
                            models.Q(("from_hour__lt", 24), ("until_hour__lt", 24)),
                            _connector="OR",
                        ),
                        name="channel_hours_both_or_neither",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("lease_token", models.UUIDField(editable=False, null=True)),
                ("lease_until", models.DateTimeField(editable=False, null=True)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("retry_after", models.DateTimeField(editable=False, null=True)),
                ("recipient", models.UUIDField(db_index=True)),
                ("transport", models.SlugField(db_index=False, max_length=20)),
                ("pace", models.CharField(blank=True, default="", max_length=8)),
                ("status", models.CharField(default="queued", max_length=16)),
                ("send_after", models.DateTimeField()),
                ("purge_after", models.DateTimeField(db_index=True)),
                ("idempotency_key", models.CharField(max_length=64, unique=True)),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="notify.channel",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "queued")), fields=["send_after"], name="notice_due"
                    ),
                    models.Index(
                        condition=models.Q(("status", "queued")),
                        fields=["transport", "send_after"],
                        name="notice_due_by",
                    ),
                ],
            },
        ),
    ]
