// The other end of llama.mjs and llamasharp/: starts a peer and asks it.

import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { repeatState } from "./context.mjs";
import { promptTokens } from "./tokens.mjs";

export class Peer {
    /** Processor time taken between requests, while others were measured: next to nothing, or its threads spin. Linux only. */
    idleSeconds = 0;
    #process;
    #answers;
    #processorSeconds;

    constructor(word, { name, command: [program, ...args] }) {
        this.word = word;
        this.name = name;
        this.#process = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
        this.#process.on("error", () => {}); // the first request says it: the process ended
        this.#process.stdin.on("error", () => {});
        this.#answers = readline.createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    }

    async ask(request) {
        this.idleSeconds += this.#processorSeconds === undefined ? 0 : processorSeconds(this.#process.pid) - this.#processorSeconds;
        this.#process.stdin.write(`${JSON.stringify(request)}\n`);
        const { value, done } = await this.#answers.next();
        const answer = done ? { error: "the process ended" } : JSON.parse(value);
        if (answer.error !== undefined)
            throw new Error(`${this.name}: ${request.do}: ${answer.error}`);
        this.#processorSeconds = processorSeconds(this.#process.pid);
        return answer;
    }

    /** Loads a model with room for a group's contexts; says then which llama.cpp runs. */
    async load({ length, decodeTokens, batch, flashAttention, kv }, { path: model }, threads) {
        const { build, release } = await this.ask({
            do: "load", model, length: length + decodeTokens, sequences: batch, threads,
            flashAttention: flashAttention.includes(this.word), kv,
        });
        Object.assign(this, { build, release });
    }

    /** Fills the context of every sequence: reads up to 512 tokens, and repeats their rows up to the group's length. */
    async fill(group, model) {
        const tokens = promptTokens(0, 0, 0, group.length, model.vocabulary);
        const read = Math.min(group.length, 512);
        await this.ask({ do: "prefill", sequence: 0, tokens: tokens.slice(0, read) });
        if (group.length > read) {
            const folder = fs.mkdtempSync(`${model.path}-context-`);
            const [short, long] = ["short", "long"].map(name => path.join(folder, name));
            try {
                await this.ask({ do: "save", file: short, tokens: tokens.slice(0, read) });
                repeatState(short, long, group.length / read);
                await this.ask({ do: "restore", file: long, length: group.length });
            } finally {
                fs.rmSync(folder, { recursive: true });
            }
        }
        for (let to = 1; to < group.batch; to++)
            await this.ask({ do: "copy", from: 0, to });
    }

    /** Tokens per second of a prompt of the group's length. */
    async prefill(group, model) {
        const tokens = promptTokens(0, 0, 0, group.length, model.vocabulary);
        const { seconds } = await this.ask({ do: "prefill", sequence: 0, tokens });
        return tokens.length / seconds;
    }

    /** Tokens per second of all sequences together, after their contexts. */
    async decode(group, model, steps = group.decodeTokens) {
        const tokens = Array.from({ length: group.batch }, (_, sequence) =>
            promptTokens(0, sequence, group.length, steps, model.vocabulary));
        const { seconds } = await this.ask({ do: "decode", position: group.length, tokens });
        return (group.batch * steps) / seconds;
    }

    end() {
        this.#process.stdin.end();
    }
}

function processorSeconds(id) {
    try {
        const [user, system] = fs.readFileSync(`/proc/${id}/stat`, "utf8").split(") ").pop().split(" ").slice(11, 13); // proc(5): fields 14 and 15
        return (Number(user) + Number(system)) / 100;
    } catch {
        return 0;
    }
}
