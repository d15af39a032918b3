// Fills the page from the report's data: text, tables and controls. Charts are in charts.js.
'use strict';

(() => {
  const report = JSON.parse(document.getElementById('data').textContent);
  const { settings, plan } = report;

  // ---- Formats -------------------------------------------------------------------------------------------------
  const count = value => value.toLocaleString('en');
  const percent = (value, digits = 1) => value == null ? '–' : `${(value * 100).toFixed(digits)} %`;
  const loss = value => value == null ? '–' : value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(3) : value.toFixed(4);
  const lengthsOf = map => Object.keys(map).map(Number).sort((a, b) => a - b);
  const unique = values => [...new Set(values)];
  function bytes(value) {
    const unit = value >= 2 ** 30 ? ['GiB', 30] : value >= 2 ** 20 ? ['MiB', 20] : ['KiB', 10];
    return `${Number((value / 2 ** unit[1]).toPrecision(3))} ${unit[0]}`;
  }
  function seconds(value) {
    return value < 120 ? `${Number(value.toPrecision(3))} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
  }
  function parameters(value) {
    const [size, unit] = value >= 1e9 ? [1e9, 'B'] : value >= 1e6 ? [1e6, 'M'] : [1e3, 'k'];
    return `${Number((value / size).toPrecision(3))} ${unit}`;
  }

  // ---- Elements ------------------------------------------------------------------------------------------------
  const byId = id => document.getElementById(id);
  function element(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes))
      if (value != null) node.setAttribute(name, value);
    node.append(...children.filter(child => child != null));
    return node;
  }

  /** columns: [name, number?]; rows: arrays of text, the first cell heading its row; chosen(i) marks a row. */
  function table(caption, columns, rows, chosen = () => false) {
    const cell = (tag, text, i, more) =>
      element(tag, { class: columns[i][1] ? 'number' : null, ...more }, text);
    return element('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
      element('table', {}, element('caption', {}, caption),
        element('thead', {}, element('tr', {}, ...columns.map(([name], i) => cell('th', name, i, { scope: 'col' })))),
        element('tbody', {}, ...rows.map((row, r) => element('tr', { class: chosen(r) ? 'chosen' : null },
          ...row.map((text, i) => cell(i === 0 ? 'th' : 'td', String(text), i, i === 0 ? { scope: 'row' } : {})))))));
  }

  /** A table that opens on demand; built when first opened, as some are large. */
  function folded(build) {
    const details = element('details', {}, element('summary', {}, 'Numbers'));
    details.addEventListener('toggle', () => {
      if (details.open && details.childElementCount === 1) details.append(build());
    });
    return details;
  }

  /** One choice of a few, as radio buttons; calls choose(value) at once for the initial one. */
  function choice(target, name, legend, options, initial, choose) {
    if (options.length > 1) {
      target.replaceChildren(element('fieldset', {}, element('legend', {}, legend), ...options.map(value => {
        const input = element('input', { type: 'radio', name, value });
        input.checked = value === initial;
        input.addEventListener('change', () => choose(value));
        return element('label', {}, input, element('span', {}, count(value)));
      })));
    }
    choose(initial);
  }

  const remove = id => byId(id).remove();

  // ---- Policies and plans --------------------------------------------------------------------------------------
  const policies = { dense: ['Dense', 'dense'], moa: ['MoA plan', 'plan'], uniform: ['Uniform window', 'uniform'] };
  const policyName = policy => policies[policy]?.[0] ?? policy;
  const policyRole = policy => policies[policy]?.[1] ?? 'other';
  const retrievalOf = (policy, length) => report.retrieval.find(row => row.length === length && policyName(row.policy) === policy);
  const chosenFile = report.plans.find(p => p.chosen)?.file;
  const headName = plan.headKind === 'keyValue' ? 'KV head' : 'query head';

  /** Every loss at the validation length, once each: dense, the plans from best to worst, uniform. */
  function validationRows() {
    const rows = report.validation.map(row => ({ ...row }));
    for (const p of report.plans) {
      if (p.validationLoss != null && !rows.some(row => row.name === p.file)) {
        rows.push({
          name: p.file, length: settings.validationLength, meanLoss: p.validationLoss,
          low: p.validationInterval?.low, high: p.validationInterval?.high, density: p.densities[settings.validationLength],
        });
      }
    }
    const rank = row => ['dense', 'plan', 'uniform'].indexOf(roleOf(row));
    return rows.sort((a, b) => rank(a) - rank(b) || a.meanLoss - b.meanLoss);
  }
  const roleOf = row => policyRole(row.name) === 'other' ? 'plan' : policyRole(row.name);

  // ---- Summary -------------------------------------------------------------------------------------------------
  function meter(name, share, text, role) {
    const bar = element('i');
    bar.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
    bar.style.background = `var(--${role})`;
    return element('div', { class: 'meter' }, element('span', {}, name), element('span', { 'aria-hidden': 'true' }, bar), element('b', {}, text));
  }

  const tile = (title, big, note, ...meters) => element('div', { class: 'tile' }, element('h3', {}, title),
    big && element('div', { class: 'big' }, big), ...meters, note && element('p', {}, note));

  function summary() {
    const model = report.model;
    byId('model-facts').textContent = [
      `${model.layers} layers`, `${model.queryHeads} query heads`, `${model.keyValueHeads} KV heads of size ${model.headSize}`,
      `${parameters(model.parameters)} parameters`,
    ].join(' · ');
    byId('tool-version').textContent = report.toolVersion;

    const compared = unique(report.retrieval.map(row => row.length))
      .filter(length => retrievalOf('Dense', length) && retrievalOf('MoA plan', length)).sort((a, b) => a - b);
    const length = compared.at(-1);
    const [dense, moa, uniform] = ['Dense', 'MoA plan', 'Uniform window'].map(name => retrievalOf(name, length));
    const longest = lengthsOf(plan.densities).at(-1);
    byId('headline').textContent = moa
      ? `At ${count(length)} tokens the plan keeps ${percent(moa.kvBytes / dense.kvBytes, 0)} of the KV cache and answers `
        + `${percent(moa.accuracy, 0)} of the retrieval questions. Dense attention answers ${percent(dense.accuracy, 0)}`
        + `${uniform ? `, a uniform window of the same size ${percent(uniform.accuracy, 0)}` : ''}.`
      : `At ${count(longest)} tokens the plan keeps ${percent(plan.densities[longest], 0)} of the KV cache.`;

    const tiles = [];
    if (moa) {
      tiles.push(
        tile('KV cache saved', percent(1 - moa.kvBytes / dense.kvBytes, 0),
          `${bytes(moa.kvBytes)} instead of ${bytes(dense.kvBytes)} for a sequence of ${count(length)} tokens`),
        tile(`Retrieval accuracy at ${count(length)} tokens`, null, null, ...[dense, moa, uniform].filter(Boolean)
          .map(row => meter(policyName(row.policy), row.accuracy, percent(row.accuracy, 0), policyRole(row.policy)))));
    }
    const losses = validationRows().filter(row => roleOf(row) !== 'plan' || row.name === chosenFile || row.name === 'moa');
    const greatest = Math.max(...losses.map(row => row.meanLoss)) || 1;
    if (losses.length > 0) {
      tiles.push(tile(`Validation loss at ${count(settings.validationLength)} tokens`, null, null, ...losses.map(row =>
        meter(roleOf(row) === 'plan' ? 'MoA plan' : policyName(row.name), row.meanLoss / greatest, row.meanLoss.toFixed(3), roleOf(row)))));
    }
    const total = report.timings.reduce((sum, step) => sum + step.seconds, 0);
    tiles.push(tile('Search', seconds(total), `${count(report.plans.length)} Pareto plans from ${count(report.rules)} rules for each `
      + headName + (report.objectives.length === 0 ? ''
        : `; each optimum proven within ${percent(Math.max(...report.objectives.map(o => o.relativeGap)), 2)}`)));
    byId('tiles').append(...tiles);
    if (report.notes.length > 0) byId('notes').append(element('ul', {}, ...report.notes.map(note => element('li', {}, note))));
  }

  // ---- Spans and density ---------------------------------------------------------------------------------------
  function spans() {
    const lengths = lengthsOf(plan.spans);
    if (lengths.length === 0) return remove('spans');
    const rule = (layer, head) => `${plan.alphas[layer][head]} + ${plan.betas[layer][head]} × length`;
    choice(byId('spans-lengths'), 'spans-length', 'Tokens', lengths, lengths.at(-1), length => {
      const rows = plan.spans[length];
      const title = `Rows kept by each ${headName} at ${count(length)} tokens`;
      byId('spans-title').textContent = title;
      Charts.spans(byId('spans-chart'), title, rows, length, (layer, head) => [
        `${count(rows[layer][head])} of ${count(length)} rows (${percent(Math.min(1, rows[layer][head] / length), 0)})`, rule(layer, head)]);
    });
    byId('spans-table').append(folded(() => table('Rule and rows kept of every head',
      [['Layer', true], ['Head', true], ['Alpha', true], ['Beta', true], ...lengths.map(length => [`Rows at ${count(length)}`, true])],
      plan.alphas.flatMap((row, layer) => row.map((alpha, head) =>
        [layer, head, alpha, plan.betas[layer][head], ...lengths.map(length => count(plan.spans[length][layer][head]))])))));
  }

  function density() {
    const role = length => settings.profileLengths.includes(length) ? 'profiled'
      : settings.extensionLengths.includes(length) ? 'extension' : length === settings.validationLength ? 'validation' : '';
    const points = unique([...lengthsOf(plan.densities), ...lengthsOf(settings.densityBounds)]).sort((a, b) => a - b)
      .map(length => ({ length, role: role(length), density: plan.densities[length], bound: settings.densityBounds[length] }));
    Charts.density(byId('density-chart'), 'Density of the plan and its bound by length', points);
    byId('density-table').append(folded(() => table('Density by length', [['Tokens', true], ['Use'], ['Density', true], ['Bound', true]],
      points.map(p => [count(p.length), p.role, percent(p.density, 2), percent(p.bound, 2)]))));
  }

  // ---- Plans and validation ------------------------------------------------------------------------------------
  function front() {
    const { plans } = report;
    if (plans.length === 0) return remove('front');
    const losses = unique(plans.flatMap(p => lengthsOf(p.losses))).sort((a, b) => a - b);
    const densities = unique(plans.flatMap(p => lengthsOf(p.densities))).sort((a, b) => a - b);
    const best = length => report.objectives.find(o => o.length === length)?.lowerBound ?? null;
    const axes = [
      ...losses.map(n => ({ name: `Predicted loss at ${count(n)}`, value: p => p.losses[n], bound: best(n), text: loss })),
      ...plans.some(p => p.validationLoss != null)
        ? [{ name: `Validation loss at ${count(settings.validationLength)}`, value: p => p.validationLoss, bound: null, text: loss }] : [],
      ...densities.map(n => ({ name: `Density at ${count(n)}`, value: p => p.densities[n], bound: null, text: value => percent(value, 2) })),
    ];
    const order = plans.map((_, i) => i).sort((a, b) => plans[b].chosen - plans[a].chosen);
    const describe = p => axes.filter(axis => axis.value(p) != null).map(axis => `${axis.name}: ${axis.text(axis.value(p))}`);
    let [x, y] = [axes[0], axes[Math.min(axes.length - 1, Math.max(1, losses.length - 1))]];
    const show = () => {
      byId('front-title').textContent = `${count(plans.length)} plans`;
      Charts.front(byId('front-chart'), `Plans by ${x.name} and ${y.name}`,
        plans.filter(p => x.value(p) != null && y.value(p) != null)
          .map(p => ({ x: x.value(p), y: y.value(p), name: p.file, chosen: p.chosen, lines: describe(p) })),
        x.name, y.name, { x: x.bound, y: y.bound });
    };
    const select = (label, current, set) => {
      const input = element('select', {}, ...axes.map((axis, i) => element('option', { value: i }, axis.name)));
      input.selectedIndex = axes.indexOf(current);
      input.addEventListener('change', () => { set(axes[input.selectedIndex]); show(); });
      return element('label', {}, label, input);
    };
    byId('front-axes').append(select('Across', x, axis => { x = axis; }), select('Up', y, axis => { y = axis; }));
    show();
    byId('front-table').append(folded(() => table('Plans of the front, the chosen one first',
      [['Plan'], ...axes.map(axis => [axis.name, true])],
      order.map(i => [plans[i].file, ...axes.map(axis => axis.text(axis.value(plans[i])))]), r => plans[order[r]].chosen)));
    if (report.objectives.length > 0) {
      byId('objectives-table').append(element('div', { class: 'panel' }, table('Best predicted loss at each profile length, and its proof',
        [['Tokens', true], ['Least loss found', true], ['Proven lower bound', true], ['Relative gap', true]],
        report.objectives.map(o => [count(o.length), o.loss.toPrecision(6), o.lowerBound.toPrecision(6), o.relativeGap.toExponential(1)]))));
    }
  }

  function validation() {
    const rows = validationRows();
    if (rows.length === 0) return remove('validation');
    byId('validation-text').textContent = `Mean answer loss in nats at ${count(settings.validationLength)} tokens, a length that was not `
      + 'profiled, with 95 % intervals. The search hands over the plan with the least loss; '
      + 'the uniform plan keeps as many rows, the same in every head.';
    const name = row => row.name === chosenFile ? `${row.name} (chosen)` : policyName(row.name);
    Charts.rankedBars(byId('validation-chart'), 'Validation loss of dense attention, the plans and the uniform plan', rows.map(row => ({
      name: name(row), value: row.meanLoss, low: row.low, high: row.high, role: roleOf(row), text: row.meanLoss.toFixed(3),
      faint: roleOf(row) === 'plan' && row.name !== chosenFile && row.name !== 'moa',
      lines: [`loss ${loss(row.meanLoss)}`, `95 % interval ${loss(row.low)} to ${loss(row.high)}`, `density ${percent(row.density)}`],
    })), 'mean answer loss (nats)');
    byId('validation-table').append(folded(() => table('Validation loss',
      [['Plan'], ['Tokens', true], ['Loss', true], ['Low', true], ['High', true], ['Density', true]],
      rows.map(row => [name(row), count(row.length), loss(row.meanLoss), loss(row.low), loss(row.high), percent(row.density, 2)]),
      r => rows[r].name === chosenFile)));
  }

  // ---- Retrieval -----------------------------------------------------------------------------------------------
  function retrieval() {
    const rows = report.retrieval;
    if (rows.length === 0) return remove('retrieval');
    const lengths = unique(rows.map(row => row.length)).sort((a, b) => a - b);
    const names = unique(rows.map(row => row.policy));
    const at = (policy, length) => rows.find(row => row.policy === policy && row.length === length);
    byId('retrieval-text').textContent = 'Exact answers to questions about one line of a long record. The uniform window is '
      + 'StreamingLLM with as many rows in total as the plan.';
    const groups = (value, extra) => names.map(policy => ({
      name: policyName(policy), role: policyRole(policy), values: lengths.map(length => at(policy, length) ? value(at(policy, length)) : null),
      lines: lengths.map(length => describe(at(policy, length))), ...extra?.(policy),
    }));
    const describe = row => row == null ? [] : [`${row.correct} of ${row.items} correct: ${percent(row.accuracy)}`,
      `95 % interval ${percent(row.low)} to ${percent(row.high)}`, `KV cache ${bytes(row.kvBytes)}, density ${percent(row.density)}`];
    Charts.groupedBars(byId('accuracy-chart'), 'Retrieval accuracy by policy and length', lengths,
      groups(row => row.accuracy, policy => ({ intervals: lengths.map(length => at(policy, length)).map(row => row && [row.low, row.high]) })),
      { max: 1, step: 0.2, format: value => percent(value, 0) });
    const most = Math.max(1, ...rows.map(row => row.kvBytes));
    const step = 2 ** Math.ceil(Math.log2(most / 6));
    Charts.groupedBars(byId('memory-chart'), 'Bytes of KV cache by policy and length', lengths, groups(row => row.kvBytes),
      { max: step * Math.ceil(most / step), step, format: bytes });
    byId('retrieval-table').append(element('div', { class: 'panel' }, table('Retrieval accuracy and memory',
      [['Policy'], ['Tokens', true], ['Correct', true], ['Accuracy', true], ['95 % interval', true], ['Density', true],
        ['KV cache', true], ['KV bytes', true]],
      lengths.flatMap(length => rows.filter(row => row.length === length)).map(row => [policyName(row.policy), count(row.length),
        `${row.correct} of ${row.items}`, percent(row.accuracy), `${percent(row.low)} – ${percent(row.high)}`, percent(row.density),
        bytes(row.kvBytes), count(row.kvBytes)]))));

    const deep = lengths.filter(length => rows.some(row => row.length === length && row.byDepth.length > 0));
    if (deep.length === 0) return remove('depth');
    choice(byId('depth-lengths'), 'depth-length', 'Tokens', deep, deep.at(-1), length => {
      const here = rows.filter(row => row.length === length && row.byDepth.length > 0);
      const bins = Math.max(...here.map(row => row.byDepth.length));
      const names = Array.from({ length: bins }, (_, bin) => `${Math.round(bin / bins * 100)}–${Math.round((bin + 1) / bins * 100)} %`);
      Charts.lines(byId('depth-chart'), `Retrieval accuracy by depth at ${count(length)} tokens`, names,
        here.map(row => ({ name: policyName(row.policy), role: policyRole(row.policy), values: row.byDepth })), 'depth in the context');
      byId('depth-table').replaceChildren(folded(() => table(`Accuracy by depth at ${count(length)} tokens`,
        [['Policy'], ...names.map(name => [name, true])],
        here.map(row => [policyName(row.policy), ...row.byDepth.map(value => percent(value, 0))]))));
    });
  }

  // ---- Influence -----------------------------------------------------------------------------------------------
  function influence() {
    const lengths = unique(report.influence.map(map => map.length)).sort((a, b) => a - b);
    if (lengths.length === 0) return remove('influence');
    const sink = Math.max(1, settings.sinkTokens / settings.blockSize);
    choice(byId('influence-lengths'), 'influence-length', 'Tokens', lengths, lengths.at(-1), length => {
      const maps = report.influence.filter(map => map.length === length);
      const positive = maps.flatMap(map => map.values.flat()).filter(value => value > 0);
      const greatest = positive.length === 0 ? 1 : positive.reduce((a, b) => Math.max(a, b));
      const least = Math.max(positive.reduce((a, b) => Math.min(a, b), greatest / 10), greatest * 1e-5);
      const figures = maps.map(map => {
        const ring = map.rowsKept / settings.blockSize - sink;
        const kept = (query, key) => key < sink || key >= query - ring + 1;
        let [sum, inside] = [0, 0];
        map.values.forEach((row, query) => row.forEach((value, key) => { sum += value; if (kept(query, key)) inside += value; }));
        const chart = element('div', { class: 'chart' });
        const title = `${map.kind.charAt(0).toUpperCase()}${map.kind.slice(1)} span: layer ${map.layer}, ${headName} ${map.head}`;
        const figure = element('figure', {}, element('figcaption', {}, title),
          element('p', { class: 'muted' }, `Keeps ${count(map.rowsKept)} of ${count(map.length)} rows, and with them `
            + `${sum > 0 ? percent(inside / sum) : 'all'} of the head's influence (${sum.toExponential(2)} in total).`),
          chart,
          folded(() => table(`Influence by query block (row) and key block (column), ${title}`,
            [['Query', true], ...map.values.map((_, key) => [String(key), true])],
            map.values.map((row, query) => [query, ...map.values.map((_, key) => key < row.length ? row[key].toExponential(2) : '')]))));
        const range = [Math.min(least, greatest / 10), greatest];
        return { figure, draw: () => Charts.influence(chart, `Influence map. ${title}`, map.values, range, kept) };
      });
      byId('influence-maps').replaceChildren(...figures.map(({ figure }) => figure));
      figures.forEach(({ draw }) => draw());
    });
  }

  // ---- Settings and commands -----------------------------------------------------------------------------------
  function run() {
    const list = lengths => lengths.map(count).join(', ') || 'none';
    byId('settings-table').append(element('div', { class: 'panel' }, table('Settings', [['Setting'], ['Value']], [
      ['Profile lengths', list(settings.profileLengths)],
      ['Extension lengths', list(settings.extensionLengths)],
      ['Validation length', count(settings.validationLength)],
      ['Density bounds', lengthsOf(settings.densityBounds).map(n => `${count(n)}: ${percent(settings.densityBounds[n], 0)}`).join(', ') || 'none'],
      ['Rules per layer, at most', settings.maxRulesPerLayer ?? 'no limit'],
      ['Sink tokens', settings.sinkTokens],
      ['Block size', settings.blockSize],
      ['Seed', settings.seed],
      ['Calibration data', settings.calibrationData],
      ['Items by length', lengthsOf(settings.itemsPerLength).map(n => `${count(n)}: ${count(settings.itemsPerLength[n])}`).join(', ') || 'none'],
    ])));
    byId('timings-table').append(element('div', { class: 'panel' }, table('Time', [['Step'], ['Wall-clock time', true]],
      report.timings.map(step => [step.step, seconds(step.seconds)]))));
    if (report.calibration.length > 0) {
      byId('calibration-table').append(element('div', { class: 'panel' }, table('Calibration items',
        [['Tokens', true], ['Items', true], ['Skipped', true], ['Mean tokens', true], ['Mean answer tokens', true],
          ['Mean loss, dense', true], ['Answers']],
        report.calibration.map(c => [count(c.length), count(c.items), count(c.skipped), c.meanTokens.toFixed(1),
          c.meanAnswerTokens.toFixed(1), loss(c.meanLoss), c.ownAnswers ? "the model's own" : 'as given']))));
    }
    if (report.commands.length === 0) return remove('commands');
    byId('command-list').append(...report.commands.flatMap(c =>
      [element('dt', {}, c.table), element('dd', {}, element('pre', { tabindex: 0 }, element('code', {}, c.command)))]));
  }

  // ---- The page ------------------------------------------------------------------------------------------------
  [summary, spans, density, front, validation, retrieval, influence, run].forEach(part => part());
  byId('nav').append(...[...document.querySelectorAll('section')].map(section => element('a', { href: `#${section.id}` }, section.dataset.nav)));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', Charts.redrawAll);
  matchMedia('print').addEventListener('change', Charts.redrawAll);
})();
