// The peer: llama.cpp behind JSON lines, one request in, one answer out. It lives through a whole comparison, so that a
// long context is read once. Calls the binding's own context instead of its queue: nothing stands between the clock and
// llama_decode.
//
//   {"do":"load","model":FILE,"length":N,"sequences":B,"threads":T,"flashAttention":bool,"kv":"F16"}
//   {"do":"prefill","sequence":s,"tokens":[…]}        erases the sequence and reads the tokens, in batches of 512
//   {"do":"copy","from":s,"to":s}                     copies a sequence's context
//   {"do":"save","file":FILE,"tokens":[…]}            writes the state of sequence 0, which holds the tokens
//   {"do":"restore","file":FILE,"length":N}           reads it back
//   {"do":"decode","position":N,"tokens":[[…],…]}     timed steps, one token of each sequence a step, then erased again
//   {"do":"greedy","tokens":[…],"count":n}            the n most likely next tokens
//
// Every answer has "seconds", the time in llama.cpp alone.

import fs from "node:fs";
import readline from "node:readline";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const batchSize = 512; // llama.cpp's own default, and MoA's
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
let model, context;

const requests = {
    async load({ model: modelPath, length, sequences, threads, flashAttention, kv = "F16" }) {
        await context?.dispose();
        if (model?.path !== modelPath) {
            await model?.loaded.dispose();
            model = { path: modelPath, loaded: await llama.loadModel({ modelPath }) };
        }
        const options = {
            contextSize: length, sequences, threads, batchSize, flashAttention,
            experimentalKvCacheKeyType: kv, experimentalKvCacheValueType: kv, failedCreationRemedy: false,
        };
        context = await model.loaded.createContext(options);
        return { build: buildName(), release: llama.llamaCppRelease.release, threads: context._ctx.getThreads() };
    },

    async prefill({ sequence, tokens }) {
        context._ctx.removeTokenCellsFromSequence(sequence, 0, -1);
        return { seconds: await prefill(sequence, tokens) };
    },

    async copy({ from, to }) {
        context._ctx.removeTokenCellsFromSequence(to, 0, -1);
        await context._ctx.copySequenceStateFromOtherSequence(to, from);
    },

    async save({ file, tokens }) {
        await context._ctx.saveSequenceStateToFile(file, 0, Uint32Array.from(tokens));
    },

    async restore({ file, length }) {
        await context._ctx.loadSequenceStateFromFile(file, 0, length);
        const last = context._ctx.getSequenceKvCacheMaxPosition(0);
        if (last !== length - 1)
            throw new Error(`the restored context ends at position ${last}, not ${length - 1}`);
    },

    async decode({ position, tokens }) {
        let seconds = 0;
        for (let step = 0; step < tokens[0].length; step++)
            seconds += await decode(position + step, tokens.map(sequence => sequence[step]));
        tokens.forEach((_, sequence) => context._ctx.removeTokenCellsFromSequence(sequence, position, -1));
        return { seconds };
    },

    async greedy({ tokens, count }) {
        context._ctx.removeTokenCellsFromSequence(0, 0, -1);
        const sampler = new llama._bindings.AddonSampler(model.loaded._model);
        sampler.applyConfig({ temperature: 0 });
        let seconds = await prefill(0, tokens);
        const output = [await context._ctx.sampleToken(lastLogits, sampler)];
        while (output.length < count) {
            seconds += await decode(tokens.length + output.length - 1, output.slice(-1));
            output.push(await context._ctx.sampleToken(lastLogits, sampler));
        }
        sampler.dispose();
        return { seconds, tokens: output };
    },
};

let lastLogits;

async function prefill(sequence, tokens) {
    let seconds = 0;
    for (let start = 0; start < tokens.length; start += batchSize) {
        const piece = tokens.slice(start, start + batchSize);
        const isLast = start + batchSize >= tokens.length;
        seconds += await forward(piece.length, [[sequence, start, piece, isLast ? [piece.length - 1] : []]]);
    }
    return seconds;
}

const decode = (position, tokens) =>
    forward(tokens.length, tokens.map((token, sequence) => [sequence, position, [token], [0]]));

async function forward(size, pieces) {
    const start = process.hrtime.bigint();
    context._ctx.initBatch(size);
    for (const [sequence, position, tokens, logits] of pieces) {
        const indexes = context._ctx.addToBatch(sequence, position, Uint32Array.from(tokens), Uint32Array.from(logits));
        lastLogits = indexes[indexes.length - 1];
    }
    await context._ctx.decodeBatch();
    return Number(process.hrtime.bigint() - start) / 1e9;
}

/** The library that llama.cpp chose for this processor, such as libggml-cpu-haswell.so. */
function buildName() {
    if (process.platform !== "linux")
        return llama.systemInfo;
    return fs.readFileSync("/proc/self/maps", "utf8").match(/libggml-cpu-[^/\s]*/)?.[0] ?? llama.systemInfo;
}

for await (const line of readline.createInterface({ input: process.stdin })) {
    let answer;
    try {
        const request = JSON.parse(line);
        answer = (await requests[request.do](request)) ?? {};
    } catch (failure) {
        answer = { error: String(failure?.message ?? failure) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await llama.dispose();
