// The random prompts of `moa bench`, number for number: SplitMix64 of the seed and the place
// (src/MoA.Evaluation/Benchmarking/PromptTokens.cs).

const gamma = 0x9e3779b97f4a7c15n;
const mask = (1n << 64n) - 1n;

function mix(z) {
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
    return z ^ (z >> 31n);
}

/** Tokens of a sequence from a position on, uniform over the vocabulary. */
export function promptTokens(seed, sequence, position, count, vocabularySize) {
    const place = BigInt(seed) + (BigInt(sequence) << 32n) + BigInt(position);
    return Array.from({ length: count }, (_, i) =>
        Number((mix(((place + BigInt(i) + 1n) * gamma) & mask) * BigInt(vocabularySize)) >> 64n));
}
