import type { CallOptions, WriteOptions } from './CallOptions.js'

/** A directory on a host that contains a copy of a project. */
export interface Checkout {
  readonly projectName: string
  readonly hostname: string
  readonly directory: string
  /** Empty for the primary one. */
  readonly instance: string
  readonly createdAt: Date
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
  /** The directory of the primary instance, if it is gone, so that this one takes its place. */
  readonly replaces?: string
}

export interface EnsuredCheckout {
  readonly checkout: Checkout
  /** Whether this call recorded it. */
  readonly created: boolean
}

export interface CheckoutStore {
  /**
   * Returns what is recorded of the directory, and records it the first time. The first directory
   * of a project on a host that is no linked worktree is the primary instance, and so is one that
   * replaces it. Any other is an instance of its own: the one that is wanted or, if that name is in
   * use, a similar one.
   */
  ensureCheckout(request: CheckoutRequest, call?: WriteOptions): Promise<EnsuredCheckout>

  /** Ordered by project, host and instance. */
  listCheckouts(
    query: {
      readonly projectName?: string
      readonly hostname?: string
      /** Only this directory, and that of the primary instance. */
      readonly directory?: string
    },
    call?: CallOptions,
  ): Promise<readonly Checkout[]>

  /** False if the directory was not recorded. The ports of its instance stay held. */
  forgetCheckout(
    checkout: Pick<Checkout, 'projectName' | 'hostname' | 'directory'>,
    call?: WriteOptions,
  ): Promise<boolean>
}
