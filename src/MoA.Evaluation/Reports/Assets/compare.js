// Fills the comparison page from its data. Charts are in charts.js. Data reach the page as text nodes only.
'use strict';

(() => {
  const { rows, effective, version } = JSON.parse(document.getElementById('data').textContent);
  const byId = id => document.getElementById(id);
  const unique = values => [...new Set(values)];
  const percent = value => value == null ? '–' : `${(value * 100).toFixed(1)} %`;
  const count = value => value == null ? '–' : value.toLocaleString('en');
  const taskOf = row => row.dataset ? `${row.task} ${row.dataset}` : row.task;
  const scored = rows.filter(row => row.accuracy != null);
  const models = unique(rows.map(row => row.model));
  const labelOf = row => models.length > 1 ? `${row.model} ${row.policySetting}` : row.policySetting;

  // Dense, MoA and the window have the colours of the search report; the others take the next of a list.
  const others = ['#7b56c4', '#2a8f5b', '#c23b6b', '#9a7b16', '#1f8a9c', '#8a4b2f', '#4d6b1f', '#b0408f'];
  const rivals = unique(rows.map(row => row.policy)).filter(name => !['dense', 'moa', 'streaming-llm'].includes(name)).sort();
  const colorOf = policy => ({ dense: Charts.color('dense'), moa: Charts.color('plan'), 'streaming-llm': Charts.color('uniform') })[policy]
    ?? others[rivals.indexOf(policy) % others.length];

  function element(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value != null) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  function table(target, caption, columns, cells) {
    target.append(element('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
      element('table', {}, element('caption', {}, caption),
        element('thead', {}, element('tr', {}, ...columns.map(([name, number]) => element('th', { scope: 'col', class: number ? 'number' : null }, name)))),
        element('tbody', {}, ...cells.map(row => element('tr', {}, ...row.map((text, i) =>
          element(i === 0 ? 'th' : 'td', { class: columns[i][1] ? 'number' : null, scope: i === 0 ? 'row' : null }, String(text)))))))));
  }

  function select(target, label, options, chosen) {
    const list = element('select', {}, ...options.map(option => element('option', { value: option }, String(option))));
    list.addEventListener('change', () => chosen(list.value));
    target.append(element('label', {}, label, list));
    return list;
  }

  const linesOf = row => [
    `${percent(row.accuracy)} of ${row.items} items [${percent(row.low)}, ${percent(row.high)}]`,
    `${count(row.length)} tokens, density ${percent(row.density)}`, `${count(row.kvBytes)} bytes of KV cache`, row.policySetting];
  const pointOf = (row, x) => ({ x, y: row.accuracy, low: row.low, high: row.high, lines: linesOf(row) });

  // ---- Accuracy against density ----
  function drawAccuracy(task, length) {
    const shown = scored.filter(row => taskOf(row) === task && String(row.length) === length);
    const series = unique(shown.map(row => `${models.length > 1 ? `${row.model} ` : ''}${row.policy}`)).map(name => {
      const own = shown.filter(row => `${models.length > 1 ? `${row.model} ` : ''}${row.policy}` === name).sort((a, b) => a.density - b.density);
      return { name, color: colorOf(own[0].policy), points: own.map(row => pointOf(row, row.density)) };
    });
    Charts.curves(byId('accuracy-chart'), `Accuracy against density, ${task} at ${length} tokens`, series,
      { xName: 'density', xMin: 0, xMax: 1, xFormat: value => `${Math.round(value * 100)} %` });
  }

  function drawLengths(task) {
    const shown = scored.filter(row => taskOf(row) === task);
    const lengths = shown.map(row => row.length);
    const several = unique(lengths).length > 1;
    byId('lengths').hidden = !several;
    if (!several) return;
    const series = unique(shown.map(labelOf)).map(name => {
      const own = shown.filter(row => labelOf(row) === name).sort((a, b) => a.length - b.length);
      return { name, color: colorOf(own[0].policy), points: own.map(row => pointOf(row, row.length)) };
    });
    Charts.curves(byId('lengths-chart'), `Accuracy by length, ${task}`, series,
      { xName: 'tokens', xMin: Math.min(...lengths), xMax: Math.max(...lengths), xFormat: count, log: true });
  }

  function drawDepths(task) {
    const target = byId('depth-maps');
    const shown = scored.filter(row => taskOf(row) === task && row.byDepth);
    target.replaceChildren();
    byId('depth').hidden = shown.length === 0;
    for (const name of unique(shown.map(labelOf))) {
      const chart = element('div', { class: 'chart' });
      target.append(element('figure', {}, element('figcaption', {}, name), chart));
      Charts.depthMap(chart, `Accuracy by depth, ${name}`,
        shown.filter(row => labelOf(row) === name).sort((a, b) => a.length - b.length).map(row => ({ length: row.length, depths: row.byDepth })),
        // Needles stand at exact depths, records fill equal parts.
        (bin, bins) => task.startsWith('needle')
          ? `${Math.round(100 * bin / Math.max(1, bins - 1))} %` : `${Math.round(100 * bin / bins)} to ${Math.round(100 * (bin + 1) / bins)} %`);
    }
  }

  function drawAll() {
    const tasks = unique(scored.map(taskOf)).sort((a, b) => (b === 'retrieval') - (a === 'retrieval'));
    if (tasks.length === 0) {
      for (const id of ['accuracy', 'lengths', 'depth']) byId(id).hidden = true;
      return;
    }
    const controls = byId('accuracy-controls');
    const lengthHolder = element('span');
    const show = task => {
      const lengths = unique(scored.filter(row => taskOf(row) === task).map(row => row.length)).sort((a, b) => a - b).map(String);
      lengthHolder.replaceChildren();
      const list = select(lengthHolder, 'Length', lengths, length => drawAccuracy(task, length));
      list.value = lengths.at(-1);
      drawAccuracy(task, lengths.at(-1));
      drawLengths(task);
      drawDepths(task);
    };
    select(controls, 'Task', tasks, show);
    controls.append(lengthHolder);
    show(tasks[0]);
  }

  // ---- Tables ----
  table(byId('numbers-table'), 'Every result', [['Policy'], ['Task'], ['Length', 1], ['Density', 1], ['Accuracy', 1], ['95 % interval', 1], ['Perplexity', 1],
    ['Items', 1], ['KV bytes', 1], ['Tokens/s', 1]], rows.map(row => [labelOf(row), taskOf(row), count(row.length), percent(row.density), percent(row.accuracy),
    row.low == null ? '–' : `${percent(row.low)} to ${percent(row.high)}`, row.perplexity == null ? '–' : row.perplexity.toFixed(4), row.items,
    count(row.kvBytes), row.tokensPerSecond > 0 ? count(Math.round(row.tokensPerSecond)) : '–']));
  byId('effective').hidden = effective.length === 0;
  table(byId('effective-table'), 'Longest input with at least 90 %', [['Policy'], ['Task'], ['Effective context', 1], ['Mean span there', 1], ['Longest measured', 1]],
    effective.map(entry => [models.length > 1 ? `${entry.model} ${entry.policySetting}` : entry.policySetting, entry.task,
      entry.tokens == null ? `below ${count(entry.shortestMeasured)}` : count(entry.tokens), count(entry.meanSpan), count(entry.longestMeasured)]));

  byId('model-facts').textContent = `${models.join(', ')} · ${rows.length} results`;
  byId('tool-version').textContent = version;
  drawAll();
  for (const section of document.querySelectorAll('main > section:not([hidden])'))
    byId('nav').append(element('a', { href: `#${section.id}` }, section.dataset.nav));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => Charts.redrawAll());
  addEventListener('beforeprint', () => Charts.redrawAll());
  addEventListener('afterprint', () => Charts.redrawAll());
})();
