import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('requests_app', '0005_nights'),
    ]

    operations = [
        migrations.AddField(
            model_name='calledoff',
            name='is_over',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='need',
            name='belongs_to',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='comes_with', to='requests_app.need'),
        ),
        migrations.AddField(
            model_name='need',
            name='broken_off',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='need',
            name='wishes',
            field=models.BigIntegerField(default=0),
        ),
        migrations.CreateModel(
            name='Extension',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('status', models.CharField(default='asked', max_length=16)),
                ('number', models.PositiveSmallIntegerField()),
                ('nights', models.PositiveSmallIntegerField()),
                ('asker_yes', models.BooleanField(default=False)),
                ('host_yes', models.BooleanField(default=False)),
                ('desk_yes', models.BooleanField(default=False)),
                ('no_bed', models.BooleanField(default=False)),
                ('over_after', models.DateTimeField()),
                ('claim', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='extensions', to='requests_app.claim')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('claim', 'number'), name='extension_number_once'), models.UniqueConstraint(condition=models.Q(('status', 'asked')), fields=('claim',), name='extension_one_is_asked')],
            },
        ),
    ]
