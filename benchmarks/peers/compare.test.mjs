import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { disagrees } from "./agreement.mjs";
import { groups, models } from "./cases.mjs";
import { Peer } from "./peer.mjs";
import { peers } from "./peers.mjs";
import { addSharesOfPrefill, against, better, median, summarise, table } from "./summary.mjs";

test("the median lies in the middle, between two if need be", () => {
    assert.equal(median([5, 1, 3]), 3);
    assert.equal(median([10, 2, 4, 1]), 3);
    assert.equal(median([7]), 7);
});

test("the better peer is the faster one, and ours is held against it", () => {
    assert.equal(better({ a: 2, b: 10, c: 9 }), "b");
    assert.deepEqual(against(30, { a: 20, b: 15 }), { peers: { a: 20, b: 15 }, best: "a", ratio: 1.5 });
    assert.deepEqual(against(30, {}), { peers: {} });
});

const slice = (prefill, decode) => ({
    prefillTokensPerSecond: prefill, decodeTokensPerSecond: decode, bandwidthShare: decode / 100,
    kvBytes: 100, weightBytes: 1000, peakResidentBytes: 1500 + decode,
});

test("a row holds the median of ours against the median of the better peer, and lists every slice", () => {
    const group = { model: "m", length: 512, batch: 1 };
    const ours = [slice(200, 40), slice(220, 50), slice(90, 20)];
    const decode = summarise({ ...group, measure: "decode" }, { case: "c" }, 2, ours, { a: [16, 10, 100], b: [20, 22, 5] });
    assert.deepEqual(decode.peers, { a: 16, b: 20 });
    assert.equal(decode.best, "b");
    assert.equal(decode.ratio, 2);
    assert.equal(decode.bandwidthShare, 0.4);
    assert.equal(decode.overWeightsAndCachesBytes, 450);
    assert.deepEqual(decode.oursAll, [40, 50, 20]);
    assert.deepEqual(decode.peersAll, { a: [16, 10, 100], b: [20, 22, 5] });
    const prefill = summarise({ ...group, measure: "prefill" }, { case: "c" }, 2, ours, { a: [80, 100, 90], b: [70, 120, 60] });
    assert.equal(prefill.best, "a"); // 90 against 70
    assert.equal(prefill.ratio, 200 / 90);
    assert.equal(prefill.bandwidthShare, undefined);
});

test("dense batches say their share of the same model's prefill, with the same threads", () => {
    const rows = [
        { model: "m", measure: "prefill", batch: 1, threads: 1, ours: 100 },
        { model: "m", measure: "prefill", batch: 1, threads: 2, ours: 200 },
        { model: "m", measure: "decode", batch: 16, threads: 2, ours: 130 },
        { model: "m", measure: "decode", batch: 16, threads: 1, ours: 80 },
        { model: "m", measure: "decode", batch: 1, threads: 2, ours: 30 },
        { model: "m", measure: "decode", batch: 16, threads: 2, ours: 90, density: 0.5 },
        { model: "other", measure: "decode", batch: 16, threads: 2, ours: 90 },
    ];
    addSharesOfPrefill(rows);
    assert.deepEqual(rows.map(row => row.shareOfPrefill), [undefined, undefined, 0.65, 0.8, undefined, undefined, undefined]);
});

test("the table has a column for each peer, and leaves empty what was not measured", () => {
    const rows = [
        { case: "x, decode", threads: 2, ours: 130.04, peers: { a: 100.6, b: 99.96 }, ratio: 1.293, bandwidthShare: 0.814, shareOfPrefill: 0.65,
          overWeightsAndCachesBytes: 3 * 2 ** 20 },
        { case: "y", threads: 1, ours: 200, peers: {} },
    ];
    const cells = table(rows, ["a", "b"]).split("\n").map(line => line.split("|").slice(1, -1).map(cell => cell.trim()));
    assert.deepEqual(cells[0], ["case", "threads", "ours", "a", "b", "ratio", "of bandwidth", "of prefill", "over weights and KV"]);
    assert.ok(cells[1].every(cell => /^-+:?$/.test(cell)));
    assert.deepEqual(cells[2], ["x, decode", "2", "130", "101", "100.0", "1.29", "81 %", "65 %", "3 MiB"]);
    assert.deepEqual(cells[3], ["y", "1", "200", "", "", "", "", "", ""]);
});

