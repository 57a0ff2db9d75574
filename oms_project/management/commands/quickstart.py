"""Prepare the data folder that ``make run`` works with."""

from django.core.management import BaseCommand, call_command

from oms_project.starting.quickstart import prepare, quickstart_path


class Command(BaseCommand):
    """``manage.py quickstart``."""

    help = (
        "Create the tables, the first users and key, and six paper accounts; write "
        "$OMS_DATA_DIR/quickstart.json. Safe to repeat. Example: manage.py quickstart"
    )

    def handle(self, *args, **options) -> None:
        """Prepare and say where to look."""
        call_command("migrate", interactive=False, verbosity=0)
        facts = prepare()
        self.stdout.write(
            f"{len(facts['accounts'])} paper accounts are ready; see {quickstart_path()}"
        )
