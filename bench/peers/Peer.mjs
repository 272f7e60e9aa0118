/**
 * What is measured: a registry of ports, or a program that gives ports out.
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} keeps what an answer is worth, in a few words
 * @property {string} guarantees the same in a sentence
 * @property {boolean} hasNames whether one can ask for the port of a service again
 * @property {(directory: string, context: import('../run.mjs').Context) => Promise<OpenPeer>} open
 * with no port given out; the directory is its own
 *
 * @typedef {object} OpenPeer
 * @property {(service: string) => Command} program prints the port of a service, and ends
 * @property {() => Command} caller speaks the protocol of caller.mjs
 * @property {() => Promise<void>} [killAllocator] with SIGKILL; it may be up again afterwards, or be
 * started by the next call. Absent where each caller is its own allocator.
 * @property {() => number} crashes how often it ended by itself
 * @property {() => Promise<void>} close
 *
 * @typedef {{ command: string, args: string[], env: Record<string, string>, cwd?: string }} Command
 */

import { fileURLToPath } from 'node:url'

const CALLER = fileURLToPath(new URL('caller.mjs', import.meta.url))

/** A caller on Node, which asks what `createClient` of that module gives it. */
export function nodeCaller(module, env) {
  return { command: process.execPath, args: [CALLER, module], env }
}
