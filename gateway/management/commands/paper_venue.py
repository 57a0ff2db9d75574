"""Run the paper venue."""

from argparse import RawDescriptionHelpFormatter

from django.core.management import BaseCommand

from gateway.paper import options as paper_options
from gateway.paper.serving import server


class Command(BaseCommand):
    """``manage.py paper_venue``."""

    help = "Run a venue that answers like Binance (spot and USD-M), for trying out and for tests."

    def create_parser(self, prog_name, subcommand, **options):
        """Keep the example's lines."""
        options["formatter_class"] = RawDescriptionHelpFormatter
        options["epilog"] = "example:\n  manage.py paper_venue --port 8600 --data var/paper"
        return super().create_parser(prog_name, subcommand, **options)

    def add_arguments(self, parser) -> None:
        """The venue's own options."""
        paper_options.add_arguments(parser)

    def handle(self, *args, **given) -> None:
        """Until Ctrl-C."""
        from argparse import Namespace

        server.run(paper_options.from_namespace(Namespace(**given)))
