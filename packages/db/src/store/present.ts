type Present<Fields> = { [Field in keyof Fields]?: NonNullable<Fields[Field]> }

/** The fields that have a value: what the database calls null is absent in the registry's types. */
export function present<Fields extends object>(fields: Fields): Present<Fields> {
  const entries = Object.entries(fields).filter(([, value]) => value != null)
  return Object.fromEntries(entries) as Present<Fields>
}
