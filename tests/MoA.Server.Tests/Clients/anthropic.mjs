// The official client of Anthropic, as its users call it.
import Anthropic from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { z } from 'zod';
import { list, answer, assert, cancels, check, failure, key, multiByte, question, run, tooLong, url } from './checks.mjs';
import { Recorder } from './types.mjs';

const recorder = new Recorder([
  "import type { Message, MessageStreamEvent, MessageTokensCount } from '@anthropic-ai/sdk/resources/messages';",
  "import type { ModelInfo } from '@anthropic-ai/sdk/resources/models';",
  'type Models = { data: ModelInfo[]; has_more: boolean; first_id: string | null; last_id: string | null };',
], {
  '/v1/models': ['Models'],
  '/v1/models/demo': ['ModelInfo'],
  '/v1/messages': ['Message', 'MessageStreamEvent'],
  '/v1/messages/count_tokens': ['MessageTokensCount'],
});
const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0, fetch: recorder.fetch });
const model = 'demo';
const asked = [{ role: 'user', content: question }];
const hello = [{ role: 'user', content: 'Hello' }];
const Switch = z.object({ on: z.boolean(), lamp: z.enum(['desk', 'door']) });
const Words = z.object({ words: z.literal(multiByte), more: z.boolean() });
const switchTool = { name: 'switch', description: 'Switches a lamp', input_schema: z.toJSONSchema(Switch) };

check('models.list and retrieve', async () => {
  const models = await list(client.models.list());
  assert.deepEqual(models.map(m => [m.id, m.type]), [[model, 'model']]);
  assert.ok(Math.abs(new Date((await client.models.retrieve(model)).created_at) - Date.now()) < 600_000);
});

check('messages.create', async () => {
  const { data, response } = await client.messages.create({ model, max_tokens: 100, messages: asked }).withResponse();
  assert.deepEqual([data.type, data.role, data.model, data.stop_reason, data.stop_sequence], ['message', 'assistant', model, 'end_turn', null]);
  assert.deepEqual(data.content.map(b => [b.type, b.text]), [['text', answer]]);
  assert.match(data.id, /^msg_/);
  assert.match(data._request_id, /^req_/);
  assert.equal(response.headers.get('request-id'), data._request_id);
  const { input_tokens } = await client.messages.countTokens({ model, messages: asked });
  assert.equal(data.usage.input_tokens + data.usage.cache_read_input_tokens, input_tokens);
});

check('system prompts, blocks, stop sequences, max_tokens', async () => {
  const blocks = [{ role: 'user', content: question.split('\n').map(text => ({ type: 'text', text, cache_control: { type: 'ephemeral' } })) }];
  const one = await client.messages.create({ model, max_tokens: 12, system: 'Answer.', messages: asked });
  const two = await client.messages.create({
    model, max_tokens: 12, messages: blocks,
    system: [{ type: 'text', text: 'x-anthropic-billing-header: cch=1' }, { type: 'text', text: 'Answer.', cache_control: { type: 'ephemeral' } }],
  });
  assert.deepEqual(one.content, two.content);
  assert.ok(two.usage.cache_read_input_tokens > 0);
  const stopped = await client.messages.create({ model, max_tokens: 100, messages: asked, stop_sequences: ['never', ' calm'] });
  assert.deepEqual([stopped.stop_reason, stopped.stop_sequence, stopped.content[0].text], ['stop_sequence', ' calm', 'The <REGISTER_CONTENT> in line']);
  const cut = await client.messages.create({ model, max_tokens: 3, messages: asked, temperature: 0.5, top_p: 0.9, top_k: 5, metadata: { user_id: 'u' }, service_tier: 'auto' });
  assert.deepEqual([cut.stop_reason, cut.usage.output_tokens], ['max_tokens', 3]);
});

check('streamed events in their order', async () => {
  const events = await list(await client.messages.create({ model, max_tokens: 100, messages: asked, stream: true }));
  assert.deepEqual(events.map(e => e.type).filter((type, i, types) => type !== types[i - 1]), [
    'message_start', 'content_block_start', 'content_block_delta', 'content_block_stop', 'message_delta', 'message_stop',
  ]);
  const deltas = events.filter(e => e.type === 'content_block_delta');
  assert.equal(deltas.map(e => e.delta.text).join(''), answer);
  assert.ok(deltas.length > 10);
  const whole = await client.messages.create({ model, max_tokens: 100, messages: asked });
  const end = events.at(-2);
  assert.equal(end.delta.stop_reason, 'end_turn');
  assert.equal(end.usage.output_tokens, whole.usage.output_tokens);
});

