// What is compared. A group shares a model, a length and a batch; in each alternation one `moa bench` measures all its
// cases and llama.cpp, which is dense always, what they are held against.

const mha = "hidden=1024,layers=16,heads=16,kv-heads=16,head-size=64,intermediate=4096,vocabulary=32000,context=32768,tied=true";

export const models = {
    "llama-3.2-1b-q8_0": { shape: "llama-3.2-1b", weights: "q8_0", vocabulary: 128256 },
    "llama-3.2-1b-q4_0": { shape: "llama-3.2-1b", weights: "q4_0", vocabulary: 128256 },
    "mha-0.3b-q8_0": { shape: mha, weights: "q8_0", vocabulary: 32000, layers: 16, heads: 16 },
    "vicuna-7b-q4_0": { shape: "vicuna-7b,context=32768", weights: "q4_0", vocabulary: 32000, layers: 32, heads: 32 },
};

const half = { density: 0.5, atLength: 16384 };
const quarter = { density: 0.25, atLength: 16384 };

/** `full`: left out of a quick run. `against: "bandwidth"`: no peer, the machine's own limit. */
export const groups = [
    {
        model: "llama-3.2-1b-q8_0", length: 512, batch: 1, decodeTokens: 32, flashAttention: true,
        cases: [
            { case: "llama-3.2-1b q8_0 dense, prefill 512", measure: "prefill" },
            { case: "llama-3.2-1b q8_0 dense, decode at 512", measure: "decode" },
        ],
    },
    {
        model: "llama-3.2-1b-q4_0", length: 512, batch: 1, decodeTokens: 32, flashAttention: true,
        cases: [
            { case: "llama-3.2-1b q4_0 dense, prefill 512", measure: "prefill" },
            { case: "llama-3.2-1b q4_0 dense, decode at 512", measure: "decode" },
        ],
    },
    {
        model: "mha-0.3b-q8_0", length: 16384, batch: 1, decodeTokens: 32, flashAttention: false,
        cases: [
            { case: "mha-0.3b q8_0 plan 50 %, decode at 16384", measure: "decode", plan: half },
            { case: "mha-0.3b q8_0 plan 25 %, decode at 16384", measure: "decode", plan: quarter },
        ],
    },
    {
        model: "mha-0.3b-q8_0", length: 4096, batch: 8, decodeTokens: 16, flashAttention: false,
        cases: [{ case: "mha-0.3b q8_0 plan 50 %, decode at 8 x 4096", measure: "decode", plan: { density: 0.5, atLength: 4096 } }],
    },
    {
        full: true,
        model: "mha-0.3b-q8_0", length: 16384, batch: 1, decodeTokens: 1, flashAttention: false,
        cases: [{ case: "mha-0.3b q8_0 plan 50 %, prefill 16384", measure: "prefill", plan: half }],
    },
    {
        full: true, against: "bandwidth",
        model: "vicuna-7b-q4_0", length: 16384, batch: 1, decodeTokens: 16,
        cases: [{ case: "vicuna-7b q4_0 plan 50 %, decode at 16384, against bandwidth", measure: "decode", plan: half }],
    },
];
