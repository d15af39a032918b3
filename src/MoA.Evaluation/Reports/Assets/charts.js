// The charts of the report: each function fills one container and can be called again with other data. Data reach
// the page as text nodes only (tooltips are DOM elements), so that no name in a report can become markup.
'use strict';

const Charts = (() => {
  const viridis = ['#440154', '#482878', '#3e4989', '#31688e', '#26828e', '#1f9e89', '#35b779', '#6ece58', '#b5de2b',
    '#fde725'];
  const drawn = new Map(); // container -> function that draws it again, in the colours of the moment

  const color = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const font = () => getComputedStyle(document.body).fontFamily;

  function tip(title, ...lines) {
    const box = document.createElement('div');
    box.className = 'tip';
    const head = document.createElement('b');
    head.textContent = title;
    box.append(head, ...lines.flatMap(line => [line, document.createElement('br')]));
    return box;
  }

  function axis(more = {}) {
    return {
      nameTextStyle: { color: color('muted') },
      axisLabel: { color: color('muted'), ...more.axisLabel },
      axisLine: { show: true, lineStyle: { color: color('line') } },
      axisTick: { show: false },
      splitLine: { show: more.type === 'value', lineStyle: { color: color('line') } },
      ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== 'axisLabel')),
    };
  }

  /** Draws options() into the container, and again whenever its size or the colour scheme changes. */
  function draw(container, label, height, options, renderer = 'svg') {
    const redraw = () => {
      const width = container.clientWidth;
      container.style.height = `${typeof height === 'function' ? height(width) : height}px`;
      echarts.getInstanceByDom(container)?.dispose();
      const paper = matchMedia('print').matches; // where browsers lose parts of a canvas
      const chart = echarts.init(container, null, { renderer: paper ? 'svg' : renderer });
      const own = options(width);
      chart.setOption({
        animation: false,
        textStyle: { fontFamily: font(), color: color('ink') },
        ...own,
        tooltip: {
          backgroundColor: color('surface'), borderColor: color('line'), textStyle: { color: color('ink') },
          confine: true, ...own.tooltip,
        },
      });
      chart.getZr().flush(); // at once: a page being printed waits for no later frame
    };
    container.setAttribute('role', 'img');
    container.setAttribute('aria-label', label);
    if (!drawn.has(container)) {
      let width = container.clientWidth;
      new ResizeObserver(() => {
        if (container.clientWidth === width) return;
        width = container.clientWidth;
        drawn.get(container)();
      }).observe(container);
    }
    drawn.set(container, redraw);
    redraw();
  }

  const redrawAll = () => drawn.forEach((redraw, container) =>
    container.isConnected ? redraw() : drawn.delete(container));

  /** A line with an edge around it, to be seen on any ground. */
  function edged(pathData, stroke, lineWidth, edge) {
    const path = style => ({ type: 'path', shape: { pathData }, style: { fill: 'none', ...style } });
    return { type: 'group', children: [path({ stroke: edge, lineWidth: 2 * lineWidth }), path({ stroke, lineWidth })] };
  }

  const legend = () => ({ top: 0, left: 0, itemWidth: 14, itemHeight: 10, textStyle: { color: color('ink') } });

  const scale = more => ({
    type: 'continuous', orient: 'horizontal', left: 'center', bottom: 0, itemWidth: 12, itemHeight: 180,
    inRange: { color: viridis }, textStyle: { color: color('muted') }, ...more,
  });

  /** spans: [layers][heads] rows; describe(layer, head) gives the lines of a cell's tooltip. */
  function spans(container, label, spans, length, describe) {
    const heads = spans[0].length;
    const rowHeight = Math.max(10, Math.min(30, 640 / spans.length));
    draw(container, label, spans.length * rowHeight + 100, width => {
      const labelled = (width - 60) / heads >= 34 && rowHeight >= 14;
      return {
        grid: { left: 48, right: 8, top: 8, bottom: 84 },
        xAxis: axis({ type: 'category', data: spans[0].map((_, head) => head), name: 'head', nameLocation: 'middle', nameGap: 26 }),
        yAxis: axis({ type: 'category', data: spans.map((_, layer) => layer), name: 'layer', nameLocation: 'middle', nameGap: 30, inverse: true }),
        visualMap: scale({
          min: 0, max: 1, text: ['100 % of the rows', '0 %'],
        }),
        tooltip: { formatter: cell => tip(`Layer ${cell.value[1]}, head ${cell.value[0]}`, ...describe(cell.value[1], cell.value[0])) },
        series: [{
          type: 'heatmap',
          itemStyle: { borderColor: color('surface'), borderWidth: heads > 48 ? 0 : 1 },
          emphasis: { itemStyle: { borderColor: color('ink'), borderWidth: 2 } },
          label: { show: labelled, fontSize: 11 },
          data: spans.flatMap((row, layer) => row.map((rows, head) => ({
            value: [head, layer, Math.min(1, rows / length)],
            label: { color: rows / length > 0.6 ? '#000' : '#fff', formatter: String(rows) },
          }))),
        }],
      };
    });
  }

  /** points: [{length, role, density, bound}]; density or bound may be null. */
  function density(container, label, points) {
    const percent = value => `${(value * 100).toFixed(1)} %`;
    draw(container, label, 300, () => ({
      legend: legend(),
      grid: { left: 52, right: 16, top: 40, bottom: 52 },
      xAxis: axis({
        type: 'category', data: points.map(p => `${p.length.toLocaleString('en')}\n${p.role}`),
        axisLabel: { interval: 0, lineHeight: 17 },
      }),
      yAxis: axis({ type: 'value', min: 0, max: 1, axisLabel: { formatter: value => `${value * 100} %` } }),
      tooltip: {
        trigger: 'axis',
        formatter: hits => {
          const p = points[hits[0].dataIndex];
          return tip(`${p.length.toLocaleString('en')} tokens`,
            ...(p.density == null ? [] : [`Plan keeps ${percent(p.density)}`]),
            ...(p.bound == null ? [] : [`Bound ${percent(p.bound)}`]));
        },
      },
      series: [
        {
          name: 'Plan', type: 'line', data: points.map(p => p.density), symbolSize: 9, symbol: 'circle', connectNulls: true,
          color: color('plan'), lineStyle: { width: 2.5 },
          label: { show: true, position: 'bottom', distance: 12, color: color('ink'), formatter: p => percent(p.value) },
        },
        {
          name: 'Bound', type: 'scatter', data: points.map(p => p.bound), symbol: 'rect', symbolSize: [56, 3],
          color: color('uniform'), z: 3,
        },
      ],
    }));
  }

  /** points: [{x, y, name, chosen, lines}]; bounds: {x, y}, numbers or null. */
  function front(container, label, points, xName, yName, bounds) {
    const lines = [{ xAxis: bounds.x }, { yAxis: bounds.y }].filter(line => Object.values(line)[0] != null);
    const short = value => Number(value.toPrecision(4));
    draw(container, label, 420, () => ({
      legend: legend(),
      grid: { left: 76, right: 24, top: 40, bottom: 56 },
      xAxis: axis({
        type: 'value', scale: true, name: xName, nameLocation: 'middle', nameGap: 34,
        axisLabel: { formatter: short, hideOverlap: true },
      }),
      yAxis: axis({ type: 'value', scale: true, name: yName, nameLocation: 'middle', nameGap: 58, axisLabel: { formatter: short } }),
      tooltip: { formatter: hit => hit.data.lines ? tip(hit.data.name, ...hit.data.lines) : '' },
      series: [false, true].map(chosen => ({
        name: chosen ? 'Chosen plan' : 'Other plans',
        type: 'scatter',
        symbol: chosen ? 'diamond' : 'circle',
        symbolSize: chosen ? 20 : 10,
        z: chosen ? 4 : 3,
        itemStyle: { color: color(chosen ? 'plan' : 'dense'), opacity: chosen ? 1 : 0.75, borderColor: color('surface'), borderWidth: 1 },
        data: points.filter(p => p.chosen === chosen).map(p => ({ value: [p.x, p.y], name: p.name, lines: p.lines })),
        markLine: chosen || lines.length === 0 ? undefined : {
          silent: true, symbol: 'none', label: { show: false }, data: lines,
          lineStyle: { color: color('muted'), type: 'dashed' },
        },
      })),
    }));
  }

  /** The whiskers of grouped or single bars: data are [category, low, high]. */
  function whiskers(name, data, { horizontal = false, group = 0, groups = 1 } = {}) {
    return {
      name, type: 'custom', data, z: 5, silent: true, tooltip: { show: false },
      encode: horizontal ? { x: [1, 2], y: 0 } : { x: 0, y: [1, 2] },
      renderItem: (_, api) => {
        const at = value => api.coord(horizontal ? [value, api.value(0)] : [api.value(0), value]);
        const offset = groups > 1 ? api.barLayout({ count: groups, ...barGaps })[group].offsetCenter : 0;
        const shift = ([x, y]) => horizontal ? [x, y + offset] : [x + offset, y];
        const [from, to] = [shift(at(api.value(1))), shift(at(api.value(2)))];
        const [dx, dy] = horizontal ? [0, 4] : [4, 0];
        const ends = [from, to].map(([x, y]) => [[x - dx, y - dy], [x + dx, y + dy]]);
        const pathData = [[from, to], ...ends].map(([a, b]) => `M${a}L${b}`).join('');
        return edged(pathData, color('ink'), 1.4, color('surface'));
      },
    };
  }

  const barGaps = { barGap: '12%', barCategoryGap: '30%', barMaxWidth: 46 };

  /** rows: [{name, value, low, high, role, lines}], drawn from top to bottom. */
  function rankedBars(container, label, rows, axisName) {
    const rowHeight = rows.length > 30 ? 20 : 28;
    draw(container, label, rows.length * rowHeight + 64, width => ({
      grid: { left: Math.min(170, width * 0.38), right: 72, top: 4, bottom: 52 },
      xAxis: axis({ type: 'value', min: 0, name: axisName, nameLocation: 'middle', nameGap: 30, axisLabel: { hideOverlap: true } }),
      yAxis: axis({
        type: 'category', inverse: true, data: rows.map(row => row.name),
        axisLabel: { interval: 0, width: Math.min(158, width * 0.36), overflow: 'truncate', color: color('ink') },
      }),
      tooltip: { formatter: hit => tip(rows[hit.dataIndex].name, ...rows[hit.dataIndex].lines) },
      series: [
        {
          type: 'bar', barWidth: '62%',
          data: rows.map(row => ({ value: row.value, itemStyle: { color: color(row.role), opacity: row.faint ? 0.45 : 1 } })),
        },
        whiskers('interval', rows.flatMap((row, i) => row.low == null ? [] : [[i, row.low, row.high]]), { horizontal: true }),
        {
          type: 'scatter', symbolSize: 0.01, silent: true,
          data: rows.map((row, i) => [row.high ?? row.value, i]),
          label: { show: true, position: 'right', distance: 8, color: color('ink'), formatter: p => rows[p.dataIndex].text },
        },
      ],
    }));
  }

  /** groups: [{name, role, values, intervals, lines}], one value per category; a value may be null. */
  function groupedBars(container, label, categories, groups, { max, step, format }) {
    draw(container, label, 330, () => ({
      legend: { ...legend(), data: groups.map(group => group.name) },
      grid: { left: 66, right: 8, top: 40, bottom: 48 },
      xAxis: axis({ type: 'category', data: categories.map(c => c.toLocaleString('en')), name: 'tokens', nameLocation: 'middle', nameGap: 28 }),
      yAxis: axis({ type: 'value', min: 0, max, interval: step, axisLabel: { formatter: format } }),
      tooltip: {
        formatter: hit => {
          const group = groups.find(g => g.name === hit.seriesName);
          return tip(`${group.name}, ${hit.name} tokens`, ...group.lines[hit.dataIndex]);
        },
      },
      series: groups.flatMap((group, g) => [
        { name: group.name, type: 'bar', data: group.values, color: color(group.role), ...barGaps },
        ...(group.intervals == null ? [] : [whiskers(
          group.name,
          group.intervals.flatMap((interval, i) => interval == null ? [] : [[i, ...interval]]),
          { group: g, groups: groups.length })]),
      ]),
    }));
  }

  /** groups: [{name, role, values}], one value in [0, 1] or null per category. */
  function lines(container, label, categories, groups, xName) {
    const symbols = ['circle', 'diamond', 'rect', 'triangle'];
    const percent = value => value == null ? 'no item' : `${(value * 100).toFixed(0)} %`;
    draw(container, label, 300, () => ({
      legend: legend(),
      grid: { left: 52, right: 16, top: 40, bottom: 52 },
      xAxis: axis({ type: 'category', data: categories, name: xName, nameLocation: 'middle', nameGap: 30, axisLabel: { hideOverlap: true } }),
      yAxis: axis({ type: 'value', min: 0, max: 1, axisLabel: { formatter: percent } }),
      tooltip: {
        trigger: 'axis',
        formatter: hits => tip(categories[hits[0].dataIndex], ...groups.map(g => `${g.name}: ${percent(g.values[hits[0].dataIndex])}`)),
      },
      series: groups.map((group, g) => ({
        name: group.name, type: 'line', data: group.values, color: color(group.role), clip: false,
        symbol: symbols[g % symbols.length], symbolSize: 9, lineStyle: { width: 2.5 },
      })),
    }));
  }

  /** The line between the cells for which kept(query, key) holds and the others, as an SVG path in the chart's pixels. */
  function boundary(blocks, kept, api) {
    const [width, height] = api.size([1, 1]);
    const path = [];
    for (let query = 0; query < blocks; query++) {
      for (let key = 0; key <= query; key++) {
        const [x, y] = api.coord([key, query]);
        const [left, right, top, bottom] = [x - width / 2, x + width / 2, y - height / 2, y + height / 2];
        if (key < query && kept(query, key) !== kept(query, key + 1)) path.push(`M${right} ${top}L${right} ${bottom}`);
        if (query < blocks - 1 && kept(query, key) !== kept(query + 1, key)) path.push(`M${left} ${bottom}L${right} ${bottom}`);
      }
    }
    return path.join('');
  }

  /** values: lower triangle; range: [least, greatest] of the colour scale; kept(query, key): in the plan's mask. */
  function influence(container, label, values, range, kept) {
    const blocks = values.map((_, block) => block);
    const [low, high] = range.map(Math.log10);
    const axisLabel = { interval: Math.ceil(blocks.length / 16) - 1 };
    draw(container, label, width => width + 52, () => ({
      grid: { left: 50, right: 10, top: 10, bottom: 102 },
      xAxis: axis({ type: 'category', data: blocks, axisLabel, name: 'key block', nameLocation: 'middle', nameGap: 28 }),
      yAxis: axis({ type: 'category', data: blocks, axisLabel, name: 'query block', nameLocation: 'middle', nameGap: 32, inverse: true }),
      visualMap: scale({
        min: low, max: high, seriesIndex: 0, dimension: 2, text: [range[1].toExponential(1), range[0].toExponential(1)],
        formatter: value => (10 ** value).toExponential(1),
      }),
      tooltip: {
        formatter: cell => {
          const [key, query] = cell.value;
          return tip(`Query block ${query}, key block ${key}`, `influence ${values[query][key].toExponential(2)}`,
            kept(query, key) ? 'kept by the plan' : 'hidden by the plan');
        },
      },
      series: [
        {
          type: 'heatmap', progressive: 0,
          data: values.flatMap((row, query) => row.map((value, key) =>
            [key, query, Math.min(high, Math.max(low, Math.log10(Math.max(value, Number.MIN_VALUE))))])),
        },
        {
          type: 'custom', data: [[0, 0]], silent: true, z: 5, tooltip: { show: false },
          renderItem: (_, api) => edged(boundary(values.length, kept, api), '#fff', Math.max(0.8, Math.min(1.8, api.size([1, 1])[0] / 6)), '#000'),
        },
      ],
    }), 'canvas');
  }

  const percentage = value => `${(value * 100).toFixed(1)} %`;

  /**
   * series: [{name, color(), symbol, strong, dashed, points: [{x, y, low, high, lines}]}]: lines with whiskers over a share or a length.
   * levels: [{color(), y, x, low, high, lines}]: what stands for all x. Series are set a little apart, so that none hides another.
   */
  function curves(container, label, series, { xName, xMin, xMax, xFormat, xTicks, log = false, levels = [] }) {
    const apart = (x, s) => {
      const part = (s - (series.length - 1) / 2) * 0.01;
      return log ? x * (xMax / xMin) ** part : Math.max(xMin, Math.min(xMax, x + part * (xMax - xMin)));
    };
    const whisker = (color, points) => ({
      type: 'custom', silent: true, z: 2, tooltip: { show: false }, encode: { x: 0, y: [1, 2] }, data: points.filter(([, low]) => low != null),
      renderItem: (_, api) => {
        const [x, low] = api.coord([api.value(0), api.value(1)]), high = api.coord([api.value(0), api.value(2)])[1];
        return { type: 'path', shape: { pathData: `M${x} ${low}L${x} ${high}M${x - 3} ${low}L${x + 3} ${low}M${x - 3} ${high}L${x + 3} ${high}` },
          style: { fill: 'none', stroke: color, lineWidth: 1.1, opacity: 0.55 } };
      },
    });
    draw(container, label, width => Math.max(280, Math.min(400, width * 0.8)), () => ({
      grid: { left: 50, right: 14, top: 14, bottom: 48 },
      xAxis: axis({
        type: log ? 'log' : 'value', logBase: 2, min: xMin, max: xMax, name: xName, nameLocation: 'middle', nameGap: 30,
        axisLabel: { formatter: xFormat, hideOverlap: true, customValues: xTicks }, axisTick: { show: xTicks != null, customValues: xTicks },
      }),
      yAxis: axis({ type: 'value', min: 0, max: 1, axisLabel: { formatter: value => `${Math.round(value * 100)} %` } }),
      tooltip: { formatter: hit => hit.data.lines ? tip(hit.seriesName, ...hit.data.lines) : '' },
      series: [
        ...levels.flatMap(level => [
          {
            name: 'dense', type: 'line', color: level.color(), symbol: 'none', lineStyle: { width: 1.6, type: 'dashed' }, silent: true,
            data: [[xMin, level.y], [xMax, level.y]],
          },
          { name: 'dense', type: 'scatter', color: level.color(), symbol: 'circle', symbolSize: 8, data: [{ value: [Math.min(xMax, level.x), level.y], lines: level.lines }] },
          whisker(level.color(), [[Math.min(xMax, level.x), level.low, level.high]]),
        ]),
        ...series.flatMap((one, s) => [
          whisker(one.color(), one.points.map(point => [apart(point.x, s), point.low, point.high])),
          {
            name: one.name, type: 'line', color: one.color(), symbol: one.symbol, symbolSize: one.strong ? 12 : 9, z: one.strong ? 5 : 3, clip: false,
            lineStyle: { width: one.strong ? 3 : 1.6, type: one.dashed ? 'dashed' : 'solid' },
            data: one.points.map(point => ({ value: [apart(point.x, s), point.y], lines: point.lines })),
          },
        ]),
      ],
    }));
  }

  /** rows: [{length, depths: [accuracy or null]}]: accuracy over depth (down) and length (across); nameOf(bin, bins) labels a depth. */
  function depthMap(container, label, rows, nameOf) {
    const bins = Math.max(...rows.map(row => row.depths.length));
    draw(container, label, 40 + 20 * bins + 92, () => ({
      grid: { left: 76, right: 10, top: 8, bottom: 92 },
      xAxis: axis({ type: 'category', data: rows.map(row => row.length.toLocaleString('en')), name: 'tokens', nameLocation: 'middle', nameGap: 26 }),
      yAxis: axis({
        type: 'category', inverse: true, name: 'depth', nameLocation: 'middle', nameGap: 60,
        data: Array.from({ length: bins }, (_, bin) => nameOf(bin, bins)),
      }),
      visualMap: scale({ min: 0, max: 1, text: ['all found', 'none'] }),
      tooltip: { formatter: cell => tip(`${rows[cell.value[0]].length.toLocaleString('en')} tokens, depth ${nameOf(cell.value[1], bins)}`, percentage(cell.value[2])) },
      series: [{
        type: 'heatmap', itemStyle: { borderColor: color('surface'), borderWidth: 1 },
        data: rows.flatMap((row, x) => row.depths.flatMap((value, bin) => value == null ? [] : [[x, bin, value]])),
      }],
    }));
  }

  return { color, redrawAll, curves, depthMap, spans, density, front, rankedBars, groupedBars, lines, influence };
})();
