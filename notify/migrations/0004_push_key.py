from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notify', '0003_gateways'),
    ]

    operations = [
        migrations.CreateModel(
            name='PushKey',
            fields=[
                ('number', models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ('public_key', models.BinaryField(max_length=65)),
                ('private_key', models.BinaryField()),
            ],
        ),
    ]
