// Numbers as the page writes them.

export function number(value, digits = 0) {
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

export function percent(share) {
  return `${number(100 * share, share < 0.1 ? 1 : 0)} %`;
}

export function bytes(count) {
  for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
    if (count >= size) return `${number(count / size, count < 10 * size ? 1 : 0)} ${unit}`;
  }
  return `${number(count)} B`;
}
