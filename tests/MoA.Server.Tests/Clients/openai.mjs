// The official client of OpenAI, as its users call it.
import OpenAI from 'openai';
import { zodFunction, zodResponseFormat, zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { list, answer, assert, cancels, check, failure, key, multiByte, question, run, tooLong, url } from './checks.mjs';
import { Recorder } from './types.mjs';

const recorder = new Recorder([
  "import type { ChatCompletion, ChatCompletionChunk } from 'openai/resources/chat/completions';",
  "import type { Completion } from 'openai/resources/completions';",
  "import type { Model } from 'openai/resources/models';",
  "import type { Response, ResponseStreamEvent } from 'openai/resources/responses/responses';",
  'type Models = { object: "list"; data: Model[] };',
], {
  '/v1/models': ['Models'],
  '/v1/models/demo': ['Model'],
  '/v1/chat/completions': ['ChatCompletion', 'ChatCompletionChunk'],
  '/v1/completions': ['Completion', 'Completion'],
  '/v1/responses': ['Response', 'ResponseStreamEvent'],
});
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, fetch: recorder.fetch });
const model = 'demo';
const asked = [{ role: 'user', content: question }];
const hello = [{ role: 'user', content: 'Hello' }];
const Switch = z.object({ on: z.boolean(), lamp: z.enum(['desk', 'door']) });
const Words = z.object({ words: z.literal(multiByte), more: z.array(z.boolean()).max(3) });

check('models.list and retrieve', async () => {
  const models = await list(client.models.list());
  assert.deepEqual(models.map(m => m.id), [model]);
  const one = await client.models.retrieve(model);
  assert.equal(one.object, 'model');
  assert.equal(one.max_model_len, 4096);
  assert.ok(Math.abs(one.created - Date.now() / 1000) < 600);
});

check('chat.completions.create', async () => {
  const { data, response } = await client.chat.completions.create({ model, messages: asked }).withResponse();
  assert.equal(data.object, 'chat.completion');
  assert.equal(data.model, model);
  assert.match(response.headers.get('x-request-id'), /^req_/);
  assert.equal(data._request_id, response.headers.get('x-request-id'));
  const [choice] = data.choices;
  assert.equal(choice.message.content, answer);
  assert.equal(choice.message.role, 'assistant');
  assert.equal(choice.message.refusal, null);
  assert.equal(choice.message.tool_calls, undefined);
  assert.equal(choice.finish_reason, 'stop');
  assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
});

check('content parts and developer messages', async () => {
  const parts = [
    { role: 'developer', content: 'Answer.' },
    { role: 'user', content: question.split('\n').map(text => ({ type: 'text', text })) },
  ];
  const texts = [{ role: 'system', content: 'Answer.' }, { role: 'user', content: question }];
  const [one, two] = await Promise.all([parts, texts].map(messages => client.chat.completions.create({ model, messages, max_tokens: 20 })));
  assert.equal(one.choices[0].message.content, two.choices[0].message.content);
  assert.equal(one.usage.prompt_tokens, two.usage.prompt_tokens);
});

check('streamed chat: deltas, finish reason, usage', async () => {
  const stream = await client.chat.completions.create({ model, messages: asked, stream: true, stream_options: { include_usage: true } });
  const chunks = await list(stream);
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.completion_tokens, last.usage.total_tokens - last.usage.prompt_tokens);
  assert.equal(new Set([last, ...chunks].map(c => c.id)).size, 1);
  assert.ok(chunks.every(c => c.object === 'chat.completion.chunk' && c.usage === null && c.choices.length === 1));
  assert.equal(chunks[0].choices[0].delta.role, 'assistant');
  assert.ok(chunks.slice(1).every(c => c.choices[0].delta.role === undefined));
  assert.equal(chunks.map(c => c.choices[0].delta.content ?? '').join(''), answer);
  assert.ok(chunks.length > 10);
  assert.deepEqual(chunks.map(c => c.choices[0].finish_reason), [...chunks.slice(1).map(() => null), 'stop']);
});

