import { setTimeout as sleep } from 'node:timers/promises'
import {
  nameOfInstance,
  nameOfService,
  type PortManager,
  PortsError,
  type Service,
} from '@ports/core'

/** A lease survives two renewals that fail. */
const RENEWALS = 3

/** The reactions to a lease that cannot be renewed. */
export interface LeaseWitness {
  /** Called if a renewal fails, unless the one before failed for the same reason. */
  tell(text: string): void
  /** Called if the lease has ended. */
  lost(): void
}

/** Renews the leases of a service until the signal, or until they have ended. */
export async function renewLease(
  ports: PortManager,
  service: Service,
  ttlSeconds: number,
  witness: LeaseWitness,
  signal: AbortSignal,
): Promise<void> {
  const { projectName, serviceName } = service
  const instance = nameOfInstance(service.instance)
  let told: PortsError['code'] | undefined
  for (;;) {
    await sleep((ttlSeconds * 1000) / RENEWALS, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    try {
      await ports.renew(projectName, serviceName, ttlSeconds, { instance })
      told = undefined
    } catch (error) {
      if (!(error instanceof PortsError)) throw error
      if (error.code !== told) {
        witness.tell(
          `warning: the lease of ${nameOfService(service)} was not renewed. ${error.message}`,
        )
      }
      told = error.code
      if (error.code !== 'LEASE_LOST') continue
      return witness.lost()
    }
  }
}
