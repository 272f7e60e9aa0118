import { Option } from '@commander-js/extra-typings'

export const SOURCE_KINDS = ['compose'] as const

type SourceKind = (typeof SOURCE_KINDS)[number]

/** Where the rows of an import may be proposed from. Only one can be given. */
export const sourceOptions = {
  compose: source(
    'compose',
    new Option(
      '--compose <file>',
      'propose what a Compose file publishes, or docker compose config --format json',
    ),
  ),
}

function source<Of extends Option>(kind: SourceKind, option: Of): Of {
  option.conflicts([...SOURCE_KINDS.filter((each) => each !== kind), 'format'])
  return option
}
