import { max, median, min, quantile } from 'simple-statistics'

export interface Question {
  readonly name: string
  readonly ours: () => Promise<number>
  readonly baseline: () => Promise<number>
  /**
   * What both sides return. The ratio of rates and durations is above 1 if ours is better. The
   * baseline of a cost does less than ours, and the ratio says how many times as much ours takes.
   */
  readonly kind?: 'rate' | 'duration' | 'cost'
  /** By default `/s` for rates and `ms` for the others. */
  readonly unit?: string
  /** The lower bound of the ratio, or the upper bound for a cost. */
  readonly target?: number
  /** The lowest ratio that is acceptable while the target is missed. */
  readonly minimum?: number
  /** Sentences on where the time goes, printed if the target is missed. */
  readonly shortfall?: string
  readonly pairs?: number
}

export interface Comparison
  extends Pick<Question, 'name' | 'target' | 'minimum' | 'shortfall'>,
    Required<Pick<Question, 'kind' | 'unit'>> {
  /** Medians of both sides, and of the ratios of the pairs. */
  readonly ours: number
  readonly baseline: number
  readonly ratio: number
  /** The middle half of the ratios. */
  readonly quartiles: readonly [number, number]
  /** The lowest and the highest ratio. */
  readonly range: readonly [number, number]
}

/**
 * Measures both sides in turn, so that other load on the machine affects both. Each side goes first
 * in every other pair.
 */
export async function comparePairs({
  ours,
  baseline,
  pairs,
  kind = 'rate',
  unit = kind === 'rate' ? '/s' : 'ms',
  ...question
}: Question & { pairs: number }): Promise<Comparison> {
  const measured = { ours: [] as number[], baseline: [] as number[] }
  const sides = [
    async () => measured.ours.push(await ours()),
    async () => measured.baseline.push(await baseline()),
  ]
  for (let pair = 0; pair < pairs; pair++) {
    for (const measure of pair % 2 === 0 ? sides : sides.toReversed()) await measure()
  }
  const ratios = measured.ours.map((value, pair) => {
    const other = measured.baseline[pair]!
    return kind === 'duration' ? other / value : value / other
  })
  return {
    ...question,
    kind,
    unit,
    ours: median(measured.ours),
    baseline: median(measured.baseline),
    ratio: median(ratios),
    quartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
    range: [min(ratios), max(ratios)],
  }
}
