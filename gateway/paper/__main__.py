"""Start the paper venue: ``python -m gateway.paper --port 8600 --data DIR --seed 7``."""

import sys

from gateway.paper.server import main

sys.exit(main())
