"""Error, log loss, calibration and time of whole classifiers on real data sets.

Each data set is split into 75 % training and 25 % test rows, stratified by class, once per
seed; of the training rows at most `--max-rows` are kept. Every method is fitted as its
documentation shows it, nothing is tuned, on one thread. Results go to a file, one JSON line
per fit: run it again and only what is missing is fitted (remove the file after a change).

    python benchmarks/accuracy.py                      sets the defaults were not chosen on
    python benchmarks/accuracy.py --suite many         such sets, 3,750 to 15,000 training rows
    python benchmarks/accuracy.py --suite chosen       sets they were chosen on
    python benchmarks/accuracy.py --data FOLDER        .npz files with X and y
    python benchmarks/accuracy.py --suite rare         sets with 1 to 10 % of the rare class
    python benchmarks/accuracy.py --suite tables       raw tables, with categories and gaps
    python benchmarks/accuracy.py --suite tables --max-rows 10000

LightGBM, and RealMLP and TabM of pytabkit, take part where they are installed. TabM is slow
without a GPU: `--methods` leaves it out.

The sets of a rare class are split into five folds instead, once per seed: a quarter of them
may hold three rows of it. Their methods are few, because what is asked of them is whether
probabilities of a rare class are right: without hidden layers, with them, and beside another.

Every method gets the raw tables as they are: frames of floats with NaN, and of the dtype
"category". What takes no such frame stands behind one-hot columns and means with indicators of
gaps ("one-hot, ..."). HistGradientBoosting refuses a category of more than 255 levels: it gets
the 254 most frequent ones, and all others as one. CatBoost refuses missing
categories: it gets them as a category, "missing". LightGBM, XGBoost, CatBoost and skrub take
part where they are installed.

`_data.py` says which the sets are, and which packages hold them.
"""

import argparse
import json
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from _data import CHOSEN_ON, MANY, TABLES, UNSEEN, load, rare_names, table
from _measure import machine
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    StandardScaler,
)
from threadpoolctl import threadpool_limits
from tqdm import tqdm

import skmax
from skmax import SoftmaxMLPClassifier

SUITES = {
    "unseen": UNSEEN,
    "many": MANY,
    "chosen": CHOSEN_ON,
    "rare": None,
    "tables": list(TABLES),
}
# Most rows of training; of "rare" all are used.
MAX_ROWS = {"unseen": 3_000, "many": 15_000, "chosen": 3_000, "rare": None, "tables": 3_000}

N_FOLDS = 5
# Of the rows with the highest probability, the rate of the rare class is told.
TOP, LEAST_TOP = 0.01, 10

# Added to errors and losses before their ratio is taken: half a percent more or less of
# next to nothing is no news.
OFFSET = 0.005
N_BINS = 15


def ensemble(seed, smallest_class):
    """Return the recommended ensemble: a network per fold, calibrated on the fold."""
    # Without a seed of their own the members begin at different weights.
    np.random.seed(seed)  # noqa: NPY002, which is what random_state=None draws from
    return CalibratedClassifierCV(
        SoftmaxMLPClassifier(temperature_scaling=False),
        method="temperature",
        cv=min(8, smallest_class),
        ensemble=True,
    )


METHODS = {
    "skmax": lambda seed, _: SoftmaxMLPClassifier(random_state=seed),
    "skmax, one view": lambda seed, _: SoftmaxMLPClassifier(
        numerical_encoding="linear", random_state=seed
    ),
    "skmax, 8 folds": ensemble,
    "scaler + MLPClassifier": lambda seed, _: make_pipeline(
        StandardScaler(), MLPClassifier(random_state=seed)
    ),
    "MLPClassifier": lambda seed, _: MLPClassifier(random_state=seed),
    "HistGradientBoosting": lambda seed, _: HistGradientBoostingClassifier(random_state=seed),
    "RandomForest": lambda seed, _: RandomForestClassifier(random_state=seed),
    "scaler + LogisticRegression": lambda seed, _: make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=1000)
    ),
}
try:
    from lightgbm import LGBMClassifier
except ImportError:
    pass
else:
    METHODS["LightGBM"] = lambda seed, _: LGBMClassifier(random_state=seed, n_jobs=1, verbosity=-1)
try:
    from pytabkit import RealMLP_TD_S_Classifier, TabM_D_Classifier
except ImportError:
    pass
