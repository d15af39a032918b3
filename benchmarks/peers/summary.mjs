// What the slices of a comparison come to: medians, the better peer, the table.

export const median = numbers => {
    const sorted = [...numbers].sort((a, b) => a - b);
    return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/** The name of the fastest, by medians; undefined without any. */
export const better = medians => Object.keys(medians).sort((a, b) => medians[b] - medians[a])[0];

/**
 * The row of a case. `ours`: its row of `moa bench` in each alternation; `peersAll`: by peer, tokens per second in each
 * alternation, none where the case is held against the machine's bandwidth alone.
 */
export function summarise({ model, measure, length, batch }, { case: name, plan }, threads, ours, peersAll) {
    const oursAll = ours.map(row => row[`${measure}TokensPerSecond`]);
    const row = {
        case: name, model, measure, length, batch, threads, unit: "tokens/s",
        ours: median(oursAll), ...against(median(oursAll), medians(peersAll)), oursAll, peersAll,
        kvBytes: ours[0].kvBytes, weightBytes: ours[0].weightBytes, peakResidentBytes: Math.max(...ours.map(row => row.peakResidentBytes)),
    };
    row.overWeightsAndCachesBytes = row.peakResidentBytes - row.kvBytes - row.weightBytes;
    if (plan)
        row.density = ours[0].density;
    if (measure === "decode")
        row.bandwidthShare = median(ours.map(row => row.bandwidthShare));
    return row;
}

/** The peers' figures, the better of them, and ours over it. */
export function against(ours, peers) {
    const best = better(peers);
    return best === undefined ? { peers } : { peers, best, ratio: ours / peers[best] };
}

const medians = all => Object.fromEntries(Object.entries(all).map(([peer, numbers]) => [peer, median(numbers)]));

/** Adds to dense batches what share they reach of the same model's prefill, ours, where that was measured in the same run. */
export function addSharesOfPrefill(rows) {
    const isDense = row => row.density === undefined;
    for (const row of rows.filter(row => row.measure === "decode" && row.batch > 1 && isDense(row))) {
        const prefill = rows.find(other =>
            other.measure === "prefill" && other.model === row.model && other.threads === row.threads && isDense(other));
        if (prefill)
            row.shareOfPrefill = row.ours / prefill.ours;
    }
}

/** A table in Markdown, its columns aligned. */
export function table(rows, peers) {
    const lines = [
        ["case", "threads", "ours", ...peers, "ratio", "of bandwidth", "of prefill", "over weights and KV"],
        ...rows.map(row => [
            row.case, String(row.threads), format(row.ours), ...peers.map(peer => format(row.peers[peer])), row.ratio?.toFixed(2) ?? "",
            percent(row.bandwidthShare), percent(row.shareOfPrefill),
            row.overWeightsAndCachesBytes === undefined ? "" : `${Math.round(row.overWeightsAndCachesBytes / 2 ** 20)} MiB`,
        ]),
    ];
    const widths = lines[0].map((_, column) => Math.max(...lines.map(line => line[column].length)));
    lines.splice(1, 0, widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)));
    return lines.map(line => `| ${line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(" | ")} |`).join("\n");
}

const format = number => (number === undefined ? "" : Number.isInteger(number) ? String(number) : number >= 100 ? number.toFixed(0) : number.toFixed(1));
const percent = share => (share === undefined ? "" : `${(100 * share).toFixed(0)} %`);
