import { max, median, min, quantile } from 'simple-statistics'

/**
 * @typedef {object} Comparison
 * @property {string} name
 * @property {'rate' | 'duration' | 'cost'} kind
 * @property {string} unit of `ours` and `baseline`, which are medians
 * @property {number} ours
 * @property {number} baseline
 * @property {number} ratio the median of the pairs' ratios; above 1, ours is the better, and of a
 * cost the other way round
 * @property {{ quartiles: [number, number], range: [number, number] }} spread of those ratios
 * @property {number} pairs
 * @property {number} [target] at least, of a cost at most
 * @property {number} [never] what the ratio must not fall below, of a cost not exceed
 * @property {boolean} [met] undefined where there is no target
 * @property {string} [shortfall] where the time goes; shown when the target is not met
 */

/**
 * Measures ours and the baseline in turn, so that what the machine does meanwhile meets both, and
 * each is the first of the two in every other pair. Both answer with a rate (`kind: 'rate'`, the
 * default) or a duration; either way a ratio above 1 says that ours is the better. Where the baseline
 * does less than ours ever could, a `cost` (milliseconds, or what `unit` says) says how many times as
 * much ours takes.
 * @returns {Promise<Comparison>}
 */
export async function comparePairs({
  name,
  ours,
  baseline,
  pairs,
  kind = 'rate',
  unit = kind === 'rate' ? '/s' : 'ms',
  target,
  never,
  shortfall,
}) {
  const measured = { ours: [], baseline: [] }
  for (let pair = 0; pair < pairs; pair++) {
    const order = pair % 2 === 0 ? { ours, baseline } : { baseline, ours }
    for (const [side, measure] of Object.entries(order)) measured[side].push(await measure())
  }
  const ratios = measured.ours.map((value, pair) =>
    kind === 'duration' ? measured.baseline[pair] / value : value / measured.baseline[pair],
  )
  const ratio = median(ratios)
  return {
    name,
    kind,
    unit,
    ours: median(measured.ours),
    baseline: median(measured.baseline),
    ratio,
    spread: {
      quartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
      range: [min(ratios), max(ratios)],
    },
    pairs,
    target,
    never,
    met: target === undefined ? undefined : kind === 'cost' ? ratio <= target : ratio >= target,
    shortfall,
  }
}
