// What the scripts of all clients share: named checks, run one after the other, of which each writes its outcome as a line of JSON.
import assert from 'node:assert/strict';

export { assert };
export const url = process.env.MOA_URL;
export const key = process.env.MOA_KEY;

// A record of lines with a question that the demo model answers, and its answer.
export const question = `Below is a record of lines. Remember the REGISTER_CONTENT of each line.
line blunt-otter: REGISTER_CONTENT is <40893>
line tidy-lake: REGISTER_CONTENT is <23743>
line calm-river: REGISTER_CONTENT is <17265>
line brave-stone: REGISTER_CONTENT is <31982>
line quiet-field: REGISTER_CONTENT is <48120>
What is the <REGISTER_CONTENT> in line calm-river?`;
export const answer = 'The <REGISTER_CONTENT> in line calm-river is <17265>.';

// Longer than the demo model's context of 4,096 tokens.
export const tooLong = 'one two three '.repeat(3000);

// Characters of two to four bytes, and one of several code points; the demo model's tokens for them are single bytes.
export const multiByte = 'Zürich – 東京 🦉👩‍🚀';

const all = [];

export function check(name, run) {
  all.push({ name, run });
}

export async function run() {
  for (const { name, run } of all) {
    let error;
    try {
      await run();
    } catch (failure) {
      error = failure?.stack ?? String(failure);
    }
    console.log(JSON.stringify({ name, error }));
  }
}

export async function list(items) {
  const all = [];
  for await (const item of items) all.push(item);
  return all;
}

// What a call fails with; that it fails is part of the check.
export async function failure(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  assert.fail('the call succeeded');
}

export async function state() {
  const response = await fetch(`${url}/moa/state`, { headers: { authorization: `Bearer ${key}` } });
  return response.json();
}

// Runs a call that is to be cancelled in its middle, and waits until the server has nothing to do: soon, and long before the text would have ended.
export async function cancels(call) {
  const before = await state();
  await call();
  for (let tries = 0; tries < 200; tries++) {
    const { running, waiting, cancelled } = await state();
    if (running === 0 && waiting === 0 && cancelled === before.cancelled + 1) return;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  assert.fail(`the text goes on: ${JSON.stringify(await state())}`);
}