check('chat.completions.stream, the helper', async () => {
  const stream = client.chat.completions.stream({ model, messages: asked, stream_options: { include_usage: true }, logprobs: true, top_logprobs: 2 });
  let text = '';
  let tokens = 0;
  stream.on('content.delta', ({ delta, snapshot }) => {
    text += delta;
    assert.equal(snapshot, text);
  });
  stream.on('logprobs.content.delta', ({ content }) => (tokens += content.length));
  const whole = await stream.finalChatCompletion();
  assert.equal(text, answer);
  assert.equal(whole.choices[0].message.content, answer);
  assert.equal(whole.choices[0].logprobs.content.length, tokens);
  assert.equal(whole.usage.completion_tokens, tokens);
  assert.equal((await stream.totalUsage()).completion_tokens, tokens);
});

check('max_completion_tokens, n, seed', async () => {
  const body = { model, messages: hello, max_completion_tokens: 12, n: 3, temperature: 2, seed: 7 };
  const one = await client.chat.completions.create(body);
  const two = await client.chat.completions.create(body);
  const three = await client.chat.completions.create({ ...body, seed: 8 });
  const texts = whole => whole.choices.map(c => c.message.content);
  assert.deepEqual(one.choices.map(c => [c.index, c.finish_reason]), [[0, 'length'], [1, 'length'], [2, 'length']]);
  assert.deepEqual(texts(one), texts(two));
  assert.notDeepEqual(texts(one), texts(three));
  assert.equal(new Set(texts(one)).size, 3);
  assert.equal(one.usage.completion_tokens, 36);
  const streamed = ['', '', ''];
  for await (const chunk of await client.chat.completions.create({ ...body, stream: true }))
    for (const choice of chunk.choices) streamed[choice.index] += choice.delta.content ?? '';
  assert.deepEqual(streamed, texts(one));
});

check('stop', async () => {
  for (const stop of [' calm', ['never', ' calm']]) {
    const whole = await client.chat.completions.create({ model, messages: asked, stop });
    assert.equal(whole.choices[0].message.content, 'The <REGISTER_CONTENT> in line');
    assert.equal(whole.choices[0].finish_reason, 'stop');
  }
});

check('logprobs', async () => {
  const whole = await client.chat.completions.create({ model, messages: asked, logprobs: true, top_logprobs: 3 });
  const tokens = whole.choices[0].logprobs.content;
  assert.equal(tokens.length, whole.usage.completion_tokens);
  for (const { token, logprob, bytes, top_logprobs: top } of tokens) {
    assert.ok(logprob <= 0);
    assert.equal(top.length, 3);
    assert.deepEqual([top[0].token, top[0].logprob], [token, logprob]); // the likeliest is what is drawn
    assert.ok(top[0].logprob >= top[1].logprob && top[1].logprob >= top[2].logprob);
    assert.equal(Buffer.from(bytes).toString(), token);
  }
  assert.equal(Buffer.from(tokens.flatMap(t => t.bytes)).toString().slice(0, answer.length), answer);
});

