import type { PortRange } from '@ports/core'
import type { Columns } from '../../table.js'

export const RANGE_COLUMNS: Columns<PortRange> = {
  START: ({ startPort }) => startPort,
  END: ({ endPort }) => endPort,
  PROJECT: ({ projectName }) => projectName,
  HOST: { spare: 'whole', cell: ({ hostname }) => hostname },
  DESCRIPTION: { spare: 'cut', cell: ({ description }) => description },
}
