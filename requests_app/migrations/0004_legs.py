"""Times, days and answers belong to a task; a need that was there before has the same times for each of its tasks."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

# Where the tasks that there were stand among those of their kind.
POSITIONS = {"there": 0, "back": 2, "companion": 0, "second_companion": 1}


def give_each_task_its_times(apps: Any, schema_editor: Any) -> None:
    task_model, day_model = apps.get_model("requests_app", "Task"), apps.get_model("requests_app", "NeedDay")
    for task in task_model.objects.select_related("need"):
        task.position = POSITIONS.get(task.role, 0)
        for name in ("parts", "covers", "any_bits", "all_bits"):
            setattr(task, name, getattr(task.need, name))
        task.save()
        for day in day_model.objects.filter(need=task.need, task=None):
            day.pk, day.task = None, task
            day.save(force_insert=True)
    # Those of the need as a whole, now that each of its tasks has its own.
    day_model.objects.filter(task=None).delete()
    # Else PostgreSQL does not let the columns be changed.
    schema_editor.connection.check_constraints()


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0003_second_code")]

    operations = [
        migrations.RemoveConstraint(model_name="needday", name="need_day_once"),
        migrations.AddField(
            model_name="needday",
            name="task",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="days",
                to="requests_app.task",
            ),
        ),
        migrations.AddField("task", "all_bits", models.PositiveIntegerField(default=0), preserve_default=False),
        migrations.AddField("task", "any_bits", models.PositiveIntegerField(default=0), preserve_default=False),
        migrations.AddField("task", "answers", models.BinaryField(null=True)),
        migrations.AddField("task", "covers", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("task", "parts", models.PositiveSmallIntegerField(default=0), preserve_default=False),
        migrations.AddField("task", "position", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("task", "urgent", models.BooleanField(default=False)),
        migrations.RunPython(give_each_task_its_times),
        migrations.AlterField(
            model_name="needday",
            name="task",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="days",
                to="requests_app.task",
            ),
        ),
        migrations.RemoveField("need", "all_bits"),
        migrations.RemoveField("need", "any_bits"),
        migrations.AddConstraint(
            model_name="needday",
            constraint=models.UniqueConstraint(fields=("task", "day"), name="task_day_once"),
        ),
    ]
