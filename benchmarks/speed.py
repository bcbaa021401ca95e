"""Time of whole fits: MLPClassifier's, and a hand-written torch loop's, over ours.

Same data, epochs, batch size and initial scale; Adam, relu, no early stopping; through the
public API, with validation and curves. `python benchmarks/speed.py [--quick] [--pairs N]`;
torch is compared where it is installed.
"""

import statistics
from itertools import pairwise

import numpy as np
from _measure import NEUTRAL, arguments, blas_peak, machine, paired
from sklearn.neural_network import MLPClassifier

from skmax import SoftmaxMLPClassifier

# Layer sizes, batch size, rows, epochs.
NETWORKS = [
    ([20, 32, 3], 200, 10_000, 12),
    ([64, 100, 10], 200, 10_000, 8),
    ([784, 100, 10], 200, 8_000, 3),
    ([54, 256, 256, 256, 7], 256, 6_000, 3),
    ([784, 512, 512, 10], 256, 4_000, 2),
]


def data(sizes, n_rows, dtype):
    """Return rows and labels that a linear rule separates mostly."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, sizes[0]))
    labels = (X @ rng.normal(size=(sizes[0], sizes[-1]))).argmax(axis=1)
    return X.astype(dtype), labels


def settings(sizes, batch_size, epochs):
    """Return the parameters that both classifiers are given."""
    return {
        "hidden_layer_sizes": tuple(sizes[1:-1]),
        "batch_size": batch_size,
        "max_iter": epochs,
        "n_iter_no_change": epochs,
        "tol": 0.0,
        "alpha": 1e-4,
        "learning_rate_init": 1e-3,
        "random_state": 0,
    }


def torch_loop(sizes, batch_size, epochs, X, y):
    """Return the same training written by hand in torch, or None without torch."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)

    def train():
        torch.manual_seed(0)
        layers = []
        for fan_in, fan_out in pairwise(sizes):
            layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
        model = torch.nn.Sequential(*layers[:-1])
        rows, labels = torch.from_numpy(X), torch.from_numpy(y)
        model.to(rows.dtype)
        weights = [p for p in model.parameters() if p.ndim == 2]
        biases = [p for p in model.parameters() if p.ndim == 1]
        groups = [{"params": weights, "weight_decay": 1e-4 / len(X)}, {"params": biases}]
        optimizer = torch.optim.Adam(groups, lr=1e-3)
        loss_of = torch.nn.CrossEntropyLoss()
        for _ in range(epochs):
            order = torch.randperm(len(X))
            total = 0.0
            for start in range(0, len(X), batch_size):
                batch = order[start : start + batch_size]
                loss = loss_of(model(rows[batch]), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.item() * len(batch)

    return train


def flops(sizes, n_rows, epochs):
    """Return the operations of the matrix products of a fit."""
    products = [fan_in * fan_out for fan_in, fan_out in pairwise(sizes)]
    # Forward, gradient of the weights, and the gradient of the rows in all but one layer.
    return 2 * n_rows * epochs * (3 * sum(products) - products[0])


def measure(network, input_dtype, compute_dtype, options):
    """Return MLPClassifier's and torch's time over ours, and the share of the BLAS peak."""
    sizes, batch_size, n_rows, epochs = network
    if options.quick:
        n_rows, epochs = n_rows // 8, 1
    X, y = data(sizes, n_rows, input_dtype)
    shared = settings(sizes, batch_size, epochs)
    peer = MLPClassifier(**shared)
    ours = SoftmaxMLPClassifier(**{**NEUTRAL, **shared, "dtype": compute_dtype})
    loop = torch_loop(sizes, batch_size, epochs, X, y) if input_dtype != "auto" else None
    functions = [lambda: peer.fit(X, y), lambda: ours.fit(X, y)]
    if loop is not None and compute_dtype != "auto":
        functions.insert(0, loop)
    ratios, times = paired(functions, options.pairs)
    work_dtype = np.float32 if compute_dtype == "auto" else compute_dtype
    share = flops(sizes, n_rows, epochs) / times[-1] / blas_peak(work_dtype)
    return ratios[-2], ratios[0] if len(functions) == 3 else None, share


def main():
    """Print the table."""
    options = arguments(__doc__)
    print("Time of MLPClassifier.fit, and of a torch loop, over that of ours; share of BLAS peak")
    print(
        "network, batch              float64  torch  peak   float32  torch  peak   "
        "float64 input, dtype='auto'"
    )
    automatic = []
    for network in NETWORKS:
        cells = []
        for input_dtype, compute_dtype in [
            ("float64", "float64"),
            ("float32", "float32"),
            ("float64", "auto"),
        ]:
            peer, torch_ratio, share = measure(network, input_dtype, compute_dtype, options)
            torch_cell = "    -" if torch_ratio is None else f"{torch_ratio:5.2f}"
            cells.append(f"{peer:7.2f}  {torch_cell}  {share:4.0%}")
            if compute_dtype == "auto":
                automatic.append(peer)
                cells[-1] = f"{peer:7.2f}"
        name = f"{'-'.join(map(str, network[0]))}, {network[1]}"
        print(f"{name:<26}{cells[0]}   {cells[1]}   {cells[2]}", flush=True)
    print(f"geometric mean of the last column: {statistics.geometric_mean(automatic):.2f}")
    print(machine())


if __name__ == "__main__":
    main()
