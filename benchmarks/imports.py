"""What `import skmax` adds to the imports that scikit-learn's own users have, in ms.

Fresh processes in turn, one of each kind per pair. `python benchmarks/imports.py [--quick]`.
"""

import os
import statistics
import subprocess
import sys

from _measure import arguments, machine, seconds

IMPORTS = "import scipy.optimize, sklearn.callback, sklearn.metrics, sklearn.model_selection"
WITH_SKMAX = f"{IMPORTS}\nimport skmax; skmax.SoftmaxMLPClassifier"


def run(code):
    """Run code in a process of its own, which may keep what it compiles."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def main():
    """Print the median over pairs."""
    options = arguments(__doc__)
    run(WITH_SKMAX)
    added = [
        1e3 * (seconds(lambda: run(WITH_SKMAX)) - seconds(lambda: run(IMPORTS)))
        for _ in range(options.pairs if options.quick else 10 * options.pairs)
    ]
    print(f"import skmax adds {statistics.median(added):.1f} ms (median of {len(added)} pairs)")
    print(machine())


if __name__ == "__main__":
    main()
