"""What pytest is not to look for doctests in: scripts of the site, and what is built of it."""

collect_ignore_glob = ["*.py", "_build", "_ext", "figures", "gallery", "generated"]
