"""The leaf of the import graph: what every other folder builds on. Imports nothing by itself."""