check('messages.stream, the helper', async () => {
  let text = '';
  const stream = client.messages.stream({ model, max_tokens: 100, messages: asked }).on('text', (delta, snapshot) => {
    text += delta;
    assert.equal(snapshot, text);
  });
  const whole = await stream.finalMessage();
  assert.equal(text, answer);
  assert.equal(whole.content[0].text, answer);
  assert.equal(whole.stop_reason, 'end_turn');
  assert.ok(whole.usage.output_tokens > 10);
  assert.match(stream.request_id, /^req_/);
});

check('tools: a call, its result, and the next turn', async () => {
  const body = { model, max_tokens: 200, messages: hello, tools: [switchTool], tool_choice: { type: 'any', disable_parallel_tool_use: true } };
  const first = await client.messages.create(body);
  assert.equal(first.stop_reason, 'tool_use');
  assert.deepEqual(first.content.map(b => [b.type, b.name]), [['tool_use', 'switch']]);
  const [call] = first.content;
  Switch.parse(call.input);
  const messages = [...hello, { role: 'assistant', content: first.content }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'done' }] }];
  const second = await client.messages.create({ ...body, messages, tool_choice: { type: 'auto' }, max_tokens: 5 });
  assert.ok(second.usage.cache_read_input_tokens > 0);
  const failed = [...messages.slice(0, 2), { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, is_error: true, content: [{ type: 'text', text: 'broken' }] }] }];
  assert.equal((await client.messages.create({ ...body, messages: failed, tool_choice: { type: 'none' }, max_tokens: 5 })).role, 'assistant');
});

check('tools: input_json_delta', async () => {
  const tools = [switchTool, { ...switchTool, name: 'dim', strict: true }];
  const stream = client.messages.stream({ model, max_tokens: 200, messages: hello, tools, tool_choice: { type: 'tool', name: 'dim', disable_parallel_tool_use: true } });
  let json = '';
  stream.on('inputJson', (delta, snapshot) => {
    json += delta;
    assert.equal(typeof snapshot, 'object');
  });
  const starts = [];
  stream.on('streamEvent', e => e.type === 'content_block_start' && starts.push(e.content_block));
  const whole = await stream.finalMessage();
  assert.equal(whole.stop_reason, 'tool_use');
  assert.deepEqual(whole.content[0].input, Switch.parse(JSON.parse(json)));
  assert.deepEqual([starts[0].type, starts[0].name, starts[0].id], ['tool_use', 'dim', whole.content[0].id]);
});

for (const stream of [false, true]) {
  check(`beta.messages.toolRunner${stream ? ', streamed' : ''}`, async () => {
    const calls = [];
    const tool = betaZodTool({ name: 'switch', description: 'Switches a lamp', inputSchema: Switch, run: args => (calls.push(args), 'The lamp burns.') });
    const runner = client.beta.messages.toolRunner({
      model, max_tokens: 200, max_iterations: 2, messages: hello, tools: [tool], tool_choice: { type: 'any', disable_parallel_tool_use: true }, stream,
    });
    const answers = [];
    for await (const one of runner) {
      answers.push(stream ? await one.finalMessage() : one);
      if (answers.length === 1) runner.setRequestOptions({ headers: {} });
    }
    assert.equal(answers.length, 2);
    assert.ok(calls.length >= 1);
    Switch.parse(calls[0]);
    assert.equal(answers[0].stop_reason, 'tool_use');
    // The second request held the first's messages, its call, and the tool's result: more than the first did.
    const tokens = ({ usage }) => usage.input_tokens + usage.cache_read_input_tokens;
    assert.ok(tokens(answers[1]) > tokens(answers[0]) + 10, `${tokens(answers[0])} tokens, then ${tokens(answers[1])}`);
  });
}

check('a conversation that the server would have to hold is refused, in words that the client falls back by', async () => {
  const strict = client.beta.messages.thread({ model, max_tokens: 5, messages: hello });
  const error = await failure(() => strict.send());
  assert.ok(error instanceof Anthropic.BadRequestError);
  assert.match(error.message, /whole conversation/);
  const thread = client.beta.messages.thread({ model, max_tokens: 5, messages: asked, unsupportedRequestBehavior: 'continue_unthreaded' });
  const first = await thread.send();
  const second = await thread.send({ role: 'user', content: 'And in line tidy-lake?' });
  assert.ok(second.usage.cache_read_input_tokens >= first.usage.input_tokens + first.usage.cache_read_input_tokens);
});

