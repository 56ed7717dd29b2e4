from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='ObjectRead',
            fields=[
                ('object_id', models.CharField(max_length=255, primary_key=True, serialize=False)),
                ('begun_at', models.DateTimeField(db_index=True)),
                ('covers_until', models.DateTimeField()),
            ],
        ),
        migrations.RunSQL(
            'ALTER TABLE turns_objectread SET UNLOGGED', 'ALTER TABLE turns_objectread SET LOGGED'
        ),
    ]
