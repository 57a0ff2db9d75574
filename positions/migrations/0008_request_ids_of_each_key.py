from django.db import migrations, models


class Migration(migrations.Migration):
    # The new constraint comes first: on MariaDB the old one serves as the index of the foreign key.

    dependencies = [
        ("positions", "0007_stops_and_what_hinders_them"),
    ]

    operations = [
        migrations.AddField(
            model_name="command",
            name="given_with",
            field=models.BigIntegerField(
                default=0,
                help_text="The key's id, 0 without one: request ids are each key's own",
            ),
        ),
        migrations.AddConstraint(
            model_name="command",
            constraint=models.UniqueConstraint(
                fields=("user", "request_id", "given_with"), name="one_command_per_key_and_request"
            ),
        ),
        migrations.RemoveConstraint(model_name="command", name="one_command_per_request"),
    ]
