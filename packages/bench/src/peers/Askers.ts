import type { Answer } from './Peer.js'

/** Processes that ask a peer for ports at the same time. */
export interface Askers extends AsyncDisposable {
  /**
   * Asks for the services of each process, and waits for all answers. A process that does not answer
   * in time has failed for all its services.
   */
  ask(services: readonly (readonly string[])[]): Promise<Answer[]>
}
