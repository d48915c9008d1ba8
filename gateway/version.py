"""The version, raised with each release; shown by `/health/ready`, the desk and the command line."""

VERSION = "0.3.0"
