"""What `import skmax` adds to the imports that scikit-learn's own users have, in ms.

Fresh processes, each of which times the import after the others. (Differences between whole
processes vary by more than that.) `python benchmarks/imports.py [--quick]`.
"""

import os
import statistics
import subprocess
import sys

from _measure import arguments, machine

CODE = """
import scipy.optimize, sklearn.callback, sklearn.metrics, sklearn.model_selection, time
begun = time.perf_counter()
import skmax
skmax.SoftmaxMLPClassifier
print(1e3 * (time.perf_counter() - begun))
"""


def milliseconds():
    """Return the time of the import in a process that may keep what it compiles."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", CODE]
    return float(subprocess.run(command, check=True, env=environment, capture_output=True).stdout)


def main():
    """Print the median over processes."""
    options = arguments(__doc__)
    milliseconds()
    times = [milliseconds() for _ in range(options.pairs)]
    print(f"import skmax adds {statistics.median(times):.1f} ms (median of {len(times)})")
    print(machine())


if __name__ == "__main__":
    main()
