import { fileURLToPath } from 'node:url'

/** The registry, or another program that gives ports out. */
export interface Peer {
  readonly name: string
  /** Its promise in a few words, and in a sentence. */
  readonly promise: string
  readonly guarantees: string
  /** Whether the port of a service can be asked for again. */
  readonly hasNames: boolean
  /**
   * Starts it with no port given out.
   * @param directory that nothing else uses
   */
  open(directory: string, signal: AbortSignal): Promise<OpenPeer>
}

export interface OpenPeer extends AsyncDisposable {
  /** Prints the port of a service, and exits. */
  program(service: string): Command
  /** Speaks the protocol of caller.ts. */
  caller(): Command
  /**
   * Uses SIGKILL. The allocator may be running again afterwards, or the next call starts it. Absent if
   * each caller is its own allocator.
   */
  killAllocator?(): Promise<void>
  /** How often it exited by itself. */
  crashes?(): number
}

export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly cwd?: string
}

export interface Answer {
  readonly service: string
  readonly port?: number
  readonly error?: string
  readonly ms: number
}

const CALLER = fileURLToPath(new URL('caller.js', import.meta.url))

/** A caller on Node. Its client is the one that `createClient` of this module returns. */
export function nodeCaller(module: string, env: NodeJS.ProcessEnv): Command {
  return { command: process.execPath, args: [CALLER, module], env }
}

/** The peers from npm share one installation. */
export function peerEnvironment(directory: string, more: NodeJS.ProcessEnv = {}) {
  return { PATH: process.env.PATH, HOME: directory, ...more }
}
