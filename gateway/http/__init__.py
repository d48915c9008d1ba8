"""HTTP: one module per area, each ending in its `ROUTES`; `table.py` lists them all."""