else:
    METHODS["RealMLP-TD-S"] = lambda seed, _: RealMLP_TD_S_Classifier(
        random_state=seed, n_threads=1, device="cpu"
    )
    METHODS["TabM-D"] = lambda seed, _: TabM_D_Classifier(
        random_state=seed, n_threads=1, device="cpu"
    )
REFERENCES = [
    "scaler + MLPClassifier",
    "HistGradientBoosting",
    "LightGBM",
    "RealMLP-TD-S",
    "TabM-D",
    "skmax, one view",
]


def one_hot():
    """Return the columns of a frame as numbers: one per frequent category and per gap."""
    return ColumnTransformer(
        [
            (
                "numbers",
                SimpleImputer(add_indicator=True, keep_empty_features=True),
                make_column_selector(dtype_exclude="category"),
            ),
            (
                "categories",
                make_pipeline(
                    SimpleImputer(strategy="constant", fill_value="missing"),
                    OneHotEncoder(
                        min_frequency=5,
                        handle_unknown="infrequent_if_exist",
                        sparse_output=False,
                    ),
                ),
                make_column_selector(dtype_include="category"),
            ),
        ]
    )


# What HistGradientBoosting takes of a category.
MOST_LEVELS = 255


class FrequentLevels(TransformerMixin, BaseEstimator):
    """Join the rare levels of categories that have more than HistGradientBoosting takes."""

    def fit(self, X, y=None):
        """Learn the most frequent levels of such columns."""
        counts = {name: X[name].value_counts() for name in X.select_dtypes("category")}
        self.kept_ = {
            name: list(count.index[: MOST_LEVELS - 1])
            for name, count in counts.items()
            if (count > 0).sum() > MOST_LEVELS
        }
        return self

    def transform(self, X):
        """Return the frame with all other levels, those never seen too, as one of them."""
        joined = X.copy()
        for name, kept in self.kept_.items():
            texts = X[name].astype(object)
            texts = texts.where(texts.isin(kept) | texts.isna(), "rare")
            joined[name] = texts.astype("category")
        return joined


def name_gaps(X):
    """Return a frame with missing categories called "missing"."""
    named = X.copy()
    for name in X.select_dtypes("category"):
        named[name] = X[name].astype(object).fillna("missing")
    return named


TABLE_METHODS = {
    "skmax": lambda seed, _: SoftmaxMLPClassifier(random_state=seed),
    "one-hot, skmax": lambda seed, _: make_pipeline(
        one_hot(), SoftmaxMLPClassifier(random_state=seed)
    ),
    "one-hot, skmax, one view": lambda seed, _: make_pipeline(
        one_hot(), SoftmaxMLPClassifier(numerical_encoding="linear", random_state=seed)
    ),
    "one-hot, scaler + MLPClassifier": lambda seed, _: make_pipeline(
        one_hot(), StandardScaler(), MLPClassifier(random_state=seed)
    ),
    "HistGradientBoosting": lambda seed, _: make_pipeline(
        FrequentLevels(),
        HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed),
    ),
}
if "LightGBM" in METHODS:
    TABLE_METHODS["LightGBM"] = METHODS["LightGBM"]
try:
    from xgboost import XGBClassifier
except ImportError:
    pass
else:
    TABLE_METHODS["XGBoost"] = lambda seed, _: XGBClassifier(
        enable_categorical=True, random_state=seed, n_jobs=1
    )
try:
    from catboost import CatBoostClassifier
except ImportError:
    pass
else:
    TABLE_METHODS["CatBoost"] = lambda seed, X: make_pipeline(
        FunctionTransformer(name_gaps),
        CatBoostClassifier(
            cat_features=list(X.select_dtypes("category").columns),
            random_seed=seed,
            thread_count=1,
            verbose=False,
            allow_writing_files=False,
        ),
    )
try:
    from skrub import tabular_pipeline
except ImportError:
    pass
else:
    TABLE_METHODS["skrub, skmax"] = lambda seed, _: tabular_pipeline(
        SoftmaxMLPClassifier(random_state=seed)
    )
TABLE_REFERENCES = ["HistGradientBoosting"]

RARE_REFERENCE = "scaler + LogisticRegression()"
RARE_METHODS = {
    "skmax": METHODS["skmax"],
    "skmax without hidden layers": lambda seed, _: SoftmaxMLPClassifier(
        (), solver="newton-cg", random_state=seed
    ),
    "HistGradientBoosting": METHODS["HistGradientBoosting"],
    RARE_REFERENCE: lambda seed, _: make_pipeline(StandardScaler(), LogisticRegression()),
}


