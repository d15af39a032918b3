// The other end of llama.mjs: starts the peer and asks it.

import { spawn } from "node:child_process";
import fs from "node:fs";
import readline from "node:readline";
import { fileURLToPath } from "node:url";
import { promptTokens } from "./tokens.mjs";

export class Peer {
    #process = spawn(process.execPath, [fileURLToPath(new URL("llama.mjs", import.meta.url))], {
        stdio: ["pipe", "pipe", "inherit"],
    });
    #answers = readline.createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();

    async ask(request) {
        this.#process.stdin.write(`${JSON.stringify(request)}\n`);
        const { value, done } = await this.#answers.next();
        const answer = done ? { error: "the process ended" } : JSON.parse(value);
        if (answer.error !== undefined)
            throw new Error(`llama.cpp: ${request.do}: ${answer.error}`);
        return answer;
    }

    /** Loads a model with room for a group's contexts. */
    async load(group, model, threads) {
        return await this.ask({
            do: "load", model: model.path, length: group.length + group.decodeTokens, sequences: group.batch, threads,
            flashAttention: group.flashAttention,
        });
    }

    /** Reads the context of every sequence; a long one is read once and kept in a file beside the model. */
    async fill(group, model) {
        const tokens = promptTokens(0, 0, 0, group.length, model.vocabulary);
        const file = model.path.replace(/\.gguf$/, `-${group.batch}x${group.length}${group.flashAttention ? "-flash" : ""}.llama-state`);
        if (group.length < 2048) {
            await this.ask({ do: "prefill", sequence: 0, tokens });
        } else if (fs.existsSync(file) && fs.statSync(file).mtimeMs > fs.statSync(model.path).mtimeMs) {
            await this.ask({ do: "restore", file, tokens });
        } else {
            await this.ask({ do: "prefill", sequence: 0, tokens });
            await this.ask({ do: "save", file, tokens });
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
