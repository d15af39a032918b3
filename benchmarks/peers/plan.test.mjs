import assert from "node:assert/strict";
import { test } from "node:test";
import { densityOf, makePlan, rowsOf } from "./plan.mjs";
import { promptTokens } from "./tokens.mjs";

// The first outputs of SplitMix64 with seed 0: E220A8397B1DCDAF, 6E789E6AA1B965F4, 06C45D188009454F, F88BB8A8724C81EC.
test("tokens are the leading bits of SplitMix64", () => {
    assert.deepEqual(promptTokens(0, 0, 0, 4, 256), [0xe2, 0x6e, 0x06, 0xf8]);
    assert.deepEqual(promptTokens(0, 0, 2, 2, 65536), [0x06c4, 0xf88b]);
});

test("rows are whole blocks between the least and the length", () => {
    assert.equal(rowsOf(0, 0, 4096), 128);
    assert.equal(rowsOf(64, 0.5, 1000), 576); // 564 tokens
    assert.equal(rowsOf(0, 2, 1000), 1024);
});

for (const [layers, heads, density, length] of [[16, 16, 0.5, 16384], [16, 16, 0.25, 16384], [32, 32, 0.5, 4096], [4, 2, 0.3, 8192]]) {
    test(`a plan of ${layers} x ${heads} heads keeps ${density} of ${length} tokens`, () => {
        const plan = makePlan(layers, heads, density, length);
        assert.ok(Math.abs(densityOf(plan, length) - density) <= 64 / length);
        assert.deepEqual(plan, makePlan(layers, heads, density, length));
        assert.equal(plan.alphas.length, layers);
        assert.ok(plan.betas.every(layer => layer.length === heads));
    });
}

test("heads differ as in published plans", () => {
    const rows = makePlan(32, 32, 0.5, 16384).betas.flat();
    const local = rows.filter(beta => beta <= 0.25).length / rows.length;
    const all = rows.filter(beta => beta >= 0.875).length / rows.length;
    assert.ok(local > 0.3 && local < 0.7, `local ${local}`); // 0.40 and 0.39 in the plans of vicuna 7B and 13B
    assert.ok(all > 0.1 && all < 0.4, `all ${all}`); // 0.17 and 0.26
});