check('messages.parse with a schema, characters of several bytes', async () => {
  const body = { model, max_tokens: 400, messages: hello, temperature: 1, output_config: { format: zodOutputFormat(Words) } };
  const whole = await client.messages.parse(body);
  assert.equal(whole.stop_reason, 'end_turn');
  assert.equal(whole.parsed_output.words, multiByte);
  let text = '';
  const stream = client.messages.stream(body).on('text', delta => {
    assert.ok(!delta.includes('\ufffd'));
    text += delta;
  });
  assert.equal((await stream.finalMessage()).parsed_output.words, multiByte);
  assert.equal(JSON.parse(text).words, multiByte);
});

check('a conversation goes on from kept caches', async () => {
  const first = await client.messages.create({ model, max_tokens: 100, messages: asked });
  const messages = [...asked, { role: 'assistant', content: first.content }, { role: 'user', content: 'And in line tidy-lake?' }];
  const second = await client.messages.create({ model, max_tokens: 5, messages });
  assert.ok(second.usage.cache_read_input_tokens >= first.usage.input_tokens + first.usage.cache_read_input_tokens);
  assert.ok(second.usage.input_tokens > 0);
});

check('messages.countTokens', async () => {
  const bare = await client.messages.countTokens({ model, messages: hello });
  const more = await client.messages.countTokens({ model, messages: hello, system: 'Answer.', tools: [switchTool] });
  assert.ok(bare.input_tokens > 0 && more.input_tokens > bare.input_tokens + 20);
});

check('thinking may be asked for', async () => {
  for (const thinking of [{ type: 'enabled', budget_tokens: 1024 }, { type: 'disabled' }, { type: 'adaptive' }])
    assert.equal((await client.messages.create({ model, max_tokens: 2000, messages: asked, thinking })).content[0].text, answer);
});

check('errors arrive as their classes', async () => {
  const long = await failure(() => client.messages.create({ model, max_tokens: 5, messages: [{ role: 'user', content: tooLong }] }));
  assert.ok(long instanceof Anthropic.BadRequestError);
  assert.deepEqual([long.status, long.type, long.error.type], [400, 'invalid_request_error', 'error']);
  assert.match(long.message, /4096/);
  assert.match(long.requestID, /^req_/);
  const streamed = await failure(() => client.messages.stream({ model, max_tokens: 5, messages: [{ role: 'user', content: tooLong }] }).finalMessage());
  assert.ok(streamed instanceof Anthropic.BadRequestError);
  const other = await failure(() => client.messages.create({ model: 'claude-opus', max_tokens: 5, messages: hello }));
  assert.ok(other instanceof Anthropic.NotFoundError);
  assert.equal(other.type, 'not_found_error');
  const stranger = await failure(() => new Anthropic({ baseURL: url, apiKey: 'wrong', maxRetries: 0 }).messages.create({ model, max_tokens: 5, messages: hello }));
  assert.ok(stranger instanceof Anthropic.AuthenticationError);
  assert.equal(stranger.type, 'authentication_error');
  const bearer = new Anthropic({ baseURL: url, apiKey: null, authToken: key, maxRetries: 0 });
  assert.equal((await bearer.messages.create({ model, max_tokens: 1, messages: hello })).stop_reason, 'max_tokens');
  const large = await failure(() => client.messages.create({ model, max_tokens: 5, messages: [{ role: 'user', content: 'x'.repeat(1 << 21) }] }));
  assert.deepEqual([large.status, large.type], [413, 'request_too_large']);
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: '' } };
  const seen = await failure(() => client.messages.create({ model, max_tokens: 5, messages: [{ role: 'user', content: [image] }] }));
  assert.match(seen.message, /messages\[0\].content\[0\]/);
  const searched = await failure(() => client.messages.create({ model, max_tokens: 5, messages: hello, tools: [{ type: 'web_search_20250305', name: 'web_search' }] }));
  assert.match(searched.message, /web_search/);
  assert.ok((await failure(() => client.models.retrieve('claude-opus'))) instanceof Anthropic.NotFoundError);
});

const endless = { model, max_tokens: 3900, temperature: 1, messages: hello, logit_bias: { 1277: -100 } };

check('cancellation of a stream', () => cancels(async () => {
  const stream = client.messages.stream(endless);
  let read = 0;
  stream.on('text', () => ++read === 3 && stream.abort());
  const error = await failure(() => stream.finalMessage());
  assert.ok(error instanceof Anthropic.APIUserAbortError);
  assert.ok(read >= 3);
}));

check('leaving a stream ends it', () => cancels(async () => {
  for await (const event of await client.messages.create({ ...endless, stream: true })) {
    if (event.type === 'content_block_delta') break;
  }
}));

check('all that came is of the types that the client declares', () => {
  const { examples, faults } = recorder.faults();
  assert.ok(examples > 10);
  assert.deepEqual(faults, []);
});

await run();
