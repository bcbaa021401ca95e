"""How hypothesis searches: a few fixed examples as a rule, many new ones on request."""

from hypothesis import settings

settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=10_000, deadline=None)
settings.load_profile("ci")  # `--hypothesis-profile thorough` comes later, and wins
