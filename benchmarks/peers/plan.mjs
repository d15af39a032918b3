#!/usr/bin/env node
// A plan for a model that nobody compressed (random weights): heads differ as in published plans (two rules a layer, most
// heads local, some see all or nearly all, late layers keep less), and the rows kept at the given length are those that
// the density allows. The same arguments give the same plan.
//
//   node plan.mjs --layers 16 --heads 16 --density 0.5 --length 16384 --out plan.json

import fs from "node:fs";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import { promptTokens } from "./tokens.mjs";

const blockSize = 64;
const minimumRows = 128;

/** Rows that a head keeps, as the engine counts them (docs/method.md, section 4). */
export function rowsOf(alpha, beta, length) {
    const span = Math.max(Math.min(Math.trunc(alpha + beta * length), length), minimumRows);
    return Math.ceil(span / blockSize) * blockSize;
}

/** Kept share of full caches at a length. */
export function densityOf({ alphas, betas }, length) {
    const rows = alphas.flatMap((layer, l) => layer.map((alpha, h) => rowsOf(alpha, betas[l][h], length)));
    const full = Math.ceil(length / blockSize) * blockSize;
    return rows.reduce((sum, row) => sum + row, 0) / rows.length / full;
}

export function makePlan(layers, heads, density, length) {
    const local = Math.min(1 / 8, density / 2);
    const long = [7 / 8, 1, 5 / 8, 3 / 4]; // by layer
    const alphas = Array.from({ length: layers }, () => Array(heads).fill(0));
    const betas = Array.from({ length: layers }, () => Array(heads).fill(local));
    // The heads in order of need: at random, but the first two thirds of the layers come more often before the others.
    const needs = promptTokens(1, 0, 0, layers * heads, 1 << 20).map((random, i) => {
        const layer = Math.floor(i / heads);
        return { layer, head: i % heads, need: random / (1 << 20) + (layer < (2 * layers) / 3 ? 0.5 : 0) };
    });
    const budget = density * layers * heads * Math.ceil(length / blockSize) * blockSize;
    let kept = layers * heads * rowsOf(0, local, length);
    for (const { layer, head } of needs.sort((a, b) => b.need - a.need)) {
        const spare = budget - kept;
        const more = rowsOf(0, long[layer % long.length], length) - rowsOf(0, local, length);
        if (more <= spare) {
            betas[layer][head] = long[layer % long.length];
            kept += more;
        } else {
            alphas[layer][head] = Math.floor(spare / blockSize) * blockSize; // the one head that takes what is left
            break;
        }
    }
    return { alphas, betas };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
    const { values } = parseArgs({
        options: Object.fromEntries(["layers", "heads", "density", "length", "out"].map(name => [name, { type: "string" }])),
    });
    const [layers, heads, density, length] = ["layers", "heads", "density", "length"].map(name => Number(values[name]));
    if (!(layers >= 1 && heads >= 1 && density > 0 && density <= 1 && length >= 256) || !values.out) {
        console.error("plan.mjs: expected --layers L --heads G --density D --length N --out FILE, with 0 < D <= 1 and N >= 256");
        process.exit(2);
    }
    const plan = makePlan(layers, heads, density, length);
    const reached = densityOf(plan, length);
    if (Math.abs(reached - density) > 0.01 * density) {
        console.error(`plan.mjs: density ${density} at ${length} cannot be met: ${minimumRows} rows is the least a head keeps`);
        process.exit(2);
    }
    fs.writeFileSync(`${values.out}.part`, `${JSON.stringify(plan)}\n`);
    fs.renameSync(`${values.out}.part`, values.out);
    console.error(`${values.out}: density ${reached.toFixed(4)} at ${length}`);
}
