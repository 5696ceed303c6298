from django.db import migrations, models

from privacy import clock

EPOCH_HOUR = 3600


def fill(apps, schema_editor):
    """The hour in which the last part that would do begins, of tasks asked before."""
    task_model = apps.get_model("requests_app", "Task")
    for task in task_model.objects.select_related("need"):
        last = max((part for part in clock.Part if task.parts & part), default=clock.Part.NIGHT)
        hour = int(clock.part_start(task.need.day, last).timestamp()) // EPOCH_HOUR
        task_model.objects.filter(pk=task.pk).update(last_hour=hour)


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0004_legs")]

    operations = [
        migrations.AddField(
            model_name="task",
            name="last_hour",
            field=models.PositiveIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
