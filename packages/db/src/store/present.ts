/** A row that has null where the registry's type has an absent field. */
export type Stored<Fields> = {
  readonly [Field in keyof Fields]-?: Record<never, never> extends Pick<Fields, Field>
    ? NonNullable<Fields[Field]> | null
    : Fields[Field]
}

/** Leaves out the fields that are null. */
export function present<Fields extends object>(row: Stored<Fields>): Fields {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value != null)) as Fields
}
