// What is compared. A group shares a model, a length, a batch and what is measured; in each alternation one `moa bench` measures all its
// cases and each peer, which is dense always, what they are held against.

const mha = "hidden=1024,layers=16,heads=16,kv-heads=16,head-size=64,intermediate=4096,vocabulary=32000,context=32768,tied=true";
const experts = "mixtral-8x7b,hidden=1024,layers=11,heads=16,kv-heads=4,head-size=64,intermediate=3584,vocabulary=8192";
const formats = ["q8_0", "q4_0", "q4_k", "bf16"];

export const models = {
    ...Object.fromEntries(formats.map(weights => [`llama-3.2-1b-${weights}`, { shape: "llama-3.2-1b", weights, vocabulary: 128256 }])),
    "experts-1b-q8_0": { shape: experts, weights: "q8_0", vocabulary: 8192 },
    "mha-0.3b-q8_0": { shape: mha, weights: "q8_0", vocabulary: 32000, layers: 16, heads: 16 },
    "vicuna-7b-q4_0": { shape: "vicuna-7b,context=32768", weights: "q4_0", vocabulary: 32000, layers: 32, heads: 32 },
};

const both = ["node", "llamasharp"];
const half = { density: 0.5, atLength: 16384 };
const quarter = { density: 0.25, atLength: 16384 };

/**
 * `full`: left out of a quick run. `everyThreads`: measured with each number of `--threads`, others with the largest alone.
 * `flashAttention`: the peers that were faster with it, measured once on a Zen 5 (on a Zen 3 at 16384 and 8 x 4096 without).
 * `against: "bandwidth"`: no peer, the machine's own limit.
 */
export const groups = [
    ...formats.flatMap(dense),
    {
        measure: "decode", model: "experts-1b-q8_0", length: 512, batch: 1, decodeTokens: 64,
        flashAttention: [], // 55 tokens/s, with it 51
        cases: [{ case: "8 experts, 2 used, 1b q8_0, decode at 512" }],
    },
    {
        measure: "prefill", model: "experts-1b-q8_0", length: 512, batch: 1, decodeTokens: 1,
        flashAttention: both, // 272 tokens/s, without 199
        cases: [{ case: "8 experts, 2 used, 1b q8_0, prefill 512" }],
    },
    {
        measure: "decode", model: "mha-0.3b-q8_0", length: 16384, batch: 1, decodeTokens: 32,
        flashAttention: ["llamasharp"], // 17.4 tokens/s, without 15.9; node 13.9, without 15.6
        cases: [
            { case: "mha-0.3b q8_0 plan 50 %, decode at 16384", plan: half },
            { case: "mha-0.3b q8_0 plan 25 %, decode at 16384", plan: quarter },
        ],
    },
    {
        measure: "decode", model: "mha-0.3b-q8_0", length: 4096, batch: 8, decodeTokens: 16,
        flashAttention: both, // 62 and 62 tokens/s, without 55 and 50
        cases: [{ case: "mha-0.3b q8_0 plan 50 %, decode at 8 x 4096", plan: { density: 0.5, atLength: 4096 } }],
    },
    {
        full: true,
        measure: "prefill", model: "mha-0.3b-q8_0", length: 16384, batch: 1, decodeTokens: 1,
        flashAttention: both, // at 6144: 269 and 247 tokens/s, without 196 and 206
        cases: [{ case: "mha-0.3b q8_0 plan 50 %, prefill 16384", plan: half }],
    },
    {
        full: true, against: "bandwidth",
        measure: "decode", model: "vicuna-7b-q4_0", length: 16384, batch: 1, decodeTokens: 16,
        cases: [{ case: "vicuna-7b q4_0 plan 50 %, decode at 16384, against bandwidth", plan: half }],
    },
];

function dense(weights) {
    const shared = { model: `llama-3.2-1b-${weights}`, everyThreads: true };
    const name = `llama-3.2-1b ${weights} dense`;
    return [
        {
            ...shared, measure: "prefill", length: 512, batch: 1, decodeTokens: 1,
            flashAttention: both, // q4_0: 245 and 228 tokens/s, without 211 and 199
            cases: [{ case: `${name}, prefill 512` }],
        },
        {
            ...shared, measure: "decode", length: 512, batch: 1, decodeTokens: 32,
            flashAttention: [], // 1 to 7 % faster than with it, by format
            cases: [{ case: `${name}, decode at 512` }],
        },
        {
            ...shared, full: true, measure: "decode", length: 8192, batch: 1, decodeTokens: 32,
            flashAttention: [], // q4_0: 21 and 22 tokens/s, with it 16 and 17
            cases: [{ case: `${name}, decode at 8192` }],
        },
        ...[8, 16].map(batch => ({
            ...shared, full: batch < 16, measure: "decode", length: 512, batch, decodeTokens: 16,
            flashAttention: both, // q4_0, 16: 132 and 128 tokens/s, without 121 and 118
            cases: [{ case: `${name}, decode at ${batch} x 512` }],
        })),
    ];
}
