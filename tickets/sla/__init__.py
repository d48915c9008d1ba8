"""The promises of the service: policies, clocks, warnings, breaches, and the chain that they go up."""
