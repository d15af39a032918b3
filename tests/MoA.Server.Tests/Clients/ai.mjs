// The AI SDK, with its provider for servers that speak as OpenAI does, and with OpenAI's own over /v1/responses, as their users call them.
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, generateObject, generateText, isStepCount, Output, streamObject, streamText, tool } from 'ai';
import { z } from 'zod';
import { list, answer, assert, cancels, check, failure, key, multiByte, question, run, tooLong, url } from './checks.mjs';

globalThis.AI_SDK_LOG_WARNINGS = false;
const settings = { baseURL: `${url}/v1`, apiKey: key };
const compatible = createOpenAICompatible({ ...settings, name: 'moa', includeUsage: true, supportsStructuredOutputs: true });
const openai = createOpenAI(settings);
const Switch = z.object({ on: z.boolean(), lamp: z.enum(['desk', 'door']) });
const Words = z.object({ words: z.literal(multiByte), more: z.array(z.boolean()).max(3) });

const models = {
  'openai-compatible': compatible('demo'),
  'openai, chat': openai.chat('demo'),
  'openai, responses': openai.responses('demo'),
};

for (const [name, model] of Object.entries(models)) {
  check(`${name}: generateText`, async () => {
    const { text, finishReason, usage, response } = await generateText({ model, prompt: question });
    assert.deepEqual([text, finishReason], [answer, 'stop']);
    assert.ok(usage.inputTokens > 100 && usage.outputTokens > 10);
    assert.equal(usage.totalTokens, usage.inputTokens + usage.outputTokens);
    assert.equal(response.modelId, 'demo');
    assert.ok(Math.abs(response.timestamp - Date.now()) < 600_000);
  });

  check(`${name}: streamText`, async () => {
    const errors = [];
    const result = streamText({ model, prompt: question, onError: ({ error }) => errors.push(error) });
    const deltas = await list(result.textStream);
    assert.deepEqual(errors, []);
    assert.equal(deltas.join(''), answer);
    assert.ok(deltas.length > 10);
    assert.equal(await result.finishReason, 'stop');
    const usage = await result.usage;
    assert.ok(usage.inputTokens > 100 && usage.outputTokens > 10);
  });

  check(`${name}: length and seed`, async () => {
    const call = seed => generateText({ model, prompt: 'Hello', maxOutputTokens: 8, temperature: 1.5, topP: 0.9, ...(name.endsWith('responses') ? {} : { seed, stopSequences: ['never'] }) });
    const [one, two] = [await call(3), await call(3)];
    assert.equal(one.finishReason, 'length');
    if (!name.endsWith('responses')) assert.equal(one.text, two.text);
  });

  for (const streams of [false, true]) {
    check(`${name}: a tool's result goes back to the model${streams ? ', streamed' : ''}`, async () => {
      const calls = [];
      const tools = { switch: tool({ description: 'Switches a lamp', inputSchema: Switch, execute: async input => (calls.push(input), { burns: input.on }) }) };
      const body = {
        model, tools, prompt: 'Hello', stopWhen: isStepCount(2), maxOutputTokens: 200,
        toolChoice: 'required', prepareStep: ({ stepNumber }) => (stepNumber > 0 ? { toolChoice: 'auto' } : {}),
        providerOptions: { openai: { parallelToolCalls: false, store: false }, moa: { parallel_tool_calls: false } },
      };
      let steps;
      if (streams) {
        const result = streamText(body);
        const parts = await list(result.stream);
        assert.deepEqual(parts.filter(p => p.type === 'error'), []);
        const json = parts.filter(p => p.type === 'tool-input-delta').map(p => p.delta ?? p.inputTextDelta).join('');
        steps = await result.steps;
        assert.deepEqual(JSON.parse(json), steps[0].toolCalls[0].input);
      } else {
        steps = (await generateText(body)).steps;
      }

      assert.equal(steps.length, 2);
      assert.equal(steps[0].finishReason, 'tool-calls');
      assert.equal(calls.length, 1);
      assert.deepEqual(steps[0].toolCalls[0].input, calls[0]);
      assert.deepEqual(steps[0].toolResults[0].output, { burns: calls[0].on });
      assert.ok(steps[1].usage.inputTokens > steps[0].usage.inputTokens);
      assert.ok(steps[1].usage.inputTokenDetails.cacheReadTokens > 0);
    });
  }

  check(`${name}: objects of a schema, characters of several bytes`, async () => {
    const body = { model, prompt: 'Hello', maxOutputTokens: 400 };
    const { output } = await generateText({ ...body, output: Output.object({ schema: Words }) });
    assert.equal(output.words, multiByte);
    const result = streamText({ ...body, output: Output.object({ schema: Words }) });
    const partial = await list(result.partialOutputStream);
    assert.deepEqual(partial.at(-1), output);
    assert.ok(partial.length > 1);
    assert.equal((await generateObject({ ...body, schema: Words })).object.words, multiByte);
    assert.equal((await generateObject({ ...body, output: 'enum', enum: ['desk', 'door'] })).object.length, 4);
    const streamed = streamObject({ ...body, schema: Words });
    await list(streamed.partialObjectStream);
    assert.equal((await streamed.object).words, multiByte);
  });

  check(`${name}: errors are typed`, async () => {
    const error = await failure(() => generateText({ model, prompt: tooLong, maxRetries: 0 }));
    assert.ok(APICallError.isInstance(error));
    assert.deepEqual([error.statusCode, error.isRetryable, error.data.error.code], [400, false, 'context_length_exceeded']);
    assert.match(error.message, /4096/);
    const errors = [];
    const result = streamText({ model, prompt: tooLong, maxRetries: 0, onError: ({ error }) => errors.push(error) });
    await list(result.textStream);
    assert.deepEqual(errors.map(e => e.statusCode), [400]);
  });

  check(`${name}: cancellation`, () => cancels(async () => {
    const abort = new AbortController();
    const endless = Output.object({ schema: z.object({ all: z.array(z.boolean()).min(1500) }) });
    const result = streamText({ model, prompt: 'Hello', output: endless, maxOutputTokens: 3900, abortSignal: abort.signal });
    let read = 0;
    for await (const part of result.stream) {
      if (part.type === 'text-delta' && ++read === 3) abort.abort();
    }
    assert.ok(read >= 3);
  }));
}

check('openai-compatible: other models and keys', async () => {
  const other = await failure(() => generateText({ model: compatible('gpt-4o'), prompt: 'Hello', maxRetries: 0 }));
  assert.deepEqual([other.statusCode, other.data.error.param], [404, 'model']);
  const stranger = createOpenAICompatible({ ...settings, name: 'moa', apiKey: 'wrong' });
  assert.equal((await failure(() => generateText({ model: stranger('demo'), prompt: 'Hello', maxRetries: 0 }))).statusCode, 401);
});

check('openai-compatible: completions', async () => {
  const prompt = 'The key of alpha is 4711. The key of alpha is';
  const { text, finishReason, usage } = await generateText({ model: compatible.completionModel('demo'), prompt, maxOutputTokens: 10 });
  assert.equal(usage.outputTokens, finishReason === 'length' ? 10 : usage.outputTokens);
  const result = streamText({ model: compatible.completionModel('demo'), prompt, maxOutputTokens: 10 });
  assert.equal((await list(result.textStream)).join(''), text);
});

await run();