check('logit_bias, penalties and unknown fields', async () => {
  const free = await client.chat.completions.create({ model, messages: asked, max_tokens: 1, logprobs: true });
  const { token } = free.choices[0].logprobs.content[0];
  const { tokens: [id] } = await (await fetch(`${url}/tokenize`, {
    method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` }, body: JSON.stringify({ content: token }),
  })).json();
  const held = await client.chat.completions.create({
    model, messages: asked, max_tokens: 1, logprobs: true, logit_bias: { [id]: -100 }, frequency_penalty: 0.1, presence_penalty: 0.1,
    user: 'u', store: false, metadata: { a: 'b' }, service_tier: 'auto', safety_identifier: 's', prompt_cache_key: 'k', verbosity: 'low',
  });
  assert.notEqual(held.choices[0].logprobs.content[0].token, token);
});

check('completions.create, whole and streamed', async () => {
  const prompt = 'The key of alpha is 4711. The key of alpha is';
  const body = { model, prompt, max_tokens: 10, logprobs: 2 };
  const whole = await client.completions.create(body);
  assert.equal(whole.object, 'text_completion');
  const [choice] = whole.choices;
  assert.equal(choice.finish_reason, 'length');
  assert.equal(choice.logprobs.tokens.length, 10);
  assert.equal(choice.logprobs.tokens.join(''), choice.text);
  assert.deepEqual(choice.logprobs.text_offset, choice.logprobs.tokens.map((_, i) => choice.logprobs.tokens.slice(0, i).join('').length));
  const chunks = await list(await client.completions.create({ ...body, stream: true, stream_options: { include_usage: true } }));
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.completion_tokens, 10);
  assert.equal(chunks.map(c => c.choices[0].text).join(''), choice.text);
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'length');
  const both = await client.completions.create({ model, prompt: [prompt, 'Hello'], max_tokens: 10, echo: true });
  assert.deepEqual(both.choices.map(c => c.index), [0, 1]);
  assert.equal(both.choices[0].text, prompt + choice.text);
  assert.ok(both.choices[1].text.startsWith('Hello'));
});

check('tools: a call that is asked for, its result, and the next turn', async () => {
  const tools = [zodFunction({ name: 'switch', description: 'Switches a lamp', parameters: Switch })];
  const first = await client.chat.completions.parse({ model, messages: hello, tools, tool_choice: 'required', parallel_tool_calls: false, seed: 1 });
  const { message, finish_reason } = first.choices[0];
  assert.equal(finish_reason, 'tool_calls');
  assert.equal(message.content, null);
  assert.equal(message.tool_calls.length, 1);
  const [call] = message.tool_calls;
  assert.deepEqual([call.type, call.function.name], ['function', 'switch']);
  assert.deepEqual(call.function.parsed_arguments, Switch.parse(JSON.parse(call.function.arguments)));
  const messages = [...hello, message, { role: 'tool', tool_call_id: call.id, content: 'done' }];
  const second = await client.chat.completions.create({ model, messages, tools, max_tokens: 5 });
  assert.ok(second.usage.prompt_tokens_details.cached_tokens > 0);
});

check('tools: streamed calls', async () => {
  const tools = ['switch', 'dim'].map(name => ({ type: 'function', function: { name, strict: true, parameters: z.toJSONSchema(Switch) } }));
  const body = { model, messages: hello, tools, tool_choice: { type: 'function', function: { name: 'dim' } }, parallel_tool_calls: false };
  const whole = await client.chat.completions.create(body);
  const stream = client.chat.completions.stream(body);
  let json = '';
  let done;
  stream.on('tool_calls.function.arguments.delta', e => (json += e.arguments_delta));
  stream.on('tool_calls.function.arguments.done', e => (done = e));
  const { message } = (await stream.finalChatCompletion()).choices[0];
  assert.equal(done.name, 'dim');
  assert.deepEqual(Switch.parse(JSON.parse(json)), done.parsed_arguments);
  assert.equal(json, whole.choices[0].message.tool_calls[0].function.arguments);
  assert.equal(message.tool_calls[0].function.arguments, json);
});

for (const stream of [false, true]) {
  check(`chat.completions.runTools${stream ? ', streamed' : ''}`, async () => {
    const calls = [];
    const tool = zodFunction({ name: 'switch', parameters: Switch, function: args => (calls.push(args), 'The lamp burns.') });
    const runner = client.chat.completions.runTools({
      model, messages: hello, tools: [tool], tool_choice: { type: 'function', function: { name: 'switch' } }, parallel_tool_calls: false, max_tokens: 200, stream,
    });
    await runner.done();
    assert.equal(calls.length, 1);
    Switch.parse(calls[0]);
    assert.equal(await runner.finalFunctionToolCallResult(), 'The lamp burns.');
    assert.ok(runner.messages.some(m => m.role === 'tool' && m.content === 'The lamp burns.'));
  });
}

check('chat.completions.parse with a schema, characters of several bytes', async () => {
  const body = { model, messages: hello, response_format: zodResponseFormat(Words, 'words'), max_tokens: 400, temperature: 1, seed: 3 };
  const whole = await client.chat.completions.parse(body);
  assert.equal(whole.choices[0].finish_reason, 'stop');
  assert.equal(whole.choices[0].message.parsed.words, multiByte);
  let text = '';
  const stream = client.chat.completions.stream(body);
  stream.on('content.delta', e => {
    assert.ok(!e.delta.includes('\ufffd'));
    text += e.delta;
  });
  assert.deepEqual((await stream.finalChatCompletion()).choices[0].message.parsed, whole.choices[0].message.parsed);
  assert.equal(text, whole.choices[0].message.content);
});

check('json_object', async () => {
  const whole = await client.chat.completions.create({ model, messages: hello, response_format: { type: 'json_object' }, max_tokens: 400, logit_bias: {} });
  if (whole.choices[0].finish_reason === 'stop') assert.equal(typeof JSON.parse(whole.choices[0].message.content), 'object');
  else assert.equal(whole.choices[0].finish_reason, 'length');
});

check('an answer that is cut off is not parsed', async () => {
  const error = await failure(() => client.chat.completions.parse({ model, messages: hello, response_format: zodResponseFormat(Words, 'words'), max_tokens: 3 }));
  assert.equal(error.constructor.name, 'LengthFinishReasonError');
});

check('a conversation goes on from kept caches', async () => {
  const first = await client.chat.completions.create({ model, messages: asked });
  const messages = [...asked, first.choices[0].message, { role: 'user', content: 'And in line tidy-lake?' }];
  const second = await client.chat.completions.create({ model, messages, max_tokens: 5 });
  const { cached_tokens } = second.usage.prompt_tokens_details;
  assert.ok(cached_tokens >= first.usage.prompt_tokens, `${cached_tokens} of ${first.usage.prompt_tokens}`);
  assert.ok(cached_tokens < second.usage.prompt_tokens);
});

check('responses.create', async () => {
  const whole = await client.responses.create({ model, instructions: 'Answer.', input: question, max_output_tokens: 40 });
  const chat = await client.chat.completions.create({ model, messages: [{ role: 'system', content: 'Answer.' }, ...asked], max_tokens: 40 });
  assert.equal(whole.object, 'response');
  assert.equal(whole.output_text, chat.choices[0].message.content);
  assert.equal(whole.usage.input_tokens, chat.usage.prompt_tokens);
  assert.equal(whole.usage.output_tokens, chat.usage.completion_tokens);
  const expected = chat.choices[0].finish_reason === 'length' ? ['incomplete', 'max_output_tokens'] : ['completed', undefined];
  assert.deepEqual([whole.status, whole.incomplete_details?.reason], expected);
  const again = await client.responses.create({ model, input: [...asked, ...(await client.responses.create({ model, input: asked })).output, { role: 'user', content: 'And?' }], max_output_tokens: 4 });
  assert.ok(again.usage.input_tokens_details.cached_tokens > 0);
});

check('responses.stream', async () => {
  const stream = client.responses.stream({ model, input: question, include: ['message.output_text.logprobs'], top_logprobs: 1 });
  const events = await list(stream);
  const whole = await stream.finalResponse();
  assert.deepEqual(events.map(e => e.sequence_number), events.map((_, i) => i));
  assert.deepEqual(events.map(e => e.type).filter((type, i, types) => type !== types[i - 1]), [
    'response.created', 'response.in_progress', 'response.output_item.added', 'response.content_part.added', 'response.output_text.delta',
    'response.output_text.done', 'response.content_part.done', 'response.output_item.done', 'response.completed',
  ]);
  const deltas = events.filter(e => e.type === 'response.output_text.delta');
  assert.equal(deltas.map(e => e.delta).join(''), answer);
  assert.equal(whole.output_text, answer);
  assert.equal(whole.output[0].content[0].logprobs.length, deltas.flatMap(e => e.logprobs).length);
  assert.ok(whole.output[0].content[0].logprobs.length > 10);
});

check('responses: a tool and its output', async () => {
  const tools = [zodResponsesFunction({ name: 'switch', parameters: Switch }), { type: 'web_search' }];
  const body = { model, input: hello, tools, tool_choice: 'required', parallel_tool_calls: false };
  const stream = client.responses.stream(body);
  const json = (await list(stream)).filter(e => e.type === 'response.function_call_arguments.delta').map(e => e.delta).join('');
  const whole = await stream.finalResponse();
  const [call] = whole.output;
  assert.equal(call.type, 'function_call');
  assert.deepEqual(call.parsed_arguments, Switch.parse(JSON.parse(json)));
  const same = await client.responses.parse(body);
  assert.deepEqual(same.output[0].parsed_arguments, call.parsed_arguments);
  const input = [...hello, call, { type: 'function_call_output', call_id: call.call_id, output: 'done' }];
  const next = await client.responses.create({ model, input, tools, tool_choice: 'none', max_output_tokens: 4 });
  assert.ok(next.output.every(item => item.type === 'message'));
});

check('responses.parse with a schema', async () => {
  const whole = await client.responses.parse({ model, input: 'Hello', text: { format: zodTextFormat(Words, 'words') }, temperature: 1, max_output_tokens: 400 });
  assert.equal(whole.output_parsed.words, multiByte);
});

check('errors arrive as their classes', async () => {
  const long = await failure(() => client.chat.completions.create({ model, messages: [{ role: 'user', content: tooLong }] }));
  assert.ok(long instanceof OpenAI.BadRequestError);
  assert.deepEqual([long.status, long.code, long.type], [400, 'context_length_exceeded', 'invalid_request_error']);
  assert.match(long.message, /4096/);
  assert.match(long.requestID, /^req_/);
  const streamed = await failure(() => client.responses.create({ model, input: tooLong, stream: true }));
  assert.deepEqual([streamed.constructor, streamed.code], [OpenAI.BadRequestError, 'context_length_exceeded']);
  const other = await failure(() => client.chat.completions.create({ model: 'gpt-4o', messages: hello }));
  assert.ok(other instanceof OpenAI.NotFoundError);
  assert.deepEqual([other.code, other.param], ['model_not_found', 'model']);
  assert.ok((await failure(() => client.models.retrieve('gpt-4o'))) instanceof OpenAI.NotFoundError);
  const stranger = await failure(() => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'wrong', maxRetries: 0 }).models.list());
  assert.ok(stranger instanceof OpenAI.AuthenticationError);
  assert.equal(stranger.code, 'invalid_api_key');
  const warm = await failure(() => client.chat.completions.create({ model, messages: hello, temperature: -1 }));
  assert.deepEqual([warm.constructor, warm.param], [OpenAI.BadRequestError, 'temperature']);
  const schema = { name: 's', schema: { type: 'array', uniqueItems: true } };
  const word = await failure(() => client.chat.completions.create({ model, messages: hello, response_format: { type: 'json_schema', json_schema: schema } }));
  assert.match(word.message, /uniqueItems/);
  const large = await failure(() => client.chat.completions.create({ model, messages: [{ role: 'user', content: 'x'.repeat(1 << 21) }] }));
  assert.equal(large.status, 413);
  const nothing = await failure(() => client.embeddings.create({ model, input: 'x' }));
  assert.ok(nothing instanceof OpenAI.NotFoundError);
  const stored = await failure(() => client.responses.create({ model, input: 'x', previous_response_id: 'resp_1' }));
  assert.deepEqual([stored.constructor, stored.param], [OpenAI.BadRequestError, 'previous_response_id']);
});

check('too many at one time are told so, and come back when there is room', async () => {
  const abort = new AbortController();
  const open = await Promise.all(Array.from({ length: 8 }, () => client.chat.completions.create(
    { model, messages: hello, max_tokens: 3000, temperature: 1, logit_bias: { 1277: -100 }, stream: true }, { signal: abort.signal })));
  const refused = await failure(() => client.chat.completions.create({ model, messages: hello, max_tokens: 1 }));
  assert.ok(refused instanceof OpenAI.RateLimitError);
  assert.equal(refused.headers.get('retry-after'), '1');
  const patient = client.chat.completions.create({ model, messages: hello, max_tokens: 1 }, { maxRetries: 3 });
  setTimeout(() => abort.abort(), 100);
  assert.equal((await patient).choices[0].finish_reason, 'length');
  assert.equal(open.length, 8);
});

const endless = { model, max_tokens: 3900, temperature: 1, logit_bias: { 1277: -100 } };

check('cancellation of a stream', () => cancels(async () => {
  const abort = new AbortController();
  let read = 0;
  for await (const chunk of await client.chat.completions.create({ ...endless, messages: hello, stream: true }, { signal: abort.signal })) {
    assert.ok(chunk.id);
    if (++read === 3) abort.abort();
  }
  assert.ok(read >= 3);
}));

check('leaving a stream ends it', () => cancels(async () => {
  for await (const event of await client.responses.create({ model, input: 'Hello', max_output_tokens: 3900, temperature: 1, logit_bias: { 1277: -100 }, stream: true })) {
    if (event.type === 'response.output_text.delta') break;
  }
}));

check('cancellation of a whole answer', () => cancels(async () => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 200);
  const error = await failure(() => client.chat.completions.create({ ...endless, messages: hello }, { signal: abort.signal }));
  assert.ok(error instanceof OpenAI.APIUserAbortError);
}));

check('a time limit of the client', () => cancels(async () => {
  const error = await failure(() => client.chat.completions.create({ ...endless, messages: hello }, { timeout: 200 }));
  assert.ok(error instanceof OpenAI.APIConnectionTimeoutError);
}));

check('all that came is of the types that the client declares', () => {
  const { examples, faults } = recorder.faults();
  assert.ok(examples > 10);
  assert.deepEqual(faults, []);
});

await run();
