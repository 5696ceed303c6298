from django.db import migrations, models

from privacy import clock

EPOCH_HOUR = 3600


def fill(apps, schema_editor):
    """The hour in which the last part that would do begins, of needs asked before."""
    need_model = apps.get_model("requests_app", "Need")
    for need in need_model.objects.only("day", "parts"):
        last = max((part for part in clock.Part if need.parts & part), default=clock.Part.NIGHT)
        hour = int(clock.part_start(need.day, last).timestamp()) // EPOCH_HOUR
        need_model.objects.filter(pk=need.pk).update(last_hour=hour)


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0003_second_code")]

    operations = [
        migrations.AddField(
            model_name="need",
            name="last_hour",
            field=models.PositiveIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
