import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type KernelPorts, parseEnds } from '../listeners/kernelPorts.js'

const run = promisify(execFile)

/** The settings of macOS, or undefined if it does not show them. It can reserve no numbers. */
export async function readSysctl(program = '/usr/sbin/sysctl'): Promise<KernelPorts | undefined> {
  try {
    const { stdout } = await run(program, [
      '-n',
      'net.inet.ip.portrange.first',
      'net.inet.ip.portrange.last',
    ])
    const ephemeral = parseEnds(stdout)
    return ephemeral && { ephemeral, reserved: [] }
  } catch {
    return undefined
  }
}
