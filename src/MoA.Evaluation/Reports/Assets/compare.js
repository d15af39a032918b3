// Fills the comparison page from its data. Charts are in charts.js. Data reach the page as text nodes only.
'use strict';

(() => {
  const { rows, boards, effective, version } = JSON.parse(document.getElementById('data').textContent);
  const byId = id => document.getElementById(id);
  const unique = values => [...new Set(values)];
  const percent = value => value == null ? '–' : `${(value * 100).toFixed(1)} %`;
  const count = value => value == null ? '–' : value.toLocaleString('en');
  const taskOf = row => row.dataset ? `${row.task} ${row.dataset}` : row.task;
  const scored = rows.filter(row => row.accuracy != null);
  const models = unique(rows.map(row => row.model));
  const withModel = (row, text) => models.length > 1 ? `${row.model} ${text}` : text;
  // What the axes show, sizes, aside; of plans, whichever file.
  const methodOf = row => row.policySetting.split(' ')[0].replace(/,(?:density|span)=[^,+]*/g, '')
    .replace(/:(?:density|span)=[^,+]*(,?)/, (_, more) => more ? ':' : '');
  // A policy goes by its name, or where it ran in several ways, by these.
  const ways = new Map([...Map.groupBy(rows, row => row.policy)].map(([policy, own]) => [policy, unique(own.map(methodOf)).length]));
  const shortOf = row => ways.get(row.policy) > 1 ? methodOf(row) : row.policy;
  const nameOf = row => withModel(row, shortOf(row));
  const labelOf = row => withModel(row, row.policySetting);
  const isDense = row => row.policy === 'dense';

  // Lengths change a policy's density a little, as rows come in blocks: settings are grouped by their mean, to 5 %.
  const settings = Map.groupBy(rows, row => `${taskOf(row)} ${labelOf(row)}`);
  const groupOf = row => {
    const own = settings.get(`${taskOf(row)} ${labelOf(row)}`);
    return Math.round(own.reduce((sum, one) => sum + one.density, 0) / own.length * 20) * 5;
  };
  const groupsOf = shown => unique(shown.filter(row => !isDense(row)).map(groupOf)).sort((a, b) => a - b);
  const percentOf = group => `${group} %`;

  // The program's table of policies: a role of the style sheet, or a colour. Results of an older program may name others.
  const colors = JSON.parse(document.getElementById('colors').textContent);
  const symbols = { circle: '●', diamond: '◆', rect: '■', triangle: '▲', emptyCircle: '○', emptyDiamond: '◇', emptyRect: '□', emptyTriangle: '△' };
  const policyOf = new Map(rows.map(row => [shortOf(row), row.policy]));
  const names = [...policyOf.keys()].sort((a, b) => (b === 'dense') - (a === 'dense') || (policyOf.get(b) === 'moa') - (policyOf.get(a) === 'moa') || a.localeCompare(b));
  // A policy of caches with another for prefill has the former's colour.
  const colorOf = policy => {
    const color = colors[policy.split('+')[0]];
    return !color ? '#6a8a2c' : color.startsWith('#') ? color : Charts.color(color);
  };
  const symbolOf = name => Object.keys(symbols)[names.indexOf(name) % Object.keys(symbols).length];

  function element(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value != null) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  /** columns: [[name, whether numbers]]; over: [[name, columns]] stands above them; a cell is a text or a node. */
  function table(target, caption, columns, cells, over) {
    const row = texts => element('tr', {}, ...texts.map((cell, i) => element(
      i === 0 ? 'th' : 'td', { class: columns[i][1] ? 'number' : null, scope: i === 0 ? 'row' : null }, cell instanceof Node ? cell : String(cell))));
    target.replaceChildren(element('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
      element('table', {}, element('caption', {}, caption),
        element('thead', {}, ...(over ? [element('tr', {}, ...over.map(([name, span]) => element('th', { colspan: span, class: 'over' }, name)))] : []),
          element('tr', {}, ...columns.map(([name, number]) => element('th', { scope: 'col', class: number ? 'number' : null }, name)))),
        element('tbody', {}, ...cells.map(row)))));
  }

  function select(target, label, options, chosen) {
    const list = element('select', {}, ...options.map(option => element('option', { value: option }, String(option))));
    list.addEventListener('change', () => chosen(list.value));
    target.append(element('label', {}, label, list));
    return list;
  }

  function legend(target, shown) {
    target.replaceChildren(...names.filter(name => shown.some(row => shortOf(row) === name)).map(name => {
      const policy = policyOf.get(name), mark = element('span', { 'aria-hidden': true }, name === 'dense' ? '╌' : symbols[symbolOf(name)]);
      mark.style.color = colors[policy] && !colors[policy].startsWith('#') ? `var(--${colors[policy]})` : colorOf(policy);
      return element('li', {}, mark, ` ${name}`);
    }));
  }

  /** One row for every policy, with its settings where it has several in a group. */
  function byPolicy(shown) {
    const several = shown.some((row, i) => shown.findIndex(one => nameOf(one) === nameOf(row) && one.length === row.length && groupOf(one) === groupOf(row)) < i);
    const key = several ? labelOf : nameOf;
    return [...Map.groupBy([...shown].sort((a, b) => names.indexOf(shortOf(a)) - names.indexOf(shortOf(b))), key)];
  }

  const linesOf = row => [
    `${percent(row.accuracy)} of ${row.items} items [${percent(row.low)}, ${percent(row.high)}]`,
    `${count(row.length)} tokens, density ${percent(row.density)}`, `${count(row.kvBytes)} bytes of KV cache`, row.policySetting];
  const pointOf = (row, x) => ({ x, y: row.accuracy, low: row.low, high: row.high, lines: linesOf(row) });

  const seriesOf = (name, own, x) => ({
    name, color: () => colorOf(own[0].policy), symbol: symbolOf(shortOf(own[0])), strong: own[0].policy === 'moa',
    points: own.map(row => pointOf(row, x(row))).sort((a, b) => a.x - b.x),
  });

  // ---- Leaderboard ----
  const times = value => value == null ? '–' : `${value.toFixed(2)} ×`;
  const roundShare = share => Math.round(share * 20) * 5;
  const lengthOf = board => board.length == null ? 'all' : count(board.length);
  const titleOf = board => `${models.length > 1 ? `${board.model}, ` : ''}question ${board.question}, ${board.length == null ? 'all lengths' : `${count(board.length)} tokens`}`;

  const nameWith = (name, note) => note ? element('span', {}, name, element('br'), element('span', { class: 'muted' }, note)) : name;

  function drawBoard(board, group) {
    const isDenseEntry = entry => entry.policy === 'dense';
    const shown = board.entries.filter(entry => isDenseEntry(entry) || group === 'all' || percentOf(roundShare(entry.density)) === group);
    const share = entry => entry.storedShare ?? entry.density;
    const drawn = shown.filter(entry => entry.mean != null && !entry.source);
    legend(byId('board-legend'), drawn);
    const point = entry => ({
      x: share(entry), y: entry.mean, low: entry.low, high: entry.high,
      lines: [`mean ${percent(entry.mean)} [${percent(entry.low)}, ${percent(entry.high)}]`, `stored ${percent(share(entry))}, at the peak ${percent(entry.peakShare)}`, entry.policySetting],
    });
    Charts.curves(byId('board-chart'), `Mean accuracy against stored share, ${titleOf(board)}`,
      [...Map.groupBy(drawn.filter(entry => !isDenseEntry(entry)), shortOf)].map(([name, own]) => ({
        name, color: () => colorOf(own[0].policy), symbol: symbolOf(name), strong: own[0].policy === 'moa', points: own.map(point).sort((a, b) => a.x - b.x),
      })),
      {
        xName: 'stored share of a full cache', xMin: 0, xMax: Math.max(1, ...drawn.map(share)), xFormat: value => `${Math.round(value * 100)} %`,
        levels: drawn.filter(isDenseEntry).map(entry => ({ color: () => colorOf('dense'), ...point(entry) })),
      });
    const cell = value => value == null ? '–' : (value * 100).toFixed(1);
    table(byId('board-table'), `Accuracy in %, ${titleOf(board)}, in the order of the means`,
      [['Policy'], ['Mean', 1], ['95 % interval', 1], ...board.tasks.map(task => [task, 1]),
        ['Density', 1], ['Stored', 1], ['Peak', 1], ['Reading', 1], ['Writing', 1]],
      shown.map(entry => [
        nameWith(entry.policySetting, entry.source ? `published: ${entry.source}` : entry.promptReadings > 1 ? 'prompt read twice' : null),
        element('b', {}, cell(entry.mean)), entry.low == null ? '–' : `${cell(entry.low)} to ${cell(entry.high)}`, ...entry.tasks.map(cell),
        percent(entry.density), percent(entry.storedShare), percent(entry.peakShare), times(entry.promptSpeed), times(entry.answerSpeed)]),
      [['', 1], ['', 2], ['tasks', board.tasks.length], ['share of a full cache', 3], ['tokens/s, dense = 1', 2]]);
  }

  function drawBoards() {
    byId('leaderboard').hidden = boards.length === 0;
    if (boards.length === 0) return;
    const chosen = { model: boards[0].model, question: boards[0].question, length: lengthOf(boards[0]), group: 'all' };
    const controls = byId('board-controls');
    // What was chosen stays where the other boards have it too.
    const show = () => {
      controls.replaceChildren();
      let left = boards;
      for (const [key, label, of] of [['model', 'Model', board => board.model], ['question', 'Question', board => board.question], ['length', 'Length', lengthOf]]) {
        const options = unique(left.map(of));
        if (!options.includes(chosen[key])) chosen[key] = options[0];
        if (options.length > 1) select(controls, label, options, value => { chosen[key] = value; show(); }).value = chosen[key];
        left = left.filter(board => of(board) === chosen[key]);
      }
      const groups = ['all', ...unique(left[0].entries.filter(entry => entry.policy !== 'dense').map(entry => roundShare(entry.density))).sort((a, b) => a - b).map(percentOf)];
      if (!groups.includes(chosen.group)) chosen.group = 'all';
      if (groups.length > 2) select(controls, 'Density', groups, value => { chosen.group = value; drawBoard(left[0], value); }).value = chosen.group;
      drawBoard(left[0], chosen.group);
    };
    show();
  }

  // ---- Accuracy against density ----
  const axes = {
    density: { x: row => row.density, name: 'density', format: value => `${Math.round(value * 100)} %` },
    'KV bytes': { x: row => row.kvBytes / 1048576, name: 'MiB of KV cache', format: value => value.toLocaleString('en', { maximumFractionDigits: 1 }) },
    speed: { x: row => row.tokensPerSecond, name: 'tokens/s of the run', format: count },
  };

  function drawAccuracy(task, against) {
    const shown = scored.filter(row => taskOf(row) === task), axis = axes[against];
    legend(byId('accuracy-legend'), shown);
    byId('accuracy-charts').replaceChildren(...unique(shown.map(row => row.length)).sort((a, b) => a - b).map(length => {
      const here = shown.filter(row => row.length === length);
      const chart = element('div', { class: 'chart' });
      queueMicrotask(() => Charts.curves(chart, `Accuracy against ${against}, ${task} at ${length} tokens`,
        [...Map.groupBy(here.filter(row => !isDense(row)), nameOf)].map(([name, own]) => seriesOf(name, own, axis.x)),
        {
          xName: axis.name, xMin: 0, xMax: against === 'density' ? 1 : Math.max(...here.map(axis.x)) * 1.03, xFormat: axis.format,
          levels: here.filter(isDense).map(row => ({ color: () => colorOf('dense'), ...pointOf(row, axis.x(row)) })),
        }));
      return element('figure', {}, element('figcaption', {}, `${count(length)} tokens`), chart);
    }));
  }

  function accuracyTable(task) {
    const shown = scored.filter(row => taskOf(row) === task), groups = groupsOf(shown);
    const lengths = unique(shown.map(row => row.length)).sort((a, b) => a - b);
    const columns = lengths.flatMap(length => groups.map(group => ({ length, group })));
    const best = columns.map(({ length, group }) =>
      Math.max(...shown.filter(row => !isDense(row) && row.length === length && groupOf(row) === group).map(row => row.accuracy)));
    table(byId('accuracy-table'), `Accuracy in %, ${task}; the best of a column, dense attention aside, in bold`,
      [['Policy'], ...columns.map(column => [percentOf(column.group), 1])],
      byPolicy(shown).map(([name, own]) => [name, ...columns.map(({ length, group }, i) => {
        const row = own.find(row => row.length === length && (isDense(row) || groupOf(row) === group));
        if (!row) return '–';
        const text = (row.accuracy * 100).toFixed(0);
        return !isDense(row) && row.accuracy === best[i] ? element('b', {}, text) : text;
      })]),
      [['', 1], ...lengths.map(length => [`${count(length)} tokens`, groups.length])]);
  }

  function drawLengths(task, group) {
    const shown = scored.filter(row => taskOf(row) === task && (isDense(row) || groupOf(row) === group));
    const lengths = shown.map(row => row.length);
    legend(byId('lengths-legend'), shown);
    Charts.curves(byId('lengths-chart'), `Accuracy by length, ${task} at ${percentOf(group)}`,
      byPolicy(shown).map(([name, own]) => ({ ...seriesOf(name, own, row => row.length), dashed: isDense(own[0]) })),
      { xName: 'tokens', xMin: Math.min(...lengths) / 1.1, xMax: Math.max(...lengths) * 1.1, xTicks: unique(lengths).sort((a, b) => a - b), xFormat: count, log: true });
  }

  function drawDepths(task, group) {
    const shown = scored.filter(row => taskOf(row) === task && row.byDepth && (isDense(row) || groupOf(row) === group));
    byId('depth-maps').replaceChildren(...byPolicy(shown).map(([name, own]) => {
      const chart = element('div', { class: 'chart' });
      queueMicrotask(() => Charts.depthMap(chart, `Accuracy by depth, ${name}`,
        own.sort((a, b) => a.length - b.length).map(row => ({ length: row.length, depths: row.byDepth })),
        // Needles stand at exact depths, records fill equal parts.
        (bin, bins) => task.startsWith('needle')
          ? `${Math.round(100 * bin / Math.max(1, bins - 1))} %` : `${Math.round(100 * bin / bins)} to ${Math.round(100 * (bin + 1) / bins)} %`));
      return element('figure', {}, element('figcaption', {}, isDense(own[0]) ? name : `${name}, ${percentOf(group)}`), chart);
    }));
  }

  function effectiveTable(task) {
    const groups = groupsOf(scored.filter(row => taskOf(row) === task));
    const found = row => effective.find(entry => entry.task === taskOf(row) && entry.model === row.model && entry.policySetting === row.policySetting);
    const shown = scored.filter(row => taskOf(row) === task && found(row));
    byId('effective').hidden = shown.length === 0;
    table(byId('effective-table'), `Longest input with at least 90 %, ${task}`, [['Policy'], ...groups.map(group => [percentOf(group), 1])],
      byPolicy(shown).map(([name, own]) => [name, ...groups.map(group => {
        const row = own.find(row => isDense(row) || groupOf(row) === group);
        if (!row) return '–';
        const entry = found(row);
        return entry.tokens == null ? `below ${count(entry.shortestMeasured)}`
          : element('span', {}, element('b', {}, `${entry.tokens === entry.longestMeasured ? '≥ ' : ''}${count(entry.tokens)}`), element('br'),
            element('span', { class: 'muted' }, `span ${count(entry.meanSpan)}`));
      })]));
  }

  function drawAll() {
    const tasks = unique(scored.map(taskOf)).sort((a, b) => (b === 'retrieval') - (a === 'retrieval'));
    if (tasks.length === 0) {
      for (const id of ['accuracy', 'lengths', 'depth', 'effective']) byId(id).hidden = true;
      return;
    }
    let against = 'density';
    const show = task => {
      const shown = scored.filter(row => taskOf(row) === task), groups = groupsOf(shown);
      const middle = groups[groups.length >> 1] ?? 100;
      drawAccuracy(task, against);
      accuracyTable(task);
      effectiveTable(task);
      for (const [id, drawn, fill] of [['lengths', unique(shown.map(row => row.length)).length > 1, drawLengths], ['depth', shown.some(row => row.byDepth), drawDepths]]) {
        byId(id).hidden = !drawn;
        const controls = byId(`${id}-controls`);
        controls.replaceChildren();
        if (!drawn) continue;
        if (groups.length > 1) select(controls, 'Density', groups.map(percentOf), chosen => fill(task, parseInt(chosen, 10))).value = percentOf(middle);
        fill(task, middle);
      }
    };
    const controls = byId('accuracy-controls');
    const list = select(controls, 'Task', tasks, show);
    select(controls, 'Against', Object.keys(axes), chosen => drawAccuracy(list.value, against = chosen));
    show(tasks[0]);
  }

  // ---- Tables ----
  const shareOfDense = (row, value, format) => {
    const dense = rows.find(one => isDense(one) && one.model === row.model && taskOf(one) === taskOf(row) && one.length === row.length);
    return dense && value(dense) > 0 && value(row) > 0 ? format(value(row) / value(dense)) : '–';
  };
  const columns = [
    [['Policy'], labelOf], [['Task'], taskOf], [['Length', 1], row => count(row.length)], [['Density', 1], row => percent(row.density)],
    [['Accuracy', 1], row => percent(row.accuracy), row => row.accuracy != null],
    [['95 % interval', 1], row => row.low == null ? '–' : `${percent(row.low)} to ${percent(row.high)}`, row => row.low != null],
    [['Perplexity', 1], row => row.perplexity == null ? '–' : row.perplexity.toFixed(4), row => row.perplexity != null],
    [['Items', 1], row => count(row.items)], [['KV bytes', 1], row => count(row.kvBytes)],
    [['of dense', 1], row => shareOfDense(row, one => one.kvBytes, percent)],
    [['Tokens/s', 1], row => row.tokensPerSecond > 0 ? count(Math.round(row.tokensPerSecond)) : '–'],
    [['of dense', 1], row => shareOfDense(row, one => one.tokensPerSecond, ratio => `${ratio.toFixed(2)} ×`)],
  ].filter(([, , there]) => !there || rows.some(there));
  table(byId('numbers-table'), 'Every result', columns.map(([head]) => head), rows.map(row => columns.map(([, cell]) => cell(row))));

  const items = rows.map(row => row.items), least = Math.min(...items), most = Math.max(...items);
  byId('model-facts').textContent = `${models.join(', ')} · ${count(rows.length)} results of ${least === most ? count(most) : `${count(least)} to ${count(most)}`} items each`;
  byId('tool-version').textContent = version;
  drawBoards();
  drawAll();
  for (const section of document.querySelectorAll('main > section:not([hidden])'))
    byId('nav').append(element('a', { href: `#${section.id}` }, section.dataset.nav));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => Charts.redrawAll());
  addEventListener('beforeprint', () => Charts.redrawAll());
  addEventListener('afterprint', () => Charts.redrawAll());
})();
