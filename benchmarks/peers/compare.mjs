// Compares MoA for .NET with llama.cpp: the same files, tokens and threads, slices of all in turn. See README.md.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { agreement, agreements, disagrees } from "./agreement.mjs";
import { groups, models } from "./cases.mjs";
import { moaBench, moaMakes } from "./moa.mjs";
import { Peer } from "./peer.mjs";
import { peers } from "./peers.mjs";
import { makePlan } from "./plan.mjs";
import { addSharesOfPrefill, summarise, table } from "./summary.mjs";

const cache = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "moa-bench");
const note = text => console.error(text);

function readOptions() {
    const { values } = parseArgs({
        options: {
            quick: { type: "boolean", default: false },
            json: { type: "boolean", default: false },
            alternations: { type: "string" },
            threads: { type: "string", default: String(os.availableParallelism()) },
            peer: { type: "string", default: "all" },
            case: { type: "string", default: "" },
        },
    });
    const threads = values.threads.split(",").map(Number);
    const alternations = Number(values.alternations ?? (values.quick ? 3 : 5));
    const isCount = number => Number.isInteger(number) && number >= 1;
    if (!threads.every(isCount) || new Set(threads).size < threads.length)
        throw new Error(`--threads ${values.threads}: expected different numbers of at least 1, such as 2 or 1,2`);
    if (!isCount(alternations))
        throw new Error(`--alternations ${values.alternations}: expected a number of at least 1`);
    if (values.peer !== "all" && !Object.hasOwn(peers, values.peer))
        throw new Error(`--peer ${values.peer}: expected ${Object.keys(peers).join(", ")} or all`);
    const chosen = groups
        .filter(group => !values.quick || !group.full)
        .map(group => ({ ...group, cases: group.cases.filter(entry => entry.case.includes(values.case)) }))
        .filter(group => group.cases.length > 0);
    const agreed = agreements(values.case);
    if (chosen.length === 0 && agreed.length === 0)
        throw new Error(`--case ${values.case}: in no case's name${values.quick ? " of --quick" : ""}; they stand in cases.mjs, as in --case "q4_k dense, decode"`);
    return { json: values.json, threads, alternations, peers: values.peer === "all" ? Object.keys(peers) : [values.peer], groups: chosen, agreed };
}

async function main(options) {
    const most = Math.max(...options.threads);
    if (os.loadavg()[0] > 0.5 * most)
        note(`warning: the machine is busy (load ${os.loadavg()[0].toFixed(1)}); llama.cpp's threads wait for each other, so it suffers most`);
    fs.mkdirSync(cache, { recursive: true });
    options.peers.forEach(word => peers[word].install());
    const running = options.peers.map(word => new Peer(word, peers[word]));
    const rows = [], start = performance.now();
    try {
        for (const group of options.groups)
            for (const threads of group.everyThreads ? options.threads : [most])
                rows.push(...(await compareGroup(group, threads, running, options.alternations)));
        for (const entry of options.agreed)
            rows.push(await agreement(entry, running, cache, most, note));
    } finally {
        running.forEach(peer => peer.end());
        if (rows.length > 0) // what was measured before a failure is worth showing
            print(rows, running, options);
    }
    for (const { name, idleSeconds } of running)
        if (idleSeconds > 0.01 * (performance.now() - start) / 1000)
            note(`warning: ${name} took ${idleSeconds.toFixed(1)} s of processor time while others were measured`);
    if (rows.some(disagrees))
        process.exitCode = 1;
}

function print(rows, peers, { json, alternations }) {
    addSharesOfPrefill(rows);
    const told = peers.map(({ name, build, release, idleSeconds }) => ({ name, build, release, idleSeconds: Number(idleSeconds.toFixed(2)) }));
    console.log(json ? JSON.stringify({ alternations, peers: told, rows }, null, 2) : table(rows, peers.map(({ name }) => name)));
}

async function compareGroup(group, threads, peers, alternations) {
    const model = await prepareModel(group.model);
    for (const { plan } of group.cases)
        plan && preparePlan(plan, model);
    note(`${group.model}, ${group.batch} x ${group.length}, ${threads} thread${threads > 1 ? "s" : ""}`);
    const compared = group.against === "bandwidth" ? [] : peers;
    for (const peer of compared) {
        await peer.load(group, model, threads);
        note(`  beside ${peer.name}: llama.cpp ${peer.release}, ${peer.build}, flash attention ${group.flashAttention.includes(peer.word) ? "on" : "off"}`);
        if (group.measure === "decode" || group.length <= 512) // also a warm-up
            await peer.fill(group, model);
    }
    const ours = [], theirs = Object.fromEntries(compared.map(({ name }) => [name, []]));
    for (let i = 0; i < alternations; i++) {
        ours.push(await moaBench(group, model, threads));
        for (const peer of compared) {
            if (group.measure === "decode")
                await peer.decode(group, model, 1); // brings back what the others pushed out of the caches
            theirs[peer.name].push(await peer[group.measure](group, model));
        }
    }
    const rows = group.cases.map((entry, i) => summarise(group, entry, threads, ours.map(slice => slice[ourRow(group, i)]), theirs));
    for (const row of rows)
        note(`  ${row.case}: ${[row.ours, ...Object.values(row.peers)].map(number => number.toFixed(2)).join(" / ")}` +
            (row.best ? `, ${row.ratio.toFixed(3)} times ${row.best}` : ""));
    return rows;
}

// Dense cases share the one dense row; each plan has a row of its own.
const ourRow = (group, index) => (group.cases[index].plan ? index : 0);

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

let options;
try {
    options = readOptions();
} catch (failure) {
    console.error(`compare.sh: ${failure.message}`);
    process.exit(2);
}
try {
    await main(options);
} catch (failure) {
    console.error(`compare.sh: ${failure.message}`);
    process.exit(1);
}
