// Token by token: all engines must write the same tokens. F32 weights and KV rows on all sides, so that only the order of sums differs.
// The demo model, written as GGUF; and for each family that llama.cpp runs, the tiny random model of tests/fixtures/models: ours read
// from its folder, theirs from the GGUF that `moa model convert` makes of it. And the demo model in every number format: there engines
// round activations each in its own way, so that texts part sooner or later, but not at once, as they do where blocks are read wrongly. So it is with gpt-oss's MXFP4.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { moa, moaMakes } from "./moa.mjs";

const name = "greedy-agreement";
const prompt = "First Citizen:\nBefore we proceed any further, hear me speak.";
const inRepository = folder => fileURLToPath(new URL(`../../${folder}`, import.meta.url));

// Where the prompt must be longer than the length at which longrope changes, it is: llama.cpp goes by the room of the context.
const families = [
    { model: "llama-gqa-llama3" }, { model: "llama-linear" }, { model: "llama-rope-parameters" }, { model: "qwen2-bf16" }, { model: "qwen2-yarn" },
    { model: "qwen3" }, { model: "phi3-longrope", promptTokens: 72 }, { model: "phi3-partial", promptTokens: 136 },
    { model: "gemma2" }, { model: "gemma3" }, { model: "granite" }, { model: "olmo2" }, { model: "smollm3" },
    { model: "mixtral" }, { model: "qwen3-moe" }, { model: "gpt-oss" }, { model: "gpt-oss-mxfp4", weights: null, fewest: 8 },
].map(family => ({ promptTokens: 24, weights: "f32", ...family, case: `${name} ${family.model}` }));

const formats = ["q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl", "iq4_xs", "mxfp4"]
    .map(weights => ({ weights, fewest: 8, case: `${name} ${weights}` }));

const cases = [{ weights: "f32", case: name }, ...formats, ...families];

/** The cases in whose names a text stands. */
export const agreements = text => cases.filter(entry => entry.case.includes(text));

/** The row of a case: how many tokens of each peer are ours. */
export async function agreement(entry, peers, cache, threads, note) {
    const { tokens, ours, model } = entry.model ? await family(entry, cache, threads) : await demo(entry, cache, threads);
    const matching = {};
    for (const peer of peers) {
        try {
            await peer.load({ length: tokens.length, decodeTokens: ours.length, batch: 1, flashAttention: [], kv: "F32" }, { path: model }, threads);
        } catch (error) {
            note(`${entry.case}: ${peer.name} does not run it: ${error.message}`);
            continue;
        }
        const theirs = (await peer.ask({ do: "greedy", tokens, count: ours.length })).tokens;
        const differs = ours.findIndex((token, i) => token !== theirs[i]);
        matching[peer.name] = differs < 0 ? ours.length : differs;
        if (differs >= 0)
            note(`${entry.case}: ${peer.name} parts from us after ${differs} of ${ours.length} tokens (${ours[differs]} and ${theirs[differs]})`);
    }
    return { case: entry.case, threads, unit: "tokens", ours: ours.length, fewest: entry.fewest ?? ours.length, peers: matching };
}

async function demo({ weights }, cache, threads) {
    const folder = inRepository("models/demo"), model = path.join(cache, `demo-${weights}.gguf`);
    if (!fs.existsSync(model) || fs.statSync(model).mtimeMs < fs.statSync(path.join(folder, "model.safetensors")).mtimeMs)
        await moaMakes("model", "convert", "--model", folder, "--weights", weights, "--out", model);
    const tokens = (await moa("model", "tokenize", prompt, "--model", model)).items[0].tokens;
    return { model, tokens, ours: await greedy(model, prompt, 200, threads) };
}

// A copy of the folder that never ends a text, with a tokenizer that has a character for each token; and with yarn's blend rounded, as
// llama.cpp always does.
async function family({ model: fixture, promptTokens, weights }, cache, threads) {
    const source = inRepository(`tests/fixtures/models/${fixture}`), folder = path.join(cache, "families", fixture);
    fs.rmSync(folder, { recursive: true, force: true });
    fs.cpSync(source, folder, { recursive: true });
    const config = JSON.parse(fs.readFileSync(path.join(folder, "config.json"), "utf8"));
    const rope = config.rope_scaling?.truncate === false ? { rope_scaling: { ...config.rope_scaling, truncate: true } } : {};
    fs.writeFileSync(path.join(folder, "config.json"), JSON.stringify({ ...config, ...rope, eos_token_id: [] }));
    const model = path.join(folder, "model.gguf");
    const character = token => String.fromCodePoint(0x4e00 + token);
    const vocab = Object.fromEntries(Array.from({ length: config.vocab_size }, (_, token) => [character(token), token]));
    fs.writeFileSync(path.join(folder, "tokenizer.json"), JSON.stringify({ version: "1.0", added_tokens: [], model: { type: "BPE", vocab, merges: [] } }));
    await moaMakes("model", "convert", "--model", folder, ...(weights ? ["--weights", weights] : []), "--out", model);
    const given = JSON.parse(fs.readFileSync(path.join(folder, "input.json"), "utf8")).input_ids;
    const tokens = Array.from({ length: promptTokens }, (_, i) => given[i % given.length]);
    return { model, tokens, ours: await greedy(folder, tokens.map(character).join(""), 100, threads) };
}

const greedy = async (model, text, count, threads) => (await moa("generate", text, "--model", model, "--template", "off", "--kv", "f32",
    "--max-new-tokens", count, "--threads", threads)).tokens;

/** Whether a row is of such a case and some peer wrote something else before it may. */
export const disagrees = row => row.case.startsWith(name) && Object.values(row.peers).some(tokens => tokens < row.fewest);
