import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { PortsError, readTextFile } from '@ports/core'
import type { SourceFile } from '../sources/Findings.js'
import type { Proposal } from './Proposal.js'

/** Reads the first of the files that exists. If it cannot be read, that is noted and nothing fails. */
export function withFirst(
  root: string,
  names: readonly string[],
  proposal: Proposal,
  read: (file: SourceFile) => void,
): void {
  const name = names.find((each) => existsSync(join(root, each)))
  if (name === undefined) return
  try {
    const content = readTextFile(join(root, name)).replace(/^\uFEFF/, '')
    read({ content, source: name, directory: root, environment: {} })
  } catch (error) {
    if (!(error instanceof PortsError)) throw error
    proposal.omit(name, error.message)
  }
}
