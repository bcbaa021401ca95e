"""The objective, and the solvers that minimise it."""
