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
}

export interface EnsuredCheckout {
  readonly checkout: Checkout
  /** Whether this call recorded it. */
  readonly created: boolean
}

export interface CheckoutStore {
  /**
   * Returns the record of the directory, and makes it the first time. The first directory of a
   * project on a host that is not a linked worktree is the primary instance. Any other directory is
   * an instance of its own, with the wanted name or, if that is in use, a similar one.
   */
  ensureCheckout(request: CheckoutRequest, call?: WriteOptions): Promise<EnsuredCheckout>

  /** Ordered by project, host and instance. */
  listCheckouts(
    query: { readonly projectName?: string; readonly hostname?: string },
    call?: CallOptions,
  ): Promise<readonly Checkout[]>

  /** False if the directory was not recorded. The ports of its instance stay held. */
  forgetCheckout(
    checkout: Pick<Checkout, 'projectName' | 'hostname' | 'directory'>,
    call?: WriteOptions,
  ): Promise<boolean>
}