def split(X, y, seed, max_rows):
    """Return training rows, their labels, test rows and theirs."""
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)
    if len(y) > max_rows:
        X, _, y, _ = train_test_split(X, y, train_size=max_rows, stratify=y, random_state=seed)
    return X, y, X_test, y_test


def scores(P, y, classes):
    """Return error, log loss, Brier score and expected calibration error."""
    P = np.clip(P, 1e-15, None) / np.clip(P, 1e-15, None).sum(axis=1, keepdims=True)
    truth = y[:, None] == classes
    confidence, right = P.max(axis=1), truth[np.arange(len(y)), P.argmax(axis=1)]
    bins = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    gap = np.bincount(bins, weights=right - confidence, minlength=N_BINS)
    return {
        "error": float(1 - right.mean()),
        "log loss": float(-np.log(P[truth]).mean()),
        "Brier": float(((P - truth) ** 2).sum(axis=1).mean()),
        "ECE": float(np.abs(gap).sum() / len(y)),
    }


def measure_rare(method, data, seed):
    """Return the scores of probabilities of the rare class, out of five folds, and the seconds."""
    X, y = data
    labels, counts = np.unique(y, return_counts=True)
    is_rare = y == labels[counts.argmin()]
    P, seconds = np.empty(len(y)), 0.0
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    for training, test in folds.split(X, is_rare):
        classifier = RARE_METHODS[method](seed, None)
        start = time.perf_counter()
        classifier.fit(X[training], is_rare[training])
        seconds += time.perf_counter() - start
        P[test] = classifier.predict_proba(X[test])[:, 1]
    highest = np.argsort(-P, kind="stable")[: max(LEAST_TOP, int(TOP * len(y)))]
    both = np.column_stack([1.0 - P, P])
    common = scores(both, is_rare, np.array([False, True]))
    return {
        **{key: common[key] for key in ("log loss", "Brier")},
        "average precision": float(average_precision_score(is_rare, P)),
        "mean over rate": float(P.mean() / is_rare.mean()),
        "top mean": float(P[highest].mean()),
        "top rate": float(is_rare[highest].mean()),
        "seconds": seconds,
        "rows": len(y),
    }


def measure(method, data, seed):
    """Return the scores and the seconds of one fit to arrays."""
    smallest_class = np.unique(data[1], return_counts=True)[1].min()
    return measure_fit(METHODS[method](seed, int(smallest_class)), data)


def measure_table(method, data, seed):
    """Return the scores and the seconds of one fit to a frame."""
    X, y, X_test, y_test = data
    # Labels are numbered because XGBoost takes no others.
    classes, y = np.unique(y, return_inverse=True)
    data = X, y, X_test, np.searchsorted(classes, y_test)
    return measure_fit(TABLE_METHODS[method](seed, X), data)


def measure_fit(classifier, data):
    """Fit a classifier; return its scores and the seconds."""
    X, y, X_test, y_test = data
    start = time.perf_counter()
    classifier.fit(X, y)
    seconds = time.perf_counter() - start
    P = classifier.predict_proba(X_test)
    return {**scores(P, y_test, classifier.classes_), "seconds": seconds, "rows": len(y)}


def finished(path):
    """Return what is in the file of results, by data set, seed, method and rows."""
    results = {}
    if path.exists():
        for line in path.read_text().splitlines():
            result = json.loads(line)
            results[result["data"], result["seed"], result["method"], result["max_rows"]] = result
    return results


def run(options, names):
    """Fit what is missing; return all results."""
    results = finished(options.results)
    measure_one = {"rare": measure_rare, "tables": measure_table}.get(options.suite, measure)
    tasks = [
        (name, seed, method, options.max_rows)
        for name in names
        for seed in range(options.seeds)
        for method in options.methods  # next to each other: the machine's speed changes
    ]
    missing = [task for task in tasks if task not in results]
    options.results.parent.mkdir(parents=True, exist_ok=True)
    loaded = None, None
    with options.results.open("a") as file, tqdm(missing, unit="fit") as progress:
        for name, seed, method, max_rows in progress:
            progress.set_postfix_str(f"{name}, {method}")
            if loaded[0] != (name, seed):
                if options.suite == "rare":
                    data = load(name, options.data, smallest_class=1)
                elif options.suite == "tables":
                    data = split(*table(name), seed, max_rows)
                else:
                    data = split(*load(name, options.data), seed, max_rows)
                loaded = (name, seed), data
            key = {"data": name, "seed": seed, "method": method, "max_rows": max_rows}
            measured = measure_one(method, loaded[1], seed)
            result = {**key, **measured, "skmax": skmax.__version__}
            results[name, seed, method, max_rows] = result
            file.write(json.dumps(result) + "\n")
            file.flush()
    return {task[:3]: results[task] for task in tasks}