test("engines disagree when one peer does", () => {
    assert.equal(disagrees({ case: "greedy-agreement", ours: 200, fewest: 200, peers: { a: 200, b: 200 } }), false);
    assert.equal(disagrees({ case: "greedy-agreement", ours: 200, fewest: 200, peers: { a: 200, b: 17 } }), true);
    assert.equal(disagrees({ case: "greedy-agreement q4_0", ours: 200, fewest: 8, peers: { a: 26, b: 200 } }), false);
    assert.equal(disagrees({ case: "greedy-agreement q4_0", ours: 200, fewest: 8, peers: { a: 200, b: 2 } }), true);
    assert.equal(disagrees({ case: "another", ours: 2, fewest: 2, peers: { a: 1 } }), false);
});

test("cases have names of their own, known models and contexts that can be repeated", () => {
    const names = groups.flatMap(group => group.cases.map(entry => entry.case));
    assert.equal(new Set(names).size, names.length);
    for (const group of groups) {
        assert.ok(models[group.model], group.model);
        assert.ok(group.length <= 512 || group.length % 512 === 0, group.model);
        assert.ok(["prefill", "decode"].includes(group.measure), group.model);
        assert.ok(group.against === "bandwidth" || group.flashAttention.every(word => Object.hasOwn(peers, word)), group.model);
    }
    for (const weights of ["q8_0", "q4_0", "q4_k", "bf16"])
        for (const what of ["prefill 512", "decode at 512", "decode at 8192", "decode at 8 x 512", "decode at 16 x 512"])
            assert.ok(names.includes(`llama-3.2-1b ${weights} dense, ${what}`));
});

// A peer without llama.cpp: its release is what it was asked.
const echo = `require("node:readline").createInterface({ input: process.stdin }).on("line", line => {
    const request = JSON.parse(line);
    console.log(JSON.stringify(request.do === "copy" && request.to > 2 ? { error: "full" } : { release: line, seconds: 0.5 }));
})`;

test("a peer is asked line by line; its errors name it, and its end is no answer", async () => {
    const peer = new Peer("word", { name: "echo", command: [process.execPath, "-e", echo] });
    const group = { length: 4, batch: 3, decodeTokens: 5, flashAttention: ["another", "word"] };
    await peer.load(group, { path: "file" }, 2);
    assert.deepEqual(JSON.parse(peer.release), { do: "load", model: "file", length: 9, sequences: 3, threads: 2, flashAttention: true });
    assert.equal(await peer.prefill(group, { vocabulary: 100 }), 8);
    assert.equal(await peer.decode(group, { vocabulary: 100 }), 30);
    await peer.fill(group, { vocabulary: 100 });
    await assert.rejects(peer.fill({ ...group, batch: 4 }, { vocabulary: 100 }), /^Error: echo: copy: full$/);
    peer.end();
    const ended = new Peer("word", { name: "gone", command: [process.execPath, "-e", "0"] });
    await assert.rejects(ended.ask({ do: "load" }), /^Error: gone: load: the process ended$/);
    const missing = new Peer("word", { name: "missing", command: ["no-such-program"] });
    await assert.rejects(missing.ask({ do: "load" }), /^Error: missing: load: the process ended$/);
});

for (const [args, message] of [
    [["--threads", "1,x"], /^compare\.sh: --threads 1,x: expected /],
    [["--threads", "2,2"], /^compare\.sh: --threads 2,2: expected /],
    [["--alternations", "0"], /^compare\.sh: --alternations 0: expected /],
    [["--peer", "ollama"], /^compare\.sh: --peer ollama: expected node, llamasharp or all/],
    [["--peer", "toString"], /^compare\.sh: --peer toString: expected /],
    [["--case", "nothing"], /^compare\.sh: --case nothing: in no case's name/],
    [["--slow"], /^compare\.sh: Unknown option '--slow'/],
]) {
    test(`${args.join(" ")} is refused in one line`, () => {
        const { status, stderr, stdout } = spawnSync(process.execPath, [fileURLToPath(new URL("compare.mjs", import.meta.url)), ...args], { encoding: "utf8" });
        assert.equal(status, 2);
        assert.match(stderr, message);
        assert.equal(stderr.trim().split("\n").length, 1);
        assert.equal(stdout, "");
    });
}
