// Compares MoA for .NET with llama.cpp: the same files, tokens and threads, slices of both in turn. See README.md.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { groups, models } from "./cases.mjs";
import { agreement } from "./agreement.mjs";
import { makePlan } from "./plan.mjs";
import { moaBench, moaMakes } from "./moa.mjs";
import { Peer } from "./peer.mjs";

const { values: options } = parseArgs({
    options: {
        quick: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        alternations: { type: "string" },
        threads: { type: "string", default: String(os.availableParallelism()) },
        case: { type: "string", default: "" },
    },
});
const threads = Number(options.threads);
const alternations = Number(options.alternations ?? (options.quick ? 3 : 5));
if (!(threads >= 1 && alternations >= 1)) {
    console.error("compare.sh: expected --threads N and --alternations N of at least 1");
    process.exit(2);
}
const cache = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "moa-bench");
fs.mkdirSync(cache, { recursive: true });

const note = text => console.error(text);
const median = numbers => {
    const sorted = [...numbers].sort((a, b) => a - b);
    return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

async function main() {
    if (os.loadavg()[0] > 0.5 * threads)
        note(`warning: the machine is busy (load ${os.loadavg()[0].toFixed(1)}); llama.cpp's threads wait for each other, so it suffers most`);
    const peer = new Peer();
    const rows = [];
    try {
        const chosen = groups
            .filter(group => !options.quick || !group.full)
            .map(group => ({ ...group, cases: group.cases.filter(entry => entry.case.includes(options.case)) }))
            .filter(group => group.cases.length > 0);
        for (const group of chosen)
            rows.push(...(await compareGroup(group, peer)));
        if ("greedy-agreement".includes(options.case))
            rows.push(await agreement(peer, cache, threads, note));
    } finally {
        peer.end();
    }
    if (options.json)
        console.log(JSON.stringify({ rows }, null, 2));
    else
        printTable(rows);
    if (rows.some(row => row.case === "greedy-agreement" && row.peer !== row.ours))
        process.exitCode = 1;
}

async function compareGroup(group, peer) {
    const model = await prepareModel(group.model);
    for (const { plan } of group.cases)
        plan && preparePlan(plan, model);
    const isPrefill = group.cases.some(({ measure }) => measure === "prefill");
    if (group.against !== "bandwidth") {
        const { build, release } = await peer.load(group, model, threads);
        note(`${group.model}, ${group.batch} x ${group.length}: llama.cpp ${release}, ${build}, ${threads} threads, ` +
            `flash attention ${group.flashAttention ? "on" : "off"}`);
        if (!isPrefill || group.length < 2048)
            await peer.fill(group, model);
    }
    const ours = [], theirs = [];
    for (let i = 0; i < alternations; i++) {
        ours.push(await moaBench(group, model, threads));
        if (group.against === "bandwidth")
            continue;
        const prefill = isPrefill ? await peer.prefill(group, model) : null;
        await peer.decode(group, model, 1); // brings back what our slice pushed out of the caches
        theirs.push({ prefill, decode: await peer.decode(group, model) });
    }
    const rows = group.cases.map((entry, i) => summarise(group, entry, ours.map(slice => slice[ourRow(group, i)]), theirs));
    rows.forEach(row => note(`  ${row.case}: ${row.ours.toFixed(2)} / ${row.peer.toFixed(2)} = ${row.ratio.toFixed(3)}`));
    return rows;
}

// Dense cases share the one dense row; each plan has a row of its own.
const ourRow = (group, index) => (group.cases[index].plan ? index : 0);

function summarise(group, { case: name, measure, plan }, ours, theirs) {
    const our = ours.map(row => row[`${measure}TokensPerSecond`]);
    const their = group.against === "bandwidth"
        ? ours.map(row => row.decodeTokensPerSecond / row.bandwidthShare)
        : theirs.map(slice => slice[measure]);
    const row = {
        case: name, ours: median(our), peer: median(their), ratio: median(our) / median(their), unit: "tokens/s",
        against: group.against ?? "llama.cpp", alternations,
        oursAll: our, peerAll: their,
        kvBytes: ours[0].kvBytes, weightBytes: ours[0].weightBytes, peakResidentBytes: Math.max(...ours.map(row => row.peakResidentBytes)),
    };
    row.overWeightsAndCachesBytes = row.peakResidentBytes - row.kvBytes - row.weightBytes;
    if (plan)
        row.density = ours[0].density;
    if (measure === "decode")
        row.bandwidthShare = median(ours.map(row => row.bandwidthShare));
    return row;
}

async function prepareModel(name) {
    const model = { ...models[name], path: path.join(cache, `${name}.gguf`) };
    if (!fs.existsSync(model.path)) {
        note(`making ${model.path}`);
        await moaMakes("model", "random", "--shape", model.shape, "--weights", model.weights, "--out", model.path);
    }
    return model;
}

function preparePlan(plan, model) {
    plan.path = path.join(cache, `plan-${model.layers}x${model.heads}-${plan.density}-${plan.atLength}.json`);
    fs.writeFileSync(plan.path, JSON.stringify(makePlan(model.layers, model.heads, plan.density, plan.atLength)));
}

function printTable(rows) {
    const cells = rows.map(row => [
        row.case, format(row.ours), format(row.peer), row.ratio.toFixed(2),
        row.bandwidthShare === undefined ? "" : `${(100 * row.bandwidthShare).toFixed(0)} %`,
        row.overWeightsAndCachesBytes === undefined ? "" : `${Math.round(row.overWeightsAndCachesBytes / 2 ** 20)} MiB`,
    ]);
    const table = [["case", "ours", "peer", "ratio", "of bandwidth", "over weights and KV"], ...cells];
    const widths = table[0].map((_, column) => Math.max(...table.map(line => line[column].length)));
    for (const line of table)
        console.log(line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "));
}

const format = number => (Number.isInteger(number) ? String(number) : number.toPrecision(4));

await main();
