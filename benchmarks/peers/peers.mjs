// Whom we are held against: llama.cpp twice, as npm and as NuGet bring it. Each is installed here when it is first asked for.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { fileURLToPath } from "node:url";

const place = name => fileURLToPath(new URL(name, import.meta.url));

/** By the word that `--peer` and cases.mjs take. `command` starts a process that answers the requests of llama.mjs. */
export const peers = {
    node: {
        name: "node-llama-cpp",
        install() {
            const [wanted, there] = ["package-lock.json", "node_modules/.package-lock.json"].map(place);
            if (!fs.existsSync(there) || fs.statSync(wanted).mtimeMs > fs.statSync(there).mtimeMs) // the prebuilt library needs no install script
                run("npm", "ci", "--prefix", place("."), "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error");
        },
        command: [process.execPath, place("llama.mjs")],
    },
    llamasharp: {
        name: "LLamaSharp",
        install() {
            run("dotnet", "build", place("llamasharp"), "-c", "Release", "--nologo");
        },
        command: ["dotnet", place("llamasharp/bin/Release/net10.0/MoA.LLamaSharpPeer.dll")],
    },
};

function run(program, ...args) {
    const { error, status, stdout } = spawnSync(program, args, { stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" });
    if (error || status !== 0)
        throw new Error(`${program} ${args[0]}: ${error ? error.message : `exit code ${status}\n${stdout}`}`);
}
