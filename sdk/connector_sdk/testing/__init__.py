"""The conformance kit: the laws, the fake connector, simulators, killed processes, and a network that misbehaves."""
