/* How the search ranks pages that match alike: those that say what to do before those that explain,
   and lists of everything last. The numbers of the matches are Sphinx's own. */
var Scorer = {
  score: ([docName, title, anchor, descr, score]) => {
    if (docName.startsWith("howto/") && docName !== "howto/index") return score + 3;
    if (docName.startsWith("guide/") || docName.startsWith("start/")) return score + 2;
    if (/^(project|changelog|design|mutation|generated\/skmax\.dask)/.test(docName)) return score - 1;
    return score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
