"""The network: its kernels, its parameters in one vector, and the fitted model."""
