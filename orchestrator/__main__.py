"""`python -m orchestrator` is the same as `autoresearch`."""

from orchestrator.cli import main

raise SystemExit(main())