def means(results, names, seeds, methods, key):
    """Return the means over seeds, shape (methods, data sets)."""
    return np.array(
        [
            [np.mean([results[name, seed, method][key] for seed in seeds]) for name in names]
            for method in methods
        ]
    )


def change(values, reference, rng):
    """Return the change of the geometric mean in per cent, and its 95 % interval.

    The interval is a bootstrap over data sets: what other data sets might have said.
    """
    log_ratio = np.log((values + OFFSET) / (reference + OFFSET))
    samples = rng.choice(log_ratio, size=(2000, len(log_ratio))).mean(axis=1)
    low, high = np.quantile(samples, [0.025, 0.975])
    return 100 * np.expm1([log_ratio.mean(), low, high])


def report(results, names, options):
    """Print a table against each reference."""
    rng, seeds = np.random.default_rng(0), range(options.seeds)
    values = {
        key: means(results, names, seeds, options.methods, key)
        for key in ("error", "log loss", "Brier", "ECE", "seconds")
    }
    print(
        f"\n{len(names)} data sets, {options.seeds} seeds; {machine()}\n"
        "Error, log loss and Brier score: change of the geometric mean over data sets, with its\n"
        "95 % interval over data sets. ECE: mean. Time: geometric mean of ratios of fit times;\n"
        "sum: of fit times, one per data set. Wins, ties and losses: data sets, by error."
    )
    references = TABLE_REFERENCES if options.suite == "tables" else REFERENCES
    for reference in (name for name in references if name in options.methods):
        base = options.methods.index(reference)
        print(f"\nAgainst {reference}:")
        header = f"{'':32}{'error':>24}{'log loss':>24}{'Brier':>9}{'ECE':>7}{'time':>7}{'sum':>8}"
        print(header + "   wins/ties/losses")
        for i, method in enumerate(options.methods):
            error, loss = (
                change(values[key][i], values[key][base], rng) for key in ("error", "log loss")
            )
            brier = change(values["Brier"][i], values["Brier"][base], rng)[0]
            ratio = np.exp(np.log(values["seconds"][i] / values["seconds"][base]).mean())
            difference = values["error"][i] - values["error"][base]
            ties = int((np.abs(difference) < 1e-9).sum())
            wins = int((difference <= -1e-9).sum())
            print(
                f"{method:32}{interval(error):>24}{interval(loss):>24}{brier:+8.1f}%"
                f"{values['ECE'][i].mean():7.3f}{ratio:7.2f}{values['seconds'][i].sum():7.0f}s   "
                f"{wins}/{ties}/{len(names) - wins - ties}"
            )


def report_rare(results, names, options):
    """Print how right the probabilities of a rare class are, beside the reference's."""
    seeds, methods = range(options.seeds), options.methods
    keys = ("log loss", "Brier", "average precision", "mean over rate", "top mean", "top rate")
    values = {key: means(results, names, seeds, methods, key) for key in keys}
    rng = np.random.default_rng(0)
    print(f"\n{len(names)} data sets, {options.seeds} seeds, {N_FOLDS} folds; {machine()}")
    if RARE_REFERENCE in methods:
        base = methods.index(RARE_REFERENCE)
        print(
            f"Log loss and Brier score: change of the geometric mean against {RARE_REFERENCE}, "
            "with its 95 % interval over data sets."
        )
    print(
        "All others are means over data sets; the last two are of the one per cent of rows with\n"
        f"the highest probabilities, at least {LEAST_TOP}: the mean of these, and the rate among "
        "them.\n"
    )
    header = f"{'':30}{'log loss':>24}{'Brier':>24}{'precision':>11}{'mean/rate':>11}"
    print(f"{header}{'top mean':>10}{'top rate':>10}")
    for i, method in enumerate(methods):
        line = f"{method:30}"
        for key in ("log loss", "Brier"):
            told = f"{values[key][i].mean():.4f}"
            if RARE_REFERENCE in methods:
                told = interval(change(values[key][i], values[key][base], rng))
            line += f"{told:>24}"
        precision, over_rate, mean, rate = (values[key][i].mean() for key in keys[2:])
        print(f"{line}{precision:11.3f}{over_rate:11.2f}{mean:10.3f}{rate:10.3f}")


