// Token by token: on a GGUF written from the demo model, all engines must write the same 200 tokens. F32 weights and KV
// rows on all sides, so that only the order of sums differs.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { moa, moaMakes } from "./moa.mjs";

const prompt = "First Citizen:\nBefore we proceed any further, hear me speak.";
const count = 200;

/** The row of the case: how many tokens of each peer are ours. */
export async function agreement(peers, cache, threads, note) {
    const demo = fileURLToPath(new URL("../../models/demo", import.meta.url));
    const model = path.join(cache, "demo-f32.gguf");
    if (!fs.existsSync(model) || fs.statSync(model).mtimeMs < fs.statSync(path.join(demo, "model.safetensors")).mtimeMs)
        await moaMakes("model", "convert", "--model", demo, "--weights", "f32", "--out", model);
    const tokens = (await moa("model", "tokenize", prompt, "--model", model)).items[0].tokens;
    const ours = (await moa("generate", prompt, "--model", model, "--template", "off", "--kv", "f32", "--max-new-tokens", count,
        "--threads", threads)).tokens;
    const matching = {};
    for (const peer of peers) {
        await peer.load({ length: tokens.length, decodeTokens: count, batch: 1, flashAttention: [], kv: "F32" }, { path: model }, threads);
        const theirs = (await peer.ask({ do: "greedy", tokens, count })).tokens;
        const differs = ours.findIndex((token, i) => token !== theirs[i]);
        matching[peer.name] = differs < 0 ? count : differs;
        if (differs >= 0)
            note(`greedy-agreement: ${peer.name} parts from us after ${differs} of ${count} tokens (${ours[differs]} and ${theirs[differs]})`);
    }
    return { case: "greedy-agreement", threads, unit: "tokens", ours: count, peers: matching };
}

/** Whether a row is of this case and some peer wrote something else. */
export const disagrees = row => row.case === "greedy-agreement" && Object.values(row.peers).some(tokens => tokens !== row.ours);
