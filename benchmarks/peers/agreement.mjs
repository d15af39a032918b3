// Token by token: on a GGUF written from the demo model, both engines must write the same 200 tokens. F32 weights and KV
// rows on both sides, so that only the order of sums differs.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { moa, moaMakes } from "./moa.mjs";

const prompt = "First Citizen:\nBefore we proceed any further, hear me speak.";
const count = 200;

export async function agreement(peer, cache, threads, note) {
    const demo = fileURLToPath(new URL("../../models/demo", import.meta.url));
    const model = path.join(cache, "demo-f32.gguf");
    if (!fs.existsSync(model) || fs.statSync(model).mtimeMs < fs.statSync(path.join(demo, "model.safetensors")).mtimeMs)
        await moaMakes("model", "convert", "--model", demo, "--weights", "f32", "--out", model);
    const tokens = (await moa("model", "tokenize", prompt, "--model", model)).items[0].tokens;
    const ours = (await moa("generate", prompt, "--model", model, "--template", "off", "--kv", "f32", "--max-new-tokens", count,
        "--threads", threads)).tokens;
    await peer.ask({ do: "load", model, length: tokens.length + count, sequences: 1, threads, flashAttention: false, kv: "F32" });
    const theirs = (await peer.ask({ do: "greedy", tokens, count })).tokens;
    const differs = ours.findIndex((token, i) => token !== theirs[i]);
    const matching = differs < 0 ? ours.length : differs;
    if (matching < count)
        note(`greedy-agreement: the engines part after ${matching} of ${count} tokens (${ours[matching]} and ${theirs[matching]})`);
    return { case: "greedy-agreement", ours: count, peer: matching, ratio: matching / count, unit: "tokens" };
}
