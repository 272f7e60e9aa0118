/**
 * The migrations that the baseline replaced, with their checksums. A registry that has exactly the
 * six of the last release, or those six and the two that followed, is upgraded to the baseline.
 */
const SIX: readonly (readonly [name: string, checksum: string])[] = [
  [
    '20261124060000_port_registry',
    '6d2a8ed39477a522786b07ab95fa3359bfd3c9e079f222a018e12979cc3d33c7',
  ],
  ['20261124060100_guards', '83ab2f0e17c158cad380f6ffb945768ceae4d8ceb996c37d1374e82d244313f1'],
  ['20261124060200_allocation', 'dfb69ad742426a8085fe62e61cad07aba7e40bb0b2b752504fac413ba1b8dbe4'],
  [
    '20261124100000_checks_off_the_hot_path',
    'bd7f2aed204b689129d1d6cd551ebd6fe7823e2cce0645f671488b75f637c661',
  ],
  [
    '20261124130000_ranges_by_index',
    '7866045c75f3fa42ab629d6f85e301fbabc5af4ca7b8f219d79ae60b5cc6e699',
  ],
  [
    '20261124140000_audits_of_many',
    'd15b942c1a6d3b8ab020b004eb07789d486df4124dfc7280002bd491f218c6ac',
  ],
]

const EIGHT: typeof SIX = [
  ...SIX,
  ['20261126150000_hosts', '72a1684aa68bd948d80a8a953caccf377a709b42ccdf1c982f97e49e82fb55f5'],
  [
    '20261126150100_released_numbers',
    'ae355c039fd1485607e157aa89d55be9956a5f8ecd014534f7d31f305a5aeff6',
  ],
]

const FORMER_NAMES = new Set(EIGHT.map(([name]) => name))

/** Whether a registry with these migrations, checksums by name, can be upgraded to the baseline. */
export function isBeforeBaseline(checksums: ReadonlyMap<string, string>): boolean {
  return [SIX, EIGHT].some(
    (former) =>
      former.length === checksums.size &&
      former.every(([name, checksum]) => checksums.get(name) === checksum),
  )
}

/** Whether the baseline replaced a migration of that name. */
export function isFormer(name: string): boolean {
  return FORMER_NAMES.has(name)
}
