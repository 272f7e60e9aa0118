import type { CallOptions, WriteOptions } from './CallOptions.js'

/** A directory on a host that contains a copy of a project. */
export interface Checkout {
  readonly projectName: string
  readonly hostname: string
  readonly directory: string
  /** Empty for the primary one. */
  readonly instance: string
  readonly createdAt: Date
  /** Identifies the directory even after it was moved. Absent if that is not known. */
  readonly identity?: string
  /** The live allocations that were made from it, as far as that is known, and earlier ones. */
  readonly allocationIds: readonly string[]
}

export interface CheckoutRequest {
  readonly projectName: string
  readonly hostname: string
  /** Absolute, without symbolic links. */
  readonly directory: string
  /** Whether it is a linked worktree of Git, which is never the primary instance. */
  readonly isLinked: boolean
  /** The name of the instance, unless this directory becomes the primary one. */
  readonly wanted: string
  /** A recorded directory that is gone, and whose place this one takes. */
  readonly replaces?: string
  readonly identity?: string
}

export interface EnsuredCheckout {
  readonly checkout: Checkout
  /** Whether this call recorded it. */
  readonly created: boolean
}

export interface CheckoutStore {
  /**
   * Returns the record of the directory, and makes it the first time. A directory replaces one with
   * the same identity, and is then the same instance. One that is no linked worktree also replaces
   * that of the primary instance. Otherwise, the first directory of a project on a host that is no
   * linked worktree is the primary instance. Any other is an instance of its own, with the wanted
   * name or, if that is in use, a similar one. Records the given identity. A replacement writes one
   * event.
   */
  ensureCheckout(request: CheckoutRequest, call?: WriteOptions): Promise<EnsuredCheckout>

  /** Ordered by project, host and instance. */
  listCheckouts(
    query: {
      readonly projectName?: string
      readonly hostname?: string
      /** Only this directory, those with the identity, and that of the primary instance. */
      readonly directory?: string
      readonly identity?: string | undefined
    },
    call?: CallOptions,
  ): Promise<readonly Checkout[]>

  /** Records that these allocations were made from a directory, if it is recorded. */
  noteAllocations(
    checkout: Pick<Checkout, 'projectName' | 'hostname' | 'directory'>,
    allocationIds: readonly string[],
    call?: WriteOptions,
  ): Promise<void>

  /** False if the directory was not recorded. The ports of its instance stay held. */
  forgetCheckout(
    checkout: Pick<Checkout, 'projectName' | 'hostname' | 'directory'>,
    call?: WriteOptions,
  ): Promise<boolean>
}
