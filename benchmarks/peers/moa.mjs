// Runs the command line of this repository and reads its JSON.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../moa", import.meta.url));

/** The JSON document of a command. */
export async function moa(...args) {
    return JSON.parse(await run([...args, "--json", "--quiet"], ["ignore", "pipe", "inherit"]));
}

/** Runs a command whose files are wanted; its progress is shown. */
export async function moaMakes(...args) {
    await run(args, ["ignore", "ignore", "inherit"]);
}

/** A slice of `moa bench` for a group: the rows of its policies, in their order. */
export async function moaBench(group, model, threads) {
    const policies = group.cases.flatMap(({ plan }) => (plan ? ["--plan", plan.path] : []));
    const document = await moa(
        "bench", "--model", model.path, ...(policies.length ? policies : ["--policy", "dense"]),
        "--lengths", group.length, "--batch", group.batch, "--decode-tokens", group.decodeTokens,
        ...(group.measure === "prefill" ? [] : ["--synthetic-context"]),
        "--repeat", 1, "--threads", threads, "--seed", 0);
    return document.rows;
}

function run(args, stdio) {
    return new Promise((resolve, reject) => {
        const child = spawn(program, args.map(String), { stdio });
        let output = "";
        child.stdout?.on("data", piece => (output += piece));
        child.on("error", reject);
        child.on("close", code =>
            code === 0 ? resolve(output) : reject(new Error(`moa ${args.join(" ")}: exit code ${code}`)));
    });
}