def interval(change_in_percent):
    """Return a change with its interval as text."""
    return "{:+.1f} % [{:+.0f}, {:+.0f}]".format(*change_in_percent)


def draw(results, names, options, path):
    """Save a picture: per data set, error and log loss over those of the reference.

    The ratios are those of the table, with its offset; a dotted line is their mean.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    reference = REFERENCES[0]
    shown = {
        "skmax": ("#0072B2", "o"),
        "skmax, 8 folds": ("#D55E00", "D"),
        "HistGradientBoosting": ("#888888", "s"),
    }
    shown = {name: style for name, style in shown.items() if name in options.methods}
    methods = [reference, *shown]
    figure, panels = plt.subplots(
        1, 2, figsize=(10, 2.6 + 0.25 * len(names)), sharey=True, layout="constrained"
    )
    order = None
    for axes, key in zip(panels, ("error", "log loss"), strict=True):
        values = means(results, names, range(options.seeds), methods, key) + OFFSET
        ratios = values[1:] / values[0]
        order = ratios[0].argsort()[::-1] if order is None else order
        rows = np.arange(len(names))
        axes.axvline(1, color="black", linewidth=1)
        axes.hlines(rows, *np.sort(ratios[:2], axis=0)[[0, -1]][:, order], color="0.8", zorder=1)
        for (name, (colour, marker)), ratio in zip(shown.items(), ratios, strict=True):
            mean = np.exp(np.log(ratio).mean())
            label = f"{name}: {100 * (mean - 1):+.0f} %"
            # What lies beyond an edge is drawn at the edge.
            inside = np.clip(ratio[order], 0.305, 3.25)
            axes.plot(inside, rows, marker, color=colour, label=label, markersize=5)
            axes.axvline(mean, color=colour, linewidth=1, linestyle=":")
        axes.set(xscale="log", xlim=(0.3, 3.3))
        axes.xaxis.set_major_locator(FixedLocator([0.33, 0.5, 0.67, 1, 1.5, 2, 3]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.set_xlabel(f"over that of {reference}\nbetter  ←    → worse")
        axes.grid(axis="x", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1), title=key.capitalize(), frameon=False
        )
    panels[0].set_yticks(np.arange(len(names)), np.array(names)[order])
    figure.savefig(path, dpi=150)


def main():
    """Run what is missing, print the tables and save the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of .npz files instead of a suite")
    parser.add_argument("--suite", choices=list(SUITES), default="unseen")
    parser.add_argument("--names", nargs="+", help="only these data sets")
    parser.add_argument("--methods", nargs="+", help="only these methods")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--max-rows", type=int, help="of training (default 3000, of --suite many 15000)"
    )
    parser.add_argument("--results", type=Path, default=Path("accuracy.jsonl"))
    parser.add_argument("--picture", type=Path, help="file for the picture; needs matplotlib")
    parser.add_argument("--quick", action="store_true", help="two small sets: does it run?")
    options = parser.parse_args()
    is_rare = options.suite == "rare"
    methods = {"rare": RARE_METHODS, "tables": TABLE_METHODS}.get(options.suite, METHODS)
    options.methods = options.methods or list(methods)
    unknown = set(options.methods) - set(methods)
    if unknown:
        parser.error(f"--methods must be of {list(methods)}, got {sorted(unknown)}")
    has_own_sets = options.suite in ("rare", "tables")
    if has_own_sets and (options.data is not None or options.picture is not None):
        parser.error(f"--suite {options.suite} has sets of its own, and no picture")
    names = SUITES[options.suite]
    if options.max_rows is None or is_rare:
        options.max_rows = MAX_ROWS[options.suite]
    if is_rare and not (options.names or options.quick):
        names = rare_names()
    if options.data is not None:
        names = sorted(path.stem for path in options.data.glob("*.npz"))
    if options.quick:
        names, options.seeds = ["breast_cancer", "digits"], 1
        options.max_rows = 200
        if is_rare:
            names, options.max_rows = ["breast_cancer"], None
        if options.suite == "tables":
            names = ["made"]
        options.results = Path(tempfile.mkdtemp()) / "quick.jsonl"
    if options.names:
        names = options.names
    # MLPClassifier does not converge by default, and says so.
    warnings.simplefilter("ignore", ConvergenceWarning)
    with threadpool_limits(1):
        results = run(options, names)
    (report_rare if is_rare else report)(results, names, options)
    if options.picture is not None:
        draw(results, names, options, options.picture)


if __name__ == "__main__":
    main()
