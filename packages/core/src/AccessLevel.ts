/**
 * The rights of a role in a registry that several users share.
 * - `read`: list, summarize and see the history.
 * - `use`: also allocate, release, update and audit.
 * - `admin`: also create, resize and delete ranges.
 */
export const ACCESS_LEVELS = ['read', 'use', 'admin'] as const
export type AccessLevel = (typeof ACCESS_LEVELS)[number]
