"""Columns of X as features of the network: how they are scaled."""
