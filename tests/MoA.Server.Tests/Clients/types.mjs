// Holds what the server sends against the types that a client declares, by TypeScript's compiler: one example of each form that was seen.
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export class Recorder {
  #types;
  #examples = new Map();

  // Names the type of each path's documents, and that of the events of its streams, in the lines that import them.
  constructor(imports, types) {
    this.imports = imports;
    this.#types = types;
  }

  // Fetches as ever, and keeps what came.
  fetch = async (url, init) => {
    const response = await fetch(url, init);
    const [document, event] = this.#types[new URL(url.url ?? url).pathname] ?? [];
    if (!response.ok || document === undefined) return response;
    const chunks = [];
    const body = response.body.pipeThrough(new TransformStream({
      transform: (chunk, controller) => (chunks.push(chunk), controller.enqueue(chunk)),
      flush: () => {
        const text = Buffer.concat(chunks).toString();
        if (!response.headers.get('content-type').includes('event-stream')) this.#add(document, text);
        else for (const [, data] of text.matchAll(/^data: (\{.*)$/gm)) this.#add(event, data);
      },
    }));
    return new Response(body, { status: response.status, headers: response.headers });
  };

  // Every example that is not of its type, with what is wrong with it.
  faults() {
    const file = fileURLToPath(new URL('examples.ts', import.meta.url));
    const lines = [...this.#examples.values()].map(({ type, example }) => `is<${type}>()(${JSON.stringify(example)});`);
    const source = [...this.imports, 'declare function is<T>(): <const X extends T & Record<string, unknown>>(x: X) => void;', ...lines].join('\n');
    const options = { strict: true, noEmit: true, skipLibCheck: true, module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, types: [] };
    const host = ts.createCompilerHost(options);
    const { getSourceFile, fileExists } = host;
    host.fileExists = path => path === file || fileExists.call(host, path);
    host.getSourceFile = (path, ...rest) => (path === file ? ts.createSourceFile(path, source, ...rest) : getSourceFile.call(host, path, ...rest));
    return {
      examples: lines.length,
      faults: ts.getPreEmitDiagnostics(ts.createProgram([file], options, host)).map(({ messageText, file: where, start }) => {
        const line = where ? source.split('\n')[where.getLineAndCharacterOfPosition(start).line] : '';
        return `${ts.flattenDiagnosticMessageText(messageText, ' ')} in ${line}`;
      }),
    };
  }

  #add(type, text) {
    const example = JSON.parse(text, (name, value) => {
      if (value?.object === 'response') return { ...value, output_text: '' }; // the client's own
      if (value === null && name === 'usage') return undefined; // OpenAI sends null, where its types know nothing
      if (value === null && name === 'finish_reason' && type === 'Completion') return 'stop'; // the same
      return value;
    });
    if (example.type === 'ping') return; // of no type, and passed over by clients
    const form = `${type} ${formOf(example)}`;
    if (!this.#examples.has(form)) this.#examples.set(form, { type, example });
  }
}

function formOf(value) {
  if (Array.isArray(value)) return `[${[...new Set(value.map(formOf))]}]`;
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  return `{${Object.entries(value).map(([name, member]) => `${name}:${name === 'type' ? member : formOf(member)}`)}}`;
}
