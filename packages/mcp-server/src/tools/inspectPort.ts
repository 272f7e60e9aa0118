import {
  type AttributedProcess,
  directoryText,
  eventText,
  nameOfRange,
  nameOfService,
  toSeconds,
  WHOSE,
} from '@ports/core'
import { z } from 'zod'
import { portNumber, scope } from '../arguments.js'
import { defineTool } from '../defineTool.js'
import { shownCommand } from '../shownCommand.js'

/** A server may have many processes that share its socket. */
const MAX_SHOWN = 10

export const inspectPort = defineTool({
  name: 'inspect-port',
  title: 'Inspect a port',
  description:
    'Says whose number N is, which process listens, whose that process is, and the next safe step.',
  annotations: {
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: true,
  },
  input: z.strictObject({ portNumber, ...scope }),
  output: z.object({
    message: z.string(),
    holder: z.string().optional().describe('Absent if nobody holds it'),
    range: z.string().optional(),
    processes: z.array(
      // Each also has its addresses: every model pays for the bytes of a schema.
      z.looseObject({
        pid: z.number(),
        command: z.string().optional(),
        directory: z.string().optional(),
        since: z.string().optional(),
        whose: z.string().describe(WHOSE.join(', ')),
      }),
    ),
    history: z.array(z.string()),
  }),
  async run(manager, { portNumber, hostname, protocol }, { signal }) {
    const known = await manager.explainPort(portNumber, { hostname, protocol, signal })
    const { summary, noRegistry, holder, range, processes, history } = known
    return {
      message: [summary, noRegistry].filter(Boolean).join(' '),
      holder: holder && nameOfService(holder),
      range: range && `${range.projectName} ${nameOfRange(range)}`,
      processes: processes.slice(0, MAX_SHOWN).map(shownProcess),
      history: history.map(eventText),
    }
  },
})

function shownProcess(process: AttributedProcess) {
  const { pid, command, addresses, startedAt, whose } = process
  return {
    pid,
    command: command === undefined ? undefined : shownCommand(command),
    directory: directoryText(process),
    addresses,
    since: startedAt && toSeconds(startedAt),
    whose,
  }
}
