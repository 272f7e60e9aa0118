import { spawnSync } from 'node:child_process'
import { CLI } from '@ports/testkit'

/** Gives a command a terminal. That of BSD and macOS takes other arguments than that of util-linux. */
export const SCRIPT = 'script'

export const hasScript = spawnSync(SCRIPT, ['--version']).stdout?.includes('util-linux')

/** The arguments with which it runs the built command line. */
export const typed = (command: string, columns = 80) => [
  '-qec',
  `stty cols ${columns}; exec '${process.execPath}' '${CLI}' ${command}`,
  '/dev/null',
]
